"""How Ruby files name and reach each other."""

import pytest

from duetto_assets_tests.ontology.code.test_scopes import RUBY, defined, said

DEFINITIONS = {
    "module A::B\n  class C < D\n    def m\n    end\n    def self.s; end\n    class << self\n      def q; end\n    "
    "end\n  end\nend": [
        "module A.B 1-10",
        "class A.B.C 2-9",
        "method A.B.C.m 3-4",
        "method A.B.C.s 5-5",
        "method A.B.C.q 7-7",
    ],
    "def f\n  def g; end\nend\nP = Struct.new(:a) do\n  def m; end\nend\nclass C\n  private def w; end\n  X = 1\nend": [
        "function f 1-3",
        "function g 2-2",
        "class P 4-6",
        "method P.m 5-5",
        "class C 7-10",
        "method C.w 8-8",
    ],
}


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS.items())
def test_what_is_defined(text: str, expected: list[str]) -> None:
    assert defined(RUBY, "a.rb", text) == sorted(expected)


CASES = {
    "require": (
        {
            "lib/shop.rb": "require 'shop/repo'\nrequire 'json'\nrequire 'net/http'\nrequire 'rails/all'\n"
            "require_relative 'shop/../top'\nrequire_relative 'gone'\nautoload :R, 'shop/repo'\nrequire \"x#{1}\"\n"
            "load './lib/shop/repo.rb'",
            "lib/shop/repo.rb": "",
            "lib/top.rb": "",
            "test/a_test.rb": "require 'test_helper'",
            "test/test_helper.rb": "require 'models/user'",
            "app/models/user.rb": "",
        },
        {
            "lib/shop.rb - imports lib/shop/repo.rb",
            "lib/shop.rb - imports ruby/json",
            "lib/shop.rb - imports ruby/net/http",
            "lib/shop.rb - imports gem/rails",
            "lib/shop.rb - imports lib/top.rb",
            "test/a_test.rb - imports test/test_helper.rb",
            "test/test_helper.rb - imports app/models/user.rb",
        },
    ),
    "constants, by nesting and by full name": (
        {
            "a.rb": "module Shop\n  class Repo\n    def self.of; end\n    class Row; end\n  end\nend",
            "b.rb": "module Shop\n  class Cart\n    def m\n      Repo.of\n      Repo::Row.new\n      "
            "Shop::Repo.new\n      ::Top.go\n"
            "    end\n    def n\n      JSON.of\n      Shop::Gone.of\n    end\n  end\nend",
            "c.rb": "class Top\n  def self.go; Shop::Repo.of; end\n  def self.stay; Repo.of; end\nend\n"
            "class Shop::Compact\n  def n; end\nend\n"
            "Shop::Compact.new.n",
        },
        {
            "b.rb Shop.Cart.m calls a.rb#Shop.Repo.of",
            "b.rb Shop.Cart.m calls a.rb#Shop.Repo.Row",
            "b.rb Shop.Cart.m calls a.rb#Shop.Repo",
            "b.rb Shop.Cart.m calls c.rb#Top.go",
            "c.rb Top.go calls a.rb#Shop.Repo.of",
            "c.rb - calls c.rb#Shop.Compact",
            "c.rb - calls c.rb#Shop.Compact.n",
        },
    ),
    "inheritance and mixins": (
        {
            "a.rb": "class Base\n  def m; end\n  def n; end\nend\nmodule Loud\n  def m; end\n  def shout; end\nend\n"
            "module Deep\n  module Inner; end\nend",
            "b.rb": "class A < Base\n  include Loud, Deep::Inner\n  extend Loud\n  prepend Gem::Thing\n"
            "  def n; super; m; shout(1); self.n; other; end\nend\nclass E < Struct.new(:x)\nend\n"
            "K = Class.new(A) do\n  def k; n; end\nend\nclass V < ActiveRecord::Migration[7.0]; end",
        },
        {
            "b.rb A inherits a.rb#Base",
            "b.rb A inherits a.rb#Loud",
            "b.rb A inherits a.rb#Deep.Inner",
            "b.rb K inherits b.rb#A",
            "b.rb A.n calls a.rb#Base.n",
            "b.rb A.n calls a.rb#Loud.m",
            "b.rb A.n calls a.rb#Loud.shout",
            "b.rb A.n calls b.rb#A.n",
            "b.rb K.k calls b.rb#A.n",
        },
    ),
    "a class in pieces": (
        {
            "a.rb": "class A\n  def one; two; end\nend",
            "b.rb": "class A\n  include M\n  def two; three; end\nend",
            "m.rb": "module M\n  def three; end\nend",
        },
        {
            "a.rb A.one calls b.rb#A.two",
            "b.rb A inherits m.rb#M",
            "b.rb A.two calls m.rb#M.three",
        },
    ),
    "types of variables": (
        {
            "t.rb": "class T\n  def go; end\n  def make; T.new; end\nend",
            "a.rb": "class A\n  attr_reader :repo, :given\n"
            "  def initialize(given)\n    @repo = T.new(1)\n    t = T.new\n    t.go\n    @given = given\n  end\n"
            "  def one; @repo.go; end\n  def two; repo.go; end\n  def three; lazy.go; t = lazy; t.go; end\n"
            "  def lazy\n    @lazy ||= T.new\n  end\n  def four; T.new.go; T.new.make.go; self.lazy&.go; end\n"
            "  def five(list)\n    list.each { |x| x.go }\n    given.go\n  end\nend",
        },
        {
            "t.rb T.make calls t.rb#T",
            "a.rb A.initialize calls t.rb#T",
            "a.rb A.initialize calls t.rb#T.go",
            "a.rb A.one calls t.rb#T.go",
            "a.rb A.two calls t.rb#T.go",
            "a.rb A.three calls t.rb#T.go",
            "a.rb A.three calls a.rb#A.lazy",
            "a.rb A.lazy calls t.rb#T",
            "a.rb A.four calls t.rb#T",
            "a.rb A.four calls t.rb#T.go",
            "a.rb A.four calls t.rb#T.make",
            "a.rb A.four calls a.rb#A.lazy",
            "a.rb A.five calls t.rb#T.go ~0.7",
        },
    ),
    "functions of scripts": (
        {"a.rb": "def helper; end\nhelper()\nputs 1", "b.rb": "class B\n  def m; helper(); end\nend\nhelper 1"},
        {"a.rb - calls a.rb#helper", "b.rb B.m calls a.rb#helper ~0.7", "b.rb - calls a.rb#helper ~0.7"},
    ),
    "a method's name, where nothing else tells": (
        {
            "a.rb": "class A\n  def only; end\n  def two; end\n  def each; end\nend\nclass B\n  def two; end\nend\n"
            "def f(x)\n  x.only\n  x.two\n  x.each\n  only(1)\n  two(1)\n  'a'.only\n  File.only\nend",
        },
        {"a.rb f calls a.rb#A.only ~0.7", "a.rb f calls a.rb#A.two ~0.3", "a.rb f calls a.rb#B.two ~0.3"},
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_what_is_linked(files: dict[str, str], expected: set[str]) -> None:
    assert said(RUBY, files) == expected
