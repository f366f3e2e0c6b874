"""What sounds in a row: emitters made of an episode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avi_env.acoustics.emitter import Emitter
from avi_env.envs.config import EnvConfig
from avi_env.scene import Scene
from avi_env.sounds import Schedule, make_clip
from avi_env.sounds.chirp import make_chirp
from avi_env.tasks import Distractor, Episode

__all__ = ["headings", "row_emitters", "source_count"]


def source_count(config: EnvConfig) -> int:
    """Returns the number of sources a row hears: the goal, the distractors, the agent's own chirp."""
    return 1 + config.distractors + int(config.echolocation)


def row_emitters(config: EnvConfig, episode: Episode, scene: Scene) -> list[Emitter | None]:
    """Returns the emitters of a row in the order of `source_count`; None = silence.

    Raises:
        ValueError: the episode has more distractors than the environment was made for.
    """
    spare = config.distractors - len(episode.distractors)
    if spare < 0:
        raise ValueError(
            f"the episode has {len(episode.distractors)} distractors: make the environment with "
            f"distractors={len(episode.distractors)}, not {config.distractors}"
        )
    goal = Distractor(
        episode.sound,
        episode.sound_variant,
        episode.source_position,
        episode.goal_object,
        walk=episode.source_walk,
    )
    made: list[Emitter | None] = [_emitter(config, scene, goal, episode.schedule) if episode.sound else None]
    made += [_emitter(config, scene, source, source.schedule) for source in episode.distractors]
    made += [None] * spare
    if config.echolocation:
        made.append(Emitter(make_chirp(config.step_seconds, config.sample_rate), with_listener=True))
    return made


def _emitter(config: EnvConfig, scene: Scene, source: Distractor, drawn: Schedule | None = None) -> Emitter:
    clip = make_clip(source.sound, seed=source.sound_variant, sample_rate=config.sample_rate)
    schedule = config.schedule
    if drawn is not None:  # on the clock of the sound, which starts a window before the first observation
        schedule = replace(drawn, start=drawn.start + config.lead_seconds)
    elif source.start:
        schedule = replace(schedule, start=source.start * (config.sound_seconds + config.pause_seconds))
    if not source.walk:
        yaw = scene.objects[source.object].yaw if source.object >= 0 else 0.0
        place = np.array(source.position, dtype=np.float32)
        return Emitter(
            clip, place, yaw=yaw, directivity=config.directivity, schedule=schedule, gain_db=config.sound_level
        )
    table = np.array(source.walk, dtype=np.float64)
    # On the clock of the sound, which starts a window before the first observation.
    times = table[:, 0] + config.lead_seconds
    places, turned = table[:, 1:].astype(np.float32), headings(table[:, 1:])
    return Emitter(clip, places, times, turned, config.directivity, schedule, gain_db=config.sound_level)


def headings(places: np.ndarray) -> np.ndarray:
    """Returns the heading at each corner of a walk [rad]: towards the next one that is elsewhere, at last as before.

    Args:
        places: its corners [m], shape (T, 3), world frame.
    """
    step = np.diff(places[:, [0, 2]], axis=0)
    going = np.hypot(*step.T) > 0.0
    if not going.any():
        return np.zeros(len(places))
    yaw = np.arctan2(-step[:, 0], -step[:, 1])
    leg = np.arange(len(step))
    onward = np.minimum.accumulate(np.where(going, leg, len(leg))[::-1])[::-1]  # the next leg that leads elsewhere
    last = int(leg[going][-1])
    return np.append(yaw[np.where(onward < len(leg), onward, last)], yaw[last])
