"""Where a repository lies, what its partition is called and what its links look like. Pure text, no process."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

_SCP = re.compile(r"^(?:(?P<user>[^/@:\s]+)@)?(?P<host>\[[^\]\s]+\]|[^/@:\s]+):(?!//)(?P<path>\S.*)$")
_PORTS = {"https": 443, "http": 80, "ssh": 22}
# Dagster refuses these in a dynamic partition's key; other control characters break terminals and logs.
_ILLEGAL = re.compile(r"\.\.\.|[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Address:
    """One repository, as the settings or GitHub name it. Holds no secret that a log could show."""

    url: str  # what git is told; of a local repository, its absolute path
    names: tuple[str, ...]  # what its partition may be called, the shortest first
    identity: str  # equal for two spellings of one repository
    folder: str  # of its clone
    web: str  # where people look at it
    links: str = ""  # how its host links to files and commits: github, gitlab, bitbucket, file
    local: Path | None = None
    problem: str = ""  # why it cannot be read at all
    authorization: str = field(default="", repr=False)  # from user:password@ in the setting


def parse(text: str, github_url: str = "https://github.com") -> Address:
    """Return the address that a path, URL or `git@host:path` stands for; what is wrong with it is a field."""
    text = text.strip()
    try:
        if "://" in text:
            return _from_url(text, github_url)
        if scp := _SCP.match(text):
            return _remote(text, "ssh", scp["host"].strip("[]"), scp["path"], github_url)
        return _from_path(Path(text).expanduser())
    except (RuntimeError, ValueError):  # a user that `~user` does not find, a port that is no number, a NUL
        return _unusable(text, "is neither a path nor a URL that can be understood")


def of_github(repository_id: str, name: str, url: str) -> Address:
    """Return the address of a repository that GitHub listed. Its clone is found again after a rename."""
    host = urlsplit(url).netloc.lower()
    return Address(url, (name,), _identity(host, name, True), f"{_slug(host)}-{_slug(repository_id)}", url, "github")


def partition_keys(addresses: Iterable[Address], reserved: str = "") -> dict[str, Address]:
    """Give each repository its key: its shortest name that no other one has. Independent of the order.

    :param reserved: `host/owner` of the organisation that GitHub lists. Its `owner/name` keys belong to that host,
        listed or not: another one's repository takes its longer name at once, so that no key depends on a listing.
    """
    unique = {address.identity: address for address in addresses}
    level = dict.fromkeys(unique, 0)
    while True:
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for identity, address in unique.items():
            groups[escaped(address.names[level[identity]])].append(identity)
        longer = [
            identity
            for name, members in groups.items()
            for identity in members
            if level[identity] + 1 < len(unique[identity].names)
            and (len(members) > 1 or _reserved(name, reserved, unique[identity]))
        ]
        if not longer:
            return {
                name if len(members) == 1 else f"{name}~{_digest(identity)}": unique[identity]
                for name, members in groups.items()
                for identity in members
            }
        for identity in longer:
            level[identity] += 1


def illegal(key: str) -> bool:
    """Whether Dagster would refuse a key."""
    return not key or _ILLEGAL.search(key) is not None


def escaped(key: str) -> str:
    """Return a key that Dagster accepts: a legal one itself, another one with what is illegal as `%XX`."""
    if not illegal(key):
        return key
    return _ILLEGAL.sub(lambda found: quote(found[0], safe="", errors="surrogatepass").replace(".", "%2E"), key)


def basic(user: str, password: str) -> str:
    """Return an HTTP `Authorization` of this user."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def file_link(address: Address, path: bytes) -> str:
    """Return where people see a file. Links name HEAD: an unchanged file's link stays, and stays true."""
    quoted = quote(path, safe="/")
    if address.links == "github":
        return f"{address.web}/blob/HEAD/{quoted}"
    if address.links == "gitlab":
        return f"{address.web}/-/blob/HEAD/{quoted}"
    if address.links == "bitbucket":
        return f"{address.web}/src/HEAD/{quoted}"
    if address.links == "file":
        return f"{address.web}/{quoted}"
    return address.web


