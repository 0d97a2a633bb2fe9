"""What an address means: its partition's key and its links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.sources.git_addresses import commit_link, file_link, illegal, parse, partition_keys


@pytest.mark.parametrize(
    ("addresses", "keys"),
    [
        (["https://github.com/square/okhttp"], ["square/okhttp"]),
        (["https://github.com/square/okhttp.git/"], ["square/okhttp"]),
        (["git@github.com:square/okhttp.git"], ["square/okhttp"]),
        (["ssh://git@gitlab.com:22/group/sub/name.git"], ["group/sub/name"]),
        (["https://user:secret@gitlab.com/group/name"], ["group/name"]),
        (["/srv/git/project.git", "/home/ann/tool"], ["project", "tool"]),
        (["/home/ann/tool/.git"], ["tool"]),
        (["file:///srv/git/my%20project.git"], ["my project"]),
        # collisions
        (["/a/x/lib", "/a/y/lib"], ["x/lib", "y/lib"]),
        (["/a/lib", "/b/a/lib", "/c/lib"], ["b/a/lib", "a/lib", "c/lib"]),
        (
            ["https://github.com/square/okhttp", "https://gitlab.com/square/okhttp"],
            ["github.com/square/okhttp", "gitlab.com/square/okhttp"],
        ),
        (["https://gitlab.com/acme/lib"], ["gitlab.com/acme/lib"]),  # owner/name of the organisation is GitHub's
        (["git@ghe.acme.com:acme/lib"], ["ghe.acme.com/acme/lib"]),
        # one repository, twice
        (["https://github.com/Square/OkHttp", "git@github.com:square/okhttp.git"], ["square/okhttp"]),
        (["/a/lib", "/a/lib/", "file:///a/lib"], ["lib"]),
    ],
)
def test_a_partition_is_called_by_the_shortest_name_of_its_own(addresses: list[str], keys: list[str]) -> None:
    for order in (addresses, addresses[::-1]):
        found = partition_keys([parse(each) for each in order], reserved="github.com/acme")
        assert {key.lower() for key in found} == set(keys)


PIECES = st.sampled_from(
    (
        "https://", "ssh://", "file://", "git@", "github.com", "acme", ".git", "::1", "..", "...", "%00", "é",
        ":", "/", "~", "[", "]", "@", "?", "#", "\n", "\0", "\udce9",
    )
)  # fmt: skip


@given(st.lists(st.lists(PIECES | st.text(), max_size=7).map("".join), max_size=6))
def test_every_address_has_a_key_that_dagster_accepts(texts: list[str]) -> None:
    addresses = [parse(text) for text in texts]
    keys = partition_keys(addresses, reserved="github.com/acme")
    assert {address.identity for address in keys.values()} == {address.identity for address in addresses}
    assert not any(illegal(key) for key in keys)


@pytest.mark.parametrize(
    ("address", "file", "commit"),
    [
        ("https://github.com/o/n.git", "https://github.com/o/n/blob/HEAD/a%20b/%C3%BC%23.py", "/commit/c0"),
        ("git@github.com:o/n.git", "https://github.com/o/n/blob/HEAD/a%20b/%C3%BC%23.py", "/commit/c0"),
        ("https://gitlab.com/g/s/n", "https://gitlab.com/g/s/n/-/blob/HEAD/a%20b/%C3%BC%23.py", "/-/commit/c0"),
        ("https://bitbucket.org/o/n", "https://bitbucket.org/o/n/src/HEAD/a%20b/%C3%BC%23.py", "/commits/c0"),
        ("https://git.acme.com/o/n", "https://git.acme.com/o/n", "git.acme.com/o/n"),
        ("/srv/pro ject", "file:///srv/pro%20ject/a%20b/%C3%BC%23.py", "/srv/pro%20ject"),
        ("/srv/bare.git", "file:///srv/bare.git", "/srv/bare.git"),
    ],
)
def test_links_lead_where_the_host_shows_files_and_commits(address: str, file: str, commit: str) -> None:
    parsed = parse(address)
    assert file_link(parsed, "a b/ü#.py".encode()) == file
    assert commit_link(parsed, "c0").endswith(commit)
