"""What contestants of sound are given: a shoebox, a source and its clip, listeners. NumPy and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SoundTask", "load_sound_task"]


@dataclass(frozen=True)
class SoundTask:
    """What is to be heard: responses, or the frames of steps of an agent that is at one listener after the other."""

    size: tuple[float, float, float]
    """Extents of the room, y up, corner at the origin [m]."""
    absorption: float
    scattering: float
    source: tuple[float, float, float]
    """[m]"""
    clip: npt.NDArray[np.float32]
    """Pressure at 1 m, a loop, shape (n,)."""
    listeners: npt.NDArray[np.float32]
    """Centres of heads [m], shape (L, 3); all look along -Z."""
    sample_rate: int
    """[Hz]"""
    frame: int
    """Samples of a step."""
    folder: str
    """Where contestants may write."""
    options: dict[str, Any]
    """Of the contestant; `what` is "responses" (mono) or "frames" (two ears)."""


def load_sound_task(path: str | Path) -> SoundTask:
    """Returns the sounds that are asked for in a file."""
    with np.load(path) as file:
        rest = json.loads(str(file["rest"]))
        rest |= {"size": tuple(rest["size"]), "source": tuple(rest["source"])}
        return SoundTask(**{name: file[name] for name in file.files if name != "rest"}, **rest)
