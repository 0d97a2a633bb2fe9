"""What belongs to an entity: what it holds, what holds it, and the packages that are made of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duetto_assets.search.graph import CODES, Rows, View, distinct, of_relations


def within(view: View, nodes: Rows) -> Rows:
    """Return these nodes and all that they contain or define, sorted."""
    return _closure(view, nodes, down=True)


def around(view: View, nodes: Rows) -> Rows:
    """Return these nodes and all that contain or define them, sorted."""
    return _closure(view, nodes, down=False)


def _closure(view: View, nodes: Rows, *, down: bool) -> Rows:
    parts = of_relations("contains", "defines")
    seen = np.zeros(len(view.nodes), bool)
    seen[nodes] = True
    frontier = nodes
    while len(frontier):
        edges = view.out(frontier, parts) if down else view.into(frontier, parts)
        ends = (view.graph.object if down else view.graph.subject)[edges]
        frontier = distinct(ends[~seen[ends]], len(seen))
        seen[frontier] = True
    return np.flatnonzero(seen)


def packages_of(view: View, node: int) -> Rows:
    """Return the packages that a repository, directory or file is part of, or holds.

    A file belongs to the package whose manifest lies nearest above it.
    """
    partition, path = view.strings("partition", [node])[0], view.strings("path", [node])[0]
    edges = _produces(view)
    subjects = view.graph.subject[edges]
    here = pc.equal(view.graph.nodes["partition"].take(pa.array(subjects)), pa.scalar(partition, pa.string()))
    edges = edges[here.to_numpy()]
    manifests = edges[view.graph.typed(("file",))[view.graph.subject[edges]]]
    if not len(manifests):
        return np.unique(view.graph.object[edges])
    folders = np.array([_above(each) for each in view.strings("path", view.graph.subject[manifests])], object)
    holding = [folder for folder in folders if _lies_in(path, folder)]
    nearest = max(holding, key=len, default=None)
    chosen = [folder == nearest or _lies_in(folder, path) for folder in folders]
    return np.unique(view.graph.object[manifests[chosen]])


def homes_of(view: View, package: int) -> Rows:
    """Return where a package is made: the directories of its manifests, a repository where one lies at the top."""
    edges = _produces(view)
    makers = view.graph.subject[edges[view.graph.object[edges] == package]]
    is_file = view.graph.typed(("file",))[makers]
    if not is_file.any():
        return np.unique(makers)
    holders = view.into(makers[is_file], of_relations("contains"))
    return np.unique(view.graph.subject[holders])


def _produces(view: View) -> Rows:
    return np.flatnonzero(view.edges & (view.graph.relation == CODES["produces"]))


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _lies_in(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
