"""The contract, for Confluence Cloud and Data Center."""

from __future__ import annotations

import re

import pytest

from duetto_assets_tests.sources.atlassian_worlds import ConfluenceWorld
from duetto_assets_tests.sources.contract import RemoteContract
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer, Request


class TestConfluence(RemoteContract):
    @pytest.fixture(params=["cloud", "datacenter"])
    def world(self, request: pytest.FixtureRequest, atlassian: AtlassianSite) -> ConfluenceWorld:
        return ConfluenceWorld(atlassian, cloud=request.param == "cloud")

    def test_a_document_that_is_no_text_says_so(self, world: ConfluenceWorld) -> None:  # type: ignore[override]
        world.put("a", b"some words\n")

        def unknown(request: Request, true: Answer) -> Answer:
            page = {**true.body, "body": {"drawing": {"representation": "drawing", "value": "M 0 0"}}}
            return Answer(200, page)

        world.site.check = None
        world.site.fail(re.compile(f"/{world.id_of('a')}\\?.*body"), unknown, times=None)
        source = world.source()
        document = next(iter(source.read("ENG", list(source.scan("ENG", None).refs))))
        assert (document.kind, document.text, document.version) == ("skipped", "", "")
        assert (document.title, document.skipped) == ("a", "its body is in no known format")
