"""Find the object that sounded for a while and stop within reach of it, also when it has fallen silent.

Task: An object sounds once, for some seconds, and then no more. The agent has to remember where it came from and what
makes such a sound, and look for that object. With `distractors=1` something else sounds at the same time; the
observation `target`, put into `sensors`, then tells which class is sought.

Randomisation: As in AudioNav. The sound begins within the first 5 s and lasts N(15, 9) s, at least 2 s, drawn for each
episode.

Success: Stopping less than `success_distance` (1 m, geodesic) from a walkable place beside the object.

Reward: -0.01 a step, plus the geodesic distance gained [m], plus 10 for a successful stop.

Observations: `rgb`, `depth`, `audio`, `spectrogram`; with a distractor also `target`.

Source: Chen, Al-Halah, Grauman 2021, "Semantic Audio-Visual Navigation", arXiv 2012.11583.
"""

from __future__ import annotations

from avi_env.tasks.task import Task

__all__ = ["TASK"]

TASK = Task(
    name="SemanticAudioNav",
    summary="Find the object that sounded for a while and stop within reach of it, also when it has fallen silent.",
    defaults={"sound_schedule": "once"},
)
