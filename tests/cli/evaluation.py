"""A tiny suite and agents of one file for tests of evaluations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import EpisodeMaker
from avi_env.tasks import Episode
from avi_env.tasks.episode_files import save_episodes

SCENES = ("shoebox:6x3x4", "shoebox:5x3x5")

SUITE = """
schema = 2
summary = "Two empty rooms."
task = "AudioNav"
steps = 12

[environment]
width = 16
height = 16
bake_paths = 64
hrtf = "spherical"

[splits.val]
episodes = 4
seed = 0
houses_unseen = "shoebox:6x3x4"
"""

AGENT = """
import os
import numpy as np

class Agent:
    name = "tester"
    privileged = False
    sensors = ("audio", "depth")

    def reset(self, briefing, seed):
        self.rng, self.step, self.seed = np.random.default_rng(seed), 0, seed

    def act(self, observation):
        self.step += 1
        {trouble}
        return int(self.rng.integers(1, 4)) if observation["audio"].any() else 1
"""


def make_suite(folder: Path, count: int = 4) -> list[Episode]:
    """Writes a suite of so many episodes in two rooms; returns them."""
    made = []
    for number in range(count):
        maker = EpisodeMaker(EnvConfig(scenes=SCENES[number * len(SCENES) // count]))
        tags = (("sounds", "heard" if number % 2 else "unheard"),)
        made.append(replace(maker.draw(0, number), episode_id=f"val-{number}", tags=tags))
    (folder / "episodes").mkdir(parents=True)
    (folder / "suite.toml").write_text(SUITE)
    save_episodes(folder / "episodes" / "val.json.gz", made)
    return made


def make_agent(folder: Path, trouble: str = "pass") -> Path:
    """Writes an agent that walks at random, and a line of Python that it runs at every step."""
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_text('schema = 1\npython = "agent.py:Agent"\n')
    (folder / "agent.py").write_text(AGENT.format(trouble=trouble))
    return folder


def compared(folder: Path) -> dict[str, Any]:
    """The records of a folder by episode and seed, without what they were made with, and on which."""
    lines = (folder / "results.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return {f"{r['episode_id']} {r['seed']}": {k: v for k, v in r.items() if k not in ("spec",)} for r in records}
