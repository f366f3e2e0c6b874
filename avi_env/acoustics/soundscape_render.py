"""A listener's walk through a scene with sources, as one piece of sound: for recordings and data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bake import BAKE_PATHS
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.hrtf import Hrtf, load_hrtf
from avi_env.acoustics.soundscape import Soundscape
from avi_env.scene.bank import SceneBank
from avi_env.scene.doors import with_doors
from avi_env.scene.model import Scene

__all__ = ["DoorEvent", "render_soundscape"]

DoorEvent = tuple[float, Mapping[int, float]]
"""A time [s] and the openness of portals from then on, 0 shut .. 1 open."""


def render_soundscape(
    scene: Scene,
    emitters: Sequence[Emitter],
    listener: npt.ArrayLike,
    yaw: npt.ArrayLike = 0.0,
    *,
    step_seconds: float = 0.05,
    receiver: str | Hrtf = "kemar",
    doors: Sequence[DoorEvent] = (),
    path_count: int = BAKE_PATHS,
    ear_height: float = 1.25,
    doppler: bool = False,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Returns what a listener hears on its way among sources, shape (C, n), linear pressure (1.0 RMS = 94 dB SPL).

    Args:
        scene: where it happens.
        emitters: the sources; the sample rate is that of their clips.
        listener: centre of the head at each step [m], shape (T, 3), world frame; (3,) stays there, with `yaw` (T,).
        yaw: heading at each step [rad], 0 looks along -Z, shape (T,) or a number.
        step_seconds: time between positions [s]; each step fades into the next within its first 50 ms.
        receiver: a head or an array, or its name as `load_hrtf` takes it.
        doors: when doors move: (time [s], {portal: openness}), in any order; it counts from the next step on.
        path_count: sound paths of each bake.
        ear_height: height above the floor at which the reverberant field is baked [m]; that of the listener.
        doppler: whether motion shifts the pitch of the straight sound.
        device: "cpu" or "cuda".
        progress: called after every step with the number done and the number of all.

    Raises:
        ValueError: no emitter, clips of different rates, shapes that do not fit, a place outside the scene.
    """
    if not emitters:
        raise ValueError("render_soundscape needs at least one emitter")
    rate = emitters[0].clip.sample_rate
    head = receiver if isinstance(receiver, Hrtf) else load_hrtf(receiver, rate)
    places, headings = _way(listener, yaw)
    count = round(step_seconds * rate)
    if count < 1:
        raise ValueError(f"step_seconds {step_seconds:g} is shorter than a sample")
    scenes, heard = _variants(scene, doors, np.arange(len(places), dtype=np.float64) * (count / rate))
    bank = SceneBank(scenes, device)
    scape = Soundscape(
        1, len(emitters), head, device=device, path_count=path_count, ear_height=ear_height, doppler=doppler
    )
    for source, emitter in enumerate(emitters):
        scape.set_source(0, source, scenes[heard[0]], emitter)
    row = torch.zeros(1, dtype=torch.int64, device=bank.device)
    ears = torch.from_numpy(places).to(bank.device)
    turn = torch.from_numpy(headings).to(bank.device)
    stream = scape.start(row)
    sound: npt.NDArray[np.float32] | None = None
    for step in range(len(places)):
        scape.set_scene(0, scenes[heard[step]])
        index, now = torch.full_like(row, heard[step], dtype=torch.int32), slice(step, step + 1)
        part, stream = scape.listen(bank, stream, row, index, ears[now], turn[now], row + step * count, count)
        if sound is None:
            sound = np.zeros((part.shape[1], len(places) * count), dtype=np.float32)
        sound[:, step * count : (step + 1) * count] = part[0].cpu().numpy()
        if progress is not None:
            progress(step + 1, len(places))
    assert sound is not None, "a way has at least one step"
    return sound


def _way(listener: npt.ArrayLike, yaw: npt.ArrayLike) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns positions (T, 3) and headings (T,)."""
    places, headings = np.asarray(listener, dtype=np.float32), np.asarray(yaw, dtype=np.float32)
    if places.shape[-1:] != (3,) or places.ndim > 2 or headings.ndim > 1 or not places.size or not headings.size:
        raise ValueError(f"listener must be (T, 3) or (3,), yaw (T,) or a number, not {places.shape}, {headings.shape}")
    steps = max(places.shape[0] if places.ndim == 2 else 1, headings.size)
    for name, given in (("listener", places[..., 0]), ("yaw", headings)):
        if given.size not in (1, steps):
            raise ValueError(f"{name} has {given.size} steps, the other one {steps}")
    return np.array(np.broadcast_to(places, (steps, 3))), np.array(np.broadcast_to(headings, (steps,)))


def _variants(
    scene: Scene, doors: Sequence[DoorEvent], times: npt.NDArray[np.float64]
) -> tuple[list[Scene], list[int]]:
    """Returns the scenes with doors as they move, and which of them each step is in."""
    scenes, openness, changes = [scene], dict[int, float](), [-np.inf]
    for time, moved in sorted(doors, key=lambda event: event[0]):
        openness.update(moved)
        scenes.append(with_doors(scene, openness))
        changes.append(time)
    # A tenth of a microsecond of grace, so that a change at a step's own time counts for it.
    return scenes, [int(i) for i in np.searchsorted(np.array(changes), times + 1e-7, side="right") - 1]
