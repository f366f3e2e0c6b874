"""What a test or a script changes about a running episode: doors, sounds, noise. Between two steps, row by row.

Times are seconds since a row's first observation. An environment in which nothing is changed stays as it is, bit for
bit; what is changed belongs to its snapshots, and ends with the episode.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.soundscape import PreparedSource
from avi_env.envs.batch import EnvBatch
from avi_env.envs.emitters import headings
from avi_env.envs.goals import GOAL
from avi_env.envs.hearing import tuned_in
from avi_env.envs.seat_sounds import end_of, quiet_end
from avi_env.scene import Scene
from avi_env.sounds.schedule import Schedule
from avi_env.tasks.transition import SLOTS
from avi_env.tasks.walks import Walk

__all__ = [
    "heard_scene_of",
    "prepare_sound",
    "send_goal",
    "send_sound",
    "set_noise",
    "silence",
    "start_sound",
    "stop_sound",
    "turn_door",
]

_HEARD = SLOTS.index("heard_index")


def turn_door(batch: EnvBatch, row: int, portal: int, openness: float) -> None:
    """Lets a door turn at the beginning of a row's next step; it waits while the agent stands in its way.

    Args:
        batch: the environments.
        row: which of them.
        portal: id of the door's portal.
        openness: 0 shut .. 1 open.

    Raises:
        ValueError: no such portal, one without a leaf that can turn, or an openness outside 0..1.
    """
    batch.world.doors.want(_seat(batch, row), batch.scene(row), portal, openness)


def heard_scene_of(batch: EnvBatch, row: int) -> Scene:
    """Returns the scene by which a row's sound is computed now: with its doors as they stand."""
    return batch.world.bank.scene(int(batch.tables.columns.slots[_HEARD, row]))


def prepare_sound(batch: EnvBatch, scene: Scene, emitter: Emitter) -> PreparedSource | None:
    """Bakes and reverberates a sound that will be started, so that the step need not wait for it.

    It is known as long as what is returned is kept; None where nobody listens.

    Raises:
        ValueError: a clip of another sample rate, or a place outside the scene or inside something solid.
    """
    return batch.world.soundscape.prepare_source(scene, emitter) if batch.config.listens else None


def start_sound(batch: EnvBatch, row: int, emitter: Emitter, seconds: float, length: float = np.inf) -> int:
    """Lets a sound begin in a row, to the sample, in a source that is free: a distractor that its episode does not use.

    Args:
        batch: the environments.
        row: which of them.
        emitter: what sounds and where; its schedule does not matter.
        seconds: when it begins [s], not before the present.
        length: how long its clip is repeated [s].

    Returns:
        The number of the source.

    Raises:
        ValueError: the time is past, or no source is free.
    """
    lead, seat = batch.config.lead_seconds, _seat(batch, row)
    _check_time(batch, row, seconds)
    source = _free_source(batch, row, seconds + lead)
    given = replace(emitter, schedule=Schedule(seconds + lead, on=length, count=1))
    batch.world.sounds.put(seat, source, heard_scene_of(batch, row), given)
    tables = batch.tables
    places = tables.source.clone()
    places[row, source] = torch.from_numpy(given.place_at(seconds + lead)).float().to(places.device)
    tables = tables._replace(source=places)
    batch.amend(tuned_in(batch.world, tables, row, source) if batch.config.listens else tables)
    return source


def stop_sound(batch: EnvBatch, row: int, source: int, seconds: float) -> float:
    """Lets a sound end that `start_sound` has begun; its reverberation rings out.

    Returns:
        When it ends [s]: at the next zero of its pressure, at most 20 ms later, so that it does not click; earlier if
        it had ended before.

    Raises:
        ValueError: the time is past, or nothing was started there.
    """
    _check_time(batch, row, seconds)
    emitter, lead = _started(batch, row, source), batch.config.lead_seconds
    schedule = emitter.schedule
    if end_of(emitter) > seconds + lead:
        if seconds + lead <= schedule.start:  # it has not begun
            silence(batch, row, source)
            return seconds
        schedule = replace(schedule, on=quiet_end(emitter, seconds + lead))
        _put(batch, row, source, replace(emitter, schedule=schedule))
    return schedule.start + schedule.on - lead


def silence(batch: EnvBatch, row: int, source: int) -> None:
    """Takes a source's sound away, its reverberation too: it is free from now on."""
    batch.world.sounds.put(_seat(batch, row), source, heard_scene_of(batch, row), None)


def send_sound(batch: EnvBatch, row: int, source: int, walk: Walk) -> None:
    """Lets a sound that `start_sound` has begun walk; before its first corner's time it stays there.

    Raises:
        ValueError: nothing was started there.
    """
    table, lead = np.array(walk, dtype=np.float64), batch.config.lead_seconds
    emitter, places = _started(batch, row, source), table[:, 1:].astype(np.float32)
    _put(batch, row, source, replace(emitter, position=places, times=table[:, 0] + lead, yaw=headings(table[:, 1:])))
    _send(batch, row, source, walk)


def send_goal(batch: EnvBatch, row: int, walk: Walk) -> None:
    """Lets the goal of a row walk: distance and success are those of where it is."""
    _send(batch, row, GOAL, walk)


def set_noise(batch: EnvBatch, row: int, level: float, seconds: float) -> None:
    """Gives a row's steady noise another level [dB SPL] from a time on, within 50 ms; -inf = none."""
    _check_time(batch, row, seconds)
    first = batch.config.lead_samples + round(seconds * batch.config.sample_rate)
    batch.world.noise.change(_seat(batch, row), level, first)


def _seat(batch: EnvBatch, row: int) -> int:
    return int(batch.seats.seats[row])


def _put(batch: EnvBatch, row: int, source: int, emitter: Emitter) -> None:
    batch.world.sounds.put(_seat(batch, row), source, heard_scene_of(batch, row), emitter)


def _send(batch: EnvBatch, row: int, which: int, walk: Walk) -> None:
    prepared = batch.seats.playing[row]
    assert prepared is not None, "a row that sounds plays"
    batch.world.goals.send(_seat(batch, row), prepared, which, walk)
    batch.world.sounds.of(_seat(batch, row)).walks[which] = walk


def _started(batch: EnvBatch, row: int, source: int) -> Emitter:
    emitter = batch.world.sounds.of(_seat(batch, row)).emitters.get(source)
    if emitter is None:
        raise ValueError(f"source {source} of environment {row} plays nothing that was started: see start_sound")
    return emitter


def _check_time(batch: EnvBatch, row: int, seconds: float) -> None:
    now = batch.seconds(row)
    if not now - 1e-9 <= seconds < np.inf:
        raise ValueError(f"environment {row} is at {now:g} s: nothing can be changed at {seconds:g} s")


def _free_source(batch: EnvBatch, row: int, seconds: float) -> int:
    """Returns a source that is silent; if there is none, the one that ended first, whose last reverberation is lost."""
    episode, changed = batch.episodes[row], batch.world.sounds.of(_seat(batch, row)).emitters
    ended: list[tuple[float, int]] = []
    for source in range(1 + batch.config.distractors):
        own = bool(episode.sound) if source == 0 else source <= len(episode.distractors)
        emitter = changed.get(source)
        if emitter is None and (source in changed or not own):
            return source
        if emitter is not None and end_of(emitter) <= seconds:
            ended.append((end_of(emitter), source))
    if not ended:
        raise ValueError(
            f"all {1 + batch.config.distractors} sources of environment {row} sound: make it with more distractors"
        )
    return min(ended)[1]
