"""What both APIs of Confluence share: the client library, who we are, and who is in a group."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Any

from duetto_assets.errors import GiveUp
from duetto_assets.sources.atlassian import Json, Params, Session, dig, text_of, told
from duetto_assets.sources.atlassian_access import Reader

_ABSENT = (400, 404, 405, 410, 501)


class ConfluenceClient:
    """The calls to one Confluence that do not depend on its API."""

    def __init__(self, url: str, session: Session, everyone: Collection[str], client: Any) -> None:
        """:param client: Of the library, with `session` in it."""
        self._url = url.rstrip("/")
        self._session = session
        self._everyone = tuple(everyone)
        self._client = client
        self._groups: dict[str, frozenset[Reader] | None] = {}

    @property
    def calls(self) -> int:
        """Remote calls made so far."""
        return self._session.calls

    def check_account(self) -> None:
        """Make sure that we are somebody.

        A token that no longer counts is answered as anybody is: with the public part of the site, and no error.
        """
        path = "rest/api/user/current"
        try:
            me = self._get(path)
        except GiveUp as error:
            if error.status in _ABSENT:  # not told here: then the listing itself must do
                return
            raise
        if dig(me, "type") == "anonymous":
            raise self._session.refused(f"/{path}")

    def members(self, group: Reader) -> frozenset[Reader] | None:
        """Return the members of a group; None if that may not be known."""
        if group.id not in self._groups:
            self._groups[group.id] = told(lambda: frozenset(self._members(group)))
        return self._groups[group.id]

    def forget(self) -> None:
        """Drop what was kept to serve several spaces: it is true for the moment it was asked for."""
        self._groups.clear()

    @abstractmethod
    def _members(self, group: Reader) -> Iterable[Reader]:
        """Ask for the members of a group."""

    def _get(self, path: str, params: Params | None = None) -> Json:
        answer = self._client.get(path, params=dict(params or {}))
        return answer if isinstance(answer, dict) else {}

    def _where(self, path: str) -> str:
        return f"{self._session.host}: /{path}"


def age_of(row: Json) -> tuple[int, str]:
    """Sort by id, which grows with time; the time that is told is that of the last edit."""
    id_ = text_of(row.get("id"))
    return len(id_), id_


def quoted(text: str) -> str:
    """Return a text as it stands between the quotes of CQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
