"""Rust: what files define and call, and how modules and crates lead to each other.

Reads no `Cargo.toml`: a crate of a workspace is known by its folder's name, and the names of others are packages. What
stands in the arguments of macros is not parsed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import tree_sitter

from duetto_assets.ontology.code.facts import Facts, Link
from duetto_assets.ontology.code.scopes import (
    ALL,
    MAX_PARTS,
    SAME,
    THIS,
    TYPES,
    UNNAMED,
    Import,
    Linker,
    Target,
    joined,
    text_of,
    words,
)
from duetto_assets.ontology.code.walk import Walk
from duetto_assets.syntax import parse

_CRATE, _SELF, _ABOVE = "crate", "self", "^"  # `super` is written `^`: it is a module, not what a type inherits from
_KINDS = {
    "struct_item": "struct",
    "union_item": "struct",
    "enum_item": "enum",
    "trait_item": "trait",
    "type_item": "alias",
    "mod_item": "module",
}
_STANDARD = words("std core alloc proc_macro test")
_OWN_CRATES = words("tests examples benches")  # beside `src`, each file of these folders is a crate
_NO_CRATES = words("crate self this bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64")
_WRAPPERS = words("try_expression await_expression reference_expression parenthesized_expression unary_expression")
_NAMES = words("identifier type_identifier field_identifier shorthand_field_identifier")
_PATHS = words("scoped_identifier scoped_type_identifier")
_LITERALS = words("string_literal raw_string_literal integer_literal float_literal char_literal array_expression")
_SMART = words("Box Rc Arc Option Result RefCell Cell Mutex RwLock Cow Pin Weak")  # seen through, as by `*` and `?`
_SAME_VALUE = words("unwrap expect clone as_ref as_mut borrow borrow_mut to_owned lock await unwrap_or_default deref")
_INNER = {
    "generic_function": "function",
    "call_expression": "function",
    "field_expression": "value",
    **dict.fromkeys(_PATHS, "path"),
}
_COMMON = words(
    "all and_then any append apply as_bytes as_deref as_mut as_path as_ref as_slice as_str borrow build bytes chain "
    "chars clear clone cloned close cmp collect concat contains contains_key copied count default deref description "
    "display drain drop end ends_with entry enumerate eq err execute exists expect extend fill filter filter_map find "
    "first flat_map flatten flush fmt fold for_each from from_str get get_mut get_or_insert hash id index init insert "
    "into into_iter is_empty is_err is_none is_ok is_some iter iter_mut join key keys kind last len lines load lock "
    "map map_err match max merge min name new next not now ok ok_or open or_else or_insert parent parse partial_cmp "
    "path peek poll pop position push push_str read recv remove replace reset resize retain rev run save send set skip "
    "sort split start starts_with status stop store sum swap take then to_owned to_path_buf to_str to_string to_vec "
    "trim truncate try_from try_into unwrap unwrap_or unwrap_or_default unwrap_or_else update value values wait with "
    "write write_all write_str zip"
)


class Rust:
    """The Rust family."""

    languages = frozenset({"rust"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file; None if its parser gives up."""
        del path
        parsed = parse(text, "rust")
        return _Extractor(language, parsed[1]).facts(parsed[0].root_node) if parsed is not None else None

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _RustLinker(files).links()


