"""Tree-sitter grammars of the languages we know, and which of their nodes are definitions.

The grammars lie in the installed tree-sitter-language-pack 0.13 (1.x would download them at run time).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KEYWORD = "keyword"  # the kind is the keyword the node begins with: class, struct, extension, …
VALUE = "value"  # a definition only if a function or a class is assigned; the kind is that's
NAMESPACES = frozenset({"namespace"})  # kinds that only give names to what they hold


@dataclass(frozen=True, slots=True)
class Grammar:
    """How to read one language's trees."""

    name: str  # in the language pack
    kinds: Mapping[str, str]  # node type -> kind of definition
    wrappers: frozenset[str] = frozenset()  # nodes that may hold a definition: `export`, decorators
    transparent: frozenset[str] = frozenset()  # nodes to look through, which name nothing: header guards
    leads: frozenset[str] = frozenset({"comment"})  # nodes that belong to the definition after them
    spliced: frozenset[str] = frozenset()  # nodes replaced by their children, for they swallow what follows
    calls: Mapping[str, str] = field(default_factory=dict)  # definitions that look like calls: name -> kind


def node_types(names: str) -> frozenset[str]:
    """Return names written with spaces between them, as a set."""
    return frozenset(names.split())


def _kinds(**by_kind: str) -> dict[str, str]:
    return {node: kind for kind, nodes in by_kind.items() for node in nodes.split()}


_JAVASCRIPT = _kinds(
    function="function_declaration generator_function_declaration function_signature",
    method="method_definition method_signature abstract_method_signature",
    **{"class": "class_declaration abstract_class_declaration class"},
    interface="interface_declaration",
    enum="enum_declaration",
    type="type_alias_declaration",
    namespace="internal_module module",
    value="variable_declarator assignment_expression public_field_definition field_definition pair",
)
_EXPORTS = node_types(
    "export_statement lexical_declaration variable_declaration expression_statement ambient_declaration"
)
_C = _kinds(
    function="function_definition declaration field_declaration",
    struct="struct_specifier",
    union="union_specifier",
    enum="enum_specifier",
    type="type_definition alias_declaration",
    macro="preproc_function_def",
    concept="concept_definition",
    **{"class": "class_specifier"},
    namespace="namespace_definition",
)
_PREPROCESSOR = frozenset({"preproc_ifdef", "preproc_if", "linkage_specification"})

GRAMMARS: Mapping[str, Grammar] = {
    "python": Grammar(
        "python",
        _kinds(function="function_definition", type="type_alias_statement", **{"class": "class_definition"}),
        wrappers=frozenset({"decorated_definition"}),
    ),
    "javascript": Grammar("javascript", _JAVASCRIPT, _EXPORTS, leads=frozenset({"comment", "decorator"})),
    "typescript": Grammar("typescript", _JAVASCRIPT, _EXPORTS, leads=frozenset({"comment", "decorator"})),
    "tsx": Grammar("tsx", _JAVASCRIPT, _EXPORTS, leads=frozenset({"comment", "decorator"})),
    "java": Grammar(
        "java",
        _kinds(
            method="method_declaration constructor_declaration compact_constructor_declaration",
            interface="interface_declaration annotation_type_declaration",
            enum="enum_declaration",
            record="record_declaration",
            **{"class": "class_declaration"},
        ),
        leads=frozenset({"line_comment", "block_comment"}),
    ),
    "kotlin": Grammar(
        "kotlin",
        _kinds(
            keyword="class_declaration object_declaration",
            function="function_declaration",
            method="secondary_constructor",
            type="type_alias",
        ),
        transparent=frozenset({"companion_object"}),
        spliced=frozenset({"import_list", "import_header"}),  # the last ends with the first class's comment
        leads=frozenset({"line_comment", "multiline_comment"}),
    ),
    "scala": Grammar(
        "scala",
        _kinds(
            function="function_definition function_declaration",
            object="object_definition package_object",
            trait="trait_definition",
            enum="enum_definition",
            extension="extension_definition",
            type="type_definition",
            given="given_definition",
            **{"class": "class_definition"},
        ),
        leads=frozenset({"comment", "block_comment"}),
    ),
    "go": Grammar(
        "go",
        _kinds(function="function_declaration", method="method_declaration", type="type_spec type_alias"),
        wrappers=frozenset({"type_declaration"}),
    ),
    "rust": Grammar(
        "rust",
        _kinds(
            function="function_item function_signature_item",
            struct="struct_item",
            enum="enum_item",
            union="union_item",
            trait="trait_item",
            impl="impl_item",
            macro="macro_definition",
            type="type_item",
            namespace="mod_item",
        ),
        transparent=frozenset({"foreign_mod_item"}),
        leads=frozenset({"line_comment", "block_comment", "attribute_item"}),
    ),
    "c": Grammar("c", _C, transparent=_PREPROCESSOR),
    "cpp": Grammar("cpp", _C, frozenset({"template_declaration"}), _PREPROCESSOR, frozenset({"comment"})),
    "csharp": Grammar(
        "csharp",
        _kinds(
            method="method_declaration constructor_declaration destructor_declaration operator_declaration "
            "indexer_declaration conversion_operator_declaration",
            property="property_declaration",
            function="local_function_statement",
            interface="interface_declaration",
            struct="struct_declaration",
            enum="enum_declaration",
            record="record_declaration",
            delegate="delegate_declaration",
            **{"class": "class_declaration"},
            namespace="namespace_declaration",
        ),
        leads=frozenset({"comment", "attribute_list"}),
    ),
    "ruby": Grammar(
        "ruby",
        _kinds(function="method singleton_method", module="module", **{"class": "class"}),
        transparent=frozenset({"singleton_class"}),
    ),
    "php": Grammar(
        "php",
        _kinds(
            function="function_definition",
            method="method_declaration",
            interface="interface_declaration",
            trait="trait_declaration",
            enum="enum_declaration",
            **{"class": "class_declaration"},
            namespace="namespace_definition",
        ),
        leads=frozenset({"comment", "attribute_list"}),
    ),
    "swift": Grammar(
        "swift",
        _kinds(
            keyword="class_declaration",
            protocol="protocol_declaration",
            function="function_declaration protocol_function_declaration",
            method="init_declaration deinit_declaration subscript_declaration",
            type="typealias_declaration",
        ),
        leads=frozenset({"comment", "multiline_comment"}),
    ),
    "bash": Grammar("bash", _kinds(function="function_definition")),
    "lua": Grammar(
        "lua",
        _kinds(function="function_declaration", value="assignment_statement field"),
        wrappers=frozenset({"variable_declaration"}),
    ),
    "elixir": Grammar(
        "elixir",
        {},
        leads=frozenset({"comment", "unary_operator"}),  # @doc, @spec
        calls={
            "defmodule": "module",
            "defprotocol": "protocol",
            "defimpl": "impl",
            "def": "function",
            "defp": "function",
            "defmacro": "macro",
            "defmacrop": "macro",
            "defguard": "macro",
            "defdelegate": "function",
            "test": "test",
            "describe": "test",
        },
    ),
}
