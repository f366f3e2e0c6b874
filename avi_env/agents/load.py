"""Finds an agent's folder (agents/<name>/) and makes its planner, or its step agent."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from avi_env.agents.backends import parse_backends
from avi_env.agents.model_source import ModelSource
from avi_env.agents.protocol import Planner
from avi_env.agents.step_agent import StepAgent
from avi_env.content import content_names, content_path, name_error

__all__ = [
    "AgentManifest",
    "agent_names",
    "load_agent",
    "load_manifest",
    "load_planner",
    "planner_names",
    "read_prompt",
]

SettingsT = TypeVar("SettingsT")
_MANIFEST = "agent.toml"
_MANIFEST_KEYS = ("planner", "python", "schema", "settings", "skills", "summary")


@dataclass(frozen=True)
class AgentManifest:
    """An agent's agent.toml."""

    name: str
    planner: str
    """Adapter: rules, scripted, chat or scoring; empty for a step agent."""
    summary: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    """Where prompts/*.md lie, None for an adapter used without a folder."""
    python: str = ""
    """Of a step agent: its class, "package.module:Class" or "file.py:Class" in the folder."""
    skills: Mapping[str, str] = field(default_factory=dict)
    """Of a planner: what its skills are carried out by, see `avi_env.agents.backends.SkillBackends`."""


def agent_names() -> tuple[str, ...]:
    """Returns the names `load_agent` knows: the agents' folders and the bare adapters."""
    return tuple(sorted({*content_names("agents"), *_ADAPTERS}))


def planner_names() -> tuple[str, ...]:
    """Returns the names `load_planner` knows: the agents' folders that plan and the bare adapters."""
    return tuple(name for name in agent_names() if not load_manifest(name).python)


def load_manifest(name: str | Path) -> AgentManifest:
    """Returns the manifest of an agent: a name of agents/, a path to an own folder, or an adapter's name.

    Raises:
        ValueError: no such agent (with the nearest name), or an agent.toml with unknown keys or adapter.
        FileNotFoundError: the folder has no agent.toml.
    """
    if not Path(name).is_dir():
        name = str(name).replace("-", "_")
    if str(name) not in agent_names() and not Path(name).is_dir():
        raise name_error("agent", str(name), agent_names())
    if str(name) not in content_names("agents") and str(name) in _ADAPTERS:
        return AgentManifest(str(name), str(name))
    folder = content_path("agents", name)
    path = folder / _MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no agent: it has no {_MANIFEST} (see docs/planner.md, docs/baselines.md)")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no valid TOML: {error}") from error
    for key in table:
        if key not in _MANIFEST_KEYS:
            raise name_error(f"key of {path}", key, _MANIFEST_KEYS)
    adapter, python = str(table.get("planner", "")), str(table.get("python", ""))
    if adapter and python:
        raise ValueError(f"{path} has planner and python: an agent is either a planner or a step agent")
    if not python and adapter not in _ADAPTERS:
        raise name_error(f"planner in {path}", adapter, _ADAPTERS)
    skills = table.get("skills", {})
    if python and skills:
        raise ValueError(f"{path} has python and [skills]: a step agent has no skills, a planner has")
    parse_backends(skills)  # a wrong name is told before any work
    summary, settings = str(table.get("summary", "")), table.get("settings", {})
    return AgentManifest(folder.name, adapter, summary, settings, folder, python, skills)


def load_planner(name: str | Path, *, source: ModelSource | None = None, **settings: Any) -> Planner:
    """Returns a planner ready to plan.

    Args:
        name: of agents/, of an adapter, or the path of an own folder.
        source: gives it its language model, if it has one: recorded replies; by default it asks the model itself.
        settings: override those of its agent.toml.

    Raises:
        ValueError: unknown planner or setting, with the nearest name; a setting that is missing or cannot be used.
        ImportError: an extra is not installed; the message has the pip command.
    """
    manifest = load_manifest(name)
    if manifest.python:
        raise ValueError(f"{manifest.name!r} is a step agent, not a planner. Planners: {', '.join(planner_names())}.")
    return _ADAPTERS[manifest.planner](manifest, {**manifest.settings, **settings}, source)


