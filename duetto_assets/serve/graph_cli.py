"""`duetto-intel graph`: questions to the resolved graph, each answered with the documents that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duetto_assets.serve.terminal import Json, json_line, principals, printable, say
from duetto_assets.settings import load

if TYPE_CHECKING:
    from duetto_assets.search.graph import View
    from duetto_assets.search.graph_answers import Citation, Node
    from duetto_assets.search.graph_impact import Dependent
    from duetto_assets.search.graph_path import Step
    from duetto_assets.search.graph_queries import Moment, Neighbor
    from duetto_assets.search.graph_who import Expert

_NOTHING = 1

graph_app = typer.Typer(
    help="Ask what is connected to something: code, commits, issues, pages, people. Entities are named as people name "
    "them: acme/api:src/app.py, acme/api:src/, acme/api, SRE-42, Flask.route, pypi/flask, a page's title or address, a "
    "commit's hash, an e-mail address.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Entity = Annotated[str, typer.Argument(help="What it is about, as people name it.")]
_As = Annotated[
    list[str] | None,
    typer.Option(
        "--as",
        metavar="PRINCIPAL",
        help="Use only what this e-mail address, account id or group may read; repeat it for each group somebody is "
        "in. Default: what the indexing accounts may read, without what is restricted to others by name.",
    ),
]
_Limit = Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="Most results to print.")]


@graph_app.command(
    epilog="Examples:\n\n  duetto-intel graph neighbors SRE-42\n\n"
    "  duetto-intel graph neighbors Flask.route --relation called_by --depth 2 -n 20 --json"
)
def neighbors(
    entity: _Entity,
    depth: Annotated[int, typer.Option(min=1, max=10, help="Most steps away.")] = 1,
    relation: Annotated[
        list[str] | None,
        typer.Option(help="Only by this relation: its name, its inverse name or its words. Repeat it for more."),
    ] = None,
    principals: _As = None,
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """Print what is connected to an entity, by distance and relation. Exit code 1 if nothing is."""
    from duetto_assets.search import graph_queries
    from duetto_assets.search.graph_answers import Window

    answer = graph_queries.neighbors(_view(principals), entity, depth, relation or (), Window(limit))
    _print(answer.items, _neighbor_line, as_json=as_json)
    _end(len(answer.items), answer.more, f"Nothing that can be seen is connected to {answer.entity.ref} that way.")


@graph_app.command(
    epilog="Examples:\n\n  duetto-intel graph path SRE-42 acme/api:src/app.py\n\n"
    "  duetto-intel graph path ann@example.com pypi/flask --json"
)
def path(
    start: Annotated[str, typer.Argument(metavar="A", help="One end.")],
    end: Annotated[str, typer.Argument(metavar="B", help="The other end.")],
    principals: _As = None,
    as_json: Json = False,
) -> None:
    """Print a shortest way from one entity to another, a step a line. Exit code 1 if there is none."""
    from duetto_assets.search import graph_path

    answer = graph_path.path(_view(principals), start, end)
    if answer is None:
        _end(0, 0, f"Nothing that can be seen connects {start} and {end}.")
        return
    if not answer.steps:
        say(f"{start} and {end} are one: {answer.start.ref}.")
    _print(answer.steps, _step_line, as_json=as_json)


@graph_app.command(
    epilog="Examples:\n\n  duetto-intel graph impact acme/api:src/app.py\n\n"
    "  duetto-intel graph impact Flask.route --depth 2 --min-confidence 0.9 --json"
)
def impact(
    entity: _Entity,
    depth: Annotated[int | None, typer.Option(min=1, help="Most steps away. Default: all.")] = None,
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Follow no edge that is less certain: 1 is certain.")
    ] = 0.0,
    principals: _As = None,
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """Print what depends on an entity: over calls, imports, inheritance and packages, across repositories.

    Those printed are the nearest and most certain, by repository. Exit code 1 if nothing depends on it.
    """
    from duetto_assets.search import graph_impact
    from duetto_assets.search.graph_answers import Window

    answer = graph_impact.impact(_view(principals), entity, depth, min_confidence, Window(limit))
    place = {each.partition: number for number, each in enumerate(answer.repositories)}
    _print(sorted(answer.items, key=lambda each: place[each.node.partition]), _dependent_line, as_json=as_json)
    _end(len(answer.items), answer.more, f"Nothing that can be seen depends on {answer.entity.ref}.")


@graph_app.command(
    epilog="Examples:\n\n  duetto-intel graph who acme/api:src/app.py\n\n"
    "  duetto-intel graph who 'retry backoff' -n 5 --json"
)
def who(
    about: Annotated[str, typer.Argument(metavar="TOPIC|PATH", help="An entity, or a topic in free words.")],
    principals: _As = None,
    limit: _Limit = 10,
    as_json: Json = False,
) -> None:
    """Print who knows about something, by the evidence: commits, ownership, pages, issues. Exit code 1 if nobody."""
    from duetto_assets.search import graph_who
    from duetto_assets.search.graph_answers import Window

    answer = graph_who.who(_view(principals), about, Window(limit))
    _print(answer.items, _expert_line, as_json=as_json)
    _end(len(answer.items), answer.more, f"Nobody is known to have had to do with {about}.")


@graph_app.command(
    epilog="Examples:\n\n  duetto-intel graph history SRE-42\n\n  duetto-intel graph history SRE-42 --json | jq .files"
)
def history(
    issue: Annotated[str, typer.Argument(help="The issue: SRE-42.")],
    principals: _As = None,
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """Print what happened to an issue, in order of time: commits with their files and symbols, pages, issues.

    Exit code 1 if nothing speaks of it.
    """
    from duetto_assets.search import graph_queries
    from duetto_assets.search.graph_answers import Window

    answer = graph_queries.history(_view(principals), issue, Window(limit))
    _print(answer.items, _moment_line, as_json=as_json)
    _end(len(answer.items), answer.more, f"Nothing that can be seen speaks of {answer.issue.ref}.")


def _view(named: list[str] | None) -> View:
    from duetto_assets.factory import index_of
    from duetto_assets.search.graph import view_of

    settings = load()
    return view_of(index_of(settings), principals(named, settings))


def _print(items: Iterable[Any], line: Callable[[Any], str], *, as_json: bool) -> None:
    for item in items:
        typer.echo(json_line(asdict(item)) if as_json else printable(line(item)))


def _end(shown: int, more: int, nothing: str) -> None:
    if not shown:
        say(nothing)
        raise typer.Exit(_NOTHING)
    if more:
        say(f"… and {more} more: -n {shown + more}")


def _neighbor_line(item: Neighbor) -> str:
    far = f"{item.distance}  {item.via}  " if item.distance > 1 else ""
    words = f' "{item.label}"' if item.label and item.label != item.relation else ""
    return f"{far}{item.relation}{words}  {_named(item.node)}{_sure(item.confidence)}{_cited(item)}"


def _step_line(item: Step) -> str:
    return f"{item.relation}  {_named(item.node)}{_sure(item.confidence)}{_cited(item)}"


def _dependent_line(item: Dependent) -> str:
    return f"{item.distance}  {_named(item.node)}  {item.relation} {item.on}{_sure(item.confidence)}{_cited(item)}"


def _expert_line(item: Expert) -> str:
    why = ", ".join(f"{each.kind} {each.count}" for each in item.evidence)
    bot = "  (bot)" if item.bot else ""
    return f"{item.score:.2f}  {_named(item.node)}{bot}  {why}{_cited(item)}"


def _moment_line(item: Moment) -> str:
    when = f"{item.when:%Y-%m-%d %H:%M}" if item.when else "undated"
    touched = _listed("files", item.files, item.more_files) + _listed("symbols", item.symbols, item.more_symbols)
    return f"{when}  {item.relation}  {_named(item.node)}{touched}{_cited(item)}"


def _listed(what: str, nodes: Sequence[Node], more: int) -> str:
    if not nodes:
        return ""
    rest = f" +{more}" if more else ""
    return f"  {what}: {', '.join(node.name for node in nodes)}{rest}"


def _named(node: Node) -> str:
    if node.type == "page":
        return f"{node.partition}/{node.title or node.name}"
    if node.type == "person" and node.name and node.name not in node.key:
        return f"{node.name} <{node.key}>"
    if node.type == "commit":
        place, _, sha = node.ref.rpartition("@")
        return f"{place}@{sha[:12]} {node.title[:80]}".rstrip()
    return f"{node.ref} {node.title[:80]}".rstrip()


def _sure(confidence: float) -> str:
    return "" if confidence >= 1 else f"  ({confidence:g})"


def _cited(item: Neighbor | Step | Dependent | Expert | Moment) -> str:
    said = ", ".join(_document(each) for each in item.citations)
    more = f" +{item.more_citations}" if item.more_citations else ""
    return f"  by {said}{more}"


def _document(citation: Citation) -> str:
    line = f":{citation.line}" if citation.line else ""
    if citation.source == "confluence":
        return f"{citation.partition}/{citation.title}{line}"
    if citation.source != "repos":
        return f"{citation.doc_id}{line}"
    folder, mark, sha = citation.doc_id.rpartition("//commit/")
    return (
        f"{citation.partition}@{sha[:12]}" if mark and not folder else f"{citation.partition}:{citation.doc_id}{line}"
    )
