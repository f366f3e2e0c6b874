"""`avi scenes`: lists, generates, shows, checks and converts; what it says when it cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avi_env.bench.scene_check import scene_issues
from avi_env.bench.scenes import ScenesSettings
from avi_env.bench.scenes_page import committed_scene_report, rendered_scene_page
from avi_env.bench.scenes_suite import run_scenes
from avi_env.cli import main
from avi_env.scene import Scene, SceneObject, generate_house, load_scene, save_scene, scene_from_mesh, shoebox


def test_list_names_what_load_scene_takes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every scene of a pack in the list loads by the name it is listed under."""
    assert main(["scenes", "list", "rooms", "--json", str(tmp_path / "list.json")]) == 0
    rows = json.loads((tmp_path / "list.json").read_text())
    assert "rooms/l_room" in capsys.readouterr().out
    assert {load_scene(row["name"]).name for row in rows} == {row["name"] for row in rows}


def test_generate_saves_houses_and_keeps_those_that_are_there(tmp_path: Path) -> None:
    """The second run writes the missing house only; figures and files agree."""
    command = ["scenes", "generate", "--seed", "3", "--split", "val", "--rooms", "2", "--output", str(tmp_path)]
    assert main([*command, "--count", "1"]) == 0
    first = (tmp_path / "val_3.glb").stat().st_mtime_ns
    assert main([*command, "--count", "2", "--json", str(tmp_path / "figures.json")]) == 0
    assert (tmp_path / "val_3.glb").stat().st_mtime_ns == first
    rows = json.loads((tmp_path / "figures.json").read_text())
    house = load_scene(tmp_path / "val_4.glb")
    assert house.digest == generate_house(4, rooms=2, split="val").digest
    assert rows[1]["triangles"] == len(house.triangles)
    assert all(row["milliseconds"] > 0 for row in rows)


def test_show_draws_a_contact_sheet_with_reverberation_times(tmp_path: Path) -> None:
    """One view a room beside the map, and the RT60 of each room in the table."""
    arguments = ["--output", str(tmp_path), "--json", str(tmp_path / "facts.json"), "--quality", "fast"]
    assert main(["scenes", "show", "house:3:2", *arguments]) == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert [room["type"] for room in facts["rooms"]] == [room.type for room in load_scene("house:3:2").rooms]
    assert all(0.1 < room["rt60_s"] < 3.0 for room in facts["rooms"])
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.ndim == 3
    assert sheet.std() > 20.0  # not a blank page


def test_show_of_a_set_draws_an_overview(tmp_path: Path) -> None:
    """Two houses, two tiles."""
    command = ["scenes", "show", "house:1:2,house:2:2", "--no-sound", "--quality", "fast", "--output", str(tmp_path)]
    assert main(command) == 0
    assert Image.open(tmp_path / "overview.png").size[0] > 1200


