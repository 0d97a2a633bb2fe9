"""Peak memory of a first index of a repository of 15,000 files.

The real model is loaded and encodes the first thousand texts, so that its memory counts; the other vectors are made up,
since encoding all would take the better part of an hour on two cores. `--whole` encodes all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground import MODEL, Ground, commit, git, peak_mib, real_files, report
from duetto_assets.stages.embed import Vectors
from duetto_assets.stages.encoder import SentenceTransformerEncoder

_REAL_TEXTS = 1_000


class _MostlyMadeUp(SentenceTransformerEncoder):
    encoded = 0

    def encode(self, texts: Sequence[str], on_batch: Any = None) -> Vectors:
        self.encoded += len(texts)
        if self.encoded <= _REAL_TEXTS:
            return super().encode(texts, on_batch)
        vectors = np.random.default_rng(self.encoded).normal(size=(len(texts), self.dim)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Index a repository: the one named, or 15,000 files cut from installed packages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repository", type=Path, help="a checkout to index instead")
    parser.add_argument("--whole", action="store_true", help="encode every text with the model")
    args = parser.parse_args()
    encoder = (SentenceTransformerEncoder if args.whole else _MostlyMadeUp)(MODEL)
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), args.repository or _made(Path(folder) / "project"), encoder)
        started = time.monotonic()
        done = ground.update()
        report(
            "peak memory of a first index",
            repository=args.repository.name if args.repository else "made of installed packages",
            documents=ground.index.documents.count(),
            chunks=ground.index.chunks.count(),
            texts=done.embedded,
            peak_mib=peak_mib(),
            limit_mib=2048,
            seconds=time.monotonic() - started,
        )


def _made(folder: Path, files: int = 15_000) -> Path:
    pieces = (
        "\n".join(lines[start : start + 60])
        for file in real_files(".")
        if (lines := file.read_text(encoding="utf-8", errors="replace").splitlines())
        for start in range(0, len(lines), 60)
    )
    for number, piece in enumerate(islice(pieces, files)):
        path = folder / f"d{number % 100:02}" / f"{number:05}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(piece, encoding="utf-8")
    git(folder, "init", "-q")
    commit(folder, "first")
    return folder


if __name__ == "__main__":
    main()
