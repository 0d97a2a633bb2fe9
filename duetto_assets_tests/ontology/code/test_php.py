"""How PHP files name and reach each other."""

import pytest

from duetto_assets_tests.ontology.code.test_scopes import PHP, defined, facts_of, said

DEFINITIONS = {
    "<?php namespace App; class A { function m() {} }\ninterface I { function i(); }\ntrait T { function t() {} }\n"
    "enum E: string { case X = 'x'; function e() {} }\nfunction f() {\n}": [
        "class A 1-1",
        "method A.m 1-1",
        "interface I 2-2",
        "method I.i 2-2",
        "trait T 3-3",
        "method T.t 3-3",
        "enum E 4-4",
        "method E.e 4-4",
        "function f 5-6",
    ],
    "<?php namespace A\\B { class C {} }\nnamespace D { class E { function m() {} } }": [
        "module A.B 1-1",
        "class A.B.C 1-1",
        "module D 2-2",
        "class D.E 2-2",
        "method D.E.m 2-2",
    ],
    "<?php $x = new class { function m() {} };": [],
    "<p><?= f() ?></p>": [],
}


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS.items())
def test_what_is_defined(text: str, expected: list[str]) -> None:
    assert defined(PHP, "a.php", text) == sorted(expected)


def test_the_namespace_is_the_module_where_there_is_one() -> None:
    many = "<?php namespace A { class B {} } namespace C { class D {} }"
    assert facts_of(PHP, {"a.php": many})["a.php"].module == ""
    assert facts_of(PHP, {"a.php": "<?php namespace App\\Svc; class A {}"})["a.php"].module == "App.Svc"


