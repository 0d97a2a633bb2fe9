"""The source `confluence`: pages and blog posts with their comments. A partition is a space."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from duetto_assets.errors import GiveUp, Lost, RetryLater, SourceError
from duetto_assets.model import Document, digest
from duetto_assets.sources.atlassian import Session, in_parallel, moment
from duetto_assets.sources.atlassian_access import Everybody, Readers, access_of, narrow
from duetto_assets.sources.base import Heads, Ref, Scan
from duetto_assets.sources.confluence_documents import document_of, facts_of, mentioned_in, size_of
from duetto_assets.sources.confluence_site import KINDS, Extras, Page, Site, Space, Window
from duetto_assets.sources.redact import quote

SOURCE = "confluence"
_NONE = "-"
_BATCH = 50
_FAILURES_IN_A_ROW = 10
_log = logging.getLogger("duetto_assets.progress")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which pages are indexed: those edited lately, or often. Zeros let all pass."""

    recency_days: int = 0
    version_threshold: int = 0

    def why_not(self, page: Page, now: datetime) -> str:
        """Return why a page is not indexed; empty where it is."""
        if not self.recency_days and not self.version_threshold:
            return ""
        edited = moment(page.modified)
        recent = bool(self.recency_days) and (edited is None or edited >= now - timedelta(days=self.recency_days))
        often = bool(self.version_threshold) and page.number >= self.version_threshold
        if recent or often:
            return ""
        rules = [f"not edited in {self.recency_days} days"] if self.recency_days else []
        rules += [f"fewer than {self.version_threshold} versions"] if self.version_threshold else []
        return " and ".join(rules)


@dataclass
class _Listing:
    """What a space was found to hold, kept from its scan until its pages are read."""

    space: Space
    pages: Mapping[str, Page]
    readers: Readers
    extras: Mapping[str, Extras] | None = None
    restrictions: dict[str, Readers] = field(default_factory=dict)
    parents: dict[str, tuple[str, str] | None] = field(default_factory=dict)

    @cached_property
    def titled(self) -> Mapping[str, Page]:
        """The pages by title, as links name them; titles are unique among the pages of a space."""
        return {page.title: page for page in sorted(self.pages.values(), key=lambda page: page.kind == "page")}


def _any_posts(heads: Iterable[str]) -> bool:
    """Return whether some space is known to have blog posts."""
    return not all(head.rpartition("|")[2].startswith(_NONE) for head in heads)


def _with_known(stamp: str, known: str) -> str:
    """Return a stamp as it is known: beside the digest of a listing that one window could not hold."""
    return known if known.partition("#")[0] == stamp else stamp


