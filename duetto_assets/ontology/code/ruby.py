"""Ruby: what files define and call, and how they lead to each other by `require` and by the names of constants.

A constant is what lexical nesting or its full name says, whichever file defines it: that of gems is not known, for
`require` does not tell what it brings.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import tree_sitter

from duetto_assets.ontology.code.facts import LIKELY, Facts, Link
from duetto_assets.ontology.code.scopes import (
    CALLABLES,
    FOREIGN,
    MAX_PARTS,
    SUPER,
    THIS,
    UNNAMED,
    Import,
    Linker,
    Target,
    joined,
    words,
)
from duetto_assets.ontology.code.walk import Walk
from duetto_assets.syntax import parse

_REQUIRES = words("require require_relative require_dependency load autoload")
_MIXINS = words("prepend include extend")
_MAKERS = words("Class.new() Module.new() Struct.new() Data.define()")
_STANDARD = words(
    "English abbrev base64 benchmark bigdecimal bundler cgi continuation coverage csv date delegate did_you_mean "
    "digest drb erb error_highlight etc expect fcntl fiber fiddle fileutils find forwardable getoptlong io ipaddr irb "
    "json logger matrix minitest monitor mutex_m net nkf objspace observer open-uri open3 openssl optparse ostruct "
    "pathname pp prettyprint prime pstore psych pty racc rbconfig rdoc readline reline resolv rinda ripper "
    "ruby2_keywords rubygems securerandom set shellwords singleton socket stringio strscan syslog tempfile thread time "
    "timeout tmpdir tracer tsort un unicode_normalize uri weakref win32ole yaml zlib"
)
_COMMON = words(
    "abort add alias_method all any append attr_accessor attr_reader attr_writer block_given? build call call! catch "
    "chomp class class_eval clear close collect compact concat count create debug define_method delete describe "
    "destroy dig dup each each_with_index empty? end_with? eql? error exit extend fail fetch filter find find_by first "
    "flatten format freeze frozen? gsub has_key? hash id include include? index info inject insert inspect "
    "instance_eval instance_variable_get is_a? it join key? keys kind_of? lambda last length load log loop map match "
    "match? max merge message method method_missing min module_function name new next nil? none? open order p parse "
    "pluck pop prepend present? print printf private private_constant proc protected public public_send push puts "
    "raise read reduce reject remove replace require require_relative rescue reset respond_to? reverse run save save! "
    "select send set shift size slice sort sort_by split sprintf start start_with? stop strip sub sum super tap test "
    "throw times to to_a to_h to_json to_proc to_s to_str to_sym transform_values try uniq unshift update update! use "
    "valid? value values warn where with write yield zip"
)
_LITERALS = words("string integer float simple_symbol array hash regex symbol lambda true false nil string_array")


class Ruby:
    """The Ruby family."""

    languages = frozenset({"ruby"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file; None if its parser gives up."""
        del path
        parsed = parse(text, "ruby")
        return _Extractor(language, parsed[1]).facts(parsed[0].root_node) if parsed is not None else None

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _RubyLinker(files).links()