def test_check_passes_houses_and_fails_a_leaking_mesh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0 for sound scenes, 1 where one is not, and the report says where and why."""
    assert main(["scenes", "check", "houses:2", "rooms/coupled_rooms"]) == 0
    assert "3 of 3 scenes passed" in capsys.readouterr().out
    box = shoebox((4.0, 2.5, 3.0))
    lid = box.vertices[box.triangles][..., 1].min(axis=1) > 2.4
    open_box = scene_from_mesh(box.vertices, box.triangles[~lid], "plaster")
    save_scene(open_box, tmp_path / "open.glb")
    assert main(["scenes", "check", str(tmp_path / "open.glb"), "--json", str(tmp_path / "report.json")]) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["failed"] == [str(tmp_path / "open.glb")]
    assert "leak" in {finding["kind"] for finding in report["reports"][0]["findings"]}


def _with_box(house: Scene, center: tuple[float, float, float], size: tuple[float, float, float]) -> Scene:
    """The house with one more cupboard, a plain box."""
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([(q[0], q[i], q[i + 1]) for q in quads for i in (1, 2)]) + len(house.vertices)
    number = len(house.objects)
    return replace(
        house,
        vertices=np.concatenate([house.vertices, corners * np.array(size) + np.array(center)]),
        triangles=np.concatenate([house.triangles, faces]),
        triangle_material=np.concatenate([house.triangle_material, np.zeros(12, int)]),
        triangle_object=np.concatenate([house.triangle_object, np.full(12, number)]),
        objects=(*house.objects, SceneObject(number, "cupboard", 0, center, size)),
    )


def test_check_finds_a_blocked_door_and_an_unreachable_room() -> None:
    """A cupboard in the only doorway: the door is blocked and the room behind it cannot be walked to."""
    house = generate_house(1, rooms=("living_room", "bedroom"))
    portal = house.portals[0]
    blocked = _with_box(house, (portal.center[0], 0.6, portal.center[2]), (0.8, 1.0, 0.8))
    assert {"blocked_door", "unreachable_room"} <= {issue.kind for issue in scene_issues(blocked)}


def test_check_finds_furniture_in_furniture() -> None:
    """A cupboard put into the largest piece of a house is found, and both are named."""
    house = generate_house(5, rooms=("living_room", "bedroom", "bathroom"))
    host = max((o for o in house.objects if o.category == "bed"), key=lambda o: o.size[0])
    found = [i for i in scene_issues(_with_box(house, host.center, (0.5, 0.5, 0.5))) if i.kind == "interpenetration"]
    assert any(host.name in issue.message and "cupboard" in issue.message for issue in found)


def test_check_takes_welded_walls_for_no_block() -> None:
    """In a scan all walls are one part around the room: what stands in the room is not inside them."""
    room, low = shoebox((4.0, 3.0, 4.0)), np.array([1.5, 0.0, 1.5])
    crate = shoebox((1.0, 0.5, 1.0))
    vertices = np.concatenate([room.vertices, crate.vertices + low])
    triangles = np.concatenate([room.triangles, crate.triangles[:, ::-1] + len(room.vertices)])
    scene = scene_from_mesh(vertices, triangles, "plaster")
    things = (
        SceneObject(0, "wall", -1, (2.0, 1.5, 2.0), (4.0, 3.0, 4.0)),
        SceneObject(1, "box", -1, (2.0, 0.25, 2.0), (1.0, 0.5, 1.0)),
    )
    owner = np.repeat(np.array([0, 1], dtype=np.int32), [len(room.triangles), len(crate.triangles)])
    issues = scene_issues(replace(scene, objects=things, triangle_object=owner))
    assert "interpenetration" not in {issue.kind for issue in issues}


def test_convert_round_trip_with_grid(tmp_path: Path) -> None:
    """A generated house becomes a .glb that loads equal, with its walkable grid beside."""
    target = tmp_path / "new" / "house.glb"
    facts = target.with_name("facts.json")  # in the folder that the command makes
    assert main(["scenes", "convert", "house:3:2", str(target), "--grid", "--json", str(facts)]) == 0
    assert json.loads(facts.read_text())["rooms"] == 2
    assert load_scene(target).digest == load_scene("house:3:2").digest
    assert target.with_name("house.grid.npz").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "romes"], "Did you mean 'rooms'"),
        (["show", "hause:7"], "Did you mean 'house:7'"),
        (["generate", "--count", "0"], "--count must be at least 1"),
        (["generate", "--split", "vall", "--count", "1"], "Did you mean 'val'"),
        (["convert", "house:3:2", "house.obj"], "saved as .glb"),
        (["check", "none.glb"], "none.glb"),
        (["list", "none"], "unknown scene pack 'none'. Known: houses, rooms"),
        (["show", "house:7", "--quality", "best"], "unknown render quality 'best'"),
        (["show", "house:7", "--output", __file__], f"cannot write to {__file__}"),
        (["generate", "--count", "1", "--output", __file__], "choose another folder with --output"),
        (["convert", "house:3:2", f"{__file__}/house.glb"], f"cannot write to {__file__}"),
        (["convert", "a.glb", "a.glb"], "a.glb and its .json would overwrite a.glb: choose another name"),
        (["convert", "a.json", "a.glb"], "a.glb and its .json would overwrite a.json: choose another name"),
        (["convert", "house:3:1", "a.glb", "--json", "a.json"], "would overwrite --json a.json: choose another name"),
        (["check", "--json", "none/x.json"], "cannot write none/x.json: there is no folder none"),
    ],
)
def test_what_cannot_be_done_names_culprit_and_remedy(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and a message, no traceback."""
    assert main(["scenes", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_check_refuses_an_agent_without_size(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody of radius -1 m is said to reach every room."""
    assert main(["scenes", "check", "shoebox:4x3x4", "--agent-radius", "-1"]) == 1
    assert "agent_radius must be a length of 0 m or more, not -1" in " ".join(capsys.readouterr().out.split())


def test_benchmark_of_scenes_measures_what_it_says() -> None:
    """A small run: houses without findings, rooms with reverberation times, ways longer than straight lines."""
    from rich.console import Console

    settings = ScenesSettings(parts=("houses", "reverberation", "detours"), count=2, rooms=1)
    report = run_scenes(settings, Console(quiet=True))
    rows = {row["name"]: row for row in report["results"]}
    assert rows["findings of avi scenes check"]["value"] == 0
    assert len(report["series"]["houses"]["triangles"]) == 2
    assert all(
        0.05 < value < 5.0 for states in report["series"]["rt60"].values() for v in states.values() for value in v
    )
    # A geodesic is never shorter than the line; fields are exact to a hundredth of a column's width over the distance.
    assert min(report["series"]["detour"]["other room"]) > 0.98


def test_page_tells_what_was_measured() -> None:
    """The tables of docs/scenes.md are those of the committed report, in which every limit holds."""
    report = committed_scene_report()
    page = (Path(__file__).resolve().parents[2] / "docs" / "scenes.md").read_text()
    assert rendered_scene_page(page, report) == page
    assert [row["name"] for row in report["results"] if row["within"] is False] == []
    assert report["spec"]["arguments"]["count"] == 200
    assert {row["part"] for row in report["results"]} == {"houses", "reverberation", "detours", "scan"}
