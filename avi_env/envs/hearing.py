"""How the agents' ears are fed."""

from __future__ import annotations

import torch

from avi_env.envs.columns import Tables
from avi_env.envs.world import World
from avi_env.tasks.transition import COUNTS, NUMBERS, PLACES, SLOTS

__all__ = ["begin_sound", "hear"]

_EARS, _YAW, _SCENE = PLACES.index("ears"), NUMBERS.index("yaw"), SLOTS.index("scene_index")
_SEAT, _CLOCK, _KEY = COUNTS.index("seat"), COUNTS.index("sound_clock"), COUNTS.index("key")


def begin_sound(world: World, tables: Tables) -> Tables:
    """Returns agents after they have listened at their starts, long enough to fill their windows."""
    return _listen(world, tables, world.config.lead_samples)


def hear(world: World, tables: Tables) -> Tables:
    """Returns the agents after one step of sound at their present poses."""
    return _listen(world, tables, world.config.step_samples)


def _listen(world: World, tables: Tables, count: int) -> Tables:
    """Plays `count` samples to some agents, each from its clock of sound on."""
    if not world.config.listens:
        return tables
    places, numbers, slots, counts, _ = tables.columns
    sound, stream = world.soundscape.listen(
        world.bank, tables.stream, counts[_SEAT], slots[_SCENE], places[_EARS], numbers[_YAW], counts[_CLOCK], count
    )
    if world.ambience is not None:
        sound = sound + world.ambience(counts[_KEY], counts[_CLOCK], count)
    window = torch.cat([tables.audio, sound], dim=2)[:, :, -world.config.window_samples :]
    return tables._replace(stream=stream, audio=window)