class _Extractor(Walk):
    """Walks one file's tree, in the order of its text."""

    def __init__(self, language: str, data: bytes) -> None:
        super().__init__(language, data)
        self._locals: set[tuple[str, str]] = set()

    # Definitions.

    def _type(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._dotted(node.child_by_field_name("name"), scope)
        self._typed(node, joined(scope, name), node.child_by_field_name("superclass"), scope)

    def _typed(self, node: tree_sitter.Node, full: str, base: tree_sitter.Node | None, scope: str) -> None:
        """Define a class or module with what it is made of, in the order in which Ruby looks methods up."""
        kind = "module" if node.type == "module" else "class"
        if full.endswith("()") or not self._seen.define(full, kind, node):
            self._into(node, scope)
            return
        body = node.child_by_field_name("body")
        mixins = [child for child in body.named_children if child.type == "call"] if body is not None else []
        for mixin in mixins:
            if self._text(mixin.child_by_field_name("method")) in _MIXINS:
                for one in self._arguments(mixin):
                    self._base(full, one, scope)
        if base is not None:
            self._base(full, base.named_children[0] if base.named_children else base, scope)
        if body is not None:
            self._into(body, full)

    def _base(self, full: str, node: tree_sitter.Node, scope: str) -> None:
        if node.type == "element_reference":  # ActiveRecord::Migration[7.0]
            node = node.child_by_field_name("object") or node
        if node.type in ("constant", "scope_resolution"):
            self._seen.base(full, "inherits", self._dotted(node, scope), node.start_point.row + 1)

    def _method(self, node: tree_sitter.Node, scope: str) -> None:
        name, of = self._text(node.child_by_field_name("name")), node.child_by_field_name("object")
        owner = scope
        while self._seen.kind(owner) in CALLABLES:
            owner = owner.rpartition(".")[0]
        if of is not None and of.type != "self" and self._text(of) != owner.rpartition(".")[2]:
            owner = ""
        full = joined(owner, name)
        if not self._seen.define(full, "method" if owner else "function", node):
            self._into(node, scope)
            return
        self._parameters(node.child_by_field_name("parameters"), full, self._seen.bind)
        body = node.child_by_field_name("body")
        if body is not None:
            last = body.named_children[-1] if body.type == "body_statement" and body.named_children else body
            if last.type == "operator_assignment":  # `@repo ||= Repo.new`
                last = last.child_by_field_name("right") or last
            type_name = self._value_type(last, full)
            if type_name and type_name[0] != "=":
                self._seen.bind(owner, f"{name}()", type_name)
            self._into(body, full)

    def _parameters(
        self, parameters: tree_sitter.Node | None, scope: str, say: Callable[[str, str, str], None]
    ) -> None:
        todo = list(parameters.named_children) if parameters is not None else []
        while todo:
            one = todo.pop()
            name = one if one.type == "identifier" else one.child_by_field_name("name")
            if one.type == "destructured_parameter":
                todo += one.named_children
            elif name is not None:
                self._local(scope, self._text(name), "", say)
            if (default := one.child_by_field_name("value")) is not None:
                self._todo.append((default, scope))

    def _local(self, scope: str, name: str, type_name: str, say: Callable[[str, str, str], None]) -> None:
        self._locals.add((scope, name))
        say(scope, name, type_name)

    def _block_parameters(self, node: tree_sitter.Node, scope: str) -> None:
        self._parameters(node, scope, self._seen.hint)

    # Variables.

    def _assignment(self, node: tree_sitter.Node, scope: str) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        if left.type == "constant" and self._made(left, right, scope):
            return
        self._todo.append((right, scope))
        if left.type in ("identifier", "constant"):
            type_name = self._value_type(right, scope)
            self._local(scope, self._text(left), type_name, self._seen.bind)
        elif left.type in ("instance_variable", "class_variable"):
            type_name = self._value_type(right, scope)
            if right.type == "identifier":
                type_name = self._seen.bound(scope, self._text(right))
            if type_name and (owner := self._owner(scope)):
                self._seen.hint(owner, self._text(left).lstrip("@"), type_name)
        elif left.type == "left_assignment_list":
            for one in left.named_children:
                if one.type == "identifier":
                    self._local(scope, self._text(one), "", self._seen.bind)
        else:
            self._todo.append((left, scope))

    def _made(self, left: tree_sitter.Node, right: tree_sitter.Node, scope: str) -> bool:
        """Define the class of `Name = Struct.new(:a) do ... end` and the like; False for other values."""
        if right.type != "call" or self._dotted(right, scope) not in _MAKERS:
            return False
        full, block = joined(scope, self._text(left)), right.child_by_field_name("block")
        if not self._seen.define(full, "class", right):
            return False
        for one in self._arguments(right):
            self._base(full, one, scope)
        if block is not None:
            self._into(block, full)
        return True

    def _owner(self, scope: str) -> str:
        while scope and self._seen.kind(scope) in CALLABLES:
            scope = scope.rpartition(".")[0]
        return scope

    # Calls and values.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        method, receiver = node.child_by_field_name("method"), node.child_by_field_name("receiver")
        name = self._text(method)
        if receiver is None and name in _REQUIRES:
            self._require(node, name)
            return
        written = self._dotted(node, scope)
        made = written.removesuffix(".new()")
        if method is not None and method.type == "super":
            self._super(method, scope)
        elif made != written and made[:1].isupper():
            self._seen.called(scope, made, method.end_point.row + 1 if method is not None else 0)
        elif written.endswith("()") and method is not None and not written.startswith(f"{UNNAMED}()"):
            self._seen.called(scope, written.removesuffix("()"), method.end_point.row + 1)
        for child in reversed(node.named_children):
            if child != method:
                self._todo.append((child, scope))

    def _super(self, node: tree_sitter.Node, scope: str) -> None:
        """Record `super`, which calls the method of this name of what the class inherits from."""
        if self._seen.kind(scope) == "method":
            self._seen.called(scope, f"{SUPER}.{scope.rpartition('.')[2]}", node.start_point.row + 1)

    def _identifier(self, node: tree_sitter.Node, scope: str) -> None:
        """Record a name that is no variable: it calls a method of the object itself."""
        name = self._text(node)
        if not self._is_local(scope, name) and self._owner(scope):
            self._seen.called(scope, f"{THIS}.{name}", node.start_point.row + 1)

    def _is_local(self, scope: str, name: str) -> bool:
        return (scope, name) in self._locals

    def _arguments(self, node: tree_sitter.Node) -> Sequence[tree_sitter.Node]:
        arguments = node.child_by_field_name("arguments")
        return arguments.named_children if arguments is not None else ()

    def _require(self, node: tree_sitter.Node, name: str) -> None:
        arguments = self._arguments(node)
        place = 1 if name == "autoload" else 0
        if len(arguments) > place and arguments[place].type == "string":
            written = self._text(arguments[place]).strip("\"'")
            if "#{" not in written:
                flag = "relative" if name == "require_relative" or written.startswith(".") else ""
                self._seen.imported(node.start_point.row + 1, written, flag=flag)

    def _dotted(self, node: tree_sitter.Node | None, scope: str) -> str:
        """Return an expression as a dotted name; "" for a literal's."""
        parts: list[str] = []
        while node is not None and len(parts) < MAX_PARTS:
            if node.type == "call":
                parts.append(f"{self._text(node.child_by_field_name('method'))}()")
                node = node.child_by_field_name("receiver")
            elif node.type == "scope_resolution":
                parts.append(self._text(node.child_by_field_name("name")))
                node = node.child_by_field_name("scope")
            elif node.type == "parenthesized_statements" and len(node.named_children) == 1:
                node = node.named_children[0]
            elif node.type in _LITERALS:
                return ""
            else:
                parts += self._first(node, scope)
                node = None
        if len(parts) >= MAX_PARTS:
            return f"{UNNAMED}.{parts[0]}"
        return _constructed(parts[::-1])

    def _first(self, node: tree_sitter.Node, scope: str) -> Sequence[str]:
        text = self._text(node)
        if node.type == "identifier":
            return [text if self._is_local(scope, text) else f"{text}()"]
        if node.type == "constant":
            return [text]
        if node.type in ("instance_variable", "class_variable"):
            return [text.lstrip("@"), THIS]
        if node.type == "self":
            return [THIS]
        return [UNNAMED]

    def _value_type(self, value: tree_sitter.Node, scope: str) -> str:
        if value.type not in ("call", "identifier", "instance_variable", "constant", "scope_resolution"):
            return ""
        written = self._dotted(value, scope)
        made = written.removesuffix(".new()")
        if made != written and made[:1].isupper() and "()" not in made:
            return made
        return f"={written}" if written and not written.startswith(UNNAMED) else ""

    _VISITS: ClassVar[Mapping[str, Callable[[_Extractor, tree_sitter.Node, str], None]]] = {
        "class": _type,
        "module": _type,
        "method": _method,
        "singleton_method": _method,
        "block_parameters": _block_parameters,
        "lambda_parameters": _block_parameters,
        "assignment": _assignment,
        "operator_assignment": _assignment,
        "call": _call,
        "super": _super,
        "identifier": _identifier,
    }


def _constructed(parts: Sequence[str]) -> str:
    """Return `A().x` for `A.new().x`: what a class makes is its instance. The last part stays as it is."""
    made: list[str] = []
    for place, part in enumerate(parts):
        if part == "new()" and made and made[-1][:1].isupper() and place < len(parts) - 1:
            made[-1] += "()"
        else:
            made.append(part)
    return ".".join(made)


class _RubyLinker(Linker):
    """Resolves by the names of constants, which all files share."""

    common = _COMMON
    implicit_this = True

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        self._endings: dict[str, list[str]] = {}  # what a path ends in, from some folder on -> paths
        self._firsts = {name.partition(".")[0] for _, name in self.named}
        for path in self.files:
            parts = path.split("/")
            for start in range(len(parts)):
                # `require` looks below lib folders, Rails below those of app, and tests below their own.
                if start == 0 or parts[start - 1] in ("lib", "test", "spec") or "app" in parts[:start]:
                    self._endings.setdefault("/".join(parts[start:]), []).append(path)

    def space(self, path: str) -> str:
        del path
        return ""

    def visible(self, path: str, name: str) -> Target | None:
        found = self.in_space("", name, near=path)
        if found is None or not found.name:
            return None
        # A function is everywhere once its file is loaded, but tests' files are never all loaded.
        return replace(found, confidence=LIKELY) if self.kind(found) == "function" else found

    def anywhere(self, path: str, name: str) -> Target | None:
        del path
        return FOREIGN if name[:1].isupper() and name not in self._firsts else None

    def step(self, of: Target, part: str) -> Target | None:
        found = super().step(of, part)
        return FOREIGN if found is None and part[:1].isupper() else found  # a gem's, of a module that it shares

    def qualified(self, parts: Sequence[str]) -> tuple[Target, Sequence[str]] | None:
        for end in range(len(parts), 1, -1):
            if paths := self.named.get(("", ".".join(parts[:end]))):
                return Target(paths[0], ".".join(parts[:end])), parts[end:]
        return None

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        written = row.module if row.module.endswith(".rb") else f"{row.module}.rb"
        if row.flag:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
            return (Target(file),) if file in self.files else ()
        if found := self._endings.get(posixpath.normpath(written)):
            return (Target(max(found, key=lambda one: len(posixpath.commonprefix([one, path])))),)
        first = row.module.partition("/")[0]
        if first in _STANDARD:
            return (Target(package=f"ruby/{row.module}", written=row.module),)
        return (Target(package=f"gem/{first}", written=row.module),) if first else ()
