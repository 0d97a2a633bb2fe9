"""The ontology as it is declared in `ontology.toml`: entity types and relation types. It decides what may be stored."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class EntityType:
    """A kind of thing. An abstract one has no entities of its own."""

    name: str
    meaning: str
    broader: str = ""
    abstract: bool = False


@dataclass(frozen=True, slots=True)
class RelationType:
    """A kind of relation: "domain name range"; read the other way, "range inverse domain"."""

    name: str
    inverse: str
    meaning: str
    domain: tuple[str, ...]
    range: tuple[str, ...]
    depends: bool = False  # a change of the object may break the subject


@dataclass(frozen=True)
class Vocabulary:
    """All types, in the order of their declaration."""

    types: Mapping[str, EntityType]
    relations: Mapping[str, RelationType]

    def concrete(self, *names: str) -> frozenset[str]:
        """Return these types and all narrower ones that have entities."""
        found = set()
        for name in self.types.values():
            above = name.name
            while above:
                if above in names and not name.abstract:
                    found.add(name.name)
                above = self.types[above].broader
        return frozenset(found)

    def relation(self, name: str) -> tuple[RelationType, bool]:
        """Return the relation that has this name, or this inverse name, and whether it is the inverse.

        :raises KeyError: If there is none.
        """
        if name in self.relations:
            return self.relations[name], False
        return self._by_inverse[name], True

    @cached_property
    def _by_inverse(self) -> Mapping[str, RelationType]:
        return {relation.inverse: relation for relation in self.relations.values()}

    def problem(self, relation: str, subject_type: str, object_type: str) -> str:
        """Return why such a relation may not be stored; empty if it may.

        :param object_type: Empty while the object is not known.
        """
        declared = self.relations.get(relation)
        if declared is None:
            return f"there is no relation {relation!r}"
        allowed = self._allowed[relation]
        if subject_type not in allowed[0]:
            return f"{relation}: its subject cannot be a {subject_type}"
        if object_type and object_type not in allowed[1]:
            return f"{relation}: its object cannot be a {object_type}"
        return ""

    @cached_property
    def _allowed(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        return {
            name: (self.concrete(*each.domain), self.concrete(*each.range)) for name, each in self.relations.items()
        }


@cache
def load() -> Vocabulary:
    """Return the declared ontology.

    :raises ValueError: If the declaration names a type that it does not declare, or a name twice.
    """
    declared = tomllib.loads(files(__package__).joinpath("ontology.toml").read_text("utf-8"))
    types = {
        name: EntityType(name, row["meaning"], row.get("is", ""), row.get("abstract", False))
        for name, row in declared["types"].items()
    }
    relations = {
        name: RelationType(
            name, row["inverse"], row["meaning"], tuple(row["domain"]), tuple(row["range"]), row.get("depends", False)
        )
        for name, row in declared["relations"].items()
    }
    named = {each.broader for each in types.values() if each.broader}
    named |= {name for each in relations.values() for name in (*each.domain, *each.range)}
    if unknown := named - types.keys():
        raise ValueError(f"ontology.toml: no type {', '.join(sorted(unknown))} is declared")
    inverses = [each.inverse for each in relations.values() if each.inverse != each.name]
    if twice := {name for name in inverses if inverses.count(name) > 1 or name in relations}:
        raise ValueError(f"ontology.toml: {', '.join(sorted(twice))} names two relations")
    return Vocabulary(types, relations)
