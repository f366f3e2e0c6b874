"""Pages of docs/tasks, one a task, made of the docstrings of avi_env/tasks."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import gymnasium as gym

from avi_env.bench.pages import markdown_table
from avi_env.envs.config import EnvConfig
from avi_env.envs.registration import environment_id
from avi_env.envs.spaces import action_space
from avi_env.tasks import TASKS, Task
from avi_env.tasks.catalog import task_module
from avi_env.whole_file import write_whole

__all__ = ["SECTIONS", "task_pages", "write_task_pages"]

SECTIONS = ("Task", "Randomisation", "Success", "Reward", "Observations")
"""What the docstring of every task has, in this order; a "Source" may follow."""

_MOVES = "0 stop, 1 forward, 2 left, 3 right"


def task_pages() -> dict[str, str]:
    """Returns the pages by file name: one a task, and "README.md", which lists them.

    Raises:
        ValueError: the docstring of a task lacks a section.
    """
    pages = {f"{task_module(name)}.md": _page(task, task_module(name)) for name, task in TASKS.items()}
    rows = [
        (f"[`{environment_id(name)}`]({task_module(name)}.md)", task.summary, str(task.max_episode_steps))
        for name, task in TASKS.items()
    ]
    intro = "Each is a Gymnasium id; [the environment](../environment.md) is the same for all.\n\n"
    pages["README.md"] = f"# Tasks\n\n{intro}{markdown_table(('id', 'what is to be done', 'steps'), rows)}\n"
    return pages


def write_task_pages(folder: Path) -> None:
    """Writes all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in task_pages().items():
        write_whole(folder / name, text)


def _page(task: Task, module: str) -> str:
    docstring = inspect.cleandoc(import_module(f"avi_env.tasks.{module}").__doc__ or "")
    title, *paragraphs = docstring.split("\n\n")
    found = {}
    for paragraph in paragraphs:
        name, _, text = paragraph.partition(": ")
        found[name] = text
    if tuple(found)[: len(SECTIONS)] != SECTIONS or set(found) - {*SECTIONS, "Source"}:
        raise ValueError(
            f"the docstring of avi_env.tasks.{module} needs paragraphs {', '.join(SECTIONS)}, not {[*found]}"
        )
    body = "\n\n".join(f"## {name}\n{text}" for name, text in found.items())
    return f"# {environment_id(task.name)}\n\n{title}\n\n{body}\n\n## Actions and defaults\n{_facts(task)}\n"


def _facts(task: Task) -> str:
    space = action_space(EnvConfig.from_keywords({"task": task.name}))
    kind = f"`{space}`: {_MOVES}"
    if isinstance(space, gym.spaces.MultiDiscrete):
        kind = f"`MultiDiscrete({space.nvec.tolist()})`: move, azimuth, distance, class"
    elif task.answers == "options":
        kind += ", then the options"
    given = ", ".join(f"`{name}={value!r}`" for name, value in task.defaults.items()) or "none"
    return f"{kind}. Episodes are truncated after {task.max_episode_steps} steps. Defaults of its own: {given}."
