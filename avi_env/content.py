"""Finds content: the user's path, then what is packed in the wheel, then the clone. No other file computes a path."""

from __future__ import annotations

import difflib
import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["cache_folder", "cache_limit", "content_names", "content_path", "name_error", "package_file"]

KINDS = ("agents", "benchmarks", "policies", "scenes")
_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the content folders as avi_env/_content; an editable install and a clone have them beside avi_env.
_ROOT = _PACKAGE / "_content" if (_PACKAGE / "_content").is_dir() else _PACKAGE.parent


def content_path(kind: str, name: str | Path) -> Path:
    """Returns the folder of a named content item, or the user's own path when it exists.

    Raises:
        ValueError: no such item; the message names the nearest one.
    """
    if Path(name).exists() and str(name) not in content_names(kind):
        return Path(name)
    path = _ROOT / kind / str(name)
    if not path.is_dir():
        raise name_error(kind.removesuffix("s"), str(name), content_names(kind))
    return path


def content_names(kind: str) -> tuple[str, ...]:
    """Returns the names of all content items of a kind ("agents", "benchmarks", "policies", "scenes")."""
    if kind not in KINDS:
        raise name_error("kind of content", kind, KINDS)
    folder = _ROOT / kind
    return tuple(sorted(p.name for p in folder.iterdir() if p.is_dir())) if folder.is_dir() else ()


def package_file(relative: str) -> Path:
    """Returns a data file that is part of the package itself, such as "scene/materials.toml"."""
    path = _PACKAGE / relative
    if not path.is_file():
        raise FileNotFoundError(f"{relative} is missing from the installed avi_env package: reinstall avi-env")
    return path


def cache_folder() -> Path | None:
    """Returns the folder for what can be computed again, which may not exist yet; None = keep nothing on disk.

    The environment variable AVI_CACHE names it ("off" = none); without it, it is the user's cache folder.
    """
    chosen = os.environ.get("AVI_CACHE", "")
    if chosen:
        return None if chosen.lower() == "off" else Path(chosen).expanduser()
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "avi-env"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "avi-env"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "avi-env"


def cache_limit() -> int:
    """Returns the size that each kind of what is kept on disk may have [bytes]: AVI_CACHE_GIB, 2 GiB without it.

    Raises:
        ValueError: the environment variable is no positive number.
    """
    chosen = os.environ.get("AVI_CACHE_GIB", "").strip() or "2"
    try:
        size = float(chosen)
    except ValueError:
        size = 0.0
    if not 0.0 < size < math.inf:
        raise ValueError(f"the environment variable AVI_CACHE_GIB must be a positive number of GiB, got {chosen!r}")
    return int(size * 2**30)


def name_error(what: str, name: str, known: Iterable[str]) -> ValueError:
    """Returns the error for an unknown name, with the nearest known one and the list of all."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ValueError(f"unknown {what} {name!r}.{hint} Known: {', '.join(names) or 'none'}.")
