"""Filters of episodes: which are worth playing. Far enough, not straight ahead, heard at the start, solvable."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BANDS_HZ
from avi_env.acoustics.discrete import discrete_paths
from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.acoustics.wavefront_bank import WavefrontBank
from avi_env.navigation import GridBank, ShortestPathFollower, WalkableGrid, field_lookup, move
from avi_env.scene import Scene
from avi_env.sounds import class_of_sound, make_clip
from avi_env.tasks.door_events import moving_doors, passable_grid
from avi_env.tasks.episodes import Episode, arrival_points
from avi_env.tasks.goals import goal_points
from avi_env.tasks.meetings import walker_meeting

__all__ = ["REASONS", "EpisodeFilters", "detour_ratio", "oracle_end", "rejection", "start_level"]

REASONS = ("near", "straight", "late", "quiet", "unsolved", "long")
"""Why an episode is left out, in the order in which it is asked."""

_REFERENCE_DB = 94.0  # an RMS pressure of 1.0
_SAMPLE_RATE = 16000  # [Hz] at which spectra are taken: the octave of 8 kHz is cut at its middle, as for the agent
_SILENCE_DB = -200.0
_FORWARD, _LEFT, _RIGHT = 1, 2, 3


@dataclass(frozen=True)
class EpisodeFilters:
    """What episodes have to fulfil; 0 lets all pass."""

    distance_min: float = 3.0
    """Geodesic distance from start to goal, at least [m]."""
    detour_min: float = 1.1
    """Geodesic over straight distance, more than this: the way is not straight ahead (SoundSpaces, Habitat: 1.1)."""
    meeting_max: float = 1.05
    """Of a goal that walks: way to where one who has to turn meets it, over the way to where it could first be met, at
    most; else the shortest way of SPL is none that can be gone."""
    level_min: float = 20.0
    """Level of the goal's sound at the start, at least [dB SPL]: a quiet room at night has 20 to 25 dB."""
    steps: int = 500
    """Actions of the oracle, at most."""
    success_distance: float = 1.0
    """The oracle stops nearer to the goal than this, after no more than `steps` actions [m]."""
    forward: float = 0.25
    """Length of a forward action [m]."""
    turn_deg: float = 15.0
    """Angle of a turn action [degrees]."""
    step_seconds: float = 0.25
    """Time of an action [s]."""
    agent_radius: float = 0.2
    """[m]"""
    agent_height: float = 1.5
    """[m]"""
    eye_height: float = 1.25
    """Height of the ears above the floor [m]."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) < math.inf:
                raise ValueError(
                    f"filter {field.name} must be finite and not negative, not {getattr(self, field.name)}"
                )


def rejection(scene: Scene, episode: Episode, filters: EpisodeFilters) -> str:
    """Returns why an episode is left out, one of `REASONS`, or "" if it is good.

    Args:
        scene: where it happens.
        episode: the episode.
        filters: what it has to fulfil.
    """
    if filters.distance_min > 0.0 and not filters.distance_min <= episode.geodesic_distance < math.inf:
        return "near"
    if filters.detour_min > 0.0 and detour_ratio(episode) <= filters.detour_min:
        return "straight"
    if episode.source_walk and 0.0 < filters.meeting_max < meeting_ratio(scene, episode, filters):
        return "late"
    if filters.level_min > 0.0 and start_level(scene, episode, filters.eye_height) < filters.level_min:
        return "quiet"
    if filters.success_distance == 0.0:
        return ""
    distance, actions = oracle_end(scene, episode, filters)
    if distance >= filters.success_distance:
        return "unsolved"
    return "long" if actions > filters.steps else ""


def detour_ratio(episode: Episode) -> float:
    """Returns geodesic over straight distance from the start to the goal, at least about 1; inf at the goal itself."""
    straight = math.dist(episode.start_position, episode.goal_position)
    return episode.geodesic_distance / straight if straight > 0.0 else math.inf


def meeting_ratio(scene: Scene, episode: Episode, filters: EpisodeFilters) -> float:
    """Returns the way to where a walking goal is met, turns and all, over the way to where it could first be met."""
    grid = passable_grid(scene, moving_doors(scene, episode.door_events), filters.agent_radius, filters.agent_height)
    pose = np.array(episode.start_position, dtype=np.float32), episode.start_yaw
    pace = {"forward": filters.forward, "turn_deg": filters.turn_deg, "step_seconds": filters.step_seconds}
    met = walker_meeting(scene, grid, pose, episode.source_walk, **pace)
    return met.distance / episode.geodesic_distance


def start_level(scene: Scene, episode: Episode, eye_height: float = 1.25) -> float:
    """Returns the level of the goal's sound at the agent's ears at the start, while it sounds [dB SPL].

    Exact paths alone: direct, transmitted, diffracted and mirrored sound, without the reverberation that would have to
    be baked. It is a lower bound, which is what a test of audibility needs. Level and spectrum are those of the first
    clip of the sound's class: all clips of a class are equally loud.

    Args:
        scene: where it happens.
        episode: the episode; a goal that walks is where its walk begins.
        eye_height: height of the ears above the floor [m].

    Source: docs/acoustics.md, exact paths of a step.
    """
    ears = np.array(episode.start_position, dtype=np.float64) + np.array([0.0, eye_height, 0.0])
    source = np.array(episode.source_position, dtype=np.float64)
    waves, row = WavefrontBank(1), torch.zeros(1, dtype=torch.int64)
    waves.set_row(0, wavefront_field(scene, source))
    paths = discrete_paths(
        scene_bank(scene), waves, row, row, torch.from_numpy(source[None]), torch.from_numpy(ears[None])
    )
    gain = (paths.gain[0].double().numpy() ** 2).sum(axis=0)
    kind = class_of_sound(episode.sound)
    energy = float(gain @ octave_energy(kind if ":" not in episode.sound else episode.sound))
    return _REFERENCE_DB + 10.0 * math.log10(energy) if energy > 0.0 else _SILENCE_DB


@lru_cache(maxsize=256)
def octave_energy(sound: str) -> npt.NDArray[np.float64]:
    """Returns the mean-square pressure of a sound at 1 m per octave while it sounds, shape (7,), 1 = 94 dB SPL."""
    clip = make_clip(sound, sample_rate=_SAMPLE_RATE)
    power = np.abs(np.fft.rfft(clip.samples.astype(np.float64))) ** 2
    frequency = np.fft.rfftfreq(len(clip.samples), 1.0 / clip.sample_rate)
    middle = np.array(BANDS_HZ)
    band = np.searchsorted(middle[1:] / math.sqrt(2.0), frequency, side="right")  # below 125 Hz belongs to the first
    energy = np.bincount(band, weights=power, minlength=len(middle))[: len(middle)]
    # The octaves share the level that the clip states: that of its active parts.
    scaled: npt.NDArray[np.float64] = energy / energy.sum() * 10.0 ** ((clip.spl_db - _REFERENCE_DB) / 10.0)
    return scaled


def oracle_end(scene: Scene, episode: Episode, filters: EpisodeFilters) -> tuple[float, int]:
    """Returns how far from the goal the shortest-path follower stops [m], and after how many actions.

    Args:
        scene: where it happens.
        episode: the episode; a goal that walks is gone to at the place where its walk ends.
        filters: how the agent moves.
    """
    grid = passable_grid(scene, moving_doors(scene, episode.door_events), filters.agent_radius, filters.agent_height)
    if episode.source_walk:
        goals = goal_points(scene, grid, episode.source_walk[-1][1:])
    else:
        goals = arrival_points(scene, grid, episode)
    follower = ShortestPathFollower(grid, goals, forward=filters.forward, turn_deg=filters.turn_deg)
    actions = follower.actions(episode.start_position, episode.start_yaw)
    return _distance_after(grid, follower, episode, actions, filters), len(actions)


def _distance_after(
    grid: WalkableGrid,
    follower: ShortestPathFollower,
    episode: Episode,
    actions: npt.NDArray[np.int32],
    filters: EpisodeFilters,
) -> float:
    """Walks by the motion rules of the environment; returns the distance left [m]."""
    bank, row = GridBank([grid]), torch.zeros(1, dtype=torch.int32)
    position = torch.tensor([episode.start_position], dtype=torch.float32)
    yaw = torch.tensor([episode.start_yaw], dtype=torch.float32)
    turn = math.radians(filters.turn_deg)
    for action in actions.tolist():
        ahead = torch.tensor([filters.forward if action == _FORWARD else 0.0])
        aside = torch.tensor([turn if action == _LEFT else -turn if action == _RIGHT else 0.0])
        position, yaw, _ = move(bank, row, position, yaw, ahead, aside)
    return float(field_lookup(follower.field, grid, position.numpy())[0])
