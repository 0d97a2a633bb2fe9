"""Our encoder against plain `SentenceTransformer.encode`: same chunks, same process, rounds interleaved.

    python -m benchmarks.encode [FOLDER] [--chunks N] [--rounds N]

Prints one JSON object a line: each round, then the fastest of each way and their ratio (above 1: ours is faster).
The fastest, because whatever else runs on the machine can only slow a round down.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from duetto_assets.stages.embed import Vectors, resolve_model
from duetto_assets.stages.encoder import SentenceTransformerEncoder

SUFFIXES = {".py", ".js", ".ts", ".java", ".go", ".rs", ".c", ".cpp", ".rb", ".md", ".rst", ".sh"}
PLAIN_BATCH_SIZES = (16, 32, 64)


def chunks(folder: Path, count: int) -> list[str]:
    """Return `count` slices of the folder's source files, 1 to 40 lines long, always the same, sorted."""
    rng = random.Random(0)
    every = [piece for file in sorted(folder.rglob("*")) for piece in _pieces(file, rng)]
    return sorted(rng.sample(every, min(count, len(every))), key=len, reverse=True)


def _pieces(file: Path, rng: random.Random) -> Iterator[str]:
    if file.suffix not in SUFFIXES or not file.is_file():
        return
    lines = file.read_text("utf-8", errors="replace").splitlines()
    while lines:
        size = rng.randint(1, 40)
        piece, lines = "\n".join(lines[:size]), lines[size:]
        if piece.strip():
            yield piece


def seconds(encode: Callable[[list[str]], Vectors], texts: list[str]) -> float:
    """Return how long `encode` takes."""
    start = time.perf_counter()
    encode(texts)
    return time.perf_counter() - start


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--chunks", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-tokens", type=int, nargs="*", default=[0], help="budgets to try; 0: default")
    arguments = parser.parse_args()

    texts = chunks(arguments.folder, arguments.chunks)
    model = resolve_model("all-MiniLM-L6-v2")
    encoder = SentenceTransformerEncoder(model)
    plain = encoder.load()  # the very same module, so that only the way around it differs
    default = encoder.batch_tokens
    tokens = sum(len(ids) for ids in plain.tokenizer(texts, truncation=True)["input_ids"])

    def ours(budget: int) -> Callable[[list[str]], Vectors]:
        def encode(texts: list[str]) -> Vectors:
            encoder.batch_tokens = budget or default
            return encoder.encode(texts)

        return encode

    def theirs(size: int) -> Callable[[list[str]], Vectors]:
        return lambda texts: plain.encode(texts, batch_size=size, show_progress_bar=False)

    ways = {f"ours/{budget or default}": ours(budget) for budget in arguments.batch_tokens}
    ways |= {f"plain/{size}": theirs(size) for size in PLAIN_BATCH_SIZES}
    for encode in ways.values():
        encode(texts[-32:])  # warm
    took: dict[str, list[float]] = {way: [] for way in ways}
    for round_ in range(arguments.rounds):
        for way, encode in ways.items():
            took[way].append(seconds(encode, texts))
        print(json.dumps({"round": round_} | {way: round(took[way][-1], 2) for way in ways}), flush=True)
    for way in ways:
        s = min(took[way])
        print(json.dumps({"way": way, "texts_per_s": round(len(texts) / s, 1), "tokens_per_s": round(tokens / s)}))
    best = {kind: min(min(took[w]) for w in ways if w.startswith(kind)) for kind in ("ours", "plain")}
    print(json.dumps({"texts": len(texts), "tokens": tokens, "ratio": round(best["plain"] / best["ours"], 3)}))


if __name__ == "__main__":
    main()