class _Extractor(Walk):
    """Walks one file's tree, in the order of its text."""

    def __init__(self, language: str, data: bytes) -> None:
        super().__init__(language, data)
        self._impls: dict[str, str] = {}  # scope of `impl` blocks -> their type as written
        self._heads: dict[str, int] = {}  # `a` of paths `a::b` -> its first line
        self._aliases: set[str] = set()
        self._late_bases: list[tuple[str, str, int]] = []  # an `impl` may stand before its type

    def facts(self, root: tree_sitter.Node) -> Facts:
        self._walk(root, "")
        for full, trait, line in self._late_bases:
            self._seen.base(full, "implements", trait, line)
        for head, line in self._heads.items():
            if head not in self._aliases and not self._seen.kind(head):
                self._seen.imported(line, head, "", head)
        impls = [[scope, written] for scope, written in self._impls.items() if not self._seen.kind(scope)]
        return self._seen.facts(impls=impls)

    def _visit(self, node: tree_sitter.Node, scope: str) -> None:
        if node.type != "token_tree":
            super()._visit(node, scope)

    def _text(self, node: tree_sitter.Node | None) -> str:
        return super()._text(node).removeprefix("r#")

    # Modules.

    def _use(self, node: tree_sitter.Node, scope: str) -> None:
        argument = node.child_by_field_name("argument")
        module = self._module(scope)
        todo: list[tuple[str, tree_sitter.Node]] = [("", argument)] if argument is not None else []
        while todo:
            prefix, one = todo.pop()
            line = one.start_point.row + 1
            if one.type == "use_list":
                todo += [(prefix, child) for child in reversed(one.named_children)]
            elif one.type == "scoped_use_list":
                path, inner = one.child_by_field_name("path"), one.child_by_field_name("list")
                todo += [(self._path(path, prefix, module), inner)] if inner is not None else []
            elif one.type == "use_wildcard":
                path = one.named_children[0] if one.named_children else None
                self._seen.imported(line, self._path(path, prefix, module), ALL)
            elif one.type == "use_as_clause":
                path = one.child_by_field_name("path")
                self._used(line, self._path(path, prefix, module), self._text(one.child_by_field_name("alias")))
            elif one.type in _PATHS or one.type in ("identifier", "self", "crate", "super"):
                self._used(line, self._path(one, prefix, module), "")

    def _used(self, line: int, path: str, alias: str) -> None:
        outer, _, name = path.rpartition(".")
        alias = "" if alias == "_" else alias or name
        self._aliases.add(alias)
        if outer:
            self._seen.imported(line, outer, name, alias)
        else:
            self._seen.imported(line, path, "", alias)

    def _path(self, node: tree_sitter.Node | None, prefix: str, module: str) -> str:
        """Return a path as a dotted name, from the file on where it begins with `self` or `super`."""
        parts = [part.removeprefix("r#") for part in "".join(text_of(node, self._data).split()).split("::") if part]
        if prefix:
            return ".".join([prefix, *(part for part in parts if part != "self")])
        return ".".join(self._from_module(parts, module))

    def _from_module(self, parts: Sequence[str], module: str) -> Sequence[str]:
        """Return `parts` with `self` and `super` of an inline module as the file's own names."""
        at, rest = module.split(".") if module else [], list(parts)
        above = 0
        while rest and rest[0] in ("self", "super"):
            if rest.pop(0) == "super":
                above += 1 if not at else 0
                at = at[:-1]
        if len(rest) == len(parts):
            return parts
        return [*([_ABOVE] * above or [_SELF]), *at, *rest]

    def _module(self, scope: str) -> str:
        """Return the innermost inline module around a scope."""
        while scope and self._seen.kind(scope) != "module":
            scope = scope.rpartition(".")[0]
        return scope

    def _extern(self, node: tree_sitter.Node, _scope: str) -> None:
        name = self._text(node.child_by_field_name("name"))
        self._used(node.start_point.row + 1, name, self._text(node.child_by_field_name("alias")))

    # Definitions.

    def _item(self, node: tree_sitter.Node, scope: str) -> None:
        name, kind = self._text(node.child_by_field_name("name")), _KINDS[node.type]
        body = node.child_by_field_name("body")
        if kind == "module" and body is None:
            self._aliases.add(name)
            self._seen.imported(node.start_point.row + 1, name, "", name, "mod")
            return
        full = joined(scope, name)
        in_type = scope in self._impls or self._seen.kind(scope) in TYPES
        if (in_type and kind == "alias") or not self._seen.define(full, kind, node):
            return  # of a trait's associated types the trait speaks
        if kind == "alias":
            self._seen.base(full, SAME, self._type(node.child_by_field_name("type")), node.start_point.row + 1)
        elif kind == "struct" and body is not None:
            self._fields(body, full)
        elif kind in ("trait", "module"):
            self._bounds(node.child_by_field_name("bounds"), full)
            self._into(body or node, full)

    def _fields(self, body: tree_sitter.Node, full: str) -> None:
        for field in body.named_children:
            if field.type == "field_declaration":
                type_name = self._type(field.child_by_field_name("type"))
                self._seen.bind(full, self._text(field.child_by_field_name("name")), type_name)
        if body.type == "ordered_field_declaration_list":
            for place, type_node in enumerate(body.children_by_field_name("type")):
                self._seen.bind(full, str(place), self._type(type_node))

    def _bounds(self, bounds: tree_sitter.Node | None, full: str) -> None:
        for bound in bounds.named_children if bounds is not None else ():
            self._seen.base(full, "inherits", self._type(bound), bound.start_point.row + 1)

    def _impl(self, node: tree_sitter.Node, scope: str) -> None:
        written, body = self._type(node.child_by_field_name("type")), node.child_by_field_name("body")
        full = joined(scope, written.rpartition(".")[2])
        if written and not written.endswith(THIS):
            self._impls.setdefault(full, written)
            trait = node.child_by_field_name("trait")
            if trait is not None:
                self._late_bases.append((full, self._type(trait), trait.start_point.row + 1))
        else:
            full = scope
        if body is not None:
            self._into(body, full)

    def _function(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._text(node.child_by_field_name("name"))
        kind = "method" if self._seen.kind(scope) in TYPES or scope in self._impls else "function"
        full = joined(scope, name)
        if not name or not self._seen.define(full, kind, node):
            self._into(node, scope)
            return
        for parameter in self._children(node, "type_parameters"):
            bounds = self._children(parameter, "bounds")
            if len(bounds) == 1:
                name_node = parameter.child_by_field_name("name")
                self._seen.bind(full, self._text(name_node), f"={self._type(bounds[0])}")
        for parameter in self._children(node, "parameters"):
            if parameter.type == "parameter":
                self._pattern(parameter, full, self._type(parameter.child_by_field_name("type")), self._seen.bind)
        if returned := self._type(node.child_by_field_name("return_type")):
            self._seen.bind(scope, f"{name}()", returned)
        body = node.child_by_field_name("body")
        if body is not None:
            self._into(body, full)

    def _children(self, node: tree_sitter.Node, field: str) -> Sequence[tree_sitter.Node]:
        found = node.child_by_field_name(field)
        return found.named_children if found is not None else ()

    def _macro(self, node: tree_sitter.Node, scope: str) -> None:
        self._seen.define(joined(scope, self._text(node.child_by_field_name("name"))), "function", node)

    # Variables.

    def _let(self, node: tree_sitter.Node, scope: str) -> None:
        value = node.child_by_field_name("value")
        type_name = self._type(node.child_by_field_name("type")) or self._value_type(value)
        self._pattern(node, scope, type_name, self._seen.bind)
        for child in (node.child_by_field_name("alternative"), value):
            if child is not None:
                self._todo.append((child, scope))

    def _constant(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._text(node.child_by_field_name("name"))
        self._seen.bind(scope, name, self._type(node.child_by_field_name("type")))
        self._into(node, scope)

    def _closure(self, node: tree_sitter.Node, scope: str) -> None:
        for parameter in self._children(node, "parameters"):
            type_node = parameter.child_by_field_name("type") if parameter.type == "parameter" else None
            if parameter.type == "parameter":
                self._pattern(parameter, scope, self._type(type_node), self._seen.hint)
            elif parameter.type in _NAMES:
                self._seen.hint(scope, self._text(parameter), "")
        self._into(node, scope)

    def _matched(self, node: tree_sitter.Node, scope: str) -> None:
        self._pattern(node, scope, "", self._seen.hint)
        self._into(node, scope)

    def _pattern(
        self, node: tree_sitter.Node, scope: str, type_name: str, say: Callable[[str, str, str], None]
    ) -> None:
        """Bind the names of a node's pattern; only a pattern that is a name is of the type itself."""
        pattern = node.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "identifier":
            say(scope, self._text(pattern), type_name)
            return
        todo = [pattern] if pattern is not None else []
        while todo:
            one = todo.pop()
            name = self._text(one) if one.type in ("identifier", "shorthand_field_identifier") else ""
            if name[:1].islower():
                self._seen.hint(scope, name, "")
            elif not name:
                todo += [child for child in one.named_children if child.type not in _PATHS]

    # Calls, values and types.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        self._called(node.child_by_field_name("function"), scope)
        self._into(node, scope)

    def _made(self, node: tree_sitter.Node, scope: str) -> None:
        self._called(node.child_by_field_name("name"), scope)
        self._into(node, scope)

    def _macro_call(self, node: tree_sitter.Node, scope: str) -> None:
        self._called(node.child_by_field_name("macro"), scope)

    def _called(self, function: tree_sitter.Node | None, scope: str) -> None:
        if function is None:
            return
        written = self._dotted(function, self._module(scope))
        if written and written not in (UNNAMED, THIS) and not written.endswith("()"):
            self._seen.called(scope, written, function.end_point.row + 1)
            first = written.partition(".")[0]
            if self._is_path(function) and first[:1].islower() and first not in _NO_CRATES:
                self._heads.setdefault(first, function.start_point.row + 1)

    def _is_path(self, function: tree_sitter.Node) -> bool:
        inner = function.child_by_field_name("function") if function.type == "generic_function" else function
        return inner is not None and inner.type in _PATHS

    def _dotted(self, node: tree_sitter.Node, module: str) -> str:
        """Return an expression as a dotted name; "" for a literal's."""
        parts: list[str] = []
        called, in_path = "", False
        while len(parts) < MAX_PARTS and (inner := self._inner(node, called)) is not None:
            if node.type == "call_expression":
                called = "()"
            elif node.type in _PATHS or node.type == "field_expression":
                in_path = node.type in _PATHS
                name = self._text(node.child_by_field_name("name" if in_path else "field"))
                # Of `x.lock().unwrap().find()`, `find` is called of what `x` holds.
                if not (called and parts and not in_path and name in _SAME_VALUE):
                    parts.append(name + called)
                called = ""
            node = inner
        if node.type in _LITERALS or len(parts) >= MAX_PARTS:
            return f"{UNNAMED}.{parts[0]}" if node.type not in _LITERALS else ""
        if node.type not in _PATHS:
            first = self._first(node, in_path)
            parts += [first[0] + called, *first[1:]]
        ordered = parts[::-1]
        return ".".join(self._from_module(ordered, module) if in_path else ordered)

    def _inner(self, node: tree_sitter.Node, called: str) -> tree_sitter.Node | None:
        """Return the expression that this one asks for something, or is nothing but."""
        if node.type in _WRAPPERS:
            return next((one for one in node.named_children if one.type != "mutable_specifier"), None)
        if node.type == "call_expression" and called:
            return None
        field = _INNER.get(node.type)
        return node.child_by_field_name(field) if field is not None else None

    def _first(self, node: tree_sitter.Node, in_path: bool) -> Sequence[str]:
        """Return the last parts that are read of an expression, from behind."""
        if node.type == "self":
            return ["self" if in_path else THIS]
        if node.type in ("crate", "super"):
            return [node.type]
        if node.type in _NAMES:
            name = self._text(node)
            return [THIS if name == "Self" else name]
        if node.type == "struct_expression":
            return [f"{part}()" for part in [self._type(node.child_by_field_name("name"))] if part] or [UNNAMED]
        return self._type(node).split(".")[::-1] if in_path and self._type(node) else [UNNAMED]

    def _value_type(self, value: tree_sitter.Node | None) -> str:
        while value is not None and value.type in _WRAPPERS and value.named_children:
            value = value.named_children[-1]
        if value is None:
            return ""
        if value.type == "struct_expression":
            return self._type(value.child_by_field_name("name"))
        if value.type not in ("call_expression", "field_expression", "identifier"):
            return ""
        written = self._dotted(value, "")
        return f"={written}" if written and not written.startswith(UNNAMED) else ""

    def _type(self, node: tree_sitter.Node | None) -> str:
        """Return a type's name, seen through references and what holds just one; "" for one that has none."""
        for _ in range(MAX_PARTS):
            inner = self._inner_type(node) if node is not None else None
            if inner is None:
                break
            node = inner
        if node is None or node.type not in _PATHS | _NAMES | {"primitive_type"}:
            return ""
        text = "".join(self._text(node).split())
        if "<" in text:
            return ""
        parts = self._from_module([part for part in text.split("::") if part], "")
        return ".".join(THIS if part == "Self" else part for part in parts)

    def _inner_type(self, node: tree_sitter.Node) -> tree_sitter.Node | None:
        if node.type == "generic_type":
            inner, arguments = node.child_by_field_name("type"), self._children(node, "type_arguments")
            if self._text(inner).rpartition("::")[2] in _SMART and arguments:
                return next((one for one in arguments if one.type != "lifetime"), None)
            return inner
        if node.type in ("reference_type", "pointer_type"):
            return node.child_by_field_name("type")
        if node.type in ("dynamic_type", "abstract_type"):
            return node.child_by_field_name("trait")
        if node.type in ("bracketed_type", "bounded_type", "qualified_type") and node.named_children:
            return node.named_children[0]
        return None

    _VISITS: ClassVar[Mapping[str, Callable[[_Extractor, tree_sitter.Node, str], None]]] = {
        "use_declaration": _use,
        "extern_crate_declaration": _extern,
        **dict.fromkeys(_KINDS, _item),
        "impl_item": _impl,
        "function_item": _function,
        "function_signature_item": _function,
        "macro_definition": _macro,
        "let_declaration": _let,
        "const_item": _constant,
        "static_item": _constant,
        "closure_expression": _closure,
        "let_condition": _matched,
        "for_expression": _matched,
        "match_arm": _matched,
        "call_expression": _call,
        "struct_expression": _made,
        "macro_invocation": _macro_call,
    }


class _RustLinker(Linker):
    """Resolves by the tree of modules: a file is one, and sees what it uses."""

    common = _COMMON
    variables_known = True

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        self._crates = self._workspace()
        self._modules: dict[tuple[str, str, str], Sequence[Target]] = {}
        self._impls: dict[tuple[str, str], list[Target]] = {}
        for path, facts in self.facts.items():
            for scope, written in (facts.body or {}).get("impls", ()):
                found = self.resolve(path, scope.rpartition(".")[0], written.split("."))
                if found is not None and found.name and self.kind(found) in TYPES:
                    self._impls.setdefault((found.path, found.name), []).append(Target(path, scope))

    def space(self, path: str) -> str:
        return path

    def parts(self, of: Target) -> Sequence[Target]:
        return [of, *self._impls.get((of.path, of.name), ())]

    def _workspace(self) -> Mapping[str, str]:
        """Return the root files of library crates by name, which is that of their folder."""
        crates: dict[str, str] = {}
        for path in self.files:
            folder, name = posixpath.split(path)
            folder = folder.removesuffix("/src")
            if name == "lib.rs" and folder not in ("", "src"):
                crates.setdefault(posixpath.basename(folder).replace("-", "_"), path)
        return crates

    def visible(self, path: str, name: str) -> Target | None:
        found = self._starts(path, name)
        return found[0] if found else None

    def anywhere(self, path: str, name: str) -> Target | None:
        found = super().anywhere(path, name)
        # A function of that name can be anything: what a macro makes, or what a trait's method is.
        return found if found is not None and self.kind(found) in TYPES else None

    def _starts(self, path: str, first: str) -> Sequence[Target]:
        """Return the modules that a path's first part can mean, whatever the file itself names so."""
        if first == _SELF:
            return (Target(path),)
        if first == _CRATE:
            return self._roots(path)
        if first == _ABOVE:
            above = self._above(path)
            return (above,) if above is not None else ()
        if first in _STANDARD:
            return (Target(package="rust/std", written=first),)
        if first in self._crates:
            return (Target(self._crates[first]),)
        return ()

    def _roots(self, path: str) -> Sequence[Target]:
        folder, name = posixpath.split(path)
        in_source = "src" in folder.split("/")
        while True:
            if not in_source and posixpath.basename(folder) in _OWN_CRATES:
                return (Target(path),)
            for place in (folder, posixpath.join(folder, "src")):
                roots = [one for one in ("lib.rs", "main.rs") if posixpath.join(place, one) in self.files]
                if roots:
                    ordered = sorted(roots, key=lambda one: (one != name, one))
                    return [Target(posixpath.join(place, one)) for one in ordered]
            if not folder:
                return (Target(path),)
            folder = posixpath.dirname(folder)

    def _above(self, path: str) -> Target | None:
        folder, name = posixpath.split(path)
        if name == "mod.rs":
            folder = posixpath.dirname(folder)
        ones = [f"{folder}.rs", *(posixpath.join(folder, one) for one in ("mod.rs", "lib.rs", "main.rs"))]
        return next((Target(one) for one in ones if one in self.files and one != path), None)

    def _child(self, path: str, name: str) -> Target | None:
        """Return the file of `mod name;`."""
        stem = posixpath.splitext(path)[0]
        for folder in (stem, posixpath.dirname(path)):
            for one in (f"{name}.rs", f"{name}/mod.rs"):
                file = posixpath.join(folder, one)
                if file in self.files and file != path:
                    return Target(file)
        return None

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        if row.flag == "mod":
            child = self._child(path, row.module)
            return (child,) if child is not None else ()
        key = (path, row.module, row.alias)
        if key not in self._modules:
            self._modules[key] = ()  # what is used by way of itself is nothing
            if not self.too_deep:
                with self.deeper():
                    self._modules[key] = tuple(self._walked(path, row))
        return self._modules[key]

    def _walked(self, path: str, row: Import) -> Iterator[Target]:
        first, *rest = row.module.split(".")
        starts = self._starts(path, first)
        if not starts:
            local = self._local(path, first, row)
            external = Target(package=f"cargo/{first}", written=first) if first.isidentifier() else None
            starts = [one for one in (local or external,) if one is not None]
        for start in starts:
            found: Target | None = start
            for part in rest:
                if found is None:
                    break
                found = self._above(found.path) if part == _ABOVE and not found.name else self.step(found, part)
            if found is not None:
                yield found

    def _local(self, path: str, name: str, row: Import) -> Target | None:
        """Return what a file itself calls `name`, but for the row that asks."""
        file = self.files[path]
        if name in file.kinds:
            return Target(path, name)
        other = file.aliases.get(name)
        if other is None or other is row or (other.module.partition(".")[0] == name and other.flag != "mod"):
            return None
        return self.import_target(path, other)

    def member(self, of: Target, name: str) -> Target | None:
        if name == _ABOVE:
            return self._above(of.path)
        if (found := self.in_file(of.path, name)) is not None or of.path not in self.files:
            return found
        file = self.files[of.path]
        if (row := file.aliases.get(name)) is not None:
            return self.import_target(of.path, row)
        for row in file.wildcards:
            for module in self.modules(of.path, row):
                if not module.package and module != of and not self.too_deep:
                    with self.deeper():
                        if (found := self.step(module, name)) is not None:
                            return found
        return None

    def linked(self, path: str, row: Import) -> Iterable[Target]:
        """Yield the file that holds what is imported."""
        found = self.import_target(path, row)
        for target in (found,) if found is not None else self.modules(path, row):
            yield replace(target, name="") if not target.package else target
