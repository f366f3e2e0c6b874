"""How the agents' ears are fed."""

from __future__ import annotations

from typing import Any

import torch

from avi_env.envs.columns import Tables, rows_of
from avi_env.envs.world import World
from avi_env.tasks.transition import COUNTS, NUMBERS, PLACES, SLOTS

__all__ = ["begin_sound", "hear", "tuned_in"]

_EARS, _YAW, _HEARD = PLACES.index("ears"), NUMBERS.index("yaw"), SLOTS.index("heard_index")
_SEAT, _CLOCK, _KEY = COUNTS.index("seat"), COUNTS.index("sound_clock"), COUNTS.index("key")


def begin_sound(world: World, tables: Tables) -> Tables:
    """Returns agents after they have listened at their starts, long enough to fill their windows."""
    return _listen(world, tables, world.config.lead_samples)


def hear(world: World, tables: Tables) -> Tables:
    """Returns the agents after one step of sound at their present poses."""
    return _listen(world, tables, world.config.step_samples)


def tuned_in(world: World, tables: Tables, row: int, source: int) -> Tables:
    """Returns the agents, one of which hears from now on, where it stands, a source that has been silent so far.

    The next step fades from what this one heard of the source: without it, from nothing, which would soften an onset
    in the first 50 ms.
    """
    one = rows_of(tables, torch.tensor([row], device=tables.audio.device))
    places, numbers, slots, counts, _ = one.columns
    count = world.config.step_samples
    where = places[_EARS], numbers[_YAW], counts[_CLOCK] - count
    _, stream = world.soundscape.listen(world.bank, one.stream, counts[_SEAT], slots[_HEARD], *where, count)
    return tables._replace(stream=_with_source(tables.stream, stream, row, source, world.soundscape.sources))


def _with_source(streams: Any, own: Any, row: int, source: int, sources: int) -> Any:
    """Returns streams in which one source of a row is as in the row's own stream."""
    if not isinstance(streams, torch.Tensor):
        return type(streams)(*(_with_source(a, b, row, source, sources) for a, b in zip(streams, own, strict=True)))
    if streams.ndim < 2:  # of the row, not of its sources
        return streams
    width = streams.shape[1] // sources
    part = slice(source * width, (source + 1) * width)
    changed = streams.clone()
    changed[row, part] = own[0, part]
    return changed


def _listen(world: World, tables: Tables, count: int) -> Tables:
    """Plays `count` samples to some agents, each from its clock of sound on."""
    if not world.config.listens:
        return tables
    places, numbers, slots, counts, _ = tables.columns
    sound, stream = world.soundscape.listen(
        world.bank, tables.stream, counts[_SEAT], slots[_HEARD], places[_EARS], numbers[_YAW], counts[_CLOCK], count
    )
    noise = world.noise(counts[_SEAT], counts[_KEY], counts[_CLOCK], count)
    if noise is not None:
        sound = sound + noise
    window = torch.cat([tables.audio, sound], dim=2)[:, :, -world.config.window_samples :]
    return tables._replace(stream=stream, audio=window)
