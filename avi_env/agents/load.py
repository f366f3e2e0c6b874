"""Finds an agent's folder (agents/<name>/) and makes its planner."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from avi_env.agents.protocol import Planner
from avi_env.content import content_names, content_path, name_error

__all__ = ["AgentManifest", "load_manifest", "load_planner", "planner_names", "read_prompt"]

SettingsT = TypeVar("SettingsT")
_MANIFEST = "agent.toml"
_MANIFEST_KEYS = ("planner", "schema", "settings", "summary")


@dataclass(frozen=True)
class AgentManifest:
    """An agent's agent.toml."""

    name: str
    planner: str
    """Adapter: rules, scripted, chat or scoring."""
    summary: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    """Where prompts/*.md lie, None for an adapter used without a folder."""


def planner_names() -> tuple[str, ...]:
    """Returns the names `load_planner` knows: the agents' folders and the bare adapters."""
    return tuple(sorted({*content_names("agents"), *_ADAPTERS}))


def load_manifest(name: str | Path) -> AgentManifest:
    """Returns the manifest of an agent: a name of agents/, a path to an own folder, or an adapter's name.

    Raises:
        ValueError: no such agent (with the nearest name), or an agent.toml with unknown keys or adapter.
        FileNotFoundError: the folder has no agent.toml.
    """
    if str(name) not in planner_names() and not Path(name).is_dir():
        raise name_error("planner", str(name), planner_names())
    if str(name) not in content_names("agents") and str(name) in _ADAPTERS:
        return AgentManifest(str(name), str(name))
    folder = content_path("agents", name)
    path = folder / _MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no agent: it has no {_MANIFEST} (see docs/planner.md)")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no valid TOML: {error}") from error
    for key in table:
        if key not in _MANIFEST_KEYS:
            raise name_error(f"key of {path}", key, _MANIFEST_KEYS)
    adapter = str(table.get("planner", ""))
    if adapter not in _ADAPTERS:
        raise name_error(f"planner in {path}", adapter, _ADAPTERS)
    return AgentManifest(folder.name, adapter, str(table.get("summary", "")), table.get("settings", {}), folder)


def load_planner(name: str | Path, **settings: Any) -> Planner:
    """Returns a planner ready to plan; `settings` override those of its agent.toml.

    Raises:
        ValueError: unknown planner or setting, with the nearest name; a setting that is missing or cannot be used.
        ImportError: an extra is not installed; the message has the pip command.
    """
    manifest = load_manifest(name)
    return _ADAPTERS[manifest.planner](manifest, {**manifest.settings, **settings})


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


def _rules(manifest: AgentManifest, values: Mapping[str, Any]) -> Planner:
    from avi_env.agents.planner_rules import RulePlanner, RuleSettings

    return RulePlanner(_settings(RuleSettings, values, manifest.name))


def _scripted(manifest: AgentManifest, values: Mapping[str, Any]) -> Planner:
    from avi_env.agents.planner_scripted import ScriptedPlanner, ScriptedSettings

    return ScriptedPlanner(_settings(ScriptedSettings, values, manifest.name))


def _chat(manifest: AgentManifest, values: Mapping[str, Any]) -> Planner:
    from avi_env.agents.planner_chat import ChatPlanner, ChatSettings

    return ChatPlanner(_settings(ChatSettings, values, manifest.name), instructions=read_prompt(manifest, "system"))


def _scoring(manifest: AgentManifest, values: Mapping[str, Any]) -> Planner:
    from avi_env.agents.planner_scoring import ScoringPlanner, ScoringSettings

    prompts = {name: read_prompt(manifest, name) for name in ("skill", "answer")}
    return ScoringPlanner(_settings(ScoringSettings, values, manifest.name), prompts)


_ADAPTERS: dict[str, Callable[[AgentManifest, Mapping[str, Any]], Planner]] = {
    "chat": _chat,
    "rules": _rules,
    "scoring": _scoring,
    "scripted": _scripted,
}
