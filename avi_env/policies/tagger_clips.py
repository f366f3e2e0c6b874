"""Dry sounds for the tagger: loops of many sounds in one table, some of them played faster or slower."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import fft

from avi_env.sounds import class_of_sound, expand_sounds, make_clip

__all__ = ["LoopTable", "loop_table", "play_loops", "played_at"]

_FULL = 32767.0
_STREAM = 0x6C6F6F70


class LoopTable(NamedTuple):
    """N seamless loops, one after the other."""

    samples: torch.Tensor
    """In units of `scale`, shape (sum of lengths,) int16."""
    start: torch.Tensor
    """First sample of each loop, shape (N,) int64."""
    length: torch.Tensor
    """Samples of each loop, shape (N,) int64."""
    scale: torch.Tensor
    """Pressure at 1 m of one unit [Pa], shape (N,) float32."""
    kind: torch.Tensor
    """Class of each loop, index into the classes, shape (N,) int64, rising."""


def loop_table(
    sounds: Sequence[str],
    classes: Sequence[str],
    *,
    seeds: Sequence[int] = range(8),
    speeds: tuple[float, float] | None = None,
    sample_rate: int = 16000,
    device: str = "cpu",
) -> LoopTable:
    """Returns the loops of some sounds: each seed of each sound, and again at a random speed.

    Args:
        sounds: as `expand_sounds` takes them.
        classes: names of the classes that are told apart.
        seeds: of the clips; those of an environment are 0 to 7.
        speeds: least and greatest speed of the further copy of each clip; None = no copies.
        sample_rate: [Hz].
        device: "cpu" or "cuda".

    Raises:
        ValueError: a sound that is of none of the classes.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    rng = np.random.default_rng(_STREAM)
    loops: list[tuple[int, npt.NDArray[np.float32]]] = []
    for sound in expand_sounds(sounds):
        kind = class_of_sound(sound)
        if kind not in numbers:
            raise ValueError(f"sound {sound!r} is of class {kind!r}, which is none of the {len(classes)} told apart")
        for seed in seeds:
            clip = make_clip(sound, seed, sample_rate).samples
            loops.append((numbers[kind], clip))
            if speeds is not None:
                speed = math.exp(rng.uniform(math.log(speeds[0]), math.log(speeds[1])))
                loops.append((numbers[kind], played_at(clip, speed)))
    loops.sort(key=lambda loop: loop[0])  # stable: by class, else in order
    scale = np.array([max(float(np.abs(loop).max()), 1e-20) / _FULL for _, loop in loops], dtype=np.float32)
    parts = [np.round(loop / unit).astype(np.int16) for (_, loop), unit in zip(loops, scale, strict=True)]
    length = np.array([len(part) for part in parts], dtype=np.int64)
    columns = (np.concatenate(parts), np.cumsum(length) - length, length, scale, np.array([k for k, _ in loops]))
    return LoopTable(*(torch.from_numpy(column).to(device) for column in columns))


def played_at(loop: npt.NDArray[np.float32], speed: float) -> npt.NDArray[np.float32]:
    """Returns a loop played about so many times as fast, its pitch changed with it; still seamless.

    A loop is a line spectrum: its lines are kept, and more or fewer samples hold them.

    Args:
        loop: shape (n,).
        speed: 1.1 makes it shorter and higher; the nearest length that is fast to transform is taken.
    """
    count = len(loop)
    wanted = 2 * int(fft.next_fast_len(max(round(count / speed / 2.0), 1), real=True))
    spectrum = np.fft.rfft(loop)
    kept = np.zeros(wanted // 2 + 1, dtype=np.complex128)
    lines = min(len(kept), len(spectrum))
    kept[:lines] = spectrum[:lines]
    return (np.fft.irfft(kept, wanted) * (wanted / count)).astype(np.float32)


def play_loops(table: LoopTable, which: torch.Tensor, phase: torch.Tensor, count: int) -> torch.Tensor:
    """Returns the sound of some loops at 1 m [Pa], shape (M, count), float32.

    Args:
        table: the loops.
        which: loop of each row, shape (M,) int64.
        phase: where each begins, as a share of its length, shape (M,), 0 ... 1.
        count: samples.
    """
    length = table.length[which]
    first = (phase.double() * length).long().clamp(max=length - 1)
    place = (first[:, None] + torch.arange(count, device=which.device)) % length[:, None]
    return table.samples[table.start[which][:, None] + place].float() * table.scale[which][:, None]
