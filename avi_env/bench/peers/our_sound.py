"""Our own sound as a contestant, in the same shoebox.

Baked responses: the field is baked anew in every call, for all its listeners. Frames: a step of `Soundscape` with a
field baked before, as in an episode: direct sound, mirror images, late reverberation, through a measured head. All of
it on one thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avi_env.bench.peers.protocol import Contestant, Responses
from avi_env.bench.peers.sound_task import SoundTask, load_sound_task

if TYPE_CHECKING:
    from avi_env.scene import Scene

Heard = Callable[[Sequence[int]], Responses]


def start(path: Path) -> Contestant:
    """Sets the room up; options: `what`, `mode` of responses "baked" or "traced", `batch` listeners a call."""
    import torch

    from avi_env.scene import Material, shoebox

    torch.set_num_threads(1)  # so small a piece of work is not faster with more
    task = load_sound_task(path)
    room = shoebox(task.size, material=Material("wall", absorption=task.absorption, scattering=task.scattering))
    heard = _responses(task, room) if task.options["what"] == "responses" else _frames(task, room)
    return Contestant(heard, len(task.listeners), "processor", task.options["batch"])


def _responses(task: SoundTask, room: Scene) -> Heard:
    from avi_env.acoustics import render_rirs

    seeds = itertools.count()

    def heard(rows: Sequence[int]) -> Responses:
        found = render_rirs(
            room,
            [task.source],
            task.listeners[list(rows)],
            sample_rate=task.sample_rate,
            mode=task.options["mode"],
            layout="mono",
            seed=next(seeds),
        )
        return Responses(found[0])

    return heard


def _frames(task: SoundTask, room: Scene) -> Heard:
    import torch

    from avi_env.acoustics.emitter import Emitter
    from avi_env.acoustics.hrtf import load_hrtf
    from avi_env.acoustics.soundscape import Soundscape
    from avi_env.scene.bank import SceneBank
    from avi_env.sounds.clip import Clip

    clip = Clip("noise", task.clip, 94.0, task.sample_rate)
    bank, scape = SceneBank((room,)), Soundscape(1, 1, load_hrtf("kemar", task.sample_rate))
    scape.set_source(0, 0, room, Emitter(clip, np.array(task.source, np.float32)))
    rows, index, yaw = torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int32), torch.zeros(1)
    ears = torch.from_numpy(task.listeners)
    stream = scape.start(rows)
    clock = 0

    def heard(places: Sequence[int]) -> Responses:
        nonlocal stream, clock
        (place,) = places
        now = torch.tensor([clock])
        audio, stream = scape.listen(bank, stream, rows, index, ears[place : place + 1], yaw, now, task.frame)
        clock += task.frame
        return Responses(audio.numpy())

    return heard
