"""What noise is drawn by: an episode's own number."""

from __future__ import annotations

import hashlib

from avi_env.tasks.episodes import Episode

__all__ = ["episode_key"]


def episode_key(episode: Episode) -> int:
    """Returns a number from 0 to 2**62 - 1 of where an episode starts, what it seeks and what sounds.

    The same episode has the same noise in any environment, row and batch, also when it is read from a file.
    """
    start = (episode.scene, *episode.start_position, episode.start_yaw)
    sought = (*episode.goal_position, *episode.source_position, episode.sound, episode.sound_variant)
    digest = hashlib.sha256(repr((*start, *sought)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 2
