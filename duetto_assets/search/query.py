"""Hybrid search: words by BM25 and meaning by vectors, fused by rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from duetto_assets.errors import ConfigError
from duetto_assets.model import PUBLIC
from duetto_assets.stages.embed import Encoder, vector_model_id
from duetto_assets.stages.words import words
from duetto_assets.store.index import Index
from duetto_assets.store.where import Where, among, both, either, excluding, matches, same, shares

_RRF_K = 60  # Cormack, Clarke and Büttcher, SIGIR 2009
_POOL = 100  # candidates of each kind that are fused


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must be. An empty field allows everything; `principals` are the names the asker goes by."""

    source: str = ""
    partition: str = ""
    language: str = ""
    path: str = ""  # a glob, as in .gitignore; with `!` before it, what it does not match
    principals: tuple[str, ...] = PUBLIC


@dataclass(frozen=True, slots=True)
class Hit:
    """One chunk found."""

    rank: int
    score: float
    source: str
    partition: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    title: str
    url: str
    text: str


_SHOWN = ["source", "partition", "path", "start_line", "end_line", "symbol", "title", "url", "text"]


def none_earlier(_model: str) -> Encoder | None:
    """Know no earlier model."""
    return None


def search(
    index: Index,
    query: str,
    encoder: Callable[[], Encoder],
    filters: Filters | None = None,
    limit: int = 10,
    earlier: Callable[[str], Encoder | None] = none_earlier,
) -> list[Hit]:
    """Return the best chunks for a query, best first.

    :param encoder: Called only where there are vectors to compare with: it may load a model.
    :param earlier: Returns the encoder of vectors that another model made, by the id they carry, while that model is
        still at hand: a partition answers by its old vectors until they are renewed.
    :raises ConfigError: If the path is no glob.
    """
    filters = filters or Filters()
    try:
        where = _where(filters)
        meanings = _by_meaning(index, query, encoder, earlier, where)
        return _fused(index, [_by_words(index, query, where), *meanings], where, limit)
    except (RuntimeError, ValueError) as error:
        if "regex" not in str(error):
            raise
        raise _no_glob(filters.path) from error  # gitignore's dialect has more than regular expressions can say


def _fused(index: Index, rankings: Sequence[Sequence[str]], where: Where, limit: int) -> list[Hit]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, chunk_id in enumerate(ranking, 1):
            scores[chunk_id] = scores.get(chunk_id, 0.0) + 1 / (_RRF_K + rank)
    # Text and place are read from `chunks` by id, so that a chunk that is no more is never shown.
    best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    rows = {row["id"]: row for row in index.chunks.scan(["id", *_SHOWN], both(among("id", best), where)).to_pylist()}
    return [
        Hit(rank, scores[chunk_id], **{name: rows[chunk_id][name] for name in _SHOWN})
        for rank, chunk_id in enumerate((i for i in best if i in rows), 1)
    ][:limit]


def _by_words(index: Index, query: str, where: Where) -> list[str]:
    found: list[str] = index.chunks.match_words(words(query), ["id"], _POOL, where)["id"].to_pylist()
    return found


def _by_meaning(
    index: Index,
    query: str,
    encoder: Callable[[], Encoder],
    earlier: Callable[[str], Encoder | None],
    where: Where,
) -> list[list[str]]:
    """Return a ranking for each model whose vectors there are: one, but while a new model takes over."""
    if not query.strip() or not any(index.embeddings(dim).count(where) for dim in index.dims()):
        return []
    current = encoder()
    models: dict[str, Encoder | None] = {vector_model_id(current): current}
    for record in index.known_partitions().values():
        if record.model and record.model not in models:
            models[record.model] = earlier(record.model)
    return [_nearest(index, query, name, model, where) for name, model in models.items() if model is not None]


def _nearest(index: Index, query: str, name: str, model: Encoder, where: Where) -> list[str]:
    rows, of_model = index.embeddings(model.dim), both(where, same("model", name))
    found: list[str] = rows.nearest(model.encode_query(query), ["id"], _POOL, of_model)["id"].to_pylist()
    return found


def _where(filters: Filters) -> Where:
    exact = (("source", filters.source), ("partition", filters.partition), ("language", filters.language))
    terms = [shares("access", filters.principals), *(same(column, value) for column, value in exact if value)]
    if filters.path:
        terms.append(_under(filters.path))
    return both(*terms)


def _under(glob: str) -> Where:
    try:
        regex, include = GitIgnoreSpecPattern.pattern_to_regex(glob)
    except GitIgnorePatternError as error:
        raise _no_glob(glob) from error
    if regex is None:  # a comment, which names no path
        return either()
    found = matches("path", regex)
    return found if include else excluding(found)


def _no_glob(glob: str) -> ConfigError:
    return ConfigError(f"{glob[:100]!r} is no glob that can be searched for. Write one as in .gitignore: src/**, *.py.")
