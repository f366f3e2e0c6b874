"""What is special about each task."""

from __future__ import annotations

import pytest

from avi_env.envs import ENV_IDS, EnvConfig
from avi_env.envs.registration import EPISODE_STEPS, environment_id
from avi_env.tasks import TASKS, load_task


def test_ids_are_those_of_the_tasks() -> None:
    """The registration, which loads no task, names all of them and their numbers of steps."""
    assert {name: task.max_episode_steps for name, task in TASKS.items()} == EPISODE_STEPS
    assert ENV_IDS == tuple(environment_id(name) for name in TASKS)


def test_an_unknown_task_is_named() -> None:
    """A misspelt task gets the nearest one as an answer."""
    with pytest.raises(ValueError, match="Did you mean 'AudioNav'"):
        load_task("AudoNav")
    with pytest.raises(ValueError, match="Did you mean 'AudioNav'"):
        EnvConfig(task="AudoNav")


def test_defaults_of_a_task_hold_where_nothing_is_given() -> None:
    """Keywords of the user win over those of the task."""
    assert EnvConfig.from_keywords({"task": "MultiSourceNav"}).distractors == 2
    assert EnvConfig.from_keywords({"task": "MultiSourceNav", "distractors": 1}).distractors == 1
    assert EnvConfig.from_keywords({"task": "SemanticAudioNav"}).sound_schedule == "once"
    assert EnvConfig.from_keywords({}) == EnvConfig()
