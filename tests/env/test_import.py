"""`import avi_env` is light, and content is found."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from avi_env.content import content_names, content_path, name_error

HEAVY = (
    "torch",
    "warp",
    "trimesh",
    "embreex",
    "matplotlib",
    "pydantic_ai",
    "openai",
    "xllamacpp",
    "av",
    "h5py",
    "PIL",
    "soundfile",
)


def fresh(code: str) -> str:
    """Runs code in a fresh interpreter and returns what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_pulls_nothing_heavy() -> None:
    """A fresh `import avi_env` loads no LLM client, mesh, plotting, tensor or kernel library."""
    loaded = json.loads(
        fresh("import avi_env, sys, json; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))")
    )
    assert not set(loaded) & set(HEAVY)


def test_import_registers_environments() -> None:
    """A fresh `import avi_env` is enough for gym.make to know our ids."""
    listed = fresh("import gymnasium, avi_env; print([i for i in gymnasium.registry if i.startswith('avi_env/')])")
    assert "avi_env/AudioNav-v0" in listed


def test_subpackages_load_on_first_use() -> None:
    """Subpackages are reached as attributes without importing them by hand."""
    assert fresh("import avi_env; print(avi_env.scene.__name__)").strip() == "avi_env.scene"


def test_unknown_attribute_is_an_attribute_error() -> None:
    """A misspelt subpackage is an AttributeError, as Python users expect."""
    import avi_env

    with pytest.raises(AttributeError, match="sceen"):
        _ = avi_env.sceen


def test_content_is_found_by_name() -> None:
    """What the project ships is found by its name, and unknown names suggest the nearest."""
    assert "scoring" in content_names("agents")
    assert content_path("agents", "scoring").is_dir()
    with pytest.raises(ValueError, match=r"Did you mean 'scoring'\?"):
        content_path("agents", "scorin")


def test_user_path_wins(tmp_path) -> None:
    """A path of the user's own is taken as it is."""
    assert content_path("scenes", tmp_path) == tmp_path


def test_name_error_lists_what_is_known() -> None:
    """The error for an unknown name carries the nearest name and the list of all."""
    message = str(name_error("sound", "fone", ["phone", "kettle"]))
    assert "Did you mean 'phone'?" in message
    assert "kettle, phone" in message
