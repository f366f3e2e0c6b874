"""What makes a sound: a clip, where it is or moves, which way it faces, when it sounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.directivity import Directivity, load_directivity
from avi_env.sounds.clip import Clip
from avi_env.sounds.schedule import Schedule

__all__ = ["Emitter"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Emitter:
    """A sound source. It stays, moves along a path, or is carried by the listener (echolocation)."""

    clip: Clip
    """The sound: pressure at 1 m straight ahead."""
    position: npt.NDArray[np.float32] = field(default_factory=lambda: np.full(3, np.nan, dtype=np.float32))
    """Where it is [m], shape (3,); or the corners of its path, shape (T, 3), world frame. None with the listener."""
    times: npt.NDArray[np.float64] | None = None
    """When it is at each corner [s on the episode's clock], shape (T,), rising; between them it moves evenly, before
    and after it stays. None for a place."""
    yaw: float | npt.NDArray[np.float64] = 0.0
    """Heading [rad], 0 looks along -Z; or one at each corner, shape (T,): it turns the short way. With the listener:
    re the listener's heading."""
    directivity: Directivity | str | npt.NDArray[np.float64] = "omni"
    """How its loudness depends on direction, as `load_directivity` takes it."""
    schedule: Schedule = Schedule()  # noqa: RUF009 - frozen
    """When it sounds."""
    gain_db: float = 0.0
    """Added to the clip's level [dB]."""
    with_listener: bool = False
    """Whether the listener itself emits, at the centre of its head: it hears the echoes, not the sound itself."""

    def __post_init__(self) -> None:
        position = np.array(self.position, dtype=np.float32)
        if self.with_listener:
            if np.any(np.isfinite(position)) or self.times is not None:
                raise ValueError("an emitter carried by the listener has no place and no path of its own")
            position = np.zeros(3, dtype=np.float32)
        if position.ndim not in (1, 2) or position.shape[-1] != 3 or not np.all(np.isfinite(position)):
            raise ValueError(f"an emitter's position must be finite, shape (3,) or (T, 3), not {position.shape}")
        moving = position.ndim == 2
        if moving != (self.times is not None):
            raise ValueError("an emitter needs `times` (T,) with a path (T, 3), and none with a place (3,)")
        if moving:
            times = np.array(self.times, dtype=np.float64)
            if times.shape != (len(position),) or not len(times) or np.any(np.diff(times) <= 0.0):
                raise ValueError(f"times must rise and have one value for each of {len(position)} corners of the path")
            object.__setattr__(self, "times", times)
        yaw = np.array(self.yaw, dtype=np.float64)
        if yaw.shape not in ((), position.shape[:-1]) or not np.all(np.isfinite(yaw)):
            raise ValueError(f"yaw must be a number or one for each corner of the path, not shape {yaw.shape}")
        if not np.isfinite(self.gain_db):
            raise ValueError(f"gain_db must be finite, got {self.gain_db}")
        object.__setattr__(self, "yaw", np.unwrap(yaw) if yaw.ndim else float(yaw))
        object.__setattr__(self, "position", position)
        object.__setattr__(self, "directivity", load_directivity(self.directivity))

    @cached_property
    def pattern(self) -> Directivity:
        """The directivity, loaded."""
        return load_directivity(self.directivity)

    @cached_property
    def moves(self) -> bool:
        """Whether it changes its place by itself."""
        return self.position.ndim == 2 and bool(np.any(self.position != self.position[0]))

    @cached_property
    def stays(self) -> bool:
        """Whether neither its place nor its heading changes."""
        return not self.moves and not self.with_listener and bool(np.ptp(self.yaw) == 0.0)

    @cached_property
    def corners(self) -> FloatArray:
        """Time [s], x, y, z [m], heading [rad] and length of the path so far [m] at each corner, shape (T, 6)."""
        places = np.atleast_2d(self.position).astype(np.float64)
        times = np.zeros(1) if self.times is None else self.times
        legs = np.linalg.norm(np.diff(places, axis=0), axis=1)
        so_far = np.concatenate([[0.0], np.cumsum(legs)])
        return np.column_stack([times, places, np.broadcast_to(self.yaw, times.shape), so_far])

    @cached_property
    def level(self) -> bool:
        """Whether it keeps its height."""
        return bool(np.ptp(np.atleast_2d(self.position)[:, 1]) == 0.0)

    def place_at(self, seconds: float) -> FloatArray:
        """Returns where it is at a time on the clock [m], shape (3,)."""
        corners = self.corners
        return np.array([np.interp(seconds, corners[:, 0], corners[:, axis]) for axis in (1, 2, 3)])
