from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from duetto_assets import settings
from duetto_assets.errors import ConfigError
from duetto_assets.settings import Settings, load, split_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", ()),
        ("  , ,, ", ()),
        ("a", ("a",)),
        ("a b,c , d\ne\tf", ("a", "b", "c", "d", "e", "f")),
        ("'/my repos/a' \"/b, c\"", ("/my repos/a", "/b, c")),
        ("https://x.org/a#readme", ("https://x.org/a#readme",)),
        ("git@host:a/b.git,file:///c", ("git@host:a/b.git", "file:///c")),
    ],
)
def test_words_are_split_at_spaces_and_commas_but_not_inside_quotes(value: str, words: tuple[str, ...]) -> None:
    assert split_words(value) == words


def test_with_nothing_set_data_lies_in_one_folder_and_this_checkout_is_indexed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load()
    assert (found.index, found.clones, found.dagster) == (str(home / "index"), home / "repos", home / "dagster")
    assert found.repositories == (str(settings.HOME),)
    monkeypatch.delenv("DUETTO_HOME")
    assert load().duetto_home == settings.HOME / ".duetto"


def test_an_organisation_alone_does_not_add_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ORG", "acme")
    assert load().repositories == ()


@pytest.mark.parametrize("name", ["INDEX_PATH", "REPOS_PATH", "DAGSTER_HOME"])
def test_a_path_is_absolute_whatever_was_written(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "here")
    found = load()
    assert str(tmp_path / "here") in (found.index, str(found.clones), str(found.dagster))
    monkeypatch.setenv(name, "~/there")
    found = load()
    assert str(Path.home() / "there") in (found.index, str(found.clones), str(found.dagster))


def test_an_index_on_s3_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEX_PATH", "s3://bucket/prefix/")
    assert load().index == "s3://bucket/prefix"


@pytest.mark.parametrize("name", ["REPOS_PATH", "DAGSTER_HOME", "EMBEDDING_MAX_TOKENS", "INDEX_PATH", "DUETTO_REPOS"])
def test_an_empty_variable_is_an_unset_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load()
    monkeypatch.setenv(name, "")
    empty = load()
    assert (empty.index, empty.clones, empty.dagster, empty.repositories, empty.embedding_max_tokens) == (
        unset.index,
        unset.clones,
        unset.dagster,
        unset.repositories,
        unset.embedding_max_tokens,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_PARALLEL_CLONES", "0"),
        ("MAX_FILE_BYTES", "-1"),
        ("CHUNK_TOKENS", "31"),
        ("SENSOR_INTERVAL_S", "0"),
        ("UPKEEP_INTERVAL_MIN", "60"),
        ("COMMIT_MONTHS", "many"),
        ("GITHUB_FORKS", "perhaps"),
        ("DUETTO_REPOS", "'unclosed"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"{name}: .*Check the environment and .*\.env"):
        load()


def test_a_wrong_value_is_not_repeated_since_it_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_PARALLEL_CLONES", "ghp_secret")
    with pytest.raises(ConfigError) as caught:
        load()
    assert "ghp_secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    found = load()
    assert found.github_token == SecretStr("ghp_secret")
    assert "ghp_secret" not in f"{found!r} {found} {found.model_dump()} {found.model_dump_json()}"


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("DUETTO_REPOS='/a /b'\nGITHUB_ORG=acme\nNOT_OURS=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    assert (load().duetto_repos, load().github_org) == (("/a", "/b"), "acme")
    monkeypatch.setenv("GITHUB_ORG", "other")
    assert load().github_org == "other"


def test_settings_are_equal_and_hash_alike_when_their_values_do(monkeypatch: pytest.MonkeyPatch) -> None:
    one = load()
    assert hash(one) == hash(load())
    monkeypatch.setenv("GITHUB_ORG", "acme")
    assert one != load()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_variable_says_what_it_is(name: str) -> None:
    assert (Settings.model_fields[name].description or "").endswith(".")


def test_a_number_says_its_unit_or_counts_something() -> None:
    counts = {"max_parallel_clones", "embedding_max_tokens", "chunk_tokens", "confluence_version_threshold"}
    counts |= {"graph_nodes", "serve_port"}
    numbers = {name for name, field in Settings.model_fields.items() if field.annotation in (int, float, int | None)}
    assert {
        name for name in numbers - counts if not name.endswith(("_s", "_min", "_days", "_months", "_bytes"))
    } == set()
