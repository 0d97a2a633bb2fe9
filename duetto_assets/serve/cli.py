"""`duetto-intel`: data on stdout, talk on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duetto_assets.errors import ConfigError, DuettoError
from duetto_assets.serve.graph_cli import graph_app
from duetto_assets.serve.terminal import Json, json_line, printable, say
from duetto_assets.serve.terminal import principals as allowed
from duetto_assets.settings import load

if TYPE_CHECKING:
    from duetto_assets.search.query import Hit
    from duetto_assets.stages.documents import Difference
    from duetto_assets.store.index import Partition

FAILED, USAGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    help="An organisation's code and knowledge, kept searchable and true.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.add_typer(graph_app, name="graph")


class Form(StrEnum):
    """What the graph is exported as."""

    TURTLE = "turtle"
    GRAPHML = "graphml"
    JSONLD = "jsonld"


@app.command(
    epilog="Examples:\n\n  duetto-intel sync\n\n  duetto-intel sync confluence/ENG jira\n\n"
    "  duetto-intel sync repos/acme/api --full\n\n"
    "  DUETTO_REPOS='/src/api https://github.com/pallets/flask' duetto-intel sync --json"
)
def sync(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE[/PARTITION]]...", help="What to sync. Default: everything.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="List and read everything again, whatever is recorded.")] = False,
    census: Annotated[
        bool,
        typer.Option("--census", help="Look for what heads do not show, too: deletions, moves, labels, readers."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")] = False,
    allow_mass_deletion: Annotated[
        bool, typer.Option("--allow-mass-deletion", help="Delete even if most documents or partitions would go.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring sources up to date: read what changed, chunk it, embed it. Its runs are seen in the UI.

    What is named gets a census.

    Exit code 0 only if everything went well.
    """
    from duetto_assets.resources import Workbench
    from duetto_assets.serve.home import instance_of
    from duetto_assets.serve.sync import Options, Sync

    bench = Workbench()
    with instance_of(bench.settings) as instance, _progress():
        work = Sync(
            Options(full, census, dry_run, allow_mass_deletion),
            bench,
            instance,
            say,
            _ignore if as_json else _show_difference,
        )
        outcome = work.run(targets or [])
    if as_json:
        typer.echo(json_line(outcome.as_json()))
    if outcome.failed:
        say(f"{len(outcome.failed)} failed: {', '.join(outcome.failed)}. The others are up to date.")
        raise typer.Exit(FAILED)


@app.command(
    epilog="Examples:\n\n  duetto-intel search 'where are retries configured'\n\n"
    "  duetto-intel search HTTPAdapter --language python --path 'src/**' -n 3 --json\n\n"
    "  duetto-intel search 'on-call rota' --source confluence --as ann@example.com --as sre"
)
def search(
    query: Annotated[str, typer.Argument(help="Words, a name, or a question.")],
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    partition: Annotated[str, typer.Option(help="Only this repository, space or project.")] = "",
    language: Annotated[str, typer.Option(help="Only this language, in lower case: python, java, markdown.")] = "",
    path: Annotated[str, typer.Option(help="Only paths that match this glob, written as in .gitignore.")] = "",
    principals: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="PRINCIPAL",
            help="Show only what this e-mail address, account id or group may read; repeat it for each group somebody "
            "is in. Default: what the indexing accounts may read, without what is restricted to others by name.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=100, help="Most hits to print.")] = 10,
    as_json: Json = False,
) -> None:
    """Find code, commits, pages and issues by words and by meaning, best first. Exit code 1 if nothing was found."""
    from duetto_assets.factory import earlier_encoder_of, encoder_of, index_of
    from duetto_assets.search.query import Filters
    from duetto_assets.search.query import search as find

    settings = load()
    index = index_of(settings)
    filters = Filters(source, partition, language, path, allowed(principals, settings))
    hits = find(
        index,
        query,
        lambda: encoder_of(settings),
        filters,
        limit,
        earlier=lambda model: earlier_encoder_of(model, settings),
    )
    for hit in hits:
        typer.echo(json_line(asdict(hit)) if as_json else _line(hit))
    if not hits:
        synced = index.known_partitions()
        say("Nothing found." if synced else "The index is empty. Fill it: duetto-intel sync")
        raise typer.Exit(FAILED)


@app.command(epilog="Examples:\n\n  duetto-intel status\n\n  duetto-intel status --json | jq .error")
def status(as_json: Json = False) -> None:
    """Say for each partition what is indexed, how fresh it is, and why the last try failed."""
    from duetto_assets.factory import index_of

    known = index_of(load()).known_partitions()
    for name, record in known.items():
        typer.echo(json_line(_status(record)) if as_json else _status_line(name, record))
    if not known:
        say("The index is empty. Fill it: duetto-intel sync")


@app.command(
    epilog="Examples:\n\n  duetto-intel skipped repos/acme/api\n\n  duetto-intel skipped repos/acme/api --json"
)
def skipped(
    target: Annotated[str, typer.Argument(metavar="SOURCE/PARTITION", help="Which partition.")], as_json: Json = False
) -> None:
    """List the documents of a partition that are not indexed, each with its reason."""
    from duetto_assets.factory import index_of
    from duetto_assets.stages.documents import skipped_documents

    source, _, partition = target.partition("/")
    for doc_id, reason in skipped_documents(index_of(load()), source, partition):
        row = {"id": doc_id, "reason": reason}
        typer.echo(json_line(row) if as_json else f"{printable(doc_id)}: {reason}")