LIB = {
    "src/Repo.php": "<?php namespace App\\Data; class Repo { public static function of(): static {} function "
    "find(): ?Row {} }\n"
    "function load() {}",
    "src/Row.php": "<?php namespace App\\Data; final class Row { public self $next; function show() {} }",
}
CASES = {
    "use": (
        {
            "a.php": "<?php namespace App; use App\\Data\\Repo; use App\\Data\\{Row as R, Gone, Sub\\Missing}; "
            "use function App\\Data\\load;\n"
            "use App\\Data; function f() { new Repo; new R(); load(); Gone::x(); Data\\load(); "
            "Repo::of()->find()->show(); }",
        },
        {
            "a.php - imports src/Repo.php",
            "a.php - imports src/Row.php",
            "a.php - imports src",
            "a.php f calls src/Repo.php#Repo",
            "a.php f calls src/Repo.php#Repo.of",
            "a.php f calls src/Repo.php#Repo.find",
            "a.php f calls src/Row.php#Row",
            "a.php f calls src/Row.php#Row.show",
            "a.php f calls src/Repo.php#load",
        },
    ),
    "namespaces": (
        {
            "a.php": "<?php namespace App; class A { function m() { new Data\\Row; new \\App\\Data\\Row(); new "
            "Row; new \\Plain;\n"
            " helper(); namespace\\mine(); \\strlen(1); } }\nfunction mine() {}\n"
            "function none() { new Plain; Gone::show(); }",
            "b.php": "<?php class Plain {} function helper() {}",
            "c.php": "<?php namespace App\\Data; function c(Row $r) { $r->next->show(); new Repo; }",
        },
        {
            "a.php A.m calls src/Row.php#Row",
            "a.php A.m calls b.php#Plain",
            "a.php A.m calls b.php#helper",
            "a.php A.m calls a.php#mine",
            "c.php c calls src/Row.php#Row.show",
            "c.php c calls src/Repo.php#Repo",
        },
    ),
    "packages": (
        {
            "a.php": "<?php namespace App; use Symfony\\Component\\Http\\Request as Req; use Monolog\\Logger; use "
            "Exception;\n"
            "class A extends Req { function m(Logger $l) { $l->info(1); Req::create(); throw new Exception(); } }",
        },
        {
            "a.php - imports composer/symfony/component",
            "a.php - imports composer/monolog/logger",
            "a.php A inherits composer/symfony/component#Symfony.Component.Http.Request",
            "a.php A.m calls composer/monolog/logger#Monolog.Logger.info",
            "a.php A.m calls composer/symfony/component#Symfony.Component.Http.Request.create",
        },
    ),
    "includes": (
        {
            "web/a.php": "<?php require __DIR__ . '/b.php'; include_once('c.php'); require dirname(__FILE__) . "
            "'/../d.php';\n"
            "include 'web/e.php'; include $x . '/f.php'; require \"$y.php\"; require 'gone.php';",
            "web/b.php": "<?php f();",
            "web/c.php": "<?php function f() {}",
            "d.php": "<?php",
            "web/e.php": "<?php",
        },
        {
            "web/a.php - imports web/b.php",
            "web/a.php - imports web/c.php",
            "web/a.php - imports d.php",
            "web/a.php - imports web/e.php",
            "web/b.php - calls web/c.php#f",
        },
    ),
    "inheritance": (
        {
            "a.php": "<?php class Base implements I { function m() {} function n() {} function __construct() {} }\n"
            "interface I extends J {} interface J { function j(); }\ntrait T { use U; function n() {} } trait U { "
            "function u() {} }\n"
            "abstract class A extends Base { use T; function __construct() { parent::__construct(); }\n"
            " function x() { $this->m(); self::n(); static::u(); parent::n(); $this->j(); $this->gone(); x(); } }\n"
            "enum E: string implements J { function j() { $this->j(); } }\nnew class extends Base { };",
        },
        {
            "a.php Base implements a.php#I",
            "a.php I inherits a.php#J",
            "a.php T inherits a.php#U",
            "a.php A inherits a.php#T",
            "a.php A inherits a.php#Base",
            "a.php E implements a.php#J",
            "a.php A.__construct calls a.php#Base.__construct",
            "a.php A.x calls a.php#Base.m",
            "a.php A.x calls a.php#T.n",
            "a.php A.x calls a.php#U.u",
            "a.php A.x calls a.php#J.j",
            "a.php E.j calls a.php#E.j",
        },
    ),
    "types": (
        {
            "a.php": "<?php use App\\Data\\{Repo, Row};\nfunction make(): Row|null {}\n"
            "class A { private ?Row $a; private $b; private $c;\n"
            " function __construct(private readonly Row $d, Row $b) { $this->b = $b; $this->c = new Row; }\n"
            " function one() { $this->a->show(); } function two() { $this->b->show(); } function three() { "
            "$this->c?->show(); }\n"
            " function four() { $this->d->show(); } function five() { $x = make(); $x->show(); make()->show(); }\n"
            " function six() { $f = fn(Row $r) => $r->show(); $g = function (Row $s) { $s->next->show(); }; }\n"
            " function seven() { (new Row)->show(); $x = $this->a; $x->show(); $y = Repo::of(); "
            "$y->find()->show(); } }\n"
            "try {} catch (Row $e) { $e->show(); }",
        },
        {
            "a.php - imports src/Repo.php",
            "a.php - imports src/Row.php",
            "a.php - calls src/Row.php#Row.show",
            "a.php A.__construct calls src/Row.php#Row",
            *(
                f"a.php A.{name} calls src/Row.php#Row.show"
                for name in ("one", "two", "three", "four", "five", "six", "seven")
            ),
            "a.php A.five calls a.php#make",
            "a.php A.seven calls src/Row.php#Row",
            "a.php A.seven calls src/Repo.php#Repo.of",
            "a.php A.seven calls src/Repo.php#Repo.find",
        },
    ),
    "a method's name, where nothing else tells": (
        {
            "a.php": "<?php function f($x, array $xs) { $x->show(); $xs[0]->show(); $x->find(); $x->$show(); $f(); "
            "Gone::show();\n"
            " 'a'->show(); foreach ($xs as $y) { $y->show(); } }",
        },
        {"a.php f calls src/Row.php#Row.show ~0.7"},
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_what_is_linked(files: dict[str, str], expected: set[str]) -> None:
    assert said(PHP, LIB | files) == expected
