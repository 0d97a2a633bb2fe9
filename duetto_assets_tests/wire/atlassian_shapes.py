"""What spaces, pages, comments, attachments and labels look like in Confluence's REST v2."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from duetto_assets_tests.wire.atlassian_pages import Pages
from duetto_assets_tests.wire.atlassian_people import iso, page_adf, storage_of
from duetto_assets_tests.wire.atlassian_records import Attachment, Comment, Page, Space

Row = tuple[Any, int, Any]  # (value of the sort field, id, what is listed)


def version_of(thing: Page | Comment | Attachment) -> dict[str, Any]:
    made = {"createdAt": iso(thing.modified), "number": thing.version, "minorEdit": False, "message": ""}
    made["authorId"] = thing.editor if isinstance(thing, Page) else thing.author
    if isinstance(thing, Page):
        made |= {"minorEdit": thing.minor, "message": thing.message}
    return made


def body_of(body: Any, adf: dict[str, Any] | None, form: str) -> dict[str, Any]:
    """Return `body`, which is empty unless a format was asked for."""
    if form == "atlas_doc_format":
        value = json.dumps(adf if adf is not None else page_adf(body), ensure_ascii=False)
        return {"atlas_doc_format": {"representation": form, "value": value}}
    if form in ("storage", "view"):
        return {form: {"representation": form, "value": storage_of(body)}}
    return {}


def page_of(site: Pages, page: Page, form: str = "") -> dict[str, Any]:
    space = site.spaces[page.space]
    folder = "blog" if page.kind == "blogpost" else "pages"
    made: dict[str, Any] = {
        "id": str(page.id),
        "status": page.status,
        "title": page.title,
        "spaceId": str(space.id),
        "authorId": page.author,
        "createdAt": iso(page.created),
        "version": version_of(page),
        "body": body_of(page.body, page.adf, form),
        "_links": {
            "webui": f"/spaces/{page.space}/{folder}/{page.id}/{quote(page.title.replace(' ', '+'), safe='+')}",
            "editui": f"/pages/resumedraft.action?draftId={page.id}",
            "tinyui": f"/x/{page.id:x}",
        },
    }
    if page.kind == "page":
        made |= {
            "parentId": None if page.parent is None else str(page.parent),
            "parentType": None if page.parent is None else page.parent_type,
            "position": page.position,
            "ownerId": page.author,
            "lastOwnerId": None,
        }
    return made


def space_of(space: Space) -> dict[str, Any]:
    made = {
        "id": str(space.id),
        "key": space.key,
        "name": space.name,
        "type": space.type,
        "status": space.status,
        "authorId": space.author,
        "createdAt": iso(space.created),
        "_links": {"webui": f"/spaces/{space.key}"},
    }
    return made | ({"homepageId": str(space.homepage)} if space.homepage else {})


def permission_rows(space: Space) -> list[Row]:
    return [
        (n, n, {
            "id": str(space.id * 100 + n),
            "principal": {"type": each[0], "id": each[1]},
            "operation": {"key": each[2], "targetType": each[3]},
        })
        for n, each in enumerate(space.permissions) if each[0] != "anonymous"  # v2 does not tell
    ]  # fmt: skip


def comment_of(site: Pages, comment: Comment, form: str) -> dict[str, Any]:
    """Return the fields of every kind of comment; each route keeps those that its shape has."""
    page = site.pages[comment.page]
    made: dict[str, Any] = {
        "id": str(comment.id),
        "status": comment.status,
        "title": f"Re: {page.title}",
        "version": version_of(comment),
        "body": body_of(comment.body, None, form),
        "_links": {"webui": f"/spaces/{page.space}/pages/{page.id}?focusedCommentId={comment.id}"},
    }
    if comment.parent is None:
        made["blogPostId" if page.kind == "blogpost" else "pageId"] = str(page.id)
    else:
        made["parentCommentId"] = str(comment.parent)
    if comment.inline:
        made["resolutionStatus"] = comment.resolution
        marker = {"inlineMarkerRef": f"marker-{comment.id}", "inlineOriginalSelection": comment.selection}
        made["properties"] = marker | {
            "inline-marker-ref": f"marker-{comment.id}",
            "inline-original-selection": comment.selection,
        }
    return made


def attachment_of(site: Pages, attachment: Attachment) -> dict[str, Any]:
    page = site.pages[attachment.page]
    name = quote(attachment.title)
    download = (
        f"/download/attachments/{page.id}/{name}?version={attachment.version}&modificationDate={attachment.modified}"
    )
    webui = f"/pages/viewpageattachments.action?pageId={page.id}&preview=/{page.id}/{attachment.id}/{name}"
    return {
        "id": f"att{attachment.id}",
        "status": attachment.status,
        "title": attachment.title,
        "createdAt": iso(attachment.created),
        "blogPostId" if page.kind == "blogpost" else "pageId": str(page.id),
        "mediaType": attachment.media_type,
        "mediaTypeDescription": attachment.media_type.partition("/")[2].upper() + " File",
        "comment": attachment.comment,
        "fileId": f"00000000-0000-4000-8000-{attachment.id:012d}",
        "fileSize": attachment.size,
        "webuiLink": webui,
        "downloadLink": download,
        "version": version_of(attachment),
        "_links": {"webui": webui, "download": download},
    }


def label_of(site: Pages, name: str) -> dict[str, str]:
    return {"id": str(site.label_ids[name]), "name": name, "prefix": "global"}
