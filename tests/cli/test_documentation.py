"""Every command and every piece of Python that README and docs/ show is run."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from avi_env.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").glob("*/card.md"))]
EXTRAS = {"physics.md": "pybullet"}  # pages whose Python needs an extra that has no wheel for every Python
# Blocks whose first line is the install line of an extra need it; they are passed over where it is missing.
OPTIONAL = {"# pip install 'avi-env[puffer]'": "pufferlib", "# pip install 'avi-env[torchrl]'": "torchrl"}
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

# Documented commands run in full length elsewhere (tests/cli/test_run.py, the Makefile); here they are cut short by
# options that come after the documented ones.
SHORTER = {
    "run": ["--steps", "3", "--calls", "2", "--no-video"],
    "evaluate": ["--episodes", "1", "--steps", "3", "--calls", "2", "--workers", "0"],
    "train": [  # in full: test_train.py
        *("--steps", "8", "--set", "environment.scenes=shoebox:6x3x4", "validation.scenes=shoebox:6x3x4"),
        *("environment.num_envs=2", "environment.max_episode_steps=8", "validation.episodes=1", "stages.0.batch=2"),
    ],
    "bench acoustics": ["--quick", "--parts", "theory"],  # all of it: tests/cli/test_bench_acoustics.py
    "bench speed": ["--quick", "--only", "navigation"],  # most of it: tests/cli/test_bench_speed.py
    "bench profile": ["--num-envs", "1", "--sensors", "depth", "--scenes", "house:7:2", "--steps", "5"],
    "bench scenes": ["--parts", "houses", "--count", "1"],  # most of it: tests/cli/test_scenes.py
    "scenes generate": ["--count", "1"],
    "sounds check": ["--learned-seeds", "1", "--seeds", "1", "--json", "check.json"],
}


def blocks(page: Path, language: str) -> list[str]:
    """The fenced code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """All shell lines shown, comments removed."""
    lines = [
        line.split("  #")[0].strip() for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()
    ]
    return sorted({line for line in lines if line and not line.startswith("#")})


def write_shown_files(folder: Path) -> None:
    """Writes the files that pages show: YAML blocks whose first line is a comment with the file's name."""
    for page in PAGES:
        for block in blocks(page, "yaml"):
            name = re.match(r"# ([\w.]+\.yaml)\n", block)
            if name:
                (folder / name[1]).write_text(block)


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("avi ")])
def test_command_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `avi` command shown is understood and runs to its end."""
    monkeypatch.chdir(tmp_path)
    write_shown_files(tmp_path)
    words = shlex.split(command)[1:]
    if "--replay" in words:
        pytest.skip("needs a recorded episode; tests/cli/test_run.py replays one")
    if "benchmarks/scenarios" in words:
        pytest.skip("minutes of runs; tests/scenario/test_shipped.py plays some of them")
    if "chat" in words or "chat_local" in words:
        pytest.skip("needs an endpoint; tests/agent covers the chat planner with recorded replies")
    assert main([*words, *SHORTER.get(" ".join(words[:2]), SHORTER.get(words[0], []))]) in (0, 1)


@pytest.mark.parametrize("command", [c for c in commands() if not c.startswith("avi ")])
def test_other_commands_exist(command: str) -> None:
    """Shown make targets are in the Makefile, shown modules and tools are there."""
    words = shlex.split(command)
    if words[0] == "make":
        assert set(words[1:]) <= MAKE_TARGETS
    elif words[:2] == ["python", "-m"]:
        assert find_spec(words[2]) is not None
    else:
        assert words[0] in ("pip", "export", "pytest", "dpkg", "apt-get", "git"), (
            f"no test knows the command {command!r}"
        )


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of a page runs, block after block, in one namespace."""
    if page.name in EXTRAS:
        pytest.importorskip(EXTRAS[page.name], reason=f"{page.name} needs {EXTRAS[page.name]}")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks(page, "python"):
        if find_spec(OPTIONAL.get(block.splitlines()[0], "avi_env")) is None:
            continue
        exec(compile(block, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and pictures exist."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
