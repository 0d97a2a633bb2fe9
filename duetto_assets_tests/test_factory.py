"""What is built from the settings."""

from __future__ import annotations

import pytest

from duetto_assets.factory import earlier_encoder_of, encoder_of
from duetto_assets.settings import load
from duetto_assets.stages.embed import resolve_model, vector_model_id


def test_vectors_of_an_earlier_setting_find_their_model_again() -> None:
    earlier = resolve_model("all-MiniLM-L6-v2", max_tokens=64)
    encoder = earlier_encoder_of(vector_model_id(earlier), load())
    assert encoder is not None
    assert encoder.model_id == earlier.model_id != encoder_of(load()).model_id


@pytest.mark.parametrize(
    "model",
    ["", "gone@128-00000000+place0.7", "all-MiniLM-L6-v2@128-00000000+place0.7", "all-MiniLM-L6-v2@x-y", "a/../b"],
)
def test_a_model_that_is_not_at_hand_is_no_error(model: str) -> None:
    assert earlier_encoder_of(model, load()) is None
