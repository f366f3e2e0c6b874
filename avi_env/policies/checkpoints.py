"""Checkpoints of a training: the last good one stays until the next one is complete.

Two files: `checkpoint-a.pt` or `checkpoint-b.pt`, in turn, has the learner's state, and `checkpoint.json`, written
after it, says which counts, its hash and what it belongs to. A process may be killed at any moment: one pair is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from avi_env.whole_file import whole_file, write_whole

__all__ = ["CheckpointFacts", "load_checkpoint", "read_facts", "save_checkpoint"]

_FACTS = "checkpoint.json"
_STATES = ("checkpoint-a.pt", "checkpoint-b.pt")
_SCHEMA = 1
_BLOCK = 2**20  # bytes hashed at a time


@dataclass(frozen=True)
class CheckpointFacts:
    """What can be known of a checkpoint without its tensors."""

    recipe: Mapping[str, Any]
    """Table of the recipe that is trained, with all changes."""
    stage: int
    """Number of the stage that goes on."""
    stage_steps: int
    """Steps of it so far."""
    steps: int
    """Steps of all stages so far."""
    records: int
    """Bytes of progress.jsonl that belong to it."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time so far by what it was spent on [s]."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What else the training goes on from."""


def save_checkpoint(folder: Path, facts: CheckpointFacts, state: Mapping[str, Any]) -> Path:
    """Writes a checkpoint and returns its file; the one before is removed when this one is complete.

    Args:
        folder: of the training's checkpoints, which exists.
        facts: about it.
        state: what `torch.save` takes.

    Raises:
        OSError: the folder is closed or the disk is full; the last checkpoint is as it was.
    """
    last = str(_read(folder)["file"]) if (folder / _FACTS).is_file() else _STATES[1]
    path, old = (folder / name for name in (_STATES[::-1] if last == _STATES[0] else _STATES))
    with whole_file(path) as part:
        try:
            with part.open("wb") as file:
                torch.save(dict(state), file)
        except RuntimeError as error:  # PyTorch's writer covers what went wrong with one of its own
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None
    known = {"schema": _SCHEMA, "file": path.name, "bytes": path.stat().st_size, "sha256": _hash(path)}
    write_whole(folder / _FACTS, json.dumps({**known, **asdict(facts)}, indent=1) + "\n")
    old.unlink(missing_ok=True)
    return path


def read_facts(folder: Path) -> CheckpointFacts:
    """Returns the facts of the checkpoint in a folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: they cannot be read.
    """
    return _facts(_read(folder), folder)


def load_checkpoint(folder: Path, recipe: Mapping[str, Any]) -> tuple[CheckpointFacts, dict[str, Any]]:
    """Returns the checkpoint in a folder, its tensors on the CPU.

    A checkpoint is a pickle: load only your own ones.

    Args:
        folder: of the training's checkpoints.
        recipe: table of the recipe that is to go on.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it belongs to another recipe (the message names what differs), or its file is corrupt.
    """
    known = _read(folder)
    facts = _facts(known, folder)
    differing = sorted(set(_differences(facts.recipe, recipe)))
    if differing:
        raise ValueError(
            f"the checkpoint in {folder} was made with another recipe: {'; '.join(differing[:5])}. Train with the same "
            f"recipe, or without --resume in another folder"
        )
    path = folder / str(known["file"])
    if not path.is_file():
        raise FileNotFoundError(f"{folder / _FACTS} names {path.name}, which is missing: begin anew without --resume")
    if path.stat().st_size != known["bytes"] or _hash(path) != known["sha256"]:
        raise ValueError(
            f"{path} is corrupt: {path.stat().st_size} bytes that are not the {known['bytes']} written. Copy it again, "
            f"or begin anew without --resume; the best policy so far is beside it and unharmed"
        )
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return facts, state


def _read(folder: Path) -> dict[str, Any]:
    path = folder / _FACTS
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint in {folder}: train without --resume first")
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is corrupt ({error}): begin anew without --resume") from error
    return known


def _facts(known: Mapping[str, Any], folder: Path) -> CheckpointFacts:
    if known.get("schema") != _SCHEMA:
        raise ValueError(f"the checkpoint in {folder} has schema {known.get('schema')}, this avi-env reads {_SCHEMA}")
    try:
        return CheckpointFacts(**{k: v for k, v in known.items() if k not in ("schema", "file", "bytes", "sha256")})
    except TypeError as error:
        raise ValueError(f"{folder / _FACTS} is corrupt ({error}): begin anew without --resume") from error


def _differences(one: Any, two: Any, where: str = "") -> Iterator[str]:
    """Yields what differs between two tables of a recipe, JSON and TOML values alike."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for key in one.keys() | two.keys():
            yield from _differences(one.get(key), two.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two):
        for number, (first, second) in enumerate(zip(one, two, strict=True)):
            yield from _differences(first, second, f"{where}.{number}")
    elif one != two and where != "summary":
        yield f"{where} was {one!r}, now {two!r}"


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
