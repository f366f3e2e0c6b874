"""Task level (sheet test 32): who walks where the first sound comes from arrives; a mirrored house swaps the ears."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from avi_env.acoustics import load_hrtf, render_rir
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.direct import direct_paths
from avi_env.acoustics.rir import exact_paths
from avi_env.acoustics.wavefront import WavefrontBank, diffracted_paths, wavefront_field
from avi_env.navigation import GridBank, distance_field, field_lookup, move, random_points, walkable_grid
from avi_env.scene import Scene, generate_house
from avi_env.scene.bank import SceneBank
from avi_env.scene.rays import occluded

EAR = 1.25  # [m]
HOUSES, EPISODES = 20, 6


def first_arrival(
    bank: SceneBank, waves: WavefrontBank, index: torch.Tensor, source: torch.Tensor, ears: torch.Tensor
) -> torch.Tensor:
    """Direction of the first sound through the air, free or around edges, shape (B, 3)."""
    blocked = bank.occluded(index, source, ears)
    direct = direct_paths(bank, index, source, ears, blocked=blocked).direction[:, 0]
    rows = torch.arange(len(index))
    bent = diffracted_paths(waves, rows, source, ears, blocked).direction[:, 0]
    return torch.where(blocked[:, None], bent, direct)


def test_walking_towards_the_first_arrival_arrives() -> None:
    """Two-room houses without furniture: of 120 walks of 25 cm steps from room to room more than 95 % end within 1 m.

    The walker knows nothing but the direction; it slides along walls, steps aside at random where it
    would stand still, and gives up after four times the way. Those who fail stand behind an open leaf, where the
    sound comes through the slit at its hinge.
    """
    scenes = [generate_house(seed, rooms=2, furniture=False) for seed in range(HOUSES)]
    grids = [walkable_grid(scene) for scene in scenes]
    bank, walks = SceneBank(scenes), GridBank(grids)
    rng = np.random.default_rng(0)
    index = torch.arange(HOUSES, dtype=torch.int64).repeat_interleave(EPISODES)
    starts, goals, ways, fields, waves = [], [], [], [], WavefrontBank(HOUSES * EPISODES)
    for row, scene in enumerate(index.tolist()):
        grid = grids[scene]
        goal = random_points(grid, rng, 1)[0]
        field = distance_field(grid, goal)
        candidates = random_points(grid, rng, 32)
        way = field_lookup(field, grid, candidates)
        far = int(np.argmax(np.where(np.isfinite(way), way, -1.0)))
        starts.append(candidates[far])
        goals.append(goal)
        fields.append(field)
        ways.append(float(way[far]))
        waves.set_row(row, wavefront_field(scenes[scene], goal + np.array([0.0, EAR, 0.0])))
    position = torch.tensor(np.array(starts), dtype=torch.float32)
    goal_at = torch.tensor(np.array(goals), dtype=torch.float32)
    source = goal_at + torch.tensor([0.0, EAR, 0.0])
    yaw, left = torch.zeros(len(index)), torch.tensor(ways) * 4.0
    arrived = torch.zeros(len(index), dtype=torch.bool)
    while bool((~arrived & (left > 0.0)).any()):
        ears = position + torch.tensor([0.0, EAR, 0.0])
        heard = first_arrival(bank, waves, index, source, ears)
        yaw = torch.atan2(-heard[:, 0], -heard[:, 2])
        going = ~arrived & (left > 0.0)
        step = move(walks, index, position, yaw, torch.where(going, 0.25, 0.0), torch.zeros(len(index)))
        still = going & ((step.position - position).norm(dim=1) < 0.05)
        aside = torch.from_numpy(rng.choice([-1.0, 1.0], len(index))).float() * math.pi / 2
        forward = torch.where(still, 0.25, 0.0)
        position = move(walks, index, step.position, yaw + aside, forward, torch.zeros(len(index))).position
        left -= 0.25
        for row in torch.nonzero(going)[:, 0].tolist():
            way = field_lookup(fields[row], grids[int(index[row])], position[row].numpy())
            arrived[row] = float(way) < 1.0
    assert min(ways) > 1.0
    assert arrived.float().mean() > 0.95, torch.nonzero(~arrived)


def mirrored(scene: Scene) -> Scene:
    """The house in a mirror: x to -x, windings reversed, so that normals face the air as before."""
    flip = np.array([-1.0, 1.0, 1.0], dtype=np.float32)

    def turned(value):  # type: ignore[no-untyped-def]
        changes = {"yaw": -value.yaw, "center": (-value.center[0], *value.center[1:])}
        return dataclasses.replace(value, **changes)

    return dataclasses.replace(
        scene,
        name=f"{scene.name} mirrored",
        vertices=scene.vertices * flip,
        triangles=scene.triangles[:, ::-1],
        uv=None,
        objects=tuple(turned(o) for o in scene.objects),
        portals=tuple(turned(p) for p in scene.portals),
        rooms=tuple(dataclasses.replace(r, polygon=tuple((-x, z) for x, z in r.polygon[::-1])) for r in scene.rooms),
    )


@pytest.fixture(scope="module")
def houses() -> tuple[Scene, Scene]:
    """A furnished house of two rooms, and its mirror image."""
    house = generate_house(1, rooms=2)
    return house, mirrored(house)


def places(house: Scene, count: int) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Sources, ears and headings."""
    grid, rng = walkable_grid(house), np.random.default_rng(3)
    points = random_points(grid, rng, 2 * count) + np.array([0.0, EAR, 0.0])
    return [(points[2 * k], points[2 * k + 1], float(rng.uniform(-np.pi, np.pi))) for k in range(count)]


def test_a_mirrored_house_swaps_the_ears(houses: tuple[Scene, Scene]) -> None:
    """All discrete paths of 6 pairs of places: the channels are exchanged, 1e-5 of the peak where the source is seen.

    Behind an edge 2e-4: the wavefront's columns of 5 cm lie otherwise in the mirror, and so do the edges they touch.
    """
    head, flip = load_hrtf("kemar", 16000), np.array([-1.0, 1.0, 1.0])
    for source, ears, yaw in places(houses[0], 6):
        one, two = (
            paths_to_fir(exact_paths(scene, s, e), torch.tensor([turn], dtype=torch.float32), head, 2400)[0].numpy()
            for scene, s, e, turn in ((houses[0], source, ears, yaw), (houses[1], source * flip, ears * flip, -yaw))
        )
        assert np.abs(one).max() > 0.0
        share = 2e-4 if occluded(houses[0], source[None], ears[None])[0] else 1e-5
        np.testing.assert_allclose(two[::-1], one, rtol=0, atol=share * np.abs(one).max())


@pytest.mark.parametrize("mode", ["traced", "baked"])
def test_a_mirrored_house_reverberates_alike(houses: tuple[Scene, Scene], mode: str) -> None:
    """Whole responses: energies of exchanged ears within 1.2 dB (paths of their own: standard error 0.4 dB)."""
    flip = np.array([-1.0, 1.0, 1.0])
    for source, ears, yaw in places(houses[0], 1):
        one, two = (
            render_rir(scene, s, e, turn, 16000, mode, seconds=0.6, path_count=3000).astype(np.float64)
            for scene, s, e, turn in ((houses[0], source, ears, yaw), (houses[1], source * flip, ears * flip, -yaw))
        )
        level = 10.0 * np.log10((two[::-1] ** 2).sum(axis=1) / (one**2).sum(axis=1))
        np.testing.assert_allclose(level, 0.0, rtol=0, atol=1.2)
