"""Keys of entities, and addresses as they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.ontology import keys
from duetto_assets.ontology.keys import address_of
from duetto_assets.ontology.mentions import normal_url

SHA = "0123456789abcdef0123456789abcdef01234567"
PLACES = {
    "acme.atlassian.net/wiki/pages/4711": [
        "https://acme.atlassian.net/wiki/spaces/ENG/pages/4711/Carrier+retries",
        "https://acme.atlassian.net/wiki/spaces/ENG/pages/4711",
        "https://acme.atlassian.net/wiki/spaces/OPS/pages/4711/Renamed+and+moved",
        "https://acme.atlassian.net/wiki/spaces/ENG/pages/4711/Carrier+retries#Rules",
        "https://acme.atlassian.net/wiki/spaces/ENG/pages/4711/Carrier+retries?focusedCommentId=9#comment-9",
        "https://acme.atlassian.net/wiki/spaces/ENG/pages/edit-v2/4711",
        "https://acme.atlassian.net/wiki/spaces/ENG/blog/2026/01/31/4711/Parcels+in+numbers",
        "https://acme.atlassian.net/wiki/spaces/ENG/blog/4711",
        "https://acme.atlassian.net/wiki/spaces/~5b10a2844c20165700ede21g/pages/4711/Mine",
        "https://acme.atlassian.net/wiki/spaces/ENG/pages/4711/A%2Ftree%2Fb%2Fc",
        "https://acme.atlassian.net/wiki/pages/viewpage.action?pageId=4711",
        "HTTPS://ACME.atlassian.net:443/wiki/spaces/ENG/pages/4711/Carrier+retries",
    ],
    "wiki.acme.example/pages/4711": [
        "https://wiki.acme.example/pages/viewpage.action?pageId=4711",
        "https://wiki.acme.example/pages/viewpage.action?focusedCommentId=1&pageId=4711&src=mail",
        "https://wiki.acme.example/pages/viewinfo.action?pageId=4711",
        "https://wiki.acme.example/spaces/ENG/pages/4711/Carrier+retries",
    ],
    "wiki.acme.example/confluence/pages/4711": [
        "http://wiki.acme.example/confluence/pages/viewpage.action?pageId=4711",
        "http://wiki.acme.example/Confluence/pages/editpage.action?pageId=4711",
    ],
    "wiki.acme.example/display/eng/carrier retries": [
        "https://wiki.acme.example/display/ENG/Carrier+retries",
        "https://wiki.acme.example/display/ENG/Carrier%20retries",
        "https://wiki.acme.example/display/ENG/Carrier+retries?src=contextnavpagetreemode",
    ],
    "acme.atlassian.net/wiki/spaces/eng": [
        "https://acme.atlassian.net/wiki/spaces/ENG/overview",
        "https://acme.atlassian.net/wiki/spaces/ENG/",
        "https://acme.atlassian.net/wiki/display/ENG",
    ],
    "acme.atlassian.net/browse/SRE-42": [
        "https://acme.atlassian.net/browse/SRE-42",
        "https://acme.atlassian.net/browse/sre-42",
        "https://acme.atlassian.net/browse/SRE-42?focusedCommentId=10001",
        "https://acme.atlassian.net/browse/SRE-42/",
    ],
    "acme.atlassian.net/browse/SRE": [
        "https://acme.atlassian.net/browse/SRE",
        "https://acme.atlassian.net/projects/SRE",
    ],
    "jira.acme.example/jira/browse/A1_B-7": ["https://jira.acme.example/jira/browse/A1_B-7"],
    "jira.acme.example:8080/browse/SRE-1": ["http://jira.acme.example:8080/browse/SRE-1"],
    "github.com/acme/api": [
        "https://github.com/acme/api",
        "https://github.com/acme/api/",
        "https://github.com/Acme/API.git",
        "http://www.github.com/acme/api",
        "https://ann:secret@github.com/acme/api",
        "https://github.com/acme/api/tree/main",
    ],
    "github.com/acme/api/blob/src/App.py": [
        "https://github.com/acme/api/blob/HEAD/src/App.py",
        "https://github.com/acme/api/blob/main/src/App.py",
        "https://github.com/acme/api/blob/main/src/App.py#L10-L20",
        "https://github.com/Acme/API/blob/v1.0/src/App.py?plain=1",
        f"https://github.com/acme/api/blob/{SHA}/src/App.py",
        f"https://github.com/acme/api/blame/{SHA}/src/App.py",
        "https://github.com/acme/api/raw/main/src/App.py",
    ],
    "github.com/acme/api/blob/docs": ["https://github.com/acme/api/tree/main/docs/"],
    "github.com/acme/api/blob/docs/pages/404": ["https://github.com/acme/api/blob/main/docs/pages/404"],
    "github.com/acme/api/blob/src/gr\u00fc\u00dfe 1.md": [
        "https://github.com/acme/api/blob/main/src/gr%C3%BC%C3%9Fe%201.md",
        "https://github.com/acme/api/blob/main/src/gr\u00fc\u00dfe%201.md",
    ],
    "github.com/acme/api/blob/line\nbreak.md": ["https://github.com/acme/api/blob/main/line%0Abreak.md"],
    f"github.com/acme/api/commit/{SHA}": [
        f"https://github.com/acme/api/commit/{SHA}",
        f"https://github.com/Acme/api/commit/{SHA}#diff-1",
        f"https://github.com/acme/api/pull/7/commits/{SHA}",
    ],
    "gitlab.com/group/sub/api/blob/src/app.py": [
        "https://gitlab.com/group/sub/api/-/blob/main/src/app.py",
        "https://gitlab.com/group/sub/api/blob/main/src/app.py",
        "https://gitlab.com/group/sub/api/-/raw/main/src/app.py?inline=false",
    ],
    f"gitlab.com/group/sub/api/commit/{SHA}": [f"https://gitlab.com/group/sub/api/-/commit/{SHA}"],
    "gitlab.com/group/sub/api": ["https://gitlab.com/group/sub/api/-/tree/main"],
    "bitbucket.org/acme/api/blob/src/app.py": ["https://bitbucket.org/acme/api/src/HEAD/src/app.py#lines-3"],
    f"bitbucket.org/acme/api/commit/{SHA}": [f"https://bitbucket.org/acme/api/commits/{SHA}"],
    "file:///srv/Repo/src/a b.py": ["file:///srv/Repo/src/a%20b.py", "file:///srv/Repo/src/a%20b.py#x"],
    "example.com/a/b": ["https://example.com/A/b?utm_source=x#top", " https://example.com/a/b "],
    "example.com": ["https://example.com", "https://example.com/", "http://www.example.com:80"],
}


@pytest.mark.parametrize(("address", "url"), [(place, url) for place, urls in PLACES.items() for url in urls])
def test_all_ways_to_write_a_place_are_one_address(address: str, url: str) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize("url", [url for urls in PLACES.values() for url in urls if not url.startswith("file")])
def test_a_url_has_the_address_that_its_mention_has(url: str) -> None:
    assert address_of(normal_url(url)) == address_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "words", "/relative", "mailto:ann@example.org", "javascript:alert(1)", "data:text/html,x", "ftp://x.org/a",
        "ssh://git@github.com/acme/api", "https://", "https:///path", "http://[::1", "http://x:port/", "http://x:99999/",
        "http://\u2100.example/", "//github.com/acme/api", "https://#x", "https://:443/",
    ],
)  # fmt: skip
def test_what_is_no_address_has_none(url: str) -> None:
    assert address_of(url) == ""


@pytest.mark.parametrize(
    "path",
    [
        "/a/b" + "/blob" * 50_000 + "/x%0A",
        "/a/b" + "/commit/" * 50_000,
        "/a/b" + "/tree/x%0a" * 50_000,
        "/spaces/x" * 50_000 + "%0A",
        "/pages/1" * 50_000 + "x",
        "/browse/A" * 50_000,
        "/" * 500_000,
    ],
)
def test_a_hostile_address_is_read_in_no_time(path: str) -> None:
    assert address_of(f"https://x.example{path}").startswith("x.example")


@given(st.text(max_size=200) | st.builds("https://x.example/{}/{}".format, st.text(), st.text()))
def test_an_address_of_any_text_is_text(url: str) -> None:
    assert isinstance(address_of(url), str)


@given(st.sampled_from([url for urls in PLACES.values() for url in urls if not url.startswith("file")]))
def test_an_address_is_its_own_address(url: str) -> None:
    address = address_of(url)
    if "/blob/" not in address:  # there the branch is gone
        assert address_of(f"https://{address}") == address


def test_keys_of_different_things_differ() -> None:
    made = [
        keys.repository("acme/api"), keys.directory("acme/api", "src"), keys.file("acme/api", "src"),
        keys.symbol("acme/api", "src", "main"), keys.commit("acme/api", SHA), keys.issue("SRE-42"),
        keys.project("SRE"), keys.page("4711"), keys.space("ENG"), keys.package("pypi/src"), keys.label("src"),
    ]  # fmt: skip
    assert len({keys.entity_id(key) for key in made}) == len(made)
    assert keys.directory("acme/api", "") == keys.repository("acme/api")
    assert keys.label("Incident") == keys.label("incident")


def test_an_id_is_hex() -> None:
    assert set(keys.entity_id("it's\0 \ud800")) <= set("0123456789abcdef")


@pytest.mark.parametrize("key", ["email:ann@example.org", "account:5b10", "login:github/ann"])
def test_the_key_of_a_person_is_not_shown(key: str) -> None:
    assert keys.shown_id(key, "abc") == "person:abc"


@pytest.mark.parametrize("key", ["repos:acme/api:src/a.py", "jira:SRE-42", "team:acme/all", "label:email:x", ""])
def test_all_other_keys_are_shown(key: str) -> None:
    assert keys.shown_id(key, "abc") == key
