"""What happens in a step without the agents' doing: doors turn, sounds walk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from avi_env.envs.columns import Tables
from avi_env.envs.world import World
from avi_env.tasks.transition import PLACES, SLOTS

__all__ = ["follow_sources", "rest_sounds", "turn_doors"]

_POSITION, _GOAL, _SOURCE = (PLACES.index(name) for name in ("position", "goal", "source"))
_SCENE, _HEARD = SLOTS.index("scene_index"), SLOTS.index("heard_index")


def turn_doors(world: World, tables: Tables, seats: npt.NDArray[np.int64], seconds: npt.NDArray[np.float64]) -> Tables:
    """Returns the agents, each in its scene as the doors stand now.

    Only rows in which a door is due cost anything: where their agents stand is read from the device.

    Args:
        world: scenes and doors.
        tables: before the step.
        seats: that each row plays, shape (N,).
        seconds: time at the end of the step since each row's first observation [s], shape (N,).
    """
    due = world.doors.due(seats, seconds)
    if not due:
        return tables
    feet = tables.columns.places[_POSITION][due].cpu().numpy().astype(np.float64)
    slots = tables.columns.slots.clone()
    for row, place in zip(due, feet, strict=True):
        shown = world.turn_doors(int(seats[row]), float(seconds[row]), place)
        slots[_SCENE, row], slots[_HEARD, row] = shown
    return tables._replace(columns=tables.columns._replace(slots=slots))


def follow_sources(
    world: World, tables: Tables, seats: npt.NDArray[np.int64], seconds: npt.NDArray[np.float64]
) -> Tables:
    """Returns the agents with sources and goals where they have walked to; arguments as for `turn_doors`."""
    walkers = world.goals.follow(seats, seconds, tables.source.shape[1])
    if walkers is None:
        return tables
    rows = torch.tensor(walkers.rows, device=tables.source.device)
    places = tables.columns.places.clone()
    places[_GOAL, rows] = torch.where(walkers.goal.isnan(), places[_GOAL, rows], walkers.goal)
    known = tables.source[rows]
    source = tables.source.index_copy(0, rows, torch.where(walkers.source.isnan(), known, walkers.source))
    places[_SOURCE] = source[:, 0]
    return tables._replace(columns=tables.columns._replace(places=places), source=source)


def rest_sounds(world: World, seats: npt.NDArray[np.int64], seconds: npt.NDArray[np.float64]) -> None:
    """Takes sounds away that were started and have died away, so that they cost nothing more."""
    if world.sounds.any:
        for seat, now in zip(seats.tolist(), (seconds + world.config.lead_seconds).tolist(), strict=True):
            for source in world.sounds.over(seat, now):
                world.sounds.put(seat, source, world.playing(seat).scene, None)
