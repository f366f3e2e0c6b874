"""avi-env: a simulator in which agents both see and hear.

Importing this package registers the Gymnasium ids and loads nothing heavy; subpackages load when first used.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from avi_env.envs.registration import register_environments

__version__ = "0.1.0"

__all__ = [
    "acoustics",
    "agents",
    "bench",
    "envs",
    "navigation",
    "physics",
    "policies",
    "scenario",
    "scene",
    "sounds",
    "tasks",
    "vision",
]

register_environments()


def __getattr__(name: str) -> ModuleType:
    """Loads a subpackage on first use, so that `import avi_env` stays light."""
    if name in __all__:
        return importlib.import_module(f"avi_env.{name}")
    raise AttributeError(f"module 'avi_env' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
