"""The wheel stands on its own: built, installed in an empty environment outside the clone, one episode run."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

EPISODE = """
import json, sys
import agents  # an SDK that owns the name `agents`, as openai-agents does
import gymnasium as gym
import avi_env
from avi_env.content import content_names

env = gym.make("avi_env/AudioNav-v0", scene="house:1", width=32, height=32, bake_paths=64, max_episode_steps=5)
observation, info = env.reset(seed=0)
steps = 0
done = False
while not done:
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    steps += 1
    done = terminated or truncated
names = list(content_names("agents"))
print(json.dumps({"file": avi_env.__file__, "agents": names, "steps": steps, "sdk": agents.OWNER}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the clone without touching the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_wheel_carries_content_and_no_tests(wheel: Path) -> None:
    """Content folders are packed under the package, their code rooms are not touched, tests stay out."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "avi_env/_content/agents/scoring/agent.toml" in names
    assert "avi_env/scene/materials.toml" in names
    assert not [n for n in names if n.startswith(("tests/", "agents/", "scenes/", "benchmarks/", "policies/"))]


def test_episode_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """An episode runs from the installed wheel, outside the clone, beside a package that is called `agents`."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    # Dependencies come from this environment: a plain path line adds the folder without its own .pth files,
    # so the editable avi_env of this environment stays invisible.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (site / "agents").mkdir()
    (site / "agents" / "__init__.py").write_text("OWNER = 'sdk'\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", EPISODE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    import json

    seen = json.loads(done.stdout.strip().splitlines()[-1])
    assert str(home) in seen["file"]
    assert "scoring" in seen["agents"]
    assert seen["steps"] >= 1
    assert seen["sdk"] == "sdk"
