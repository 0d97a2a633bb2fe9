"""The contract, for JIRA Cloud and Data Center."""

from __future__ import annotations

import pytest

from duetto_assets_tests.sources.atlassian_worlds import JiraWorld
from duetto_assets_tests.sources.contract import RemoteContract, World, read
from duetto_assets_tests.wire.atlassian import AtlassianSite


class TestJira(RemoteContract):
    @pytest.fixture(params=["cloud", "datacenter"])
    def world(self, request: pytest.FixtureRequest, atlassian: AtlassianSite) -> JiraWorld:
        return JiraWorld(atlassian, cloud=request.param == "cloud")

    def test_a_document_that_is_no_text_says_so(self, world: World) -> None:
        """What is written there is always text, be it the bytes of a picture; what is attached is named."""
        world.put("a", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        document = read(world)[world.id_of("a")]
        assert document.kind == "issue"
        assert "PNG" in document.text
        assert "\0" not in document.text
