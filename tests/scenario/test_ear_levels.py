"""Levels at the ears: against the responses of the room themselves, computed anew and at a finer resolution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from avi_env.acoustics.bands import BANDS_HZ
from avi_env.scenario.cases import cases
from avi_env.scenario.ear_levels import ear_level
from avi_env.scenario.effects import SoundStart
from avi_env.scenario.reading import parse_scenario
from avi_env.scenario.stage import Stage
from avi_env.tasks.transition import COUNTS, NUMBERS, PLACES, SLOTS

FILE = """
schema: 1
name: levels
world: {scene: "house:1:living_room+bedroom", sources: {spot: {room: living_room_1, height: 1.0}}}
agent: {start: {room: living_room_1, yaw_deg: 90}}
task: {instruction: Listen., goal: spot}
timeline:
  - {id: hum, at: 0.1, do: sound.start, source: spot, clip: CLIP}
expect:
  - {eventually: "sounding(spot)"}
"""
POINTS = 16384


def level_of_responses(stage: Stage, slot: int) -> float:
    """Twin of `ear_level`: the source's response as the soundscape gives it anew, transformed as a whole."""
    batch, tables = stage.batch, stage.batch.tables
    places, numbers, slots, counts, _ = tables.columns
    with torch.no_grad():
        fir, sample = batch.world.soundscape.responses(
            batch.world.bank,
            counts[COUNTS.index("seat")],
            slots[SLOTS.index("heard_index")],
            places[PLACES.index("ears")],
            numbers[NUMBERS.index("yaw")],
            counts[COUNTS.index("sound_clock")],
        )
    emitter = next(one.emitter for one in stage.sounds.playing if one.slot == slot)
    clip, rate = emitter.clip, batch.config.sample_rate
    # Every sound that plays in a loop is a sum of the harmonics of its loop: their powers through the response.
    share = np.abs(np.fft.rfft(clip.samples.astype(np.float64))) ** 2
    frequency = np.fft.rfftfreq(len(clip.samples), 1.0 / rate)
    response = np.abs(np.fft.rfft(fir[0, slot].numpy().astype(np.float64), POINTS, axis=-1)) ** 2
    early = np.interp(frequency, np.fft.rfftfreq(POINTS, 1.0 / rate), response.mean(axis=0))
    octave = np.clip(np.round(np.log2(np.maximum(frequency, 1.0) / BANDS_HZ[0])), 0, len(BANDS_HZ) - 1).astype(int)
    late = sample.late.sum(dim=1).numpy()[slot][octave]
    gain = float((share * (early + late)).sum() / share.sum())
    return clip.spl_db + emitter.gain_db + 10.0 * math.log10(gain)


@pytest.mark.parametrize(
    ("clip", "doppler", "tolerance"),
    [("vacuum_cleaner", False, 0.5), ("smoke_alarm", False, 1.5), ("vacuum_cleaner", True, 1.5)],
)
def test_level_is_that_of_the_responses(clip: str, doppler: bool, tolerance: float) -> None:
    """Within 0.5 dB for noise; a tone's lines fall between the frequencies of the coarser transform.

    With Doppler shift the straight sound is added as power, as if it did not interfere with its reflections.
    """
    case = cases(parse_scenario(FILE.replace("CLIP", clip), "levels.scenario.yaml"))[0]
    stage = Stage(case, width=16, height=16, sensors=("audio",), bake_paths=128, doppler=doppler)
    stage.reset()
    stage.apply(SoundStart(source="spot", clip=clip), 0.1)
    (one,) = stage.sounds.playing
    told, expected = [], []
    for action in (2, 2, 1, 2, 1):
        stage.env.step(action)
        told.append(ear_level(stage.batch, 0, one.slot, one.emitter))
        expected.append(level_of_responses(stage, one.slot))
        assert_allclose(stage.truth.level_db("spot"), told[-1], rtol=1e-12)
    stage.close()
    assert_allclose(told, expected, rtol=0, atol=tolerance)