def load_agent(name: str | Path, *, source: ModelSource | None = None, **settings: Any) -> StepAgent | Planner:
    """Returns an agent: one that chooses every step's action, or a planner of skills.

    Args:
        name: of agents/ ("doa_follower", also written "doa-follower"), of an adapter, or the path of an own folder
            whose agent.toml has `python = "file.py:Class"` or `python = "package.module:Class"`.
        source: gives a planner its language model, see `load_planner`.
        settings: override those of its agent.toml; a step agent's are the keywords of its class.

    Raises:
        ValueError: unknown agent or setting, with the nearest name; a class that is missing or no step agent.
        ImportError: what its code imports is not installed.
    """
    manifest = load_manifest(name)
    if not manifest.python:
        return load_planner(name, source=source, **settings)
    kind, given = _python_class(manifest), {**manifest.settings, **settings}
    known = [k for k in inspect.signature(kind).parameters if k not in ("args", "kwargs")]
    for key in given:
        if key not in known:
            raise name_error(f"setting of agent {manifest.name!r}", key, known)
    agent = kind(**given)
    missing = [part for part in ("name", "privileged", "sensors", "reset", "act") if not hasattr(agent, part)]
    if missing:
        raise ValueError(f"{manifest.python} of agent {manifest.name!r} is no StepAgent: it lacks {', '.join(missing)}")
    return agent  # type: ignore[no-any-return]


def _python_class(manifest: AgentManifest) -> Callable[..., Any]:
    """Returns the class that an agent.toml names, from its folder or from an installed module."""
    where, colon, name = manifest.python.rpartition(":")
    if not colon or not where or not name:
        raise ValueError(f'python = "{manifest.python}" of agent {manifest.name!r} must be "file.py:Class"')
    module = _module_of_file(manifest, where) if where.endswith(".py") else importlib.import_module(where)
    kind = getattr(module, name, None)
    if not callable(kind):
        raise name_error(f"class in {where}", name, [k for k, v in vars(module).items() if inspect.isclass(v)])
    return kind  # type: ignore[no-any-return]


def _module_of_file(manifest: AgentManifest, file: str) -> Any:
    assert manifest.folder is not None, "an agent with a class has a folder"
    path = (manifest.folder / file).resolve()
    if not path.is_file():
        raise ValueError(f"agent {manifest.name!r}: there is no {path}")
    spec = importlib.util.spec_from_file_location(f"avi_agent_{manifest.name}", path)
    assert spec is not None, "a .py file has a loader"
    assert spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def read_prompt(manifest: AgentManifest, name: str) -> str:
    """Returns the text of an agent's prompts/<name>.md, or that of its adapter's own agent when it has none.

    Raises:
        FileNotFoundError: there is no such file in either.
    """
    folders = [manifest.folder] if manifest.folder is not None else []
    if manifest.planner in content_names("agents"):
        folders.append(content_path("agents", manifest.planner))
    for folder in folders:
        path = folder / "prompts" / f"{name}.md"
        if path.is_file():
            return path.read_text(encoding="utf-8").strip()
    raise FileNotFoundError(f"agent {manifest.name!r} has no prompts/{name}.md: write it, or reinstall avi-env")


def _settings(kind: type[SettingsT], values: Mapping[str, Any], planner: str) -> SettingsT:
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise name_error(f"setting of planner {planner!r}", key, known)
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _rules(manifest: AgentManifest, values: Mapping[str, Any], source: ModelSource | None) -> Planner:
    from avi_env.agents.planner_rules import RulePlanner, RuleSettings

    return RulePlanner(_settings(RuleSettings, values, manifest.name))


def _scripted(manifest: AgentManifest, values: Mapping[str, Any], source: ModelSource | None) -> Planner:
    from avi_env.agents.planner_scripted import ScriptedPlanner, ScriptedSettings

    return ScriptedPlanner(_settings(ScriptedSettings, values, manifest.name))


def _chat(manifest: AgentManifest, values: Mapping[str, Any], source: ModelSource | None) -> Planner:
    from avi_env.agents.chat_endpoint import endpoint_model, filled_in
    from avi_env.agents.planner_chat import ChatPlanner, ChatSettings

    settings, instructions = _settings(ChatSettings, values, manifest.name), read_prompt(manifest, "system")
    model = None if source is None else source.chat_model(settings, lambda: endpoint_model(filled_in(settings)))
    return ChatPlanner(settings, instructions, model, read_prompt(manifest, "people"))


def _scoring(manifest: AgentManifest, values: Mapping[str, Any], source: ModelSource | None) -> Planner:
    from avi_env.agents.planner_scoring import ScoringPlanner, ScoringSettings, embedded_model

    settings = _settings(ScoringSettings, values, manifest.name)
    prompts = {name: read_prompt(manifest, name) for name in ("skill", "answer")}
    model = None if source is None else source.scoring_model(lambda: embedded_model(settings))
    return ScoringPlanner(settings, prompts, model)


_ADAPTERS: dict[str, Callable[[AgentManifest, Mapping[str, Any], ModelSource | None], Planner]] = {
    "chat": _chat,
    "rules": _rules,
    "scoring": _scoring,
    "scripted": _scripted,
}
