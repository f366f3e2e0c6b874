"""The kernels of discrete paths and of the moving delay against plain NumPy, on random inputs."""

from __future__ import annotations

import numpy as np
import torch
from plain_paths import PlainTracer, Rectangle, rectangles_scene
from test_ears_stream import Loop

from avi_env.acoustics import load_hrtf
from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.discrete import DIRECT, MIRRORS, TRANSMITTED, discrete_paths
from avi_env.acoustics.doppler import render_doppler, start_doppler
from avi_env.acoustics.ear_filters import LEAD_SAMPLES
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.sight import cells_in_sight
from avi_env.acoustics.stream import FOREVER, Playback
from avi_env.scene import Material
from avi_env.scene.bank import SceneBank

RATE = 16000


def room() -> list[Rectangle]:
    """4 x 2.6 x 3 m with a partition across two thirds of it that lets sound through."""
    wall = Material("wall", (0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4), 0.2, 60.0)
    soft = Material("soft", 0.5, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), 60.0)
    thin = Material("thin", 0.6, 0.3, (5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0))
    x, y, z = 4.0, 2.6, 3.0
    return [
        Rectangle(1, 0.0, (0.0, 0.0), (x, z), soft, 0, 1.0, False, True),
        Rectangle(1, y, (0.0, 0.0), (x, z), wall, 1, -1.0, False, True),
        Rectangle(0, 0.0, (0.0, 0.0), (y, z), wall, 2, 1.0, False, True),
        Rectangle(0, x, (0.0, 0.0), (y, z), soft, 2, -1.0, False, True),
        Rectangle(2, 0.0, (0.0, 0.0), (x, y), wall, 2, 1.0, False, True),
        Rectangle(2, z, (0.0, 0.0), (x, y), wall, 2, -1.0, False, True),
        Rectangle(0, 2.0, (0.0, 0.0), (y, 2.0), thin, 3, -1.0, True, True),
        Rectangle(0, 2.12, (0.0, 0.0), (y, 2.0), thin, 3, 1.0, True, True),
        Rectangle(2, 2.0, (2.0, 0.0), (2.12, y), thin, 3, 1.0, True, False),
    ]


def spreading(distance: float) -> np.ndarray:
    """Pressure after a distance: 1/d, less air."""
    return 10.0 ** (-AIR_DB_PER_METRE * distance / 20.0) / max(distance, 0.1)


