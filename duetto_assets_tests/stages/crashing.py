"""A process that syncs a repository again and again until it is killed.

`python -m duetto_assets_tests.stages.crashing REPOSITORY INDEX`
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from duetto_assets.sources.repos import ReposSource
from duetto_assets.stages import chunks, documents, embeddings
from duetto_assets.store.index import Index
from duetto_assets_tests.stages.worlds import World


def world_of(repository: Path, index: Path) -> World:
    """Return the chain over one repository that lies here."""
    source = ReposSource(
        clones_path=index.parent / "clones", repositories=[str(repository)], max_file_bytes=MAX_FILE_BYTES
    )
    return World(source, repository.name, Index(str(index)))


def start(repository: Path, index: Path) -> subprocess.Popen[str]:
    """Start the process and wait until it has imported everything."""
    command = [sys.executable, "-m", __name__, str(repository), str(index)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def main(repository: Path, index: Path) -> None:
    """Sync for ever, in commits so small that a kill falls between or into them."""
    documents._COMMIT_DOCUMENTS = 4
    chunks._COMMIT_DOCUMENTS = 4
    embeddings._MIN_WINDOW = embeddings._MAX_WINDOW = 8
    world = world_of(repository, index)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        world.sync()
        world.index.chunks.optimize()


MAX_FILE_BYTES = 20_000

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
