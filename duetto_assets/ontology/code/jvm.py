"""Java and Kotlin: names lead through packages and imports, across both languages.

Knows what declarations say. Getters that Kotlin calls as properties and what annotation processors write are not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from duetto_assets.ontology.code import java, kotlin
from duetto_assets.ontology.code.facts import LIKELY, Facts, Link
from duetto_assets.ontology.code.scopes import ALL, TYPES, Import, Linker, Target, Wanted, words

_COMMON = words(
    "add addAll all also any append apply build charAt clear close collect compareTo contains containsKey copy count "
    "create empty entrySet equals exists filter find first flatMap forEach format get getClass getId getKey getMessage "
    "getName getOrDefault getType getValue hasNext hashCode indexOf init isEmpty isPresent iterator join keySet last "
    "length let map main max min name next of ofNullable orElse ordinal parse print println put putAll read remove "
    "replace reset reverse run set setName setValue size sort split start startsWith stop stream sub substring "
    "toArray toList toLowerCase toString toUpperCase trim update use valueOf values write"
)


class Jvm:
    """The family of Java and Kotlin."""

    languages = frozenset({"java", "kotlin"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file."""
        del path
        return java.extract(text) if language == "java" else kotlin.extract(text)

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _Linker(files).links()


class _Linker(Linker):
    common = _COMMON
    implicit_this = True
    variables_known = True
    variables_called = False

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        self._extensions: dict[tuple[str, str], str] = {}  # extension function -> the type it extends, as written
        for path, facts in self.facts.items():
            for name, type_name in (facts.body or {}).get("extensions", {}).items():
                self._extensions[path, name] = type_name

    def space(self, path: str) -> str:
        """Return the package; of files without one, their folder."""
        return self.files[path].module or f"/{path.rpartition('/')[0]}"

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        """Return the package of this repository, or the type whose member is imported, or a package of others."""
        del path
        if row.module in self.members:
            return (Target(space=row.module),)
        parts = row.module.split(".")
        if (found := self.qualified(parts)) is not None:
            target, rest = found
            return () if rest else (target,)
        if (file := self._facade(row.module)) is not None:
            return (file,)
        return (Target(package=_package(parts), written=row.module),)

    def member(self, of: Target, name: str) -> Target | None:
        """Return what a package calls `name`, which may be the class that stands for a Kotlin file's functions."""
        found = super().member(of, name)
        return self._facade(f"{of.space}.{name}") if found is None and of.space else found

    def anywhere(self, path: str, name: str) -> Target | None:
        """Return nothing: a name of another package is imported."""
        del path, name
        return None

    def linked(self, path: str, row: Import) -> Iterable[Target]:
        """Return the file of the type that is imported."""
        for module in self.modules(path, row):
            found = module if row.name == ALL else self.step(module, row.name)
            if found is not None and found.path:
                written = row.module if row.name == ALL else f"{row.module}.{row.name}"
                yield Target(found.path, written=written, confidence=found.confidence)
            elif found is not None:
                yield found

    def called(self, path: str, scope: str, parts: Sequence[str]) -> Sequence[Target]:
        """Return what a call can be of; with a type, its constructor where that is written."""
        found = list(super().called(path, scope, parts))
        if not found and len(parts) > 1:
            found += self._extension(path, scope, parts)
        for one in tuple(found):
            constructor = f"{one.name}.{one.name.rpartition('.')[2]}"
            if self.kind(one) in TYPES and constructor in self.files[one.path].kinds:
                found.append(replace(one, name=constructor))
        return found

    def _inherited(self, line: Iterable[Target], name: str, wanted: Wanted = Wanted.VALUE) -> Target | None:
        found = super()._inherited(line, name, wanted)
        if found is not None and self.kind(found) == "method":
            of, _, last = found.name.rpartition(".")
            if of.rpartition(".")[2] == last:  # within a type its name is the type's, not the constructor's
                return replace(found, name=of)
        return found

    def _extension(self, path: str, scope: str, parts: Sequence[str]) -> Sequence[Target]:
        """Return the extension function of that name which the file sees, if it may extend the receiver's type."""
        found = self.resolve(path, scope, parts[-1:], Wanted.CALL)
        extended = self._extensions.get((found.path, found.name)) if found is not None else None
        if found is None or extended is None or parts[-1] in self.common:
            return ()
        of, base = self.resolve(path, scope, parts[:-1]), self.resolve(found.path, "", extended.split("."), Wanted.TYPE)
        if of is None or base is None or not of.name or not base.name:
            return (replace(found, confidence=LIKELY),)
        line = {(one.path, one.name) for one in self.ancestors(of)}
        return (found,) if (base.path, base.name) in line else ()

    def _facade(self, full: str) -> Target | None:
        """Return the Kotlin file that Java knows as a class of this full name: `util.kt` as `UtilKt`."""
        package, _, name = full.rpartition(".")
        stem = name.removesuffix("Kt")
        if stem == name:
            return None
        names = {f"{stem}.kt", f"{stem[:1].lower()}{stem[1:]}.kt"}
        return next((Target(path) for path in self.members.get(package, ()) if path.rpartition("/")[2] in names), None)


def _package(parts: Sequence[str]) -> str:
    """Return what the package belongs to: the standard libraries by package, others by their first three segments."""
    package = [part for part in parts if not part[:1].isupper()] or list(parts)
    if package[0] in ("java", "javax"):
        return f"java/{'.'.join(package)}"
    if package[0] == "kotlin":
        return f"kotlin/{'.'.join(package)}"
    return f"maven/{'.'.join(package[:3])}"
