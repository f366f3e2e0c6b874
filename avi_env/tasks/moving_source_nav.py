"""Come up to somebody who walks through the house and can be heard.

Task: A person's sound (footsteps, speech, laughter, coughing, singing) walks from room to room. The agent has to come
up to it and stop beside it.

Randomisation: The house and the start as in AudioNav; the walk has three legs, each to the furthest of twelve random
places, with rests of 2 s, at `source_speed` (0.5 m/s); then it stays.

Success: Stopping less than `success_distance` (1 m, geodesic) from a walkable place beside the source's present place.

Reward: -0.01 a step, plus the geodesic distance to the present place gained [m], plus 10 for a successful stop.

Observations: `rgb`, `depth`, `audio`, `spectrogram`. What walks is heard, not seen.

Source: Younes et al. 2023, "Catch Me If You Hear Me", IEEE RA-L (walking goals; SPL to the first place of meeting).
"""

from __future__ import annotations

from avi_env.tasks.task import Task

__all__ = ["TASK"]

TASK = Task(
    name="MovingSourceNav",
    summary="Come up to somebody who walks through the house and can be heard.",
    defaults={"source_speed": 0.5},
)
