"""What is evaluated: all that decides an episode's record. It travels to the worker processes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from avi_env.tasks import Episode

__all__ = ["EvaluationPlan", "Job", "episode_seed", "evaluation_jobs"]


@dataclass(frozen=True)
class EvaluationPlan:
    """An agent on a split of a suite. Of two equal plans the records are equal, whoever plays them in what order."""

    suite: str
    """Name of the suite."""
    source: str
    """As it was given: the name, or the path of a folder."""
    split: str
    task: str
    agent: str
    """Name of agents/, or path of a folder."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """The suite's keywords of the environment."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the agent, in place of those of its agent.toml."""
    steps: int = 500
    """Actions at most."""
    calls: int = 40
    """Turns of a planner at most."""
    mute: bool = False
    """Whether the agent hears silence."""
    blind: bool = False
    """Whether the agent sees nothing."""
    skills: str = ""
    """What a planner's skills are carried out by, as `parse_backends` reads it; empty = as its agent.toml says."""
    device: str = "cpu"
    judge: Mapping[str, str] = field(default_factory=dict)
    """Who scores answers in words, as its `identity` tells; empty = nobody."""

    def arguments(self, episodes_sha256: str) -> dict[str, Any]:
        """Returns what an evaluation that goes on must have in common with its earlier part, JSON-serialisable.

        Args:
            episodes_sha256: digest of the split's episodes, as `digest` gives it.
        """
        return {
            "suite": self.source,
            "split": self.split,
            "task": self.task,
            "agent": self.agent,
            "environment": dict(self.environment),
            "settings": dict(self.settings),
            "steps": self.steps,
            "calls": self.calls,
            "mute": self.mute,
            "device": self.device,
            "episodes_sha256": episodes_sha256,
            # only where they are used, so that results from before they could be said can go on
            **({"blind": True} if self.blind else {}),
            **({"skills": self.skills} if self.skills else {}),
            **({"judge": dict(self.judge)} if self.judge else {}),
        }

    def agent_label(self, name: str) -> str:
        """Returns an agent's name with what it had to do without: "av_nav (blind)"."""
        without = [word for word, so in (("blind", self.blind), ("muted", self.mute)) if so]
        return f"{name} ({', '.join(without)})" if without else name


@dataclass(frozen=True)
class Job:
    """An episode to be played with a seed."""

    episode: Episode
    seed: int

    def drawn(self, plan: EvaluationPlan) -> int:
        """Returns the seed of environment and agent."""
        return episode_seed(plan.suite, plan.split, self.episode.episode_id, self.seed)

    @property
    def key(self) -> tuple[str, int]:
        """Which record comes of it."""
        return self.episode.episode_id, self.seed


def evaluation_jobs(episodes: Sequence[Episode], seeds: int) -> list[Job]:
    """Returns every episode with every seed 0..seeds-1, in an order in which scenes follow themselves.

    Raises:
        ValueError: two episodes have the same episode_id, or one has none.
    """
    names: set[str] = set()
    for episode in episodes:
        if not episode.episode_id or episode.episode_id in names:
            raise ValueError(
                f"episode_id {episode.episode_id!r} is missing or there twice: each episode of a split needs its own"
            )
        names.add(episode.episode_id)
    jobs = [Job(episode, seed) for episode in episodes for seed in range(seeds)]
    first = {scene: number for number, scene in reversed(list(enumerate(e.scene for e in episodes)))}
    return sorted(jobs, key=lambda job: first[job.episode.scene])


def episode_seed(suite: str, split: str, episode_id: str, seed: int) -> int:
    """Returns the seed of environment and agent in an episode: its own in each suite, split, episode and seed."""
    text = f"{suite}/{split}/{episode_id}/{seed}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
