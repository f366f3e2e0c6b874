"""Find the named one of several sounds and stop within reach of it.

Task: Three objects sound at the same time, each of another class. The observation `target` names the class that is
sought; the agent has to come up to that one.

Randomisation: As in AudioNav, with `distractors` (2) further sounds, each from another object, of other classes than
the goal and each other.

Success: Stopping less than `success_distance` (1 m, geodesic) from a walkable place beside the named source.

Reward: -0.01 a step, plus the geodesic distance gained [m], plus 10 for a successful stop.

Observations: `rgb`, `depth`, `audio`, `spectrogram`, `target`.
"""

from __future__ import annotations

from avi_env.tasks.task import Task

__all__ = ["TASK"]

TASK = Task(
    name="MultiSourceNav",
    summary="Find the named one of several sounds and stop within reach of it.",
    defaults={"distractors": 2, "sensors": ("rgb", "depth", "audio", "spectrogram", "target")},
)
