"""The contract, for Confluence Cloud and Data Center."""

from __future__ import annotations

import pytest

from duetto_assets_tests.sources.atlassian_worlds import ConfluenceWorld
from duetto_assets_tests.sources.contract import RemoteContract
from duetto_assets_tests.wire.atlassian import AtlassianSite


class TestConfluence(RemoteContract):
    @pytest.fixture(params=["cloud", "datacenter"])
    def world(self, request: pytest.FixtureRequest, atlassian: AtlassianSite) -> ConfluenceWorld:
        return ConfluenceWorld(atlassian, cloud=request.param == "cloud")

    @pytest.mark.skip(reason="what is written there is always text")
    def test_a_document_that_is_no_text_says_so(self) -> None: ...
