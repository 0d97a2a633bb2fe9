"""Links of the imports of Python files: to files of the repository, or to packages outside of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duetto_assets.ontology.code.facts import Link
from duetto_assets.ontology.code.python_modules import Modules, package_of


def import_links(path: str, imports: Iterable[tuple[int, int, str, str]], modules: Modules) -> Iterator[Link]:
    """Yield one link for each file and package that a file imports, with the line of the first import."""
    said: set[str] = set()
    for line, level, module, name in imports:
        link = _link(path, modules, line, level, module, name)
        if link is not None and (link.path or link.package) not in said and link.path != path:
            said.add(link.path or link.package)
            yield link


def _link(path: str, modules: Modules, line: int, level: int, module: str, name: str) -> Link | None:
    target = modules.find(path, level, module)
    if target.outside:
        return _outside(f"{module}.{name}" if name not in ("", "*") else module, line)
    if name not in ("", "*"):
        inner = modules.submodule(target, name)
        if inner.path:
            return Link("imports", "", path=inner.path, line=line)
        if target.folder is not None and not level and not inner.folder:
            # A folder without `__init__.py` gives way to a package of that name that is installed.
            return _outside(f"{module}.{name}", line)
    elif target.folder is not None and not level and "." not in module:
        return _outside(module, line)
    if target.path:
        return Link("imports", "", path=target.path, line=line)
    return None


def _outside(dotted: str, line: int) -> Link:
    return Link("imports", "", package=package_of(dotted), written=dotted, line=line)
