"""Reads one Python file: what it defines and imports, and how values flow in it. It knows nothing of other files."""

from __future__ import annotations

from duetto_assets.ontology.code import python_definitions as definitions
from duetto_assets.ontology.code import python_expressions as expressions
from duetto_assets.ontology.code import python_statements as statements
from duetto_assets.ontology.code.facts import Facts
from duetto_assets.ontology.code.python_reader import Reader
from duetto_assets.syntax import parse


def read(text: str) -> Facts | None:
    """Return the facts of a Python file; None if its parser gives up."""
    if (parsed := parse(text, "python")) is None:
        return None
    tree, data = parsed
    return Reader(data, _RULES).facts(tree.root_node)


_RULES = {**statements.RULES, **definitions.RULES, **expressions.RULES}