def mirrors(tracer: PlainTracer, source: np.ndarray, listener: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Delay and gain of every first-order mirror path."""
    found = []
    for number, r in enumerate(tracer.rectangles):
        sides = (source[r.axis] - r.offset) * (listener[r.axis] - r.offset)
        if not r.mirrored or sides <= 0:
            continue
        image = source.copy()
        image[r.axis] = 2.0 * r.offset - source[r.axis]
        distance = float(np.linalg.norm(image - listener))
        share = (r.offset - listener[r.axis]) / (image[r.axis] - listener[r.axis])
        point = listener + share * (image - listener)
        way = point - source
        reach, which = tracer.nearest(source[None], way[None] / np.linalg.norm(way))
        if which[0] != number or abs(reach[0] - np.linalg.norm(way)) > 1e-6:
            continue
        back = listener - point
        near = point + 1e-6 * back
        if tracer.blocked(near[None], listener[None])[0]:
            continue
        energy = (1.0 - tracer.absorption[number]) * (1.0 - tracer.scattering[number])
        found.append((distance / SPEED_OF_SOUND, np.sqrt(energy) * spreading(distance)))
    return sorted(found, key=lambda row: row[0])


def test_direct_transmitted_and_mirrored_paths(device: str) -> None:
    """`_paths`: 60 random pairs of places, some on either side of the partition; delays 1 ns, gains 1e-5."""
    tracer, rng = PlainTracer(room()), np.random.default_rng(0)
    bank = SceneBank([rectangles_scene(room(), ("floor", "ceiling", "wall", "wall"))], device)
    places = rng.uniform(0.1, (3.9, 2.5, 2.9), (400, 3))
    places = places[(places[:, 0] < 1.9) | (places[:, 0] > 2.22) | (places[:, 2] > 2.1)][:120]
    source, listener = places[:60], places[60:]
    ends = (torch.from_numpy(np.ascontiguousarray(p)).to(device) for p in (source, listener))
    index = torch.zeros(60, dtype=torch.int64, device=device)
    paths = discrete_paths(bank, None, None, index, *ends, occlusion="ray")
    delay, gain, direction = (part.cpu().numpy() for part in paths[:3])
    hidden = 0
    for row, (s, p) in enumerate(zip(source, listener, strict=True)):
        distance = float(np.linalg.norm(s - p))
        blocked = bool(tracer.blocked(s[None], p[None])[0])
        hidden += blocked
        # Straight through the partition, both faces of one slab: its loss once.
        through = np.sqrt(tracer.transmission[6]) if blocked else 0.0
        for slot, factor in ((DIRECT, 0.0 if blocked else 1.0), (TRANSMITTED, through)):
            np.testing.assert_allclose(gain[row, slot], factor * spreading(distance), rtol=1e-5, atol=1e-9)
            if np.any(factor):
                np.testing.assert_allclose(delay[row, slot], distance / SPEED_OF_SOUND, rtol=0, atol=1e-9)
                np.testing.assert_allclose(direction[row, slot], (s - p) / distance, rtol=0, atol=1e-6)
        heard = np.flatnonzero(gain[row, MIRRORS:].max(axis=1) > 0.0) + MIRRORS
        heard = heard[np.argsort(delay[row, heard])]
        expected = mirrors(tracer, s, p)
        np.testing.assert_allclose(delay[row, heard], [d for d, _ in expected], rtol=0, atol=1e-9)
        np.testing.assert_allclose(gain[row, heard], np.reshape([g for _, g in expected], (-1, 7)), rtol=1e-5)
    assert 10 < hidden < 50


def test_cells_in_sight(device: str) -> None:
    """`_sight_kernel`: which of four cells each of 60 listeners sees past the partition."""
    tracer, rng = PlainTracer(room()), np.random.default_rng(2)
    bank = SceneBank([rectangles_scene(room(), ("floor", "ceiling", "wall", "wall"))], device)
    ears, cells = (rng.uniform(0.1, (3.9, 2.5, 2.9), shape).astype(np.float32) for shape in ((60, 3), (60, 4, 3)))
    index = torch.zeros(60, dtype=torch.int32, device=device)
    seen = cells_in_sight(bank, index, torch.from_numpy(ears).to(device), torch.from_numpy(cells).to(device))
    ends = np.repeat(ears, 4, axis=0).astype(float), cells.reshape(-1, 3).astype(float)
    expected = ~tracer.blocked(*ends).reshape(60, 4)
    assert 0.3 < expected.mean() < 0.9
    np.testing.assert_array_equal(seen.cpu().numpy(), expected)


def test_moving_delay(device: str) -> None:
    """`_delay_kernel`: a chord of tones through a delay that moves linearly in each step is x(t - d(t)), to 4e-3.

    The tones, up to 0.4 of the rate, are whole periods of the loop: the signal between the samples is known. The path's
    filter smears the corners of the delay over its 64 samples; elsewhere the error is 1e-3.
    """
    rng, size, steps, count = np.random.default_rng(1), 1600, 12, 1000
    tone = np.array([50, 177, 333, 640]) / size  # [1/sample]
    level, phase = rng.uniform(0.2, 1.0, 4), rng.uniform(0.0, 6.0, 4)

    def signal(time: np.ndarray) -> np.ndarray:
        return (level * np.cos(2.0 * np.pi * tone * time[..., None] + phase)).sum(axis=-1)

    receiver = load_hrtf("mono", sample_rate=RATE)
    bank = ClipBank(1, 1, RATE, device, receiver=receiver)
    bank.set_clip(0, Loop(signal(np.arange(size)).astype(np.float32), RATE))
    playback = Playback(
        torch.full((1, 1), -96_000, device=device), torch.full((1, 1), FOREVER, device=device),
        torch.ones(1, 1, device=device),
    )  # fmt: skip
    delays = 0.03 + np.cumsum(rng.uniform(-8e-4, 8e-4, steps))  # [s]: up to 0.013 of the speed of sound
    state, parts = start_doppler(bank), []
    for step, delay in enumerate(delays):
        straight = Paths(
            torch.full((1, 1), delay, dtype=torch.float64, device=device), torch.ones(1, 1, 7, device=device),
            torch.tensor([[[0.0, 0.0, -1.0]]], device=device), torch.tensor([[[0.0, 0.0, 1.0]]], device=device),
        )  # fmt: skip
        clock, yaw = torch.full((1,), step * count, device=device), torch.zeros(1, device=device)
        audio, state = render_doppler(state, bank, playback, clock, straight, yaw, receiver, count)
        parts.append(audio[0, 0].cpu().numpy())
    actual, time = np.concatenate(parts).astype(float), np.arange(steps * count)
    knots = np.concatenate([[delays[0]], delays]) * RATE
    # The path's filter comes after the delay line and takes its own lead: what it gives left the line before.
    moving = np.interp(time - LEAD_SAMPLES - 1, np.arange(steps + 1) * count, knots)
    expected = signal(time - moving)
    # The first step begins from nothing: the response's own length passes before it is whole.
    np.testing.assert_allclose(actual[count:], expected[count:], rtol=0, atol=4e-3 * np.abs(expected).max())
