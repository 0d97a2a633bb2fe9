"""C and C++: names lead through includes, namespaces and types.

The preprocessor is not run: both branches of a condition are read, and what macros write is not seen. A prototype is no
definition, for the body is: calls lead to bodies, wherever they are. Overloads are one.
"""

from __future__ import annotations

import posixpath
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import tree_sitter

from duetto_assets.ontology.code.facts import BY_NAME, CERTAIN, LIKELY, MAX_CANDIDATES, Facts, Link
from duetto_assets.ontology.code.scopes import (
    ALL,
    CALLABLES,
    MAX_PARTS,
    SAME,
    SUPER,
    THIS,
    TYPES,
    UNNAMED,
    Import,
    Linker,
    Recorder,
    Target,
    Wanted,
    in_namespace,
    joined,
    shared_folders,
    text_of,
    words,
)
from duetto_assets.syntax import parse

_CPP_HEADER = re.compile(
    r"^[ \t]*(?:class[ \t]+\w|namespace\b|template[ \t]*<|using[ \t]+\w|(?:public|private|protected)[ \t]*:)",
    re.MULTILINE,
)
# `class ACME_API Widget {`: the grammar takes the macro for the name.
_MARK = re.compile(
    r"\b(class|struct|union)([ \t]+[A-Z][A-Z0-9_]{2,}(?:\([^()\n]{0,80}\))?)"
    r"(?=[ \t]+[A-Za-z_]\w*\s*(?:final\s*)?(?::(?!:)|\{))"
)
_KINDS = {
    "class_specifier": "class",
    "struct_specifier": "struct",
    "union_specifier": "struct",
    "enum_specifier": "enum",
}
_DECLARATIONS = words("declaration field_declaration")
_NAMES = words("identifier field_identifier type_identifier namespace_identifier")
_DECLARATORS = words(
    "pointer_declarator reference_declarator array_declarator init_declarator function_declarator "
    "parenthesized_declarator attributed_declarator"
)
_DECLARED = _DECLARATORS | _NAMES | words("qualified_identifier destructor_name operator_name template_function")
_LOOKED_THROUGH = words("parenthesized_expression pointer_expression subscript_expression")
_POINTERS = words("unique_ptr shared_ptr weak_ptr optional reference_wrapper scoped_refptr intrusive_ptr")
_MAKERS = words("make_unique make_shared")
_CASTS = words("static_cast dynamic_cast reinterpret_cast const_cast")
_TYPE_FIELDS = dict.fromkeys([*_KINDS, "qualified_identifier", "template_type"], "name") | {"type_descriptor": "type"}
_AUTO = "auto"
_QUOTED, _SYSTEM, _USING = '"', "<", "using"  # flags of imports

_COMMON = words(
    "append assign at back begin c_str cbegin cend clear close contains count data emplace emplace_back empty end "
    "erase find first front get has_value init insert join length load lock max max_size min name next notify_all "
    "notify_one open pop pop_back pop_front push push_back push_front rbegin read release rend reserve reset resize "
    "run second set size start stop store str substr swap to_string top type unlock update value wait what write"
)
_MAX_CLOSURE = 2_000  # files that one file includes, by way of others
_KEPT_CLOSURES = 200
_MAX_SAME_NAME = 1_000  # files of one name that an include is looked for among


