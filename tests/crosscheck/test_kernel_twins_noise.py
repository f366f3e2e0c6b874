"""The kernels of noise against plain NumPy: the same generator, the same formulas."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.navigation import GridBank, walkable_grid
from avi_env.scene import shoebox
from avi_env.scene.draws import ACTUATION, DEPTH, IMAGE, LOST
from avi_env.tasks import AudioNavTask
from avi_env.tasks.transition import COUNTS, NUMBERS, Rules, Transition, empty_columns
from avi_env.vision.sensor_noise import LOST_PER_SPREAD, add_depth_noise, add_image_noise

KEYS, CLOCKS = np.array([3, 2**61 + 12345, 77]), np.array([0, 5, 2**33 + 1])
U32 = np.uint32


def hashed(state: np.ndarray) -> np.ndarray:
    """PCG-RXS-M-XS hash of 32 bits, as Warp's generator."""
    with np.errstate(over="ignore"):
        mixed = state.astype(U32) * U32(747796405) + U32(2891336453)
        word = ((mixed >> ((mixed >> U32(28)) + U32(4))) ^ mixed) * U32(277803737)
    return (word >> U32(22)) ^ word


def started(seed: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """`wp.rand_init`."""
    with np.errstate(over="ignore"):
        return hashed(seed.astype(U32) + hashed(offset))


def states(keys: np.ndarray, clocks: np.ndarray, purpose: int, count: int) -> np.ndarray:
    """`draw_state` of numbers 0 .. count - 1 of each row, shape (N, count)."""
    low = 2**32 - 1
    state = started(keys & low, keys >> 32 & low)
    state = started(started(state, clocks & low), np.full(len(keys), purpose))
    return started(np.repeat(state[:, None], count, 1), np.arange(count)[None])


def uniforms(state: np.ndarray, count: int) -> list[np.ndarray]:
    """`wp.randf`, some times over."""
    drawn = []
    for _ in range(count):
        state = hashed(state)
        drawn.append((state >> U32(8)).astype(np.float64) / 2.0**24)
    return drawn


def four_normals(keys: np.ndarray, clocks: np.ndarray, purpose: int, count: int) -> np.ndarray:
    """`normals`, shape (N, count, 4)."""
    a, b, c, d = uniforms(states(keys, clocks, purpose, count), 4)
    near, further = np.sqrt(-2.0 * np.log(1.0 - a)), np.sqrt(-2.0 * np.log(1.0 - c))
    angle, other = 2.0 * np.pi * b, 2.0 * np.pi * d
    return np.stack([near * np.cos(angle), near * np.sin(angle), further * np.cos(other), further * np.sin(other)], -1)


def on(device: str, *arrays: np.ndarray) -> tuple[torch.Tensor, ...]:
    """Copies of arrays on a device."""
    return tuple(torch.from_numpy(array.copy()).to(device) for array in arrays)


def test_depth_noise(device: str) -> None:
    """`_depth_kernel`: z (1 + amount z g), lost readings and holes are 0."""
    true = np.random.default_rng(0).uniform(0.3, 9.0, (3, 20, 30, 1)).astype(np.float32)
    true[:, 4] = 0.0
    depth, keys, clocks = on(device, true, KEYS, CLOCKS)
    add_depth_noise(depth, keys, clocks, 0.01)
    flat = true.reshape(3, -1).astype(np.float64)
    chance = uniforms(states(KEYS, CLOCKS, int(LOST), 600), 1)[0]
    lost = chance < LOST_PER_SPREAD * 0.01 * flat
    expected = flat * (1.0 + 0.01 * flat * four_normals(KEYS, CLOCKS, int(DEPTH), 600)[..., 0])
    assert lost.sum() > 50
    assert_allclose(depth.cpu().numpy().reshape(3, -1), np.where(lost, 0.0, expected), rtol=1e-5, atol=0)


def test_image_noise(device: str) -> None:
    """`_image_kernel`: round(level + amount g) within 0..255, another g for each colour."""
    true = np.random.default_rng(1).integers(0, 256, (3, 20, 30, 3)).astype(np.uint8)
    image, keys, clocks = on(device, true, KEYS, CLOCKS)
    add_image_noise(image, keys, clocks, 9.0)
    moved = true.reshape(3, -1, 3) + 9.0 * four_normals(KEYS, CLOCKS, int(IMAGE), 600)[..., :3]
    expected = np.clip(np.floor(moved + 0.5), 0, 255)
    exact = np.abs(moved - np.floor(moved) - 0.5) > 1e-4  # single precision may round the others either way
    assert_array_equal(image.cpu().numpy().reshape(3, -1, 3)[exact], expected[exact])
    assert exact.mean() > 0.999


def test_actuation_noise(device: str) -> None:
    """`_step` with noise: a turn goes 1 + spread g as far as it should, at least nowhere."""
    bank = GridBank([walkable_grid(shoebox((6.0, 3.0, 4.0)))], device)
    columns = empty_columns(3, torch.device(device))
    for table in columns:
        table.zero_()
    columns.places[:] = torch.tensor([3.0, 0.0, 2.0], device=device)
    keys, clocks = on(device, KEYS, CLOCKS)
    columns.counts[COUNTS.index("key")], columns.counts[COUNTS.index("clock")] = keys, clocks
    rules = Rules(AudioNavTask(), 0.25, math.radians(15.0), 1.25, 4000, 16000, actuation_noise=0.8)
    fields = torch.zeros(1, 1, *bank.arrays.free.shape[1:], device=device)
    action = torch.full((3,), 2, device=device)
    turned = Transition(rules, torch.device(device))(bank, fields, action, columns).numbers[NUMBERS.index("yaw")]
    share = np.maximum(1.0 + 0.8 * four_normals(KEYS, CLOCKS, int(ACTUATION), 1)[:, 0, 1], 0.0)
    assert_allclose(turned.cpu().numpy(), math.radians(15.0) * share, rtol=1e-5, atol=1e-7)
