"""Find the object that sounds and stop within reach of it.

Task: Somewhere in the house an object sounds without end: a phone rings, a kettle whistles. The agent sees and hears,
walks there and stops.

Randomisation: The seed draws the house (of `scenes`), the sounding object by class of sound, the variant of the sound
(of `sounds`, or all that the house's objects can make), and a start from which the goal is at least `distance_min`
metres of walking away where the house is large enough, facing any way.

Success: Stopping less than `success_distance` (1 m, geodesic) from a walkable place beside the source.

Reward: -0.01 a step, plus the geodesic distance gained [m], plus 10 for a successful stop.

Observations: `rgb`, `depth`, `audio`, `spectrogram`.
"""

from __future__ import annotations

from avi_env.tasks.task import NavRules, Task

__all__ = ["TASK", "AudioNavTask"]

AudioNavTask = NavRules
"""The rules by the name that they had when there was one task."""

TASK = Task(name="AudioNav", summary="Find the object that sounds and stop within reach of it.")