class C:
    """The family of C and C++."""

    languages = frozenset({"c", "cpp"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file. A header that says what only C++ can is read as C++."""
        cpp = language == "cpp" or (path.endswith(".h") and _CPP_HEADER.search(text) is not None)
        text = _MARK.sub(lambda found: found[1] + " " * len(found[2]), text)
        parsed = parse(text, "cpp" if cpp else "c")
        if parsed is None:
            return None
        reader = _Reader(language, parsed[1])
        reader.read(parsed[0].root_node)
        return reader.facts()

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _Linker(files).links()


_Todo = list[tuple[tree_sitter.Node, str, bool]]


class _Reader:
    def __init__(self, language: str, data: bytes) -> None:
        self.record = Recorder(language)
        self._data = data
        self._spaces: set[str] = set()
        self._prototypes: set[str] = set()
        self._private: set[str] = set()

    def facts(self) -> Facts:
        """Return all of it."""
        facts = self.record.facts(prototypes=sorted(self._prototypes), private=sorted(self._private))
        return in_namespace(facts, self._spaces)

    def read(self, root: tree_sitter.Node) -> None:
        todo: _Todo = [(root, "", False)]
        while todo:
            node, scope, hidden = todo.pop()
            kind = node.type
            if kind == "function_definition":
                self._function(node, scope, hidden, todo)
            elif kind in _KINDS:
                self._type_definition(node, scope, hidden, todo)
            elif kind in _DECLARATIONS:
                self._declaration(node, scope, hidden, todo)
            elif kind == "type_definition":
                self._typedef(node, scope, hidden, todo)
            elif kind in ("parameter_declaration", "optional_parameter_declaration", "for_range_loop"):
                self._parameter(node, scope, hidden, todo)
            elif kind == "namespace_definition":
                self._namespace(node, scope, hidden, todo)
            else:
                self._note(node, kind, scope)
                todo += [(child, scope, hidden) for child in reversed(node.named_children)]

    def _note(self, node: tree_sitter.Node, kind: str, scope: str) -> None:
        if kind == "call_expression":
            self._call(node, scope)
        elif kind == "new_expression":
            self._called(scope, self._type(node.child_by_field_name("type")), node)
        elif kind == "field_initializer":
            self._called(scope, self._dotted(node.named_children[0]) if node.named_children else "", node)
        elif kind == "preproc_include":
            self._include(node)
        elif kind == "preproc_function_def":
            name = self._text(node.child_by_field_name("name"))
            self.record.define(name, "function", node)
            self._private.add(name)
        elif kind == "alias_declaration":
            self._alias(joined(scope, self._field(node, "name")), node.child_by_field_name("type"), node)
        elif kind == "using_declaration":
            self._using(node)
        elif kind == "namespace_alias_definition":
            full = ".".join(self._dotted(child) for child in node.named_children[1:2])
            self.record.imported(_line(node), full, "", self._field(node, "name"), _USING)

    # Definitions.

    def _function(self, node: tree_sitter.Node, scope: str, hidden: bool, todo: _Todo) -> None:
        name_node, function = self._declarator(node.child_by_field_name("declarator"))
        own = self._dotted(name_node)
        name = joined(scope, own)
        owner, _, last = name.rpartition(".")
        inside = self.record.kind(owner) in TYPES
        kind = "method" if inside or ("." in own and owner not in self._spaces) else "function"
        if self.record.kind(scope) in CALLABLES or not own or not self.record.define(name, kind, node):
            name = scope
        else:
            self.record.bind(owner, f"{last}()", self._type(node.child_by_field_name("type")))
            if not inside and (hidden or self._is_static(node)):
                self._private.add(name)
        parts = [child for child in node.named_children if child.type not in _DECLARED]
        if function is not None and (parameters := function.child_by_field_name("parameters")) is not None:
            parts = [*parameters.named_children, *parts]
        todo += [(child, name, hidden) for child in reversed(parts)]

    def _type_definition(
        self, node: tree_sitter.Node, scope: str, hidden: bool, todo: _Todo, typedef: str = ""
    ) -> None:
        body = node.child_by_field_name("body")
        name = joined(scope, self._dotted(node.child_by_field_name("name")) or typedef)
        if body is None or not name or name == scope or not self.record.define(name, _KINDS[node.type], node):
            name = scope
        elif hidden:
            self._private.add(name)
        for child in node.named_children:
            if child.type == "base_class_clause" and name != scope:
                for base in child.named_children:
                    if written := self._type(base):
                        self.record.base(name, "inherits", written, _line(base))
        if body is not None:
            todo.append((body, name, hidden))

    def _declaration(self, node: tree_sitter.Node, scope: str, hidden: bool, todo: _Todo) -> None:
        type_node = node.child_by_field_name("type")
        in_function = self.record.kind(scope) in CALLABLES
        for declarator in node.children_by_field_name("declarator"):
            name_node, function = self._declarator(declarator)
            name = self._dotted(name_node)
            if function is not None and not in_function:
                self._prototype(node, joined(scope, name), hidden)
                continue
            value = declarator.child_by_field_name("value") or node.child_by_field_name("value")
            self._variable(scope, name, type_node, value, function is None or in_function)
            if value is not None:
                todo.append((value, scope, hidden))
        if (default := node.child_by_field_name("default_value")) is not None:
            todo.append((default, scope, hidden))
        if type_node is not None and type_node.type in _KINDS:
            todo.append((type_node, scope, hidden))

    def _variable(
        self, scope: str, name: str, type_node: tree_sitter.Node | None, value: tree_sitter.Node | None, typed: bool
    ) -> None:
        type_name = self._type(type_node) if typed else ""
        if type_name == _AUTO:
            written = self._written(value) if value is not None else ""
            type_name = f"={written}" if written and written != UNNAMED else ""
        elif type_name and value is not None and value.type == "argument_list":
            self._called(scope, type_name, value)
        self.record.bind(scope, name, type_name)

    def _prototype(self, node: tree_sitter.Node, name: str, hidden: bool) -> None:
        default = node.child_by_field_name("default_value")
        if default is not None and self._text(default) == "0":  # a pure virtual method: it has no body by design
            self.record.define(name, "method", node)
        elif not hidden and not self._is_static(node, name):
            self._prototypes.add(name)
        owner, _, last = name.rpartition(".")
        if last and self.record.kind(owner) in TYPES:
            self.record.bind(owner, f"{last}()", self._type(node.child_by_field_name("type")))

    def _is_static(self, node: tree_sitter.Node, name: str = "") -> bool:
        if self.record.kind(name.rpartition(".")[0]) in TYPES:  # there it says something else
            return False
        return any(child.type == "storage_class_specifier" and self._text(child) == "static" for child in node.children)

    def _typedef(self, node: tree_sitter.Node, scope: str, hidden: bool, todo: _Todo) -> None:
        type_node = node.child_by_field_name("type")
        names = []
        for declarator in node.children_by_field_name("declarator"):
            name_node, function = self._declarator(declarator)
            if name := self._dotted(name_node):
                names.append((joined(scope, name), None if function is not None else type_node))
        if type_node is not None and type_node.child_by_field_name("body") is not None and type_node.type in _KINDS:
            own = self._field(type_node, "name")
            first = names[0][0] if names else ""
            self._type_definition(type_node, scope, hidden, todo, first.rpartition(".")[2])
            if not own:
                names = names[1:]
        for name, of in names:
            if not self.record.kind(name):
                self._alias(name, of, node)

    def _alias(self, name: str, type_node: tree_sitter.Node | None, node: tree_sitter.Node) -> None:
        written = self._type(type_node)
        if written != name and self.record.define(name, "alias", node):
            self.record.base(name, SAME, written, _line(node))

    def _parameter(self, node: tree_sitter.Node, scope: str, hidden: bool, todo: _Todo) -> None:
        name_node, function = self._declarator(node.child_by_field_name("declarator"))
        if (name := self._dotted(name_node)) and "." not in name:
            type_name = self._type(node.child_by_field_name("type")) if function is None else ""
            self.record.bind(scope, name, "" if type_name == _AUTO else type_name)
        for field in ("body", "right", "default_value"):
            if (child := node.child_by_field_name(field)) is not None:
                todo.append((child, scope, hidden))

    def _namespace(self, node: tree_sitter.Node, scope: str, hidden: bool, todo: _Todo) -> None:
        name = self._dotted(node.child_by_field_name("name"))
        hidden = hidden or not name
        if any(child.type == "inline" for child in node.children):  # its names are those of the one around it
            name = ""
        scope = joined(scope, name) if name else scope
        if scope:
            self._spaces.add(scope)
        if (body := node.child_by_field_name("body")) is not None:
            todo.append((body, scope, hidden))

    def _include(self, node: tree_sitter.Node) -> None:
        written = self._field(node, "path")
        if len(written) > 2 and written[0] in '"<':
            self.record.imported(_line(node), written[1:-1], flag=_QUOTED if written[0] == '"' else _SYSTEM)

    def _using(self, node: tree_sitter.Node) -> None:
        full = self._dotted(node.named_children[-1]) if node.named_children else ""
        if any(child.type == "namespace" for child in node.children):
            self.record.imported(_line(node), full, ALL, flag=_USING)
        elif "." in full:
            self.record.imported(_line(node), full, "", full.rpartition(".")[2], _USING)

    # Names.

    def _declarator(self, node: tree_sitter.Node | None) -> tuple[tree_sitter.Node | None, tree_sitter.Node | None]:
        """Return what is declared, and its function declarator; a pointer to a function is a variable of no type."""
        function = None
        for _ in range(4 * MAX_PARTS):
            if node is None or node.type not in _DECLARATORS:
                return node, function
            inner = node.child_by_field_name("declarator")
            if node.type == "function_declarator":
                function = node
            if inner is None:
                inner = next((child for child in node.named_children if child.type in _DECLARED), None)
            node = inner
        return None, None

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        function = node.child_by_field_name("function")
        if function is None:
            return
        if made := self._made(function):
            if made[0] in _MAKERS:
                self._called(scope, made[1], node)
        elif function.type == "field_expression":
            name = self._dotted(function.child_by_field_name("field"))
            receiver = self._written(function.child_by_field_name("argument"))
            if name:
                written = f"{receiver}.{name}"
                self._called(scope, written if written.count(".") < MAX_PARTS else f"{UNNAMED}.{name}", node)
        else:
            self._called(scope, self._dotted(function), node)

    def _called(self, scope: str, written: str, node: tree_sitter.Node) -> None:
        self.record.called(scope, written, _line(node))

    def _made(self, function: tree_sitter.Node) -> tuple[str, str] | None:
        """Return the function and the type of `make_unique<T>` and `static_cast<T>`."""
        last = function
        while last.type == "qualified_identifier" and (name := last.child_by_field_name("name")) is not None:
            last = name
        own = self._field(last, "name") if last.type == "template_function" else ""
        if own not in _MAKERS and own not in _CASTS:
            return None
        return own, self._type(_first_argument(last))

    def _written(self, node: tree_sitter.Node | None) -> str:
        """Return an expression as a dotted name, `?` for what has none. `a->b`, `(*a).b` and `a[0].b` are `a.b`."""
        parts: list[str] = []
        call = ""
        for _ in range(4 * MAX_PARTS):
            if node is None or len(parts) >= MAX_PARTS:
                return UNNAMED
            kind = node.type
            if kind == "field_expression":
                parts.append(self._dotted(node.child_by_field_name("field")) + call)
                node, call = node.child_by_field_name("argument"), ""
            elif kind == "call_expression" and not call:
                function = node.child_by_field_name("function")
                if function is not None and (made := self._made(function)):
                    parts.append(f"{made[1]}()" if made[1] else UNNAMED)
                    break
                node, call = function, "()"
            elif kind in _LOOKED_THROUGH and not call:
                inner = node.child_by_field_name("argument")
                node = inner if inner is not None else next(iter(node.named_children), None)
            elif kind in ("cast_expression", "new_expression") and not call:
                type_name = self._type(node.child_by_field_name("type"))
                parts.append(f"{type_name}()" if type_name else UNNAMED)
                break
            else:
                name = THIS if kind == THIS else self._dotted(node)
                parts.append(f"{name}{call}" if name else UNNAMED)
                break
        else:
            return UNNAMED
        return ".".join(reversed(parts)) if all(parts) else UNNAMED

    def _type(self, node: tree_sitter.Node | None) -> str:
        """Return a type's dotted name, "" for a primitive one. A smart pointer is what it points to."""
        parts: list[str] = []
        for _ in range(2 * MAX_PARTS):
            if node is None:
                return ""
            kind = node.type
            if kind in ("type_identifier", "identifier"):
                return ".".join([*parts, self._text(node)])
            if kind == "placeholder_type_specifier":
                return _AUTO
            if kind == "qualified_identifier" and (scope := node.child_by_field_name("scope")) is not None:
                parts.append(self._dotted(scope))
            if kind == "template_type" and self._field(node, "name") in _POINTERS:
                parts, node = [], _first_argument(node)
            elif kind == "dependent_type":
                node = next(iter(node.named_children), None)
            else:
                node = node.child_by_field_name(_TYPE_FIELDS.get(kind, ""))
        return ""

    def _dotted(self, node: tree_sitter.Node | None) -> str:
        """Return a name with dots for `::`, without template arguments; "" for what is no name."""
        parts: list[str] = []
        for _ in range(2 * MAX_PARTS):
            if node is None:
                return ""
            kind = node.type
            if kind in _NAMES:
                return ".".join([*parts, self._text(node)])
            if kind in ("destructor_name", "operator_name"):
                return ".".join([*parts, "".join(self._text(node).split()).replace(".", "")])
            if kind == "nested_namespace_specifier":
                return ".".join(self._text(child) for child in node.named_children if child.type in _NAMES)
            if kind == "qualified_identifier":
                if (scope := node.child_by_field_name("scope")) is not None:
                    inner = scope.child_by_field_name("name")
                    parts.append(self._text(inner if inner is not None else scope))
                node = node.child_by_field_name("name")
            elif kind in ("template_type", "template_function", "template_method"):
                node = node.child_by_field_name("name")
            elif kind == "dependent_name":
                node = next(iter(node.named_children), None)
            else:
                return ""
        return ""

    def _field(self, node: tree_sitter.Node, name: str) -> str:
        return self._text(node.child_by_field_name(name))

    def _text(self, node: tree_sitter.Node | None) -> str:
        return text_of(node, self._data)


def _first_argument(template: tree_sitter.Node) -> tree_sitter.Node | None:
    arguments = template.child_by_field_name("arguments")
    return next(iter(arguments.named_children), None) if arguments is not None else None


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1


class _Linker(Linker):
    common = _COMMON
    implicit_this = True
    variables_known = True

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        self._symbols: dict[str, list[tuple[str, str]]] = {}  # full name -> file and name in it
        self._declaring: dict[str, set[str]] = {}  # full name -> files with its prototype
        self._private: set[tuple[str, str]] = set()  # file and full name
        self._variables: dict[str, list[tuple[str, str]]] = {}  # full name -> file and name of its own level's variable
        self._by_file_name: dict[str, list[str]] = {}
        for path, facts in self.facts.items():
            body = facts.body or {}
            self._by_file_name.setdefault(path.rpartition("/")[2], []).append(path)
            for one in facts.definitions:
                self._symbols.setdefault(joined(facts.module, one.name), []).append((path, one.name))
            for name in body.get("prototypes", ()):
                self._declaring.setdefault(name, set()).add(path)
            self._private.update((path, name) for name in body.get("private", ()))
            for scope, name in self.files[path].bindings:
                if not scope:
                    self._variables.setdefault(joined(facts.module, name), []).append((path, name))
        self._found: dict[tuple[str, str, str], tuple[str, float] | None] = {}
        self._closures: OrderedDict[str, dict[str, int]] = OrderedDict()

    # Hooks.

    def space(self, path: str) -> str:
        """Return the file: what others define is included."""
        return path

    def linked(self, path: str, row: Import) -> Iterable[Target]:
        """Return the file that is included, or the package that it is probably of."""
        if row.flag == _USING:
            return ()
        if (found := self._included(path, row)) is not None:
            return (Target(found[0], confidence=found[1]),)
        if row.flag == _SYSTEM or "/" in row.module.lstrip("./"):
            return (Target(package=f"c/{row.module}", written=row.module),)
        return ()  # likely written by a build: config.h

    def visible(self, path: str, name: str) -> Target | None:
        """Return what a name means in the file's namespace or one around it."""
        return self._named(path, "", name)

    def anywhere(self, path: str, name: str) -> Target | None:
        """Return nothing: `visible` has looked everywhere."""
        del path, name
        return None

    def called(self, path: str, scope: str, parts: Sequence[str]) -> Sequence[Target]:
        """Return what a call can be of; with a type, its constructor where that has a body."""
        found = list(super().called(path, scope, parts))
        for one in tuple(found):
            if self.kind(one) in TYPES:
                constructor = self._method(one, one.name.rpartition(".")[2])
                found += [constructor] if constructor is not None else []
        return found

    # Names.

    def _find_head(self, path: str, scope: str, name: str, wanted: Wanted) -> Target | None:
        if name in (UNNAMED, THIS):
            return super()._find_head(path, scope, name, wanted)
        found = self._lexical(path, scope, name, wanted)
        return found if found is not None else self._named(path, scope, name)

    def _resolve(self, path: str, scope: str, parts: Sequence[str], wanted: Wanted) -> Target | None:
        first = parts[0]
        bare = first.endswith("()") or first in (THIS, SUPER, UNNAMED)
        if len(parts) > 1 and not bare and self._lexical(path, scope, first, Wanted.VALUE) is None:
            plain = next((i for i, part in enumerate(parts) if part.endswith("()")), len(parts))
            for end in range(min(plain + 1, len(parts)), 1, -1):
                name = ".".join(parts[:end])
                found = self._named(path, scope, name.removesuffix("()"))
                if found is not None:
                    return self._stepped(self._result(found) if name.endswith("()") else found, parts[end:])
        return super()._resolve(path, scope, parts, wanted)

    def _stepped(self, found: Target | None, rest: Sequence[str]) -> Target | None:
        for part in rest:
            if found is None:
                return None
            found = self.step(found, part)
        return found

    def _named(self, path: str, scope: str, name: str) -> Target | None:
        """Return what a name, which may be qualified, means in a scope of a file, but for variables of functions."""
        file = self.files[path]
        first, _, rest = name.partition(".")
        if (row := file.aliases.get(first)) is not None and row.flag == _USING:
            return self._seen(path, joined(row.module, rest) if rest else row.module)
        around = joined(file.module, scope) if file.module and scope else file.module or scope
        while True:
            if (found := self._seen(path, joined(around, name))) is not None:
                return found
            if not around:
                break
            around = around.rpartition(".")[0]
        used = (self._seen(path, f"{row.module}.{name}") for row in file.wildcards if row.flag == _USING)
        return next((found for found in used if found is not None), None)

    def _seen(self, path: str, full: str) -> Target | None:
        """Return the symbol or variable of a full name: what the file includes, or the only one that is not private."""
        places, variables = self._symbols.get(full, ()), self._variables.get(full, ())
        if not places and not variables:
            return None
        near = self._closure(path)
        inside = [place for place in places if place[0] in near]
        if inside:
            return Target(*min(inside, key=lambda place: (near[place[0]], place)))
        bound = [place for place in variables if place[0] in near]
        if bound:
            place = min(bound, key=lambda place: (near[place[0]], place))
            return self._bound(place[0], "", place[1])
        outside = [place for place in places if (place[0], full) not in self._private]
        declared = self._declaring.get(full, set()) & near.keys()
        if len(outside) == 1:
            return Target(*outside[0], confidence=CERTAIN if declared else LIKELY)
        return self._declared_of(outside, declared, path) if declared else None

    def _declared_of(self, places: Sequence[tuple[str, str]], declared: set[str], path: str) -> Target | None:
        """Return which of several definitions a prototype is of: that whose file includes it, or the nearest."""
        if not 0 < len(places) <= 4 * MAX_CANDIDATES:
            return None
        including = [place for place in places if not declared.isdisjoint(self._closure(place[0]))]
        if len(including) == 1:
            return Target(*including[0])
        return Target(*_nearest(including or places, path), confidence=BY_NAME)

    def _inherited(self, line: Iterable[Target], name: str, wanted: Wanted = Wanted.VALUE) -> Target | None:
        for one in line:
            if one.name.rpartition(".")[2] == name:  # within a type its name is the type's, not the constructor's
                return one
            if (found := self._method(one, name)) is not None:
                return found
            if self._is_bound(self.files[one.path], one.name, name, wanted):
                return self._bound(one.path, one.name, name)
        return None

    def _method(self, of: Target, name: str) -> Target | None:
        """Return a type's own member, which another file may define: the header declares, the source has the body."""
        own = f"{of.name}.{name}"
        if own in self.files[of.path].kinds:
            return Target(of.path, own, confidence=of.confidence)
        places = self._symbols.get(joined(self.files[of.path].module, own), ())
        places = [place for place in places if self._is_of(of, place[0])]
        if not places:
            return None
        sure = CERTAIN if len(places) == 1 else LIKELY
        return Target(*_nearest(places, of.path), confidence=min(of.confidence, sure))

    def _is_of(self, of: Target, path: str) -> bool:
        """Whether a file that defines a member sees this type, and not another of its name."""
        return len(self._symbols[joined(self.files[of.path].module, of.name)]) == 1 or of.path in self._closure(path)

    # Includes.

    def _closure(self, path: str) -> Mapping[str, int]:
        """Return all that a file includes, and how early each comes, itself first."""
        if path in self._closures:
            self._closures.move_to_end(path)
            return self._closures[path]
        found = {path: 0}
        todo = [path]
        for at in todo:  # it grows
            for included in self._includes(at):
                if included not in found and len(found) < _MAX_CLOSURE:
                    found[included] = len(found)
                    todo.append(included)
        self._closures[path] = found
        if len(self._closures) > _KEPT_CLOSURES:
            self._closures.popitem(last=False)
        return found

    def _includes(self, path: str) -> Iterator[str]:
        for row in self.files[path].imports:
            if row.flag != _USING and (found := self._included(path, row)) is not None:
                yield found[0]

    def _included(self, path: str, row: Import) -> tuple[str, float] | None:
        key = (path.rpartition("/")[0], row.module, row.flag)
        if key not in self._found:
            self._found[key] = self._find_included(path, row)
        return self._found[key]

    def _find_included(self, path: str, row: Import) -> tuple[str, float] | None:
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), row.module))
        if row.flag == _QUOTED and beside in self.files:
            return beside, CERTAIN
        suffix = row.module.lstrip("./")
        named = self._by_file_name.get(suffix.rpartition("/")[2], ())[:_MAX_SAME_NAME]
        if row.flag == _QUOTED:
            found = [one for one in named if f"/{one}".endswith(f"/{suffix}")]
        else:
            found = [
                one for one in named if f"/{one}".endswith(f"/include/{suffix}") or ("/" in suffix and one == suffix)
            ]
        if not found:
            return None
        return _nearest([(one, one) for one in found], path)[0], CERTAIN if len(found) == 1 else LIKELY


def _nearest(places: Sequence[tuple[str, str]], near: str) -> tuple[str, str]:
    """Return the place whose path shares most folders with `near`, the first of equals."""
    return max(places, key=lambda place: shared_folders(place[0], near))
