"""A listener who moves and turns: steps against one long time-varying rendering, block edges, turns of the world."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.signal import fftconvolve

from avi_env.acoustics import early
from avi_env.acoustics.bake import bake_field
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.direct import direct_paths
from avi_env.acoustics.early import early_fir
from avi_env.acoustics.early_noise import EARLY_DIRECTIONS
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.image_sources import image_source_paths
from avi_env.acoustics.late import reverberate
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, late_noise
from avi_env.acoustics.paths import join_paths
from avi_env.acoustics.stream import FADE_SECONDS, FOREVER, Playback, render_step, start_stream
from avi_env.scene import Scene, scene_from_mesh, shoebox
from avi_env.scene.bank import SceneBank

RATE, STEP, STEPS, LENGTH = 16000, 1000, 200, 3000
FADE = round(FADE_SECONDS * RATE)
SOURCE = (1.2, 1.4, 1.1)


class Loop(NamedTuple):
    """A loop of sound."""

    samples: np.ndarray
    sample_rate: int = RATE


class Walk(NamedTuple):
    """What a listener who walks past a source hears at the ends of steps."""

    fir: torch.Tensor
    late: torch.Tensor
    arrival: torch.Tensor


@pytest.fixture(scope="module")
def walk() -> Walk:
    """Returns responses along a curve through a room, turning all the time: 1.2 m/s and up to 70 degrees a second."""
    room = shoebox((6.0, 2.8, 5.0), material="plaster")
    bank, fields, head = SceneBank([room]), FieldBank(1), load_hrtf("kemar", RATE)
    fields.set_row(0, bake_field(room, SOURCE, path_count=256))
    time = torch.arange(STEPS) * (STEP / RATE)
    ears = torch.stack([2.0 + 0.28 * time, torch.full((STEPS,), 1.25), 2.5 + 1.5 * torch.sin(0.7 * time)], dim=1)
    yaw, index = 2.0 * torch.sin(0.6 * time), torch.zeros(STEPS, dtype=torch.int32)
    source = torch.tensor([SOURCE]).expand(STEPS, 3)
    sample = fields.lookup(ears, rows=index.long())
    paths = join_paths(direct_paths(bank, index, source, ears), image_source_paths(bank, index, source, ears))
    return Walk(paths_to_fir(paths, yaw, head, LENGTH) + early_fir(sample, yaw, head, LENGTH), *sample[1:])


def heard(walk: Walk, loop: Loop, onset: int) -> np.ndarray:
    """Returns the concatenated steps, shape (2, n)."""
    bank = ClipBank(1, 1, RATE)
    bank.set_clip(0, loop)
    playback = Playback(torch.tensor([[onset]]), torch.tensor([[FOREVER]]), torch.ones(1, 1))
    state, parts = start_stream(bank, LENGTH), []
    for step in range(STEPS):
        now = (part[step : step + 1] for part in walk)
        audio, state = render_step(state, bank, playback, torch.tensor([STEP * step]), *now, count=STEP)
        parts.append(audio[0].numpy().astype(np.float64))
    return np.concatenate(parts, axis=1)


def time_varying(walk: Walk, loop: Loop, onset: int) -> np.ndarray:
    """Returns the same by convolution in 64 bits: every step's own response over the whole sound, then faded."""
    total = STEP * STEPS
    dry = np.zeros(total)
    dry[onset:] = loop.samples[np.arange(total - onset) % len(loop.samples)]
    sound = np.zeros((2, total))
    lines = bus_lines(walk, loop, dry)
    for step in range(STEPS):
        for moment, weight in ((step, np.clip(np.arange(STEP) / FADE, 0, 1)), (max(step - 1, 0), None)):
            ramp = weight if weight is not None else 1.0 - np.clip(np.arange(STEP) / FADE, 0, 1)
            begin, end = STEP * step, STEP * (step + 1)
            first = max(0, begin - LENGTH)
            for ear in range(2):
                part = fftconvolve(dry[first:end], walk.fir[moment, ear].double().numpy())[begin - first : end - first]
                sound[ear, begin:end] += ramp * part
            arrival = 0.005 * round(float(walk.arrival[moment].double()) / 0.005)  # on a grid of 5 ms
            delay = round(arrival * RATE) + round((0.1 - LATE_LEAD_SECONDS) * RATE)
            gain = np.sqrt(walk.late[moment].double().numpy().reshape(-1))
            for line, signal in lines.items():
                source = np.arange(begin, end) - delay
                sound[:, begin:end] += ramp * gain[line] * np.where(source >= 0, signal[:, np.maximum(source, 0)], 0.0)
    return sound