@app.command(
    epilog="Examples:\n\n  duetto-intel ontology\n\n  duetto-intel ontology --export turtle > acme.ttl\n\n"
    "  duetto-intel ontology --export graphml --as all > public.graphml"
)
def ontology(
    export: Annotated[
        Form | None, typer.Option(help="Write the whole graph in this format, for Protégé, Gephi or Neo4j.")
    ] = None,
    principals: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="PRINCIPAL", help="Export only what these may read; as in search."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what kinds of things and relations there are, or export all that is known of them to stdout."""
    from duetto_assets.ontology.vocabulary import load as vocabulary

    if export is not None:
        _export(export, principals)
        return
    for kind in vocabulary().types.values():
        line = f"{kind.name}{f' ({kind.broader})' if kind.broader else ''}: {kind.meaning}"
        typer.echo(json_line({"kind": "type", **asdict(kind)}) if as_json else line)
    for relation in vocabulary().relations.values():
        line = (
            f"{', '.join(relation.domain)} {relation.name} {', '.join(relation.range)} "
            f"(the other way: {relation.inverse}): {relation.meaning}"
        )
        typer.echo(json_line({"kind": "relation", **asdict(relation)}) if as_json else line)


def _export(form: Form, named: list[str] | None) -> None:
    from duetto_assets.factory import index_of
    from duetto_assets.stages.export import export

    settings = load()
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # it is what the formats ask
    done = export(index_of(settings), form.value, allowed(named, settings), sys.stdout)
    if done is None:
        say("There is no graph yet. Make it: duetto-intel sync")
        raise typer.Exit(FAILED)
    say(f"{done[0]} entities, {done[1]} relations")


@app.command(epilog="Examples:\n\n  duetto-intel serve\n\n  SERVE_PORT=9000 duetto-intel serve")
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on: 127.0.0.1 or ::1.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Default: SERVE_PORT.")] = None,
) -> None:
    """Serve the graph's page and its API on this machine, until Ctrl-C."""
    from duetto_assets.serve.web import serve as run
    from duetto_assets.stages.picture import JSON_NAME, PAGE_NAME, read_picture

    settings = load()
    run(
        settings,
        lambda: read_picture(settings.graph, PAGE_NAME),
        lambda: read_picture(settings.graph, JSON_NAME),
        host,
        port or settings.serve_port,
    )


@app.command(epilog="Examples:\n\n  duetto-intel reset --yes\n\n  INDEX_PATH=/tmp/trial duetto-intel reset --yes")
def reset(yes: Annotated[bool, typer.Option("--yes", help="Really do it.")] = False) -> None:
    """Delete the index and the picture of the graph. Clones and the history of runs stay; a sync fills it anew."""
    from duetto_assets.factory import index_of
    from duetto_assets.serve.home import instance_of
    from duetto_assets.sources.registry import SOURCES
    from duetto_assets.stages.picture import remove_picture

    settings = load()
    if not yes:
        raise ConfigError(f"This deletes the index at {settings.index}. If you mean it: duetto-intel reset --yes")
    with instance_of(settings) as instance:
        for source in SOURCES:
            for key in instance.get_dynamic_partitions(source):
                instance.delete_dynamic_partition(source, key)
    index_of(settings).reset()
    remove_picture(settings.graph)
    say(f"Deleted the index at {settings.index}.")


def main() -> None:
    """Run the command; a known error is a sentence, not a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except ConfigError as error:
        say(str(error))
        sys.exit(USAGE)
    except DuettoError as error:
        say(str(error))
        sys.exit(FAILED)
    except SystemExit as stop:  # Typer makes one of a Ctrl-C, without a word
        if stop.code == INTERRUPTED:
            say("Interrupted. What was written stays; run it again to go on.")
        raise


def _line(hit: Hit) -> str:
    place = hit.path or hit.title
    symbol = f"  {hit.symbol}" if hit.symbol else ""
    lines = [line.strip() for line in hit.text.splitlines() if line.strip() and line != f"# {hit.title}"]
    first = lines[0] if lines else ""
    return printable(f"{hit.partition}:{place}:{hit.start_line}-{hit.end_line}{symbol}  {first[:100]}")


def _status(record: Partition) -> dict[str, Any]:
    return asdict(record) | {"searchable": bool(record.head) and record.head == record.searchable_head}


def _status_line(name: str, record: Partition) -> str:
    if record.error:
        state = f"failing ({record.failures}): {record.error}"
    elif record.head and record.head == record.searchable_head:
        when = f"{record.searchable_at:%Y-%m-%d %H:%M} UTC" if record.searchable_at else "never"
        state = f"searchable since {when}"
    else:
        state = "not searchable yet"
    counts = f"{record.documents} documents, {record.skipped} skipped, {record.chunks} chunks"
    return printable(f"{name}  {record.head[:12] or '-'}  {counts}  {state}")


def _ignore(name: str, difference: Difference) -> None:
    """Show nothing: `--json` prints the counts at the end."""


def _show_difference(name: str, difference: Difference) -> None:
    for ref in difference.to_read:
        typer.echo(printable(f"{'[ADD]' if ref.id in difference.new else '[UPDATE]'} {name} {ref.id}"))
    for doc_id in difference.gone:
        typer.echo(printable(f"[DELETE] {name} {doc_id}"))


@contextmanager
def _progress() -> Iterator[None]:
    """Show how far long stages are: a line that is written over on a terminal, else one now and then."""
    log = logging.getLogger("duetto_assets.progress")
    handler = _Progress()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Progress(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2K  {text}\r")
            sys.stderr.flush()
        else:
            sys.stderr.write(f"  {text}\n")
