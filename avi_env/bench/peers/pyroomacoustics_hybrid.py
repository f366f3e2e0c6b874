"""pyroomacoustics: a shoebox by image sources of third order and traced rays.

Responses: all listeners of a call at once, mono. Frames: each step makes the responses of two microphones where the
ears are, and convolves the clip with them. Rays end where pyroomacoustics ends them by default, which cuts tails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.bench.peers.protocol import Contestant, Responses
from avi_env.bench.peers.sound_task import SoundTask, load_sound_task

FloatArray = npt.NDArray[np.floating[Any]]

_ORDER = 3  # of image sources; rays take over above it
_EAR = 0.0875  # [m] from the centre of the head


def start(path: Path) -> Contestant:
    """Sets the room up; options: `what` "responses" or "frames", `batch` listeners a call, `rays`."""
    import pyroomacoustics

    task = load_sound_task(path)
    clock = 0

    def responses(rows: Sequence[int]) -> Responses:
        found = _responses(pyroomacoustics, task, task.listeners[list(rows)])[:, None]
        missing = -found.shape[-1] % task.sample_rate  # whole seconds, so that those of several calls go together
        return Responses(np.pad(found, ((0, 0), (0, 0), (0, missing))))

    def frames(rows: Sequence[int]) -> Responses:
        nonlocal clock
        (row,) = rows
        ears = task.listeners[row] + np.array([[-_EAR, 0.0, 0.0], [_EAR, 0.0, 0.0]])
        audio = _frame(_responses(pyroomacoustics, task, ears), task, clock)
        clock += task.frame
        return Responses(audio[None])

    heard = responses if task.options["what"] == "responses" else frames
    return Contestant(heard, len(task.listeners), "processor", task.options["batch"])


def _responses(pyroomacoustics: Any, task: SoundTask, places: FloatArray) -> FloatArray:
    """Returns the responses at some places, shape (n, N); x, y (up), z become its x, y, z (up)."""
    room = pyroomacoustics.ShoeBox(
        _swapped(task.size),
        fs=task.sample_rate,
        materials=pyroomacoustics.Material(task.absorption, task.scattering),
        max_order=_ORDER,
        ray_tracing=True,
        air_absorption=True,
    )
    room.set_ray_tracing(n_rays=task.options["rays"], receiver_radius=0.5)
    room.add_source(_swapped(task.source))
    room.add_microphone_array(np.array([_swapped(place) for place in places]).T)
    room.compute_rir()
    found = [row[0] for row in room.rir]
    length = max(len(response) for response in found)
    return np.stack([np.pad(response, (0, length - len(response))) for response in found])


def _swapped(point: Any) -> list[float]:
    return [float(point[0]), float(point[2]), float(point[1])]


def _frame(responses: FloatArray, task: SoundTask, clock: int) -> FloatArray:
    """Returns what the clip sounds like through some responses from a sample on, shape (n, frame)."""
    length = responses.shape[1] + task.frame
    played = task.clip[np.arange(clock - responses.shape[1], clock + task.frame) % len(task.clip)]
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(responses, size) * np.fft.rfft(played, size)
    return np.fft.irfft(spectrum, size)[:, length - task.frame : length].astype(np.float32)
