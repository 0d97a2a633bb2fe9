"""Go: what files define and call, and how packages, which are directories, lead to each other.

Reads no `go.mod`: which module path the repository has shows in its own imports. Who implements an interface is not
said in Go, and so not here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import tree_sitter

from duetto_assets.ontology.code.facts import CERTAIN, LIKELY, Facts, Link
from duetto_assets.ontology.code.scopes import (
    ALL,
    MAX_PARTS,
    SAME,
    UNNAMED,
    Import,
    Linker,
    Target,
    joined,
    words,
)
from duetto_assets.ontology.code.walk import Walk
from duetto_assets.syntax import parse

_STANDARD = words(
    "archive bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar "
    "flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime "
    "slices sort strconv strings structs sync syscall testing text time unicode unique unsafe weak"
)
_FORGES = words("github.com gitlab.com bitbucket.org codeberg.org golang.org")
_COMMON = words(
    "Add Append Bytes Cancel Clear Clone Close Contains Copy Count Debug Debugf Decode Delete Do Done Encode Err Error "
    "Errorf Execute Exit Fatal Fatalf Find First Flush Format Get Has Index Info Infof Init Insert Is Join Key Keys "
    "Last Len Less List Load Lock Log Logf Marshal MarshalJSON Match Name New Next Open Parse Peek Ping Pop Print "
    "Printf Println Push Put Query RLock RUnlock Range Read ReadAll Remove Replace Reset Run Save Scan Seek Send Set "
    "Size Skip Sort Split Start Stop Store Str String Sum Swap Sync Type Unlock Unmarshal UnmarshalJSON Unwrap Update "
    "Value Values Wait Warn Warnf With Write WriteString"
)
_WRAPPERS = words("parenthesized_expression unary_expression")
_POINTERS = words("pointer_type parenthesized_type")
_MAJOR = re.compile(r"v[0-9]+")


class Go:
    """The Go family."""

    languages = frozenset({"go"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file; None if its parser gives up."""
        del path
        parsed = parse(text, "go")
        return _Extractor(language, parsed[1]).facts(parsed[0].root_node) if parsed is not None else None

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file. What is imported is a directory, or a file where that is the root."""
        return _GoLinker(files).links()


class _Extractor(Walk):
    """Walks one file's tree, in the order of its text."""

    def _package(self, node: tree_sitter.Node, _scope: str) -> None:
        if node.named_children:
            self._seen.module = self._text(node.named_children[0])

    def _import(self, node: tree_sitter.Node, _scope: str) -> None:
        module = self._text(node.child_by_field_name("path")).strip('"`')
        alias = self._text(node.child_by_field_name("name"))
        name = ALL if alias == "." else ""
        self._seen.imported(node.start_point.row + 1, module, name, "" if alias in (".", "_") else alias, alias)

    # Definitions.

    def _function(self, node: tree_sitter.Node, scope: str) -> None:
        self._callable(node, scope, "function")

    def _method(self, node: tree_sitter.Node, scope: str) -> None:
        receiver = node.child_by_field_name("receiver")
        one = receiver.named_children[0] if receiver is not None and receiver.named_children else None
        if one is None:
            self._into(node, scope)
            return
        owner = self._type(one.child_by_field_name("type"))
        if full := self._callable(node, owner, "method"):
            self._seen.bind(full, self._text(one.child_by_field_name("name")), owner)

    def _callable(self, node: tree_sitter.Node, scope: str, kind: str) -> str:
        """Define a function with its parameters and its first result's type; return its name, "" if it has none."""
        name = self._text(node.child_by_field_name("name"))
        full = joined(scope, name)
        if not name or name == "_" or not self._seen.define(full, kind, node):
            self._into(node, scope)
            return ""
        self._parameters(node.child_by_field_name("parameters"), full, self._seen.bind)
        result = node.child_by_field_name("result")
        if result is not None and result.type == "parameter_list":
            self._parameters(result, full, self._seen.bind)
            result = result.named_children[0].child_by_field_name("type") if result.named_children else None
        if type_name := self._type(result):
            self._seen.bind(scope, f"{name}()", type_name)
        body = node.child_by_field_name("body")
        if body is not None:
            self._into(body, full)
        return full

    def _parameters(
        self, parameters: tree_sitter.Node | None, scope: str, say: Callable[[str, str, str], None]
    ) -> None:
        for one in parameters.named_children if parameters is not None else ():
            type_name = self._type(one.child_by_field_name("type")) if one.type == "parameter_declaration" else ""
            for name in one.children_by_field_name("name"):
                say(scope, self._text(name), type_name)

    def _literal_function(self, node: tree_sitter.Node, scope: str) -> None:
        self._parameters(node.child_by_field_name("parameters"), scope, self._seen.hint)
        self._into(node, scope)

    def _type_spec(self, node: tree_sitter.Node, scope: str) -> None:
        full = joined(scope, self._text(node.child_by_field_name("name")))
        value = node.child_by_field_name("type")
        kind = {"struct_type": "struct", "interface_type": "interface"}.get(value.type if value else "", "alias")
        if value is None or not self._seen.define(full, kind, node):
            return
        if kind == "struct":
            self._fields(value, full)
        elif kind == "interface":
            self._elements(value, full)
        elif node.type == "type_alias":
            self._seen.base(full, SAME, self._type(value), value.start_point.row + 1)

    def _fields(self, struct: tree_sitter.Node, full: str) -> None:
        for lists in struct.named_children:
            for field in lists.named_children:
                type_name = self._type(field.child_by_field_name("type"))
                names = field.children_by_field_name("name")
                for name in names:
                    self._seen.bind(full, self._text(name), type_name)
                if not names and field.type == "field_declaration":
                    self._seen.base(full, "inherits", type_name, field.start_point.row + 1)
                    self._seen.bind(full, type_name.rpartition(".")[2], type_name)

    def _elements(self, interface: tree_sitter.Node, full: str) -> None:
        for element in interface.named_children:
            if element.type in ("method_elem", "method_spec"):
                self._callable(element, full, "method")
            elif len(element.named_children) == 1:
                self._seen.base(full, "inherits", self._type(element.named_children[0]), element.start_point.row + 1)

    # Variables.

    def _variable(self, node: tree_sitter.Node, scope: str) -> None:
        names, value = node.children_by_field_name("name"), node.child_by_field_name("value")
        type_name = self._type(node.child_by_field_name("type"))
        values = value.named_children if value is not None else []
        if not scope and len(names) == len(values) == 1 and values[0].type == "func_literal":
            name = self._text(names[0])
            if self._seen.define(name, "function", node):
                self._parameters(values[0].child_by_field_name("parameters"), name, self._seen.bind)
                self._into(values[0], name)
                return
        self._assigned(names, values, scope, type_name)
        if value is not None:
            self._into(value, scope)

    def _short_variable(self, node: tree_sitter.Node, scope: str) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None:
            self._assigned(left.named_children, right.named_children, scope, "")
            self._into(right, scope)

    def _assigned(
        self, names: Sequence[tree_sitter.Node], values: Sequence[tree_sitter.Node], scope: str, type_name: str
    ) -> None:
        for place, name in enumerate(names):
            # Of `a, err := f()` we know the first result's type.
            value = values[place] if place < len(values) and (len(values) == len(names) or place == 0) else None
            if (written := self._text(name)) != "_":
                self._seen.bind(scope, written, type_name or self._value_type(value))

    def _range(self, node: tree_sitter.Node, scope: str) -> None:
        left = node.child_by_field_name("left") or node.child_by_field_name("alias")
        for name in left.named_children if left is not None else ():
            self._seen.hint(scope, self._text(name), "")
        self._into(node, scope)

    # Calls, values and types.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        function = node.child_by_field_name("function")
        if function is not None:
            written = self._dotted(function)
            if written == "new":
                written = self._made(node)
            self._called(written, scope, function)
        self._into(node, scope)

    def _conversion(self, node: tree_sitter.Node, scope: str) -> None:
        """Record `T{}`, `F[int](x)`: the parser takes the latter for a conversion."""
        type_node = node.child_by_field_name("type")
        if type_node is not None:
            self._called(self._type(type_node), scope, type_node)
        self._into(node, scope)

    def _called(self, written: str, scope: str, node: tree_sitter.Node) -> None:
        if written and written != UNNAMED and not written.endswith("()"):
            self._seen.called(scope, written, node.end_point.row + 1)

    def _made(self, call: tree_sitter.Node) -> str:
        """Return `T` of `new(T)`."""
        arguments = call.child_by_field_name("arguments")
        return self._type(arguments.named_children[0]) if arguments is not None and arguments.named_children else ""

    def _dotted(self, node: tree_sitter.Node) -> str:
        """Return an expression as a dotted name; "" for a literal's."""
        parts: list[str] = []
        called = ""
        while len(parts) < MAX_PARTS:
            inner: tree_sitter.Node | None
            if node.type in _WRAPPERS:
                inner = node.named_children[0] if node.named_children else None
            elif node.type == "selector_expression":
                parts.append(self._text(node.child_by_field_name("field")) + called)
                called, inner = "", node.child_by_field_name("operand")
            elif node.type == "call_expression" and not called:
                called, inner = "()", node.child_by_field_name("function")
            else:
                break
            if inner is None:
                return ""
            node = inner
        if node.type in ("identifier", "type_identifier", "package_identifier"):
            parts.append(self._text(node) + called)
        elif node.type == "composite_literal" and (made := self._type(node.child_by_field_name("type"))):
            parts.append(f"{made}()")
        elif node.type in ("func_literal", "interpreted_string_literal", "composite_literal"):
            return ""
        else:
            parts[1:] = [UNNAMED]
        return ".".join(reversed(parts)) if len(parts) < MAX_PARTS else f"{UNNAMED}.{parts[0]}"

    def _value_type(self, value: tree_sitter.Node | None) -> str:
        while value is not None and value.type in _WRAPPERS and value.named_children:
            value = value.named_children[0]
        if value is None:
            return ""
        if value.type in ("composite_literal", "type_assertion_expression"):
            return self._type(value.child_by_field_name("type"))
        if value.type not in ("call_expression", "selector_expression", "identifier"):
            return ""
        written = self._dotted(value)
        if written == "new()":
            return self._made(value)
        return f"={written}" if written and not written.startswith(UNNAMED) else ""

    def _type(self, node: tree_sitter.Node | None) -> str:
        """Return a type's name, of a pointer that of what it points to; "" for one that has none."""
        for _ in range(MAX_PARTS):
            inner: tree_sitter.Node | None = None
            if node is not None and node.type in _POINTERS and node.named_children:
                inner = node.named_children[0]
            elif node is not None and node.type == "generic_type":
                inner = node.child_by_field_name("type")
            if inner is None:
                break
            node = inner
        if node is None or node.type not in ("type_identifier", "qualified_type", "identifier", "selector_expression"):
            return ""
        return "".join(self._text(node).split())

    _VISITS: ClassVar[Mapping[str, Callable[[_Extractor, tree_sitter.Node, str], None]]] = {
        "package_clause": _package,
        "import_spec": _import,
        "function_declaration": _function,
        "method_declaration": _method,
        "func_literal": _literal_function,
        "type_spec": _type_spec,
        "type_alias": _type_spec,
        "var_spec": _variable,
        "const_spec": _variable,
        "short_var_declaration": _short_variable,
        "range_clause": _range,
        "type_switch_statement": _range,
        "call_expression": _call,
        "composite_literal": _conversion,
        "type_conversion_expression": _conversion,
    }


