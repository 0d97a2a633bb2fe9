"""Small updates: 100 one-line edits in 100 files, and pure renames.

The edits must cost little more than encoding the chunks whose text changed; renames must encode no text at all.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.ground import Ground, commit, git, report, repository, take


def main() -> None:
    """Measure both on one repository of 300 files of real code."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = repository(Path(folder) / "project", take("dagster", 300))
        ground = Ground(Path(folder), checkout)
        first = ground.update()
        ground.entities()
        _edits(ground)
        _renames(ground, first.embedded)


def _edits(ground: Ground) -> None:
    for number, file in enumerate(sorted(ground.checkout.glob("src/**/*.py"))[:100]):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        lines[len(lines) // 2] = f"# edit {number}\n" + lines[len(lines) // 2]
        file.write_text("".join(lines), encoding="utf-8")
    commit(ground.checkout, "100 edits")
    ground.encoder.texts.clear()
    started = time.monotonic()
    done = ground.update()
    update_s = time.monotonic() - started
    texts = list(ground.encoder.texts)
    alone = []
    for _ in range(2):
        started = time.monotonic()
        ground.encoder.encode(texts)
        alone.append(time.monotonic() - started)
    alone_s = min(alone)
    extracted = ground.entities()
    report(
        "100 one-line edits in 100 of 300 files",
        embedded=done.embedded,
        reused=done.reused,
        update_s=update_s,
        encoding_alone_s=alone_s,
        limit_s=1.2 * alone_s + 1,
        ratio=update_s / (1.2 * alone_s + 1),
        within_limit=update_s <= 1.2 * alone_s + 1,
        documents_extracted=extracted.documents,
        relations_relinked=extracted.relinked,
        entities_s=extracted.seconds,
    )


def _renames(ground: Ground, first_texts: int) -> None:
    (ground.checkout / "moved").mkdir()
    files = sorted(ground.checkout.glob("src/**/*.py"))[:281]
    for file in files:
        git(ground.checkout, "mv", str(file), f"moved/{file.name}")
    commit(ground.checkout, "281 renames")
    started = time.monotonic()
    done = ground.update()
    report(
        "281 pure renames",
        texts_embedded=done.embedded,
        places_embedded=done.places,
        texts_of_first_index=first_texts,
        update_s=time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
