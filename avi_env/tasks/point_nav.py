"""Go to a place that is told by its direction and distance, and stop there.

Task: A place on the floor is the goal. The agent sees, and is told at every step how far away the goal is in a straight
line and in which direction; the way round walls it has to find. Nothing sounds: what hearing is worth in AudioNav shows
in the comparison.

Randomisation: The seed draws the house (of `scenes`), a walkable place in it, and a start from which that is at least
`distance_min` metres of walking away where the house is large enough, facing any way.

Success: Stopping less than `success_distance` (0.2 m, geodesic) from the place.

Reward: -0.01 a step, plus the geodesic distance gained [m], plus 10 for a successful stop.

Observations: `rgb`, `depth`, `goal` (distance [m] and azimuth [rad, left positive]). With `audio` among the `sensors`
there is silence, but for `distractors`.

Source: Anderson et al. 2018, arXiv 1807.06757; success within 0.2 m as in the Habitat challenges.
"""

from __future__ import annotations

from avi_env.tasks.task import Task

__all__ = ["TASK"]

TASK = Task(
    name="PointNav",
    summary="Go to a place that is told by its direction and distance, and stop there.",
    goal="point",
    defaults={"sensors": ("rgb", "depth", "goal"), "success_distance": 0.2},
)