def commit_link(address: Address, sha: str) -> str:
    """Return where people see a commit."""
    middle = {"github": "/commit/", "gitlab": "/-/commit/", "bitbucket": "/commits/"}.get(address.links)
    return f"{address.web}{middle}{sha}" if middle else address.web


def _from_path(path: Path) -> Address:
    # Not resolved: the name of a link is the name people gave.
    path = Path(os.path.abspath(path))  # noqa: PTH100
    if path.name == ".git":
        path = path.parent
    parts = (_bare_name(str(path)).strip("/") or "root").split("/")
    names = tuple("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
    web = "file://" + quote(os.fsencode(path), safe="/")
    worktree = path.suffix != ".git"
    return Address(str(path), names, os.path.realpath(path), "", web, "file" if worktree else "", local=path)


def _from_url(text: str, github_url: str) -> Address:
    url = urlsplit(text)
    host, port = url.hostname or "", url.port
    scheme = url.scheme.lower().removeprefix("git+")
    if scheme == "file":
        if host not in ("", "localhost"):
            return _unusable(text, "names another host: file:// is for this one")
        return _from_path(Path("/" + unquote(url.path, errors="surrogateescape").lstrip("/")))
    if scheme not in _PORTS:
        return _unusable(text, "is neither a path nor an https, http, ssh or file URL")
    if not host or not url.path.strip("/"):
        return _unusable(text, "names no repository")
    if port and port != _PORTS[scheme]:
        host = f"{host}:{port}"
    clean = _without_secrets(url, scheme)
    return _remote(clean, scheme, host, unquote(url.path), github_url, _authorization(url, scheme))


def _remote(url: str, scheme: str, host: str, path: str, github_url: str, authorization: str = "") -> Address:
    host = host.lower()
    name = _bare_name(path.strip("/"))
    base = urlsplit(github_url)
    github = host in (base.netloc.lower(), (base.hostname or "").lower(), "github.com")
    links = "github" if github else _links(host)
    if github and (base.hostname or "") == host.partition(":")[0]:
        web = f"{github_url.rstrip('/')}/{quote(name)}"
    elif links or scheme in ("https", "http"):
        web = f"{'http' if scheme == 'http' else 'https'}://{host}/{quote(name)}"
    else:
        web = f"ssh://{host}/{quote(name)}"
    identity = _identity(host, name, github)
    folder = f"{_slug(f'{host}-{name}')[-80:]}-{_digest(identity)}"
    return Address(url, (name, f"{host}/{name}"), identity, folder, web, links, authorization=authorization)


def _unusable(text: str, problem: str) -> Address:
    shown = re.sub(r"//[^/@]*@", "//", text).partition("?")[0]
    return Address(shown, (shown or "unnamed",), shown, "", "", problem=f"{shown!r} {problem}")


def _without_secrets(url: SplitResult, scheme: str) -> str:
    """Return the URL for git. Of what stands before `@` only ssh's user name stays."""
    place = url.netloc.rpartition("@")[2]
    user = f"{quote(url.username)}@" if scheme == "ssh" and url.username else ""
    return f"{scheme}://{user}{place}{url.path}"


def _authorization(url: SplitResult, scheme: str) -> str:
    if scheme not in ("https", "http") or url.username is None:
        return ""
    return basic(unquote(url.username), unquote(url.password or ""))


def _identity(host: str, name: str, github: bool) -> str:
    return f"{host.lower()}/{name.casefold() if github else name}"


def _links(host: str) -> str:
    for kind in ("gitlab", "bitbucket"):
        if host == f"{kind}.org" or host == f"{kind}.com" or host.startswith(f"{kind}."):
            return kind
    return ""


def _reserved(name: str, reserved: str, address: Address) -> bool:
    host, _, owner = reserved.casefold().partition("/")
    return bool(owner) and name.casefold().startswith(f"{owner}/") and not address.identity.startswith(f"{host}/")


def _bare_name(path: str) -> str:
    return path.rstrip("/").removesuffix(".git").rstrip("/") or path


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.")


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:10]
