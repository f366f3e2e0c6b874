"""Episodes of fewer clips: the same but for which clip of its kind each sound is."""

from __future__ import annotations

import dataclasses

import pytest

from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import EpisodeMaker

KEYWORDS = {"scenes": "house:5", "sensors": ("audio",), "distractors": 1}


def test_fewer_clips_change_nothing_else() -> None:
    """The number of the clip modulo their count; house, start, places and classes stay."""
    every = EpisodeMaker(EnvConfig.from_keywords(KEYWORDS))
    fewer = EpisodeMaker(EnvConfig.from_keywords({**KEYWORDS, "sound_clips": 3}))
    pairs = [(every.draw(0, index), fewer.draw(0, index)) for index in range(6)]
    assert {one.sound_variant for one, _ in pairs} - {0, 1, 2}
    for one, other in pairs:
        assert other.sound_variant == one.sound_variant % 3
        assert other.distractors[0].sound_variant == one.distractors[0].sound_variant % 3
        same = {"sound_variant": 0, "distractors": ()}
        assert dataclasses.replace(one, **same) == dataclasses.replace(other, **same)


@pytest.mark.parametrize("count", [0, 9])
def test_counts_out_of_range_are_told(count: int) -> None:
    """There are eight of each."""
    with pytest.raises(ValueError, match="sound_clips must be from 1 to 8"):
        EnvConfig.from_keywords({"sound_clips": count})
