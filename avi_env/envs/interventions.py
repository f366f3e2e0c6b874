"""What a test or a script changes about a running episode: doors, sounds, noise. Between two steps, row by row."""

from __future__ import annotations

from avi_env.envs.batch import EnvBatch

__all__ = ["turn_door"]


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
    batch.world.doors.want(int(batch.seats.seats[row]), batch.scene(row), portal, openness)
