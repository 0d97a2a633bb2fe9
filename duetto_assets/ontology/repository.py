"""What only all files of a repository say together: what imports, bases and calls mean, and who owns what.

A pure function of what each file says, so that a graph built bit by bit equals one built at once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from duetto_assets.model import Document, Relation, digest
from duetto_assets.ontology import keys
from duetto_assets.ontology.code.facts import Facts, Link
from duetto_assets.ontology.code.families import FAMILIES, FAMILY_OF
from duetto_assets.ontology.owners import CODEOWNERS_PATHS, Rule, owned, rules
from duetto_assets.ontology.vocabulary import load

EXTRACTOR_VERSION = digest("1", *(f"{name} {family.version}" for name, family in sorted(FAMILIES.items())))[:12]
"""Differs whenever the same documents would give other entities or relations."""

_OWNERS = "owners"


@dataclass(frozen=True, slots=True)
class Extract:
    """What is kept of a file for linking."""

    family: str = ""  # empty: nothing
    facts: str = ""  # JSON

    def code(self) -> Facts | None:
        """Return the facts of code; None of anything else."""
        return Facts.from_json(json.loads(self.facts)) if self.family in FAMILIES else None


def extract(document: Document) -> Extract:
    """Read a document's code, or its list of owners."""
    if document.kind != "file":
        return Extract()
    if document.path in CODEOWNERS_PATHS:
        return Extract(_OWNERS, json.dumps([[r.pattern, r.owners, r.line] for r in rules(document.text)]))
    name = FAMILY_OF.get(document.language, "")
    facts = FAMILIES[name].extract(document.text, document.path, document.language) if name else None
    return Extract() if facts is None else Extract(name, json.dumps(facts.as_json(), separators=(",", ":")))


def link(partition: str, paths: set[str], extracts: Mapping[str, Extract]) -> Iterator[tuple[str, Relation]]:
    """Yield relations, with the path of the file that says each.

    :param paths: Of all files of the repository.
    :param extracts: By path.
    """
    by_family: defaultdict[str, dict[str, Facts]] = defaultdict(dict)
    for path in sorted(extracts):
        if (facts := extracts[path].code()) is not None:
            by_family[extracts[path].family][path] = facts
    for name, files in sorted(by_family.items()):
        types = {path: {d.name: d.kind for d in reversed(facts.definitions)} for path, facts in files.items()}
        for path, said in FAMILIES[name].link(files):
            if (relation := _relation(partition, path, said, types, paths)) is not None:
                yield path, relation
    yield from _ownership(partition, paths, extracts)


def _relation(
    partition: str, path: str, said: Link, types: Mapping[str, Mapping[str, str]], paths: set[str]
) -> Relation | None:
    subject_type = types[path].get(said.scope, "")
    subject = keys.symbol(partition, path, said.scope) if subject_type else keys.file(partition, path)
    if said.package:
        object_, object_type = keys.package(said.package), "package"
    elif said.name:
        object_type = types.get(said.path, {}).get(said.name, "")
        object_ = keys.symbol(partition, said.path, said.name)
        if not object_type:
            return None
    elif said.path in paths:
        object_, object_type = keys.file(partition, said.path), "file"
    else:
        object_, object_type = keys.directory(partition, said.path), "directory" if said.path else "repository"
    # A name that a file defines twice, as a class and as a function, is one symbol and of one kind.
    if load().problem(said.relation, subject_type or "file", object_type):
        return None
    return Relation(
        said.relation,
        subject,
        subject_type or "file",
        object_,
        object_type,
        target=said.written if said.package else "",
        confidence=said.confidence,
        line=said.line,
    )


def _ownership(partition: str, paths: set[str], extracts: Mapping[str, Extract]) -> Iterator[tuple[str, Relation]]:
    said = next((path for path in CODEOWNERS_PATHS if path in extracts and extracts[path].family == _OWNERS), "")
    if not said:
        return
    declared = [Rule(pattern, tuple(owners), line) for pattern, owners, line in json.loads(extracts[said].facts)]
    for each in owned(declared, sorted(paths)):
        subject_type = "directory" if each.is_directory and each.path else "repository" if each.is_directory else "file"
        of = keys.directory if each.is_directory else keys.file
        owner, type_ = owner_key(each.owner)
        yield (
            said,
            Relation(
                "owned_by", of(partition, each.path), subject_type, owner, type_, target=each.owner, line=each.line
            ),
        )


def owner_key(owner: str) -> tuple[str, str]:
    """Return the key and the type of whom CODEOWNERS names: `@user`, `@org/team` or an e-mail address."""
    if not owner.startswith("@"):
        return f"email:{owner.casefold()}", "person"
    return (f"team:{owner[1:]}", "team") if "/" in owner else (f"login:github/{owner[1:].casefold()}", "person")
