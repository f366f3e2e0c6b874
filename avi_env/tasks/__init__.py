"""Tasks: goals, rewards, measures and episodes over `State`."""

from avi_env.tasks.audio_nav import AudioNavTask, Outcome, evaluate
from avi_env.tasks.episodes import Episode, EpisodeSpec, episode_rng, goal_points, sample_episode
from avi_env.tasks.measures import sna, soft_spl, spl
from avi_env.tasks.sources import Distractor

__all__ = [
    "AudioNavTask",
    "Distractor",
    "Episode",
    "EpisodeSpec",
    "Outcome",
    "episode_rng",
    "evaluate",
    "goal_points",
    "sample_episode",
    "sna",
    "soft_spl",
    "spl",
]
