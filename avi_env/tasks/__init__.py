"""Tasks: goals, rewards, measures and episodes over `State`."""

from avi_env.tasks.audio_nav import AudioNavTask
from avi_env.tasks.catalog import TASKS, load_task
from avi_env.tasks.episodes import Episode, EpisodeSpec, arrival_points, episode_rng, sample_episode
from avi_env.tasks.goals import GOAL_CATEGORIES, goal_points
from avi_env.tasks.measures import sna, soft_spl, spl
from avi_env.tasks.outcome import Outcome, evaluate
from avi_env.tasks.sources import Distractor
from avi_env.tasks.task import NavRules, Task

__all__ = [
    "GOAL_CATEGORIES",
    "TASKS",
    "AudioNavTask",
    "Distractor",
    "Episode",
    "EpisodeSpec",
    "NavRules",
    "Outcome",
    "Task",
    "arrival_points",
    "episode_rng",
    "evaluate",
    "goal_points",
    "load_task",
    "sample_episode",
    "sna",
    "soft_spl",
    "spl",
]
