"""The kernels of a step's sound against one time-varying rendering of 200 steps in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve
from test_ears_stream import Loop, late_response

from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS
from avi_env.acoustics.stream import FADE_SECONDS, FOREVER, Playback, render_step, start_stream

RATE, COUNT, STEPS, LENGTH = 16000, 500, 200, 900
FADE = min(round(FADE_SECONDS * RATE), COUNT)
LINES = ((1, 2), (2, 4), (0, 3))  # slope and octave of the lines that sound: short ones, for the twin's sake


@pytest.fixture(scope="module")
def walk() -> dict[str, np.ndarray]:
    """A listener who walks past two sources: responses, late energies and arrivals change at every step."""
    rng = np.random.default_rng(0)
    phase = 2.0 * np.pi * np.arange(STEPS)[:, None] / STEPS + rng.uniform(0, 6, (1, 2))
    shape = np.exp(-np.arange(LENGTH) / 150.0) * rng.standard_normal((2, 2, 3, LENGTH))
    turn = np.stack([np.ones_like(phase), np.sin(phase), np.cos(3.0 * phase)], axis=-1)  # (steps, sources, 3)
    late = np.zeros((STEPS, 2, 12, 7), dtype=np.float32)
    for number, (slope, band) in enumerate(LINES):
        late[:, :, slope, band] = 0.5 + 0.5 * np.sin((number + 2) * phase)
    return {
        "fir": np.einsum("tsk,sckn->tscn", turn, shape).astype(np.float32),
        "late": late,
        "arrival": (0.01 + 0.008 * np.sin(phase)).astype(np.float32),
        "loops": rng.standard_normal((2, 1700)).astype(np.float32),
        "onset": np.array([0, 3333]),
    }


def streamed(walk: dict[str, np.ndarray], device: str) -> np.ndarray:
    """Returns the steps one after another, shape (2, STEPS * COUNT)."""
    bank = ClipBank(1, 2, RATE, device)
    for source, samples in enumerate(walk["loops"]):
        bank.set_clip(0, Loop(samples, RATE), source)
    onset = torch.from_numpy(walk["onset"])[None].to(device)
    playback = Playback(onset, torch.full((1, 2), FOREVER, device=device), torch.ones(1, 2, device=device))
    state, parts = start_stream(bank, LENGTH), []
    for step in range(STEPS):
        fir, late, arrival = (torch.from_numpy(walk[k][step : step + 1]).to(device) for k in ("fir", "late", "arrival"))
        clock = torch.full((1,), COUNT * step, device=device)
        audio, state = render_step(state, bank, playback, clock, fir, late, arrival, COUNT)
        parts.append(audio[0])
    return torch.cat(parts, dim=1).cpu().numpy().astype(np.float64)


def rendered(walk: dict[str, np.ndarray]) -> np.ndarray:
    """The same in one piece: y(t) = w(t) h_n * x + (1 - w(t)) h_(n-1) * x, the bus's gains and delays alike."""
    total, sound = STEPS * COUNT, np.zeros((2, STEPS * COUNT))
    weight = np.minimum(np.arange(COUNT) / FADE, 1.0)
    for source, loop in enumerate(walk["loops"]):
        begin = int(walk["onset"][source])
        dry = np.zeros(total)
        dry[begin:] = np.resize(loop, total - begin)
        padded = np.concatenate([np.zeros(LENGTH - 1), dry])
        lines = {}
        for slope, band in LINES:
            one = np.zeros((12, 7), dtype=np.float32)
            one[slope, band] = 1.0
            tail = late_response(Loop(loop, RATE), one, RATE)
            lines[slope, band] = np.stack([fftconvolve(dry, ear)[:total] for ear in tail])
        for step in range(STEPS):
            for moment, share in ((step, weight), (step - 1, 1.0 - weight)):
                if moment < 0:  # a fresh start fades from itself
                    moment = 0
                now = slice(step * COUNT, (step + 1) * COUNT)
                piece = padded[step * COUNT : (step + 1) * COUNT + LENGTH - 1]
                for ear in range(2):
                    sound[ear, now] += share * fftconvolve(piece, walk["fir"][moment, source, ear], mode="valid")
                delay = round(0.005 * round(float(walk["arrival"][moment, source]) / 0.005) * RATE)  # a grid of 5 ms
                delay += round((0.1 - LATE_LEAD_SECONDS) * RATE)
                place = np.arange(now.start, now.stop) - delay
                for (slope, band), line in lines.items():
                    gain = np.sqrt(float(walk["late"][moment, source, slope, band]))
                    sound[:, now] += share * gain * np.where(place >= 0, line[:, np.maximum(place, 0)], 0.0)
    return sound


def test_moving_steps_are_one_time_varying_rendering(walk: dict[str, np.ndarray], device: str) -> None:
    """`_segments_kernel`, `_accumulate_kernel`, `_finish_kernel`, `_gains_kernel`, `_late_kernel`: 1e-4 of the peak.

    Late lines are kept as 16-bit numbers: half a unit of 32767 is 1.5e-5 of the peak, three lines of two sources.
    """
    expected = rendered(walk)
    actual = streamed(walk, device)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    # The edges of steps are as smooth as what lies between: greatest second difference there and elsewhere.
    bend = np.abs(np.diff(actual, n=2))[:, COUNT:]
    seam = np.zeros(bend.shape[1], dtype=bool)
    seam[np.arange(COUNT - 2, bend.shape[1], COUNT)] = True
    assert bend[:, seam].max() <= bend[:, ~seam].max()
