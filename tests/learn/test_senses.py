"""What a policy senses: levels and delays of a known sound, a map of a known wall, the motion between two poses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.policies.ego_map import FREE, MAP_CELLS, OCCUPIED, VISITED, MapLens, empty_maps, map_view, seen_maps
from avi_env.policies.senses import INPUT_SHAPES, Senses, SenseSettings
from avi_env.policies.sound_cues import CUE_SHAPE, sound_cues

RATE = 16000


def _tone(hertz: float, amplitude: float) -> torch.Tensor:
    time = torch.arange(RATE) / RATE
    return amplitude * torch.sin(2 * math.pi * hertz * time)


def test_levels_are_sound_pressure_levels(device: str) -> None:
    """A tone in the middle of a band at 1 Pa rms is 94 dB there; half as much at the other ear 6 dB less."""
    mel = np.linspace(2595 * np.log10(1 + 80 / 700), 2595 * np.log10(1 + 7600 / 700), 34)
    middle = 700 * (10 ** (mel[21] / 2595) - 1)
    tone = _tone(float(middle), math.sqrt(2))
    cues = sound_cues(torch.stack([tone, 0.5 * tone])[None].to(device), RATE).cpu().double()
    assert cues.shape == (1, *CUE_SHAPE)
    level = cues[0, :2, :, 20] * 0.5 - 10.0
    # 94 dB = 20 log10(1 Pa / 20 uPa); the triangle takes a little from the window's side lines, the step is 0.5 dB
    assert_allclose(level[0], 93.98, atol=1.0)
    assert_allclose(level[0] - level[1], 6.02, atol=0.51)


@pytest.mark.parametrize("delay", [-9, 0, 7])
def test_the_delay_is_where_the_correlation_peaks(delay: int, device: str) -> None:
    """Noise that reaches the left ear so many samples after the right peaks at that lag, in every frame."""
    noise = torch.randn(RATE + 64, generator=torch.Generator().manual_seed(3))
    left, right = noise[32 - delay : 32 - delay + RATE], noise[32 : 32 + RATE]
    cues = sound_cues(torch.stack([left, right])[None].to(device), RATE).cpu()
    assert_array_equal(cues[0, 2].argmax(dim=1), 16 + delay)


def test_silence_has_no_level_and_no_direction() -> None:
    """Nothing gives the least level, and a correlation of nothing."""
    cues = sound_cues(torch.zeros(2, 2, RATE), RATE)
    assert_array_equal(cues[:, :2], 0)
    assert_array_equal(cues[:, 2], 128)


def test_other_rates_are_refused() -> None:
    """The cues count samples."""
    with pytest.raises(ValueError, match="16000 Hz, not 44100"):
        sound_cues(torch.zeros(1, 2, 44100), 44100)


def _wall(distance: float, size: int = 64, hfov: float = 90.0, eye: float = 1.25) -> torch.Tensor:
    """The planar depth of a wall across the view and of the floor before it, shape (1, size, size)."""
    focal = 0.5 * size / math.tan(math.radians(0.5 * hfov))
    upward = (0.5 * size - torch.arange(size) - 0.5) / focal
    floor = torch.where(upward < 0, eye / -upward.clamp_max(-1e-9), math.inf)
    return floor.clamp_max(distance)[:, None].expand(size, size)[None].contiguous()


def test_a_wall_stands_on_the_map_where_it_was_seen(device: str) -> None:
    """A wall 2 m ahead is a row of occupied cells up the view, with free ones before it; turned left, it is right."""
    maps = empty_maps(1, device)
    pose = torch.zeros(1, 4, device=device)
    maps = seen_maps(maps, _wall(2.0).to(device), pose, MapLens(90.0, 1.25))
    near = map_view(maps, pose)[0, 0].cpu()
    half = MAP_CELLS // 2
    rows = torch.nonzero(near[:, half] & OCCUPIED)[:, 0].tolist()
    assert rows  # 2 m are 20 cells of 0.1 m: the wall is in row 24 - 20 = 4, or beside it by rounding
    assert all(abs(row - (half - 20)) <= 1 for row in rows)
    assert (near[half - 17 : half - 2, half] & FREE).all()
    assert near[half, half] & VISITED
    turned = torch.tensor([[0.0, 0.0, 0.0, math.pi / 2]], device=device)
    aside = map_view(maps, turned)[0, 0].cpu()
    columns = torch.nonzero(aside[half] & OCCUPIED)[:, 0].tolist()
    assert columns
    assert all(abs(column - (half + 19)) <= 1 for column in columns)


def test_a_door_that_opens_is_seen_through() -> None:
    """What stood in the way is forgotten on the near map when one sees past it; the far map keeps what it was."""
    pose = torch.zeros(1, 4)
    maps = seen_maps(empty_maps(1), _wall(1.5), pose, MapLens(90.0, 1.25))
    before = map_view(maps, pose)[0]
    maps = seen_maps(maps, _wall(4.0), pose, MapLens(90.0, 1.25))
    after = map_view(maps, pose)[0]
    half = MAP_CELLS // 2
    column = slice(half - 17, half - 12)
    assert (before[0, column, half] & OCCUPIED).any()
    assert not (after[0, column, half] & OCCUPIED).any()
    assert (after[1, half - 5 : half, half] & OCCUPIED).any()


def test_rows_do_not_see_each_other(device: str) -> None:
    """The map of an agent is the same alone and beside another one, elsewhere, with another picture."""
    pose = torch.tensor([[0.0, 0.0, 0.0, 0.3], [2.0, 0.0, -1.0, -2.0]], device=device)
    depth = torch.cat([_wall(2.0), _wall(3.3)]).to(device)
    both = map_view(seen_maps(empty_maps(2, device), depth, pose, MapLens(90.0, 1.25)), pose)
    for row in range(2):
        one = slice(row, row + 1)
        alone = map_view(seen_maps(empty_maps(1, device), depth[one], pose[one], MapLens(90.0, 1.25)), pose[one])
        assert_array_equal(alone.cpu(), both[one].cpu())


def _observation(batch: int, pose: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        "depth": _wall(2.0).expand(batch, -1, -1)[..., None],
        "audio": torch.zeros(batch, 2, RATE),
        "pose": pose,
        "goal": torch.tensor([[3.0, 0.5]]).expand(batch, -1),
    }


def test_motion_is_told_in_the_agents_own_frame() -> None:
    """A step ahead, a turn, and a step against a wall, after which nothing has moved."""
    senses = Senses(SenseSettings(goal=True), sample_rate=RATE, hfov=90.0, eye_height=1.25)
    memory, first = senses.begin(1), torch.ones(1, dtype=torch.bool)
    yaw = math.radians(30.0)
    poses = [(0.0, 0.0, 0.0, yaw), (-0.25 * math.sin(yaw), 0.0, -0.25 * math.cos(yaw), yaw)]
    poses += [(*poses[1][:3], yaw + math.radians(15.0))] * 2
    told = []
    for pose in poses:
        inputs, memory = senses.observe(_observation(1, torch.tensor([pose])), memory, first)
        told.append(inputs["motion"][0].float())
        first = torch.zeros(1, dtype=torch.bool)
    turn = math.radians(15.0)
    expected = [(0, 0, 0, 1, 0), (0.25, 0, 0, 1, 0), (0, 0, math.sin(turn), math.cos(turn), 0), (0, 0, 0, 1, 1)]
    assert_allclose(torch.stack(told), expected, atol=1e-3)  # half precision
    assert_allclose(inputs["goal"][0], [0.3, 2.0, math.sin(0.5), math.cos(0.5)], atol=1e-3)


def test_shapes_are_those_told() -> None:
    """What a network is built for is what it gets."""
    for settings in (SenseSettings(goal=True), SenseSettings(sound="none", map=False)):
        senses = Senses(settings, sample_rate=RATE, hfov=90.0, eye_height=1.25)
        seen = _observation(2, torch.zeros(2, 4))
        inputs, _ = senses.observe(seen, senses.begin(2), torch.ones(2, dtype=torch.bool))
        assert {name: tuple(value.shape[1:]) for name, value in inputs.items()} == senses.shapes
        assert set(inputs) <= set(INPUT_SHAPES)


def test_an_episode_that_begins_has_an_empty_map() -> None:
    """Only the rows that begin forget."""
    senses = Senses(SenseSettings(), sample_rate=RATE, hfov=90.0, eye_height=1.25)
    memory, yes = senses.begin(2), torch.ones(2, dtype=torch.bool)
    _, memory = senses.observe(_observation(2, torch.zeros(2, 4)), memory, yes)
    behind = torch.tensor([[0.0, 0.0, 0.0, math.pi]] * 2)
    seen = _observation(2, behind)
    seen["depth"] = torch.zeros(2, 64, 64, 1)
    inputs, _ = senses.observe(seen, memory, torch.tensor([True, False]))
    assert not (inputs["map"][0] & OCCUPIED).any()
    assert (inputs["map"][1] & OCCUPIED).any()


def test_a_missing_sensor_is_named() -> None:
    """The error says which keyword helps."""
    senses = Senses(SenseSettings(), sample_rate=RATE, hfov=90.0, eye_height=1.25)
    seen = _observation(1, torch.zeros(1, 4))
    del seen["audio"]
    with pytest.raises(ValueError, match="needs the sensor 'audio'"):
        senses.observe(seen, senses.begin(1), torch.ones(1, dtype=torch.bool))
