"""A stand-in Atlassian site for a test, which fails if a request or answer breaks the vendor's description."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from duetto_assets_tests.wire import openapi
from duetto_assets_tests.wire.atlassian import AtlassianSite


@pytest.fixture
def atlassian() -> Iterator[AtlassianSite]:
    """Return an empty Atlassian site on localhost."""
    with AtlassianSite(check=openapi.check if openapi.present() else None) as site:
        yield site
    assert not site.violations, "\n".join(site.violations)
