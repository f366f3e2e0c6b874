"""Say where the sound comes from, how far away it is and what it is, while free to move the head.

Task: At every step the agent moves (1 forward, 2 left, 3 right) or is done (0), and says of the goal's sound, as it was
heard at the ears in the last observation: azimuth (whole degrees counter-clockwise from ahead: 90 is left), distance
(one of 200 values from 0.2 to 40 m, each 2.7 % more than the one before) and class. An action is (move, azimuth,
distance, class); `estimate_action` makes it. "Done" ends the episode, so do 40 steps; the estimate that comes with
"done" counts.

Randomisation: As in AudioNav, but starts are at least `distance_min` = 1 m from the goal.

Success: The last estimate was right: its class, and its azimuth within 20 degrees. `info` has `azimuth_error` [degrees]
and `range_error` (relative) of the last estimate, and over all so far the measures of sound event localization and
detection: `er20`, `f20`, `le_cd` (mean error of the azimuth where the class was right [degrees]), `lr_cd` (share of
right classes), `relative_distance_error` (mean where the class was right) and `seld`.

Reward: For each right estimate 0.5, and 0.5 (1 - relative error of the distance) where that is positive.

Observations: `rgb`, `depth`, `audio`, `spectrogram`.

Source: Politis et al. 2021, IEEE/ACM TASLP 29 (class-dependent localization, location-dependent detection at 20
degrees); DCASE 2024 task 3 (relative distance error).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.tasks.task import NavRules, Task

__all__ = ["AZIMUTHS", "MOVES", "RANGES", "RANGE_MAX", "RANGE_MIN", "TASK", "Estimate", "decoded", "estimate_action"]

MOVES = 4
"""Done, forward, left, right."""

AZIMUTHS = 360
"""Whole degrees."""

RANGES = 200
"""Distances that can be said."""

RANGE_MIN, RANGE_MAX = 0.2, 40.0
"""The nearest and the furthest of them [m]; those between are as far apart in their logarithm."""

TASK = Task(
    name="SoundLocalization",
    summary="Say where the sound comes from, how far away it is and what it is, while free to move the head.",
    answers="estimates",
    rules=NavRules(step_penalty=0.0, progress_weight=0.0, success_reward=0.5, range_reward=0.5),
    defaults={"distance_min": 1.0},
    max_episode_steps=40,
)


class Estimate(NamedTuple):
    """What an action says, each of shape (...)."""

    move: npt.NDArray[np.int64]
    """0 done, 1 forward, 2 left, 3 right."""
    azimuth: npt.NDArray[np.float64]
    """[rad], counter-clockwise from ahead, -pi to pi."""
    distance: npt.NDArray[np.float64]
    """From the ears [m]."""
    kind: npt.NDArray[np.int64]
    """Index of the class among `EnvConfig.target_classes`."""


def estimate_action(
    azimuth: npt.ArrayLike, distance: npt.ArrayLike, kind: npt.ArrayLike, move: npt.ArrayLike = 0
) -> npt.NDArray[np.int64]:
    """Returns the action that says what is nearest to an estimate, shape (..., 4), int64.

    Args:
        azimuth: of the source [rad], counter-clockwise from ahead, shape (...).
        distance: from the ears [m], shape (...).
        kind: index of its class among `EnvConfig.target_classes`, shape (...).
        move: 0 done, 1 forward, 2 left, 3 right, shape (...).
    """
    degrees = np.round(np.degrees(np.asarray(azimuth, dtype=np.float64))).astype(np.int64) % AZIMUTHS
    share = np.log(np.clip(distance, RANGE_MIN, RANGE_MAX) / RANGE_MIN) / np.log(RANGE_MAX / RANGE_MIN)
    steps = np.round((RANGES - 1) * share).astype(np.int64)
    parts = np.broadcast_arrays(np.asarray(move), degrees, steps, np.asarray(kind))
    return np.stack(parts, axis=-1).astype(np.int64)


def decoded(action: Any) -> Estimate:
    """Returns what actions of shape (..., 4) say: the inverse of `estimate_action`."""
    move, degrees, steps, kind = np.moveaxis(np.asarray(action, dtype=np.int64), -1, 0)
    azimuth = np.radians((degrees + AZIMUTHS // 2) % AZIMUTHS - AZIMUTHS // 2)
    return Estimate(move, azimuth, RANGE_MIN * (RANGE_MAX / RANGE_MIN) ** (steps / (RANGES - 1)), kind)
