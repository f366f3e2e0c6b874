"""The tasks by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from avi_env.content import name_error
from avi_env.tasks import (
    audio_nav,
    audio_visual_qa,
    moving_source_nav,
    multi_source_nav,
    object_nav,
    point_nav,
    semantic_audio_nav,
    sound_localization,
)
from avi_env.tasks.task import Task

__all__ = ["TASKS", "load_task", "task_module"]

_MODULES = (
    audio_nav,
    semantic_audio_nav,
    moving_source_nav,
    multi_source_nav,
    point_nav,
    object_nav,
    sound_localization,
    audio_visual_qa,
)

TASKS: Mapping[str, Task] = MappingProxyType({module.TASK.name: module.TASK for module in _MODULES})
"""Name -> task; "avi_env/<name>-v0" is its Gymnasium id."""


def load_task(name: str) -> Task:
    """Returns a task.

    Raises:
        ValueError: there is none of that name; the message names the nearest one.
    """
    if name not in TASKS:
        raise name_error("task", name, TASKS)
    return TASKS[name]


def task_module(name: str) -> str:
    """Returns the name of the module of `avi_env.tasks` that a task is written in: "AudioNav" -> "audio_nav"."""
    return next(module.__name__.rpartition(".")[2] for module in _MODULES if name == module.TASK.name)
