"""Find any object of a named kind and stop beside it.

Task: The agent is told a category of objects, "bathtub", and has to come up to any object of it. It sees; nothing
sounds: what hearing is worth in SemanticAudioNav shows in the comparison.

Randomisation: The seed draws the house (of `scenes`), a start facing any way, and a category that the house has, such
that the nearest object of it is at least `distance_min` metres of walking away where there is one.

Success: Stopping less than `success_distance` (1 m, geodesic) from a walkable place beside any object of the category.

Reward: -0.01 a step, plus what the geodesic distance to the nearest such place gained [m], plus 10 for a successful
stop.

Observations: `rgb`, `depth`, `target` (1 at the category, of the 105 categories of `avi_env.tasks.GOAL_CATEGORIES`).
With `audio` among the `sensors` there is silence, but for `distractors`.

Source: Batra et al. 2020, arXiv 2006.13171.
"""

from __future__ import annotations

from avi_env.tasks.task import Task

__all__ = ["TASK"]

TASK = Task(
    name="ObjectNav",
    summary="Find any object of a named kind and stop beside it.",
    goal="category",
    defaults={"sensors": ("rgb", "depth", "target")},
)
