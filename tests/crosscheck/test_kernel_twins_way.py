"""The kernel of ways over a policy's own map against SciPy's Dijkstra, on random maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.ndimage import binary_dilation
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from avi_env.policies.ego_map import FREE, NEAR_CELLS, OCCUPIED, VISITED
from avi_env.policies.own_way import WAY_AHEAD, own_ways

WIDTH, CELL = 96, 0.2  # of the window [cells], of a cell [m]
STEPS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def plain_way(near: np.ndarray, pose: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The same by a graph of cells: (sine, cosine) of two places on the way, log2(1 + metres)."""
    x, z, yaw = pose[0], pose[2], pose[3]
    place = np.array([x - goal[0] * np.sin(goal[1] + yaw), z - goal[0] * np.cos(goal[1] + yaw)])
    low = np.clip(np.floor(np.array([x, z]) / CELL).astype(int) + 100 - WIDTH // 2, 0, 200 - WIDTH)
    blocks = near[:-1].reshape(200, 2, 200, 2)
    wall = ((blocks & OCCUPIED).any(axis=(1, 3)) & ~(blocks & VISITED).any(axis=(1, 3)))[
        low[0] : low[0] + WIDTH, low[1] : low[1] + WIDTH
    ]
    cost = np.where(binary_dilation(wall, np.ones((3, 3))), 3, 1)

    def cell(point: np.ndarray) -> tuple[int, int]:
        at = np.clip(np.floor(point / CELL).astype(int) + 100 - low, 0, WIDTH - 1)
        return int(at[0]), int(at[1])

    end, begin = cell(place), cell(np.array([x, z]))
    wall[end], cost[end] = False, 1
    rows, columns, values = [], [], []
    for i, j in np.ndindex(*wall.shape):  # out of a wall one may step, not into one
        for di, dj in STEPS:
            a, b = i + di, j + dj
            if (di, dj) == (0, 0) or not (0 <= a < WIDTH and 0 <= b < WIDTH) or wall[a, b]:
                continue
            if di and dj and (wall[a, j] or wall[i, b]):
                continue
            rows.append(i * WIDTH + j)
            columns.append(a * WIDTH + b)
            values.append((7 if di and dj else 5) * (cost[i, j] + cost[a, b]))
    graph = csr_matrix((values, (rows, columns)), shape=(WIDTH**2, WIDTH**2))
    length = dijkstra(graph, indices=end[0] * WIDTH + end[1]).reshape(WIDTH, WIDTH)
    told, at = [], begin
    for n in range(1, WAY_AHEAD[1] + 1):
        linked = graph[at[0] * WIDTH + at[1]].indices  # in the kernel's order: of equals the first
        ways = [(length.flat[to], k) for k, to in enumerate(sorted(linked))]
        if ways and min(ways)[0] < length[at]:
            to = sorted(linked)[min(ways)[1]]
            at = (int(to) // WIDTH, int(to) % WIDTH)
        if n in WAY_AHEAD:
            target = place if length[at] == 0 or np.isinf(length[at]) else (low + at - 100 + 0.5) * CELL
            azimuth = math.atan2(x - target[0], z - target[1]) - yaw
            told += [math.sin(azimuth), math.cos(azimuth)]
    metres = 2 * goal[0] if np.isinf(length[begin]) else length[begin] * CELL / 10
    return np.array([*told, math.log2(1 + metres)])


def random_maps(rng: np.random.Generator, count: int) -> np.ndarray:
    """Walls of random lengths along both axes, seen and walked ground among them."""
    near = np.zeros((count, NEAR_CELLS, NEAR_CELLS), np.uint8)
    for b in range(count):
        for _ in range(40):
            i, j = rng.integers(110, 290, 2)
            length = rng.integers(5, 60)
            rows, columns = (slice(i, i + 2), slice(j, j + length)) if rng.random() < 0.5 else (slice(i, i + length), j)
            near[b, rows, columns] = OCCUPIED
        free = rng.random((NEAR_CELLS, NEAR_CELLS)) < 0.2
        near[b][free & (near[b] == 0)] = FREE
        near[b][rng.random((NEAR_CELLS, NEAR_CELLS)) < 0.01] |= VISITED
    return np.concatenate([near.reshape(count, -1), np.zeros((count, 1), np.uint8)], axis=1)


def test_ways_over_random_maps(device: str) -> None:
    """`_own_way`: lengths and places ahead of eight agents, goals in and beyond the window."""
    rng = np.random.default_rng(4)
    near = random_maps(rng, 8)
    pose = np.stack([rng.uniform(-6, 6, 8), np.zeros(8), rng.uniform(-6, 6, 8), rng.uniform(-3, 3, 8)], axis=1)
    goal = np.stack([rng.uniform(0.1, 14.0, 8), rng.uniform(-3, 3, 8)], axis=1)
    pose, goal = pose.astype(np.float32), goal.astype(np.float32)
    found = own_ways(*(torch.from_numpy(array).to(device) for array in (near, pose, goal)))
    wanted = np.stack([plain_way(*row) for row in zip(near, pose.astype(float), goal.astype(float), strict=True)])
    assert_allclose(found.cpu(), wanted, rtol=0, atol=2e-5)
    assert len(np.unique(wanted[:, 4])) > 5


def test_a_walled_up_agent_is_told_the_straight_line(device: str) -> None:
    """A ring of walls about the agent: the azimuth of the goal itself, and twice its distance."""
    near = torch.zeros(1, NEAR_CELLS, NEAR_CELLS, dtype=torch.uint8)
    near[:, 180:220, 180:220] = OCCUPIED
    near[:, 186:214, 186:214] = FREE
    flat = torch.cat([near.flatten(1), torch.zeros(1, 1, dtype=torch.uint8)], dim=1).to(device)
    goal = torch.tensor([[7.0, 0.5]], device=device)
    found = own_ways(flat, torch.zeros(1, 4, device=device), goal).cpu()[0]
    assert_allclose(found[0], math.sin(0.5), atol=1e-5)
    assert_allclose(found[1], math.cos(0.5), atol=1e-5)
    assert_allclose(found[4], math.log2(15.0), atol=1e-5)


def test_shapes_are_checked() -> None:
    """Maps of another size are refused by name."""
    with pytest.raises(ValueError, match="ways need near"):
        own_ways(torch.zeros(1, 7, dtype=torch.uint8), torch.zeros(1, 4), torch.zeros(1, 2))