class ConfluenceSource:
    """Current pages and blog posts of the spaces, with their comments, labels and attachments' names."""

    name = SOURCE

    def __init__(
        self,
        site: Site,
        session: Session,
        *,
        account: str,
        spaces: Sequence[str] = (),
        personal_spaces: bool = False,
        policy: Policy | None = None,
        max_bytes: int = 1_000_000,
        issue_url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask nothing yet.

        :param account: What the indexing account is called in `access`.
        :param spaces: Keys; of none, every space that can be read.
        :param max_bytes: Pages with a larger body are skipped.
        :param issue_url: An issue's key is appended, to link it.
        """
        self._site = site
        self._session = session
        self._account = account
        self._keys = tuple(dict.fromkeys(spaces))
        self._personal = personal_spaces
        self._policy = policy or Policy()
        self._max_bytes = max_bytes
        self._issue_url = issue_url
        self._now = now
        self._spaces: dict[str, Space] = {}
        self._listings: dict[str, _Listing] = {}  # of the space scanned last: some are large
        self._looks = 0
        self._round: set[str] = set()

    @property
    def calls(self) -> int:
        """Remote calls made so far."""
        return self._site.calls

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:
        """Return the newest edit of each space, in two calls where little has changed.

        The first call of a process lists the spaces and the newest pages, and blog posts where any are known. Later
        ones take turns between spaces and blog posts, so that a sensor sees all three with two calls. A site of
        no more pages than one call lists shows deletions and moves, too. What a head does not show, a census finds.
        """
        known = known or {}
        with self._session.in_haste():
            spaces = self._listed(known)
            chosen = list(spaces.values())
            of_spaces = [known.get(key, "") for key in spaces]
            posts = self._looks % 2 == 0 or not all(of_spaces) or (self._looks == 1 and _any_posts(of_spaces))
            asked = [kind for kind in KINDS if chosen and (posts or kind == "page")]
            windows = {kind: self._site.newest(kind, chosen) if kind in asked else None for kind in KINDS}
            found = in_parallel(lambda space: self._try_head(space, windows, known.get(space.key, "")), chosen)
            heads: dict[str, str | SourceError] = dict(zip(spaces, found, strict=True))
        return heads | {key: self._lost(key) for key in self._missing(known, spaces)}

    def prefetch(self, partitions: Sequence[str]) -> None:
        """Let these spaces, one scan each, share what is listed for the whole site."""
        self._site.forget()
        self._round = set(partitions)

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:
        """List a space's pages, always all of them.

        What no edit shows (labels, comments, attachments, restrictions) is listed too where nothing is known yet, in a
        census, and where the head did not move: then somebody wants to know for certain.
        """
        space = self._space(partition)
        if partition not in self._round:
            self._site.forget()
        self._round.discard(partition)
        pages = {page.id: page for page in self._pages(space)}
        _log.info("%s/%s: %d pages listed", SOURCE, partition, len(pages))
        listing = _Listing(space, pages, self._site.readers(space))
        self._listings = {partition: listing}
        head = self._head_of(pages.values())
        if since is None or census or since == head:
            listing.extras = self._site.all_extras(space, list(pages.values()))
            listing.restrictions = {page_id: extras.readers for page_id, extras in listing.extras.items()}
        refs = [self._ref(listing, page) for page in pages.values()]
        self._site.check_account()  # last: a token that was refused meanwhile made the listing shorter, and no error
        return Scan(refs, head, complete=True)

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        """Yield the pages of a listing. A page that cannot be read is named, and the others go on."""
        if not refs:
            return
        if partition not in self._listings:
            self.scan(partition, None)
        listing = self._listings[partition]
        versions = {ref.id: ref for ref in refs}
        wanted: list[Page] = []
        for ref in refs:
            if (page := listing.pages.get(ref.id)) is None:
                continue
            if reason := self._policy.why_not(page, self._now()):
                yield self._skipped(listing, page, ref.version, reason)
            else:
                wanted.append(page)
        failures = 0
        for start in range(0, len(wanted), _BATCH):
            for document in self._batch(listing, wanted[start : start + _BATCH], versions):
                failures = failures + 1 if not document.version else 0
                if failures > _FAILURES_IN_A_ROW:
                    raise RetryLater(
                        f"{SOURCE}/{partition}: {document.skipped}, and so are others: the site is not well"
                    )
                yield document

    # --- heads

    def _listed(self, known: Mapping[str, str]) -> dict[str, Space]:
        self._looks += 1
        if self._looks % 2 == 1 or not self._spaces or any(not known.get(key) for key in self._spaces):
            found = {s.key: s for s in self._site.spaces(self._keys) if self._keys or self._personal or not s.personal}
            wanted = {*self._keys, *(known if not self._keys else ())}
            if not found or wanted - found.keys():
                # An account that is nobody is shown less, not refused.
                self._site.check_account()
            self._spaces = {key: found[key] for key in sorted(found) if not self._keys or key in self._keys}
        return self._spaces

    def _missing(self, known: Mapping[str, str], spaces: Mapping[str, Space]) -> list[str]:
        return [key for key in sorted({*self._keys} or {*known}) if key not in spaces]

    def _lost(self, key: str) -> Lost:
        return Lost(
            f"{self._session.host}: space {key} is not listed for the indexing account: it was deleted or archived, or "
            "access to it was withdrawn. Its pages are kept for a while"
        )

    def _try_head(self, space: Space, windows: Mapping[str, Window | None], known: str) -> str | SourceError:
        try:
            return self._head(space, windows, known)
        except GiveUp as error:
            if error.status not in (403, 404):
                raise
            self._spaces.pop(space.key, None)
            return self._lost(space.key)

    def _head(self, space: Space, windows: Mapping[str, Window | None], known: str) -> str:
        parts = known.split("|") if known.count("|") == 1 else ["", ""]
        return "|".join(self._newest(kind, space, windows[kind], part) for kind, part in zip(KINDS, parts, strict=True))

    def _newest(self, kind: str, space: Space, window: Window | None, known: str) -> str:
        """Return a kind's part of the head, without a call where the window or what is known tell it."""
        if window is not None:
            if window.pages is not None:
                return self._part(window.pages.get(space.id, ()))
            if space.id in window.newest or not window.since:
                return _with_known(window.newest.get(space.id, _NONE), known)
        # Older than all in the window, so unchanged; or newer and yet not in it, so gone.
        stamp = known.partition("#")[0]
        if known and (window is None or stamp == _NONE or stamp.partition("/")[0] <= window.since.partition("/")[0]):
            return known
        return _with_known(self._site.newest_in(kind, space) or _NONE, known)

    def _head_of(self, pages: Collection[Page]) -> str:
        return "|".join(self._part([page for page in pages if page.kind == kind]) for kind in KINDS)

    def _part(self, pages: Sequence[Page]) -> str:
        """Return the newest edit, and a digest of the listing where a window could tell it: a deletion is no edit."""
        newest = max((page.stamp for page in pages), default=_NONE)
        if not self._site.windows_list:
            return newest
        listed = sorted(f"{page.id}:{page.number}:{page.parent}" for page in pages)
        return f"{newest}#{digest(*listed)[:8]}"

    # --- listing

    def _space(self, key: str) -> Space:
        if key not in self._spaces:
            if self._keys and key not in self._keys:
                raise GiveUp(f"{SOURCE}/{key}: no space of this key is configured")
            found = {space.key: space for space in self._site.spaces([key])}
            if key not in found:
                self._site.check_account()
                raise self._lost(key)
            self._spaces[key] = found[key]
        return self._spaces[key]

    def _pages(self, space: Space) -> list[Page]:
        """Return a space's pages. Where none are shown, make sure that the space is: some say 404, some say nothing."""
        refused: GiveUp | None = None
        try:
            if pages := self._site.pages(space):
                return pages
        except GiveUp as error:
            if error.status not in (403, 404, 410):
                raise
            refused = error
        self._site.check_account()
        if refused is not None or space.key not in {each.key for each in self._site.spaces([space.key])}:
            self._spaces.pop(space.key, None)
            raise self._lost(space.key) from refused
        return []

    def _ref(self, listing: _Listing, page: Page) -> Ref:
        skipped = self._policy.why_not(page, self._now())
        place = digest(page.kind, page.title, self._path(listing, page), str(self._max_bytes), skipped)
        beginning = f"{page.number}.{place[:12]};"
        if skipped:
            return Ref(page.id, f"{beginning}skipped")
        extras = (listing.extras or {}).get(page.id)
        if extras is None:
            return Ref(page.id, beginning, whole=False)
        return Ref(page.id, beginning + self._details(listing, page, extras))

    def _details(self, listing: _Listing, page: Page, extras: Extras) -> str:
        parts = [*extras.labels, "", *extras.attachments, "", *extras.marks, "", *self._access(listing, page)]
        return digest(*parts)[:16]

    def _path(self, listing: _Listing, page: Page) -> str:
        titles = [page.title]
        seen = {page.id}
        while (parent := listing.pages.get(page.parent)) is not None and parent.id not in seen:
            seen.add(parent.id)
            titles.append(parent.title)
            page = parent
        return "/".join(title.replace("/", "∕") for title in reversed(titles))  # noqa: RUF001 - no slash in a name

    # --- access

    def _access(self, listing: _Listing, page: Page) -> tuple[str, ...]:
        """Return who may read a page: whom its space lets in, and each page above it, and itself."""
        allowed: Readers = listing.readers
        restricted = False
        inner: Readers = None
        for above in self._above(listing, page):
            own = listing.restrictions.get(above)
            if isinstance(own, Everybody):
                continue
            inner = narrow(inner, own, self._site.members, trusting=False) if restricted else own
            restricted = True
        if not restricted:
            return access_of(allowed, self._account, with_account=True)
        allowed = narrow(allowed, inner, self._site.members, trusting=True) if inner is not None else None
        return access_of(allowed, self._account, with_account=False)

    def _above(self, listing: _Listing, page: Page) -> Iterator[str]:
        """Yield the ids of the page and of all it lies in, listed or not: a folder, an archived page, a whiteboard."""
        current, kind, seen = page.id, page.kind, set[str]()
        while current and current not in seen:
            seen.add(current)
            here = listing.pages.get(current)
            if current not in listing.restrictions:
                listing.restrictions[current] = self._site.restrictions(current, kind)
            if here is None and current not in listing.parents:
                listing.parents[current] = self._site.above(current, kind)
            parent = (here.parent, here.parent_kind) if here is not None else listing.parents[current]
            if parent is None:  # what lies above may be restricted
                listing.restrictions[current] = None
            yield current
            current, kind = parent or ("", "")

    # --- reading

    def _batch(self, listing: _Listing, pages: Sequence[Page], refs: Mapping[str, Ref]) -> Iterator[Document]:
        try:
            found = list(self._site.bodies(pages))
        except SourceError as error:
            if isinstance(error, GiveUp) and error.status == 401:
                raise
            if len(pages) > 1:  # one of them, perhaps: each by itself
                for page in pages:
                    yield from self._batch(listing, [page], refs)
            elif not isinstance(error, GiveUp) or error.status not in (403, 404, 410):
                yield self._unread(listing, pages[0], f"cannot be read: {error}")
            return
        asked = {page.id: page for page in pages}
        listed = [(asked[page.id], page, body) for page, body in found if page.id in asked]
        extras = in_parallel(lambda item: self._extras(listing, item[0]), listed)
        whole = [(page, now, body, e) for (page, now, body), e in zip(listed, extras, strict=True)]
        ids = {id_ for _, now, body, e in whole if isinstance(e, Extras) for id_ in mentioned_in(now, body, e)}
        people = self._site.people(ids)
        emails = self._site.emails(ids)
        for page, now, body, extra in whole:
            if isinstance(extra, SourceError):
                yield self._unread(listing, page, f"its comments and readers cannot be read: {extra}")
                continue
            if now.number != page.number:  # edited since it was listed: the next scan will say so
                now = page
            ref = refs[page.id]
            version = ref.version if ref.whole else ref.version + self._details(listing, page, extra)
            if size_of(body) > self._max_bytes:
                yield self._skipped(listing, page, version, f"larger than {self._max_bytes} bytes")
                continue
            document = document_of(
                self._frame(listing, page, version), now, body, extra, people, issue_url=self._issue_url,
                page_url=lambda space, title: self._page_url(listing, space, title),
                facts=tuple(facts_of(now, extra, people, emails, self._site.accounts)),
            )  # fmt: skip
            yield document if document is not None else self._unread(listing, page, "its body is in no known format")

    def _extras(self, listing: _Listing, page: Page) -> Extras | SourceError:
        try:
            extras = (listing.extras or {}).get(page.id)
            if extras is None:
                extras = self._site.extras(page)
                listing.restrictions[page.id] = extras.readers
                return extras
            return replace(extras, comments=self._site.comments(page) if extras.marks else ())
        except RetryLater as error:
            return error
        except GiveUp as error:
            if error.status == 401:
                raise
            return error

    def _frame(self, listing: _Listing, page: Page, version: str) -> Document:
        return Document(
            source=SOURCE,
            partition=listing.space.key,
            id=page.id,
            version=version,
            kind="page",
            title=page.title,
            text="",
            path=self._path(listing, page),
            url=self._site.url(listing.space.key, page),
            updated_at=moment(page.modified),
            access=self._access(listing, page),
        )

    def _skipped(self, listing: _Listing, page: Page, version: str, reason: str) -> Document:
        account = (self._account,)  # nothing of it is shown, and nobody was asked who may see it
        return Document(
            SOURCE, listing.space.key, page.id, version, "skipped", page.title, "", access=account, skipped=reason
        )

    def _unread(self, listing: _Listing, page: Page, reason: str) -> Document:
        return self._skipped(listing, page, "", quote(reason))

    def _page_url(self, listing: _Listing, space: str, title: str) -> str:
        if space and space != listing.space.key:
            return ""
        found = listing.titled.get(title)
        return self._site.url(listing.space.key, found) if found else ""