class _GoLinker(Linker):
    """Resolves by packages: the files of a directory see each other."""

    common = _COMMON
    variables_known = True
    packages_make = False  # `http.Get` is no type

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        self._folders: dict[str, list[str]] = {}  # folder -> its files that others can import
        for path in self.files:
            if not path.endswith("_test.go"):
                self._folders.setdefault(posixpath.dirname(path), []).append(path)
        self._endings = _endings(self._folders)
        self._roots = self._module_paths()
        self._modules: dict[str, Sequence[Target]] = {}
        for path, file in self.files.items():
            for row in file.imports:
                if not row.flag:
                    for name in self._names(path, row):
                        file.aliases.setdefault(name, row)

    def space(self, path: str) -> str:
        # `package x_test` lies beside `package x`, and imports it.
        return posixpath.dirname(path) + ("/_test" if self.files[path].module.endswith("_test") else "")

    def qualified(self, parts: Sequence[str]) -> tuple[Target, Sequence[str]] | None:
        del parts  # what is not imported cannot be named
        return None

    def anywhere(self, path: str, name: str) -> Target | None:
        del path, name
        return None

    def member(self, of: Target, name: str) -> Target | None:
        return self.in_space(of.path, name)

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        del path
        if row.module not in self._modules:
            found = self._module(row.module)
            self._modules[row.module] = (found,) if found is not None else ()
        return self._modules[row.module]

    def _module(self, written: str) -> Target | None:
        first = written.partition("/")[0]
        if written == "C" or first in (".", ".."):
            return None
        if first in _STANDARD:
            return Target(package=f"go/{written}", written=written)
        if folder := self._endings.get(written, ""):
            return Target(folder, written=written)
        for root, confidence in self._roots.items():
            if written == root and "" in self._folders:
                return Target(written=written, confidence=confidence)
            if written.startswith(f"{root}/") and written[len(root) + 1 :] in self._folders:
                return Target(written[len(root) + 1 :], written=written, confidence=confidence)
        return Target(package=f"go/{_module_path(written)}", written=written)

    def _module_paths(self) -> dict[str, float]:
        """Return the repository's module paths: what stands before most of its own folders in imports."""
        votes: dict[str, set[str]] = {}
        for module in sorted({row.module for file in self.files.values() for row in file.imports}):
            parts = module.split("/")
            if parts[0] in _STANDARD:
                continue
            for start in range(1, len(parts)):
                folder = "/".join(parts[start:])
                if folder in self._folders:
                    votes.setdefault("/".join(parts[:start]), set()).add(folder)
                    break
        most = max(map(len, votes.values()), default=0)
        best = sorted(root for root, folders in votes.items() if len(folders) == most)
        return dict.fromkeys(best, CERTAIN if len(best) == 1 else LIKELY)

    def _names(self, path: str, row: Import) -> Iterator[str]:
        """Yield the names that an import without alias may give: which it is, only the package itself says."""
        for module in self.modules(path, row):
            if not module.package and (files := self._folders.get(module.path)):
                yield self.files[files[0]].module
                return
        parts = [part for part in row.module.split("/") if not _MAJOR.fullmatch(part)] or [row.module]
        last = parts[-1].partition(".v")[0]
        yield last
        yield last.removeprefix("go-").removesuffix("-go").removesuffix(".go").replace("-", "_")
        yield last.rpartition("-")[2]

    def linked(self, path: str, row: Import) -> Iterable[Target]:
        for target in self.modules(path, row):
            if target.package or target.path:
                yield target
            else:  # the repository's own folder has no path: the file named like the package stands for it
                files = self._folders[""]
                named = f"{self.files[files[0]].module}.go"
                yield Target(named if named in files else files[0], written=row.module, confidence=target.confidence)


def _endings(folders: Iterable[str]) -> dict[str, str]:
    """Return folders by what their path ends in from a host's name on: vendored modules and GOPATHs."""
    endings: dict[str, str] = {}
    for folder in sorted(folders):
        parts = folder.split("/")
        for start, part in enumerate(parts):
            if "." in part or start == 0:
                endings.setdefault("/".join(parts[start:]), folder)
    return endings


def _module_path(written: str) -> str:
    """Return the path of the module that a package most likely lies in."""
    parts = written.split("/")
    end = 3 if parts[0] in _FORGES else 2
    if len(parts) > end and _MAJOR.fullmatch(parts[end]):
        end += 1
    return "/".join(parts[:end])
