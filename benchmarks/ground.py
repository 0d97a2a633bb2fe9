"""What benchmarks stand on: real code of installed packages, in fresh repositories, with an index of their own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from duetto_assets.sources.repos import ReposSource
from duetto_assets.stages.chunk import Chunker
from duetto_assets.stages.chunks import reconcile_chunks
from duetto_assets.stages.documents import reconcile_documents
from duetto_assets.stages.embed import Encoder, Vectors, resolve_model
from duetto_assets.stages.embeddings import EmbeddingCounts, reconcile_embeddings
from duetto_assets.stages.encoder import SentenceTransformerEncoder
from duetto_assets.stages.entities import EntityCounts, reconcile_entities
from duetto_assets.stages.tokens import Tokenizer
from duetto_assets.store.index import Index

MODEL = resolve_model("all-MiniLM-L6-v2")
_PACKAGES = Path(sysconfig.get_paths()["purelib"])


def real_files(package: str) -> Iterator[Path]:
    """Yield the Python files of an installed package that are of middling size, in order."""
    return (p for p in sorted((_PACKAGES / package).rglob("*.py")) if 1_000 < p.stat().st_size < 10_000)


def repository(folder: Path, files: Sequence[Path]) -> Path:
    """Make a repository with copies of these files, committed."""
    for number, file in enumerate(files):
        copy = folder / "src" / f"part{number % 10}" / f"{number:04}_{file.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "first")
    return folder


def take(package: str, count: int, skip: int = 0) -> list[Path]:
    """Return `count` files of a package."""
    return list(islice(real_files(package), skip, skip + count))


def git(folder: Path, *args: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *args], cwd=folder, check=True)


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", message)


class Counting:
    """An encoder that keeps the texts it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.model_id, self.dim, self.max_tokens = encoder.model_id, encoder.dim, encoder.max_tokens
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str], on_batch: Any = None) -> Vectors:
        """Encode, and remember."""
        self.texts += texts
        return self._encoder.encode(texts, on_batch)

    def encode_query(self, text: str) -> Vectors:
        """Encode a query."""
        return self._encoder.encode_query(text)


class Ground:
    """One repository and its index."""

    def __init__(self, folder: Path, checkout: Path, encoder: Encoder | None = None) -> None:
        self.folder, self.checkout = folder, checkout
        self.index = Index(str(folder / "index"))
        self.chunker = Chunker(Tokenizer(MODEL.tokenizer_path), 256)
        self.encoder = Counting(encoder or SentenceTransformerEncoder(MODEL))

    def update(self) -> EmbeddingCounts:
        """Bring the index up to date, as a run of the chain does."""
        source = ReposSource(
            clones_path=self.folder / "clones",
            repositories=[str(self.checkout)],
            commit_months=0,  # a commit's message is a new text of its own; here the files count
        )
        (partition,) = source.heads()
        reconcile_documents(source, partition, self.index)
        reconcile_chunks("repos", partition, self.index, self.chunker)
        return reconcile_embeddings("repos", partition, self.index, self.encoder, self.chunker.version)

    def entities(self) -> EntityCounts:
        """Extract entities and relations, which a search need not wait for."""
        return reconcile_entities(
            "repos", next(iter(self.index.known_partitions("repos").values())).partition, self.index
        )


def peak_mib() -> int:
    """Return the most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "linux" else 1024**2)


def report(name: str, **numbers: Any) -> None:
    """Print one measurement as a JSON line."""
    rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in numbers.items()}
    print(json.dumps({"benchmark": name, **rounded}), flush=True)


def environment(home: Path, repositories: Sequence[Path | str]) -> dict[str, str]:
    """Return the environment of a `duetto-intel` that works in `home`."""
    ours = ("DUETTO_", "GITHUB_", "DAGSTER_", "CONFLUENCE_", "JIRA_", "ATLASSIAN_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return clean | {"DUETTO_HOME": str(home), "DUETTO_REPOS": " ".join(f"'{r}'" for r in repositories)}


def site_environment(url: str) -> dict[str, str]:
    """Return the variables that name a stand-in Atlassian site."""
    account = {"USER": "indexer@example.com", "TOKEN": "no-secret"}
    urls = {"CONFLUENCE": f"{url}/wiki", "JIRA": url}
    return {f"{system}_{name}": value for system in urls for name, value in {"URL": urls[system], **account}.items()}
