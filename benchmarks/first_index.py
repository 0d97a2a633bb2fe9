"""A first index against `SentenceTransformer.encode` alone on the same chunks, sorted, in the same process.

The two take turns on halves of the work, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.ground import MODEL, Ground, peak_mib, report, repository, take
from duetto_assets.stages.encoder import SentenceTransformerEncoder


def main() -> None:
    """Index repositories of real code; encode their texts with the plain library before and after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=120, help="files of a round (about 6 chunks each)")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    encoder = SentenceTransformerEncoder(MODEL)
    encoder.encode(["warm up"] * 32)
    ours = plain = 0.0
    chunks = 0
    for number in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            files = take("dagster", args.files, skip=number * args.files)
            ground = Ground(Path(folder), repository(Path(folder) / "project", files), encoder)
            started = time.monotonic()
            done = ground.update()
            ours += time.monotonic() - started
            chunks += done.embedded
            texts = sorted(ground.encoder.texts[: done.embedded + done.places], key=len, reverse=True)
            plain += _plain(encoder, texts[: done.embedded])
    report(
        "first index",
        chunks=chunks,
        pipeline_chunks_per_s=chunks / ours,
        encode_alone_chunks_per_s=chunks / plain,
        ratio=plain / ours,
        target=0.9,
        peak_mib=peak_mib(),
    )


def _plain(encoder: SentenceTransformerEncoder, texts: list[str]) -> float:
    model = encoder.load()
    started = time.monotonic()
    model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
