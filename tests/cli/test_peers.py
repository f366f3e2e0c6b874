"""Comparison with other simulators: protocol, peers that crash, hang or are missing, and that all see the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.bench.peers import compare, compare_sound, comparison, peers, sound
from avi_env.bench.peers.comparison import same_view, task_arrays, write_house
from avi_env.bench.peers.mesh import EYE_HEIGHT, HOUSE_TRIANGLES, Poses, house_poses, speed_house, subdivided
from avi_env.bench.peers.ours import start as start_ours
from avi_env.bench.peers.peer import Peer, chosen_peers, ours
from avi_env.bench.peers.process import ContestantError, ContestantProcess
from avi_env.bench.peers.race import Race, Rate, write_task
from avi_env.bench.peers.sound import same_sound, sound_task
from avi_env.scene import Scene, generate_house, scene_from_mesh
from avi_env.scene.bank import SceneBank
from avi_env.vision import Camera, render_views

_FAKE = """
import os, time
import numpy as np
from avi_env.bench.peers.protocol import Contestant, Images, Responses, load_task

def start(path):
    if "listeners" in np.load(path):
        return Contestant(lambda places: Responses(np.ones((len(places), 1, 8))), 2, "fake")
    task = load_task(path)
    wrong = task.options["wrong"]
    print("a library that talks on standard output")
    if wrong == "throws":
        raise ValueError("no such mesh")
    calls = []
    def render(poses):
        calls.append(poses)
        if wrong == "crashes":
            os.abort()
        if wrong == "ends" and len(calls) > 12:  # warm-up, pictures, and part of a round
            os._exit(7)
        if wrong == "hangs":
            time.sleep(60.0)
        if wrong.endswith(".npy"):
            return Images(None, np.load(wrong)[poses])
        return Images(None, np.full((len(poses), task.size, task.size), 2.0))
    return Contestant(render, len(task.yaw), "fake")
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module for contestants' processes; its option tells what goes wrong."""
    (tmp_path / "fake_peer.py").write_text(_FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "fake_peer"


def _peer(module: str, wrong: str, package: str = "numpy") -> Peer:
    return Peer(wrong, "numpy", package, "pip install it", module, "nothing", {"wrong": wrong})


def _task() -> dict[str, Any]:
    corners = np.eye(3, dtype=np.float32)
    return {
        "vertices": corners,
        "triangles": np.array([[0, 1, 2]], np.int32),
        "color_index": np.zeros(1, np.int32),
        "colors": corners[:1],
        "position": corners[:2],
        "yaw": np.zeros(2, np.float32),
        "size": 4,
        "outputs": ["depth"],
    }


def test_contestants_take_turns_and_failures_are_told(fake: str, tmp_path: Path) -> None:
    """Who is not installed, throws, crashes or ends in a round is named with its reason; the others go on."""
    steps: list[None] = []
    with Race(tmp_path, same_view, lambda: steps.append(None)) as race:
        race.enter(_peer(fake, "nothing"), _task())
        for wrong in ("throws", "crashes", "ends"):
            race.try_to_enter(_peer(fake, wrong), _task())
        race.try_to_enter(_peer(fake, "absent", "no_such_package_anywhere"), _task())
        race.run(rounds=3, frames=5, seconds=0.0)
        rates = race.rates()
    reasons = {name: reason for name, reason, _ in race.missing}
    assert reasons["throws"] == "ValueError: no such mesh"
    assert "SIGABRT at 'prepare'" in reasons["crashes"]
    assert "exit status 7 at 'round'" in reasons["ends"]
    assert reasons["absent"] == "not installed"
    assert {missing.install for missing in race.missing} == {"pip install it"}
    assert len(steps) == 2 + 3  # who entered, and rounds
    rate = rates.pop("nothing")
    assert not rates
    assert len(rate.wall) == len(rate.process) == 3
    assert min(rate.wall) > 0.0
    assert (rate.renderer, rate.version, rate.agrees) == ("fake", np.__version__, 1.0)


def test_contestant_that_hangs_is_given_up(fake: str, tmp_path: Path) -> None:
    """No answer in time is an error, and so is every later request."""
    process = ContestantProcess(fake)
    path = tmp_path / "task.npz"
    write_task(path, {**_task(), "folder": str(tmp_path), "options": {"wrong": "hangs"}})
    with pytest.raises(ContestantError, match="no answer to 'prepare' within 1 s"):
        process.ask(1.0, "prepare", task=str(path))
    with pytest.raises(ContestantError, match="SIGKILL"):
        process.ask(1.0, "round", frames=1)
    process.close()


def test_views_must_be_the_same() -> None:
    """Depths within 2 cm or 1 % agree; another place, one colour or another shape is an error."""
    reference = np.linspace(0.5, 8.0, 400).reshape(1, 20, 20)
    reference[0, 0, 0] = 0.0  # nothing there: not counted
    seen = reference + np.where(reference < 2.0, 0.019, 0.0099 * reference)
    assert same_view({"depth": seen}, {"depth": reference}) == 1.0
    with pytest.raises(ContestantError, match=r"sees something else: 0\.0 %"):
        same_view({"depth": 1.011 * reference + 0.02}, {"depth": reference})
    with pytest.raises(ContestantError, match="of one colour"):
        same_view({"depth": seen, "rgb": np.zeros((1, 20, 20, 3))}, {"depth": reference})
    with pytest.raises(ContestantError, match="have shape"):
        same_view({"depth": seen[:, 1:]}, {"depth": reference})


def test_ratios_are_those_of_rounds_side_by_side() -> None:
    """A machine that slows down in one round slows both; medians and spreads are of the rounds' ratios."""
    a = Rate("a", "1", "", "", (0.01, 0.02, 0.01), (0.02, 0.04, 0.02), 1.0, 0)
    b = Rate("b", "1", "", "", (0.03, 0.06, 0.05), (0.02, 0.04, 0.02), 1.0, 0)
    assert_allclose(a.over(b), (3.0, 3.0, 5.0), rtol=1e-12)
    assert_allclose(a.over_by_process_time(b), 1.0, rtol=1e-12)
    assert_allclose((a.frames_per_second, *a.spread, a.processors), (100.0, 50.0, 100.0, 2.0), rtol=1e-12)


def test_peers_are_named() -> None:
    """Names are told apart and with the command that installs them; an unknown one is an error with a hint."""
    names = [peer.name for peer in (*ours(), *peers())]
    assert len(set(names)) == len(names)
    assert all(" install " in peer.install and peer.includes for peer in peers())
    assert [peer.name for peer in chosen_peers(("MiniWorld",))] == ["MiniWorld"]
    parts = [chosen_peers(None, part) for part in ("pictures", "responses", "frames")]
    assert tuple(peer for part in parts for peer in part) == peers()
    with pytest.raises(ValueError, match="MuJoCo"):
        chosen_peers(("Mujoco",))
    with pytest.raises(ValueError, match="depth among the outputs"):
        compare(outputs=("rgb",))


@pytest.fixture
def furnished() -> Scene:
    """A room with things in it."""
    return generate_house(3, rooms=1)


def _depth(scene: Scene, poses: Poses, size: int) -> npt.NDArray[np.float32]:
    """What we see of a scene, shape (n, size, size)."""
    views = render_views(
        SceneBank((scene,)),
        torch.zeros(len(poses.yaw), dtype=torch.int32),
        torch.from_numpy(poses.position),
        torch.from_numpy(poses.yaw),
        Camera(size, size),
        ("depth",),
    )
    return views["depth"].numpy()[..., 0]


def test_installed_peers_see_what_ours_sees(
    furnished: Scene, fake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same mesh, poses and intrinsics: depth agrees; those that are not here are told with their install line."""
    np.save(tmp_path / "ours.npy", _depth(furnished, house_poses(furnished, 2), 48))
    own = _peer(fake, str(tmp_path / "ours.npy"))
    monkeypatch.setattr(comparison, "ours", lambda device: (own,))
    found = compare(48, ("rgb", "depth"), rounds=1, frames=2, seconds=0.0, scene=furnished)
    assert [rate.name for rate in found.ours] == [own.name]
    assert {row.name for row in (*found.peers, *found.missing)} == {peer.name for peer in chosen_peers(None)}
    for rate in found.peers:
        assert rate.agrees >= 0.99, rate.name
        assert len(rate.wall) == 1
    here = {peer.name for peer in peers() if peer.available()}
    for name, reason, install in found.missing:
        assert install
        if name in here:  # installed, but the machine lacks EGL: the others must do without
            assert any(word in reason for word in ("EGL", "OpenGL", "ended by", "exit status")), reason


def test_our_own_contestant_gives_our_views(furnished: Scene, tmp_path: Path) -> None:
    """It renders on the same terms as the others: from a task's file, into NumPy arrays."""
    poses = house_poses(furnished, 3)
    write_house(tmp_path, furnished, glb=True)
    assert (tmp_path / "house.glb").is_file()
    options = {"batch": 2, "threads": 0, "device": "cpu"}
    task = task_arrays(furnished, poses) | {"size": 24, "outputs": ["depth"], "folder": str(tmp_path)}
    write_task(tmp_path / "task.npz", task | {"options": options})
    contestant = start_ours(tmp_path / "task.npz")
    assert (contestant.places, contestant.batch, contestant.renderer) == (3, 2, "Embree")
    assert_array_equal(contestant.render([2, 0]).depth, _depth(furnished, poses, 24)[[2, 0]])


@pytest.mark.parametrize("what", ["responses", "frames"])
def test_sound_is_that_of_the_same_room(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and pyroomacoustics' are as loud as each other, and so are baked and traced."""
    pytest.importorskip("pyroomacoustics")
    from avi_env.bench.peers import our_sound, pyroomacoustics_hybrid

    found = []
    before = torch.get_num_threads()
    monkeypatch.setenv("AVI_CACHE", "off")  # as in a contestant's process
    modes = {"responses": ("traced", "baked"), "frames": ("baked",)}[what]
    for module, mode in (*((our_sound, mode) for mode in modes), (pyroomacoustics_hybrid, "")):
        options = {"what": what, "mode": mode, "batch": 1, "rays": 300}
        write_task(tmp_path / "task.npz", sound_task(2) | {"folder": str(tmp_path), "options": options})
        contestant = module.start(tmp_path / "task.npz")
        if what == "frames":
            contestant.render([0])  # reverberation builds up
        found.append({"response": np.concatenate([contestant.render([row]).response for row in range(2)])})
    torch.set_num_threads(before)
    assert found[0]["response"].shape[:2] == (2, 1 if what == "responses" else 2)
    for one in found[1:]:
        assert same_sound(one, found[0]) > 0.4  # 4 dB
    with pytest.raises(ContestantError, match=r"\+6\.0 dB from ours"):
        same_sound({"response": 2.0 * found[0]["response"]}, found[0])
    with pytest.raises(ContestantError, match="hears nothing"):
        same_sound({"response": 0.0 * found[0]["response"]}, found[0])


def test_sound_is_compared_in_turns(fake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pictures are."""
    own, other = (replace(_peer(fake, ""), name=name) for name in ("ours", "theirs"))
    monkeypatch.setattr(sound, "our_sound", lambda part, listeners: (own,))
    monkeypatch.setattr(sound, "chosen_peers", lambda names, part: (other,))
    found = compare_sound("responses", rounds=2, listeners=2, seconds=0.0)
    assert [rate.name for rate in (*found.ours, *found.peers)] == ["ours", "theirs"]
    assert (found.what, found.listeners, found.missing) == ("responses", 2, ())
    monkeypatch.undo()
    with pytest.raises(ValueError, match="responses"):
        compare_sound("echoes")


def test_house_of_the_comparison() -> None:
    """Its size is what its name says, and halving triangles changes nothing that can be seen."""
    house = speed_house()
    finer = subdivided(house, 2 * HOUSE_TRIANGLES)
    assert (len(house.triangles), len(finer.triangles)) == (HOUSE_TRIANGLES, 2 * HOUSE_TRIANGLES)
    poses = house_poses(house, 6)
    assert_allclose(poses.position[:, 1], EYE_HEIGHT, atol=1e-3)
    assert_allclose(_depth(finer, poses, 48), _depth(house, poses, 48), atol=1e-4)
    with pytest.raises(ValueError, match="has 50938 triangles already"):
        subdivided(house, 100)


def test_halves_keep_what_their_triangles_had() -> None:
    """Area, normal, material and texture coordinates at the corners go on as they were."""
    base = scene_from_mesh(np.eye(3), np.array([[0, 1, 2]]), materials="plaster")
    halves = subdivided(base, 5)
    a, b, c = np.moveaxis(halves.vertices[halves.triangles].astype(np.float64), 1, 0)
    normal = np.cross(b - a, c - a)
    assert_allclose(np.linalg.norm(normal, axis=1).sum(), np.sqrt(3.0), rtol=1e-6)
    assert_allclose(normal / np.linalg.norm(normal, axis=1, keepdims=True), 1.0 / np.sqrt(3.0), rtol=1e-6)
    assert_array_equal(halves.triangle_material, 0)