def bus_lines(walk: Walk, loop: Loop, dry: np.ndarray) -> dict[int, np.ndarray]:
    """Returns the whole sound through each line's noise, with the level that the bus holds it to."""
    bus, count, lines = reverberate(loop.samples, RATE), len(loop.samples), {}
    for line in np.flatnonzero((walk.late.amax(dim=0).reshape(-1) > 0).numpy() & (bus.line.numpy() >= 0)):
        noise = late_noise(int(line) // 7, RATE)[line % 7].astype(np.float64)
        folded = np.pad(noise, ((0, 0), (0, -noise.shape[-1] % count))).reshape(2, -1, count).sum(axis=1)
        steady = np.fft.irfft(np.fft.rfft(folded) * np.fft.rfft(loop.samples), count)
        stored = bus.loop[bus.line[line]].numpy() * float(bus.scale[line])
        held = (stored * steady).sum() / (steady**2).sum()
        lines[int(line)] = held * np.stack([fftconvolve(dry, ear)[: len(dry)] for ear in noise])
    return lines


def test_a_moving_listener_hears_one_long_time_varying_rendering(walk: Walk) -> None:
    """200 steps of a walk equal the rendering of each step's responses over the whole sound: 1e-4 of the peak."""
    loop = Loop(np.random.default_rng(0).standard_normal(2400).astype(np.float32))
    actual, expected = heard(walk, loop, 1500), time_varying(walk, loop, 1500)
    assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_the_edges_of_steps_cannot_be_told(walk: Walk) -> None:
    """Spectral flatness and jumps where steps meet lie within the range of those elsewhere; no jump is 3 x the dry one.

    Two tones: a click would fill the gaps of their spectrum, so that the flatness tells it at once.
    """
    time = np.arange(1600) / RATE
    tones = (np.sin(2 * np.pi * 250 * time) + 0.5 * np.sin(2 * np.pi * 700 * time)).astype(np.float32)
    sound = heard(walk, Loop(tones), 0)[:, 20 * STEP :]
    size = 256
    frames = np.lib.stride_tricks.sliding_window_view(sound, size, axis=1) * np.hanning(size)
    power = np.abs(np.fft.rfft(frames[:, STEP - size // 2 :: STEP // 5])) ** 2 + 1e-20
    flatness = np.log(power).mean(axis=-1) - np.log(power.mean(axis=-1))
    edge, middle = flatness[:, ::5], np.stack([flatness[:, offset::5][:, :175] for offset in range(1, 5)])
    assert edge.max() <= middle.max()
    assert_allclose(edge.mean(), middle.mean(), atol=middle.std())
    jumps, loudness = np.abs(np.diff(sound)), np.abs(sound).max()
    assert jumps[:, STEP - 1 :: STEP].max() <= jumps.max()
    assert jumps.max() / loudness < 3 * np.abs(np.diff(tones)).max() / np.abs(tones).max()


def rotation(angle: float) -> np.ndarray:
    """Returns the matrix of a turn by `angle`, counter-clockwise about +Y."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])


def chain(room: Scene, sample: FieldSample, ears: np.ndarray, turn: float, yaw: float) -> np.ndarray:
    """Returns two steps heard by a head at the origin of a room that is turned about it, shape (2, n)."""
    world, head = rotation(turn), load_hrtf("kemar", RATE)
    scene = scene_from_mesh((np.asarray(room.vertices, np.float64) - ears) @ world.T, room.triangles, room.materials[0])
    bank, index, origin = SceneBank([scene]), torch.zeros(1, dtype=torch.int32), torch.zeros(1, 3)
    source = torch.from_numpy((np.array(SOURCE) - ears) @ world.T)[None].float()
    paths = join_paths(direct_paths(bank, index, source, origin), image_source_paths(bank, index, source, origin))
    harmonics = sample.early.double().numpy().copy()
    harmonics[..., 1:] = harmonics[..., 1:] @ world.T
    field = sample._replace(early=torch.from_numpy(harmonics).float())
    heading = torch.tensor([yaw], dtype=torch.float32)
    fir = paths_to_fir(paths, heading, head, LENGTH) + early_fir(field, heading, head, LENGTH)
    clips = ClipBank(1, 1, RATE)
    clips.set_clip(0, Loop(np.random.default_rng(3).standard_normal(4000).astype(np.float32)))
    playback = Playback(torch.zeros(1, 1, dtype=torch.int64), torch.full((1, 1), FOREVER), torch.ones(1, 1))
    state, parts = start_stream(clips, LENGTH), []
    for step in range(2):
        clock = torch.tensor([4000 * step])
        audio, state = render_step(state, clips, playback, clock, fir, field.late, field.first_arrival, 4000)
        parts.append(audio[0].numpy().astype(np.float64))
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("phi", [0.5 * np.pi, -np.pi, 0.7])
def test_turning_the_head_is_turning_the_world_back(phi: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, early field and stream of a head turned by phi are those of the world turned by -phi: 1e-5 of the peak.

    The early field's twelve directions are part of the world and turn with it.
    """
    room, ears, yaw = shoebox((6.0, 2.8, 5.0), material="plaster"), np.array([4.0, 1.25, 3.0]), 0.3
    fields = FieldBank(1)
    fields.set_row(0, bake_field(room, SOURCE, path_count=256))
    sample = fields.lookup(torch.from_numpy(ears)[None])
    head = chain(room, sample, ears, 0.0, yaw + phi)
    directions = torch.from_numpy((EARLY_DIRECTIONS @ rotation(-phi).T).astype(np.float32))
    monkeypatch.setattr(early, "early_directions", lambda device: directions)
    world = chain(room, sample, ears, -phi, yaw)
    assert_allclose(world, head, rtol=0, atol=1e-5 * np.abs(head).max())
