"""Scene packs: what ships loads, rooms of air are closed and have the outlines they should, errors name the culprit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avi_env.scene import check_scene, save_scene, shoebox
from avi_env.scene.air import AirBox, air_scene
from avi_env.scene.outline import outline_area
from avi_env.scene.pack import load_pack, pack_scene, pack_scene_names, scene_packs

OPEN = ("rooms/plate", "rooms/edge")
"""Scenes in the open: sound may leave."""


@pytest.mark.parametrize("name", pack_scene_names("rooms"))
def test_room_of_the_pack_is_closed_and_has_its_places(name: str) -> None:
    """No ray escapes from a room, and source and listener lie in air."""
    scene = pack_scene(name)
    assert scene is not None
    assert scene.name == name
    found = {issue.kind for issue in check_scene(scene)}
    assert found == ({"leak", "no_scattering"} if name in OPEN else set())
    assert len(scene.meta["source"]) == len(scene.meta["listener"]) == 3
    assert scene.meta["known"]


def test_outline_of_an_l_of_two_boxes() -> None:
    """The L of 5 x 2 m and 2.5 x 3 m has six corners and 17.5 m2; its floor has that area too."""
    scene = pack_scene("rooms/l_room")
    assert scene is not None
    outline = scene.rooms[0].polygon
    assert len(outline) == 6
    np.testing.assert_allclose(outline_area(outline), 17.5, rtol=1e-6)
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    np.testing.assert_allclose(normal[normal[:, 1] > 0, 1].sum(), 17.5, rtol=1e-6)
    np.testing.assert_allclose(normal.sum(axis=0), 0.0, atol=1e-5)  # a closed surface


def test_portal_joins_the_rooms_it_touches() -> None:
    """The doorway of the coupled rooms: 0.9 x 2 m between room 0 and room 1, which differ in material."""
    scene = pack_scene("rooms/coupled_rooms")
    assert scene is not None
    (portal,) = scene.portals
    assert portal.rooms == (0, 1)
    np.testing.assert_allclose((portal.width, portal.height), (0.9, 2.0), rtol=1e-6)
    assert {m.name for m in scene.materials} == {"even_02", "even_04"}


def test_portal_into_nowhere_is_an_error() -> None:
    """A door that joins one room only names itself."""
    boxes = (AirBox((0, 0, 0), (3, 2, 3), room="room"), AirBox((3, 0, 1), (3.1, 2, 2), portal="door"))
    with pytest.raises(ValueError, match=r"the door from \(3, 0, 1\).*joins 1 rooms"):
        air_scene("half", boxes)


def test_names_of_packs_and_scenes() -> None:
    """What is installed is listed; what is not is an error with the nearest name; other names are no pack."""
    assert "rooms" in scene_packs()
    assert "rooms/corridor" in pack_scene_names("rooms")
    assert pack_scene("house:7") is None
    with pytest.raises(ValueError, match="Did you mean 'corridor'"):
        pack_scene("rooms/coridor")
    with pytest.raises(ValueError, match="holds several scenes: write rooms/"):
        pack_scene("rooms")
    with pytest.raises(ValueError, match=r"pack 'houses' holds no scenes .* write for example 'house:7'"):
        pack_scene("houses")


def test_own_pack_with_a_saved_scene_and_own_materials(tmp_path: Path) -> None:
    """A folder with a scene.toml and a mesh file is a pack by its path."""
    box = shoebox((4.0, 2.5, 3.0))
    save_scene(box, tmp_path / "box.glb")
    (tmp_path / "scene.toml").write_text('schema = 1\n[[scene]]\nname = "box"\nfile = "box.glb"\n')
    for name in (str(tmp_path), f"{tmp_path}/box"):
        scene = pack_scene(name)
        assert scene is not None
        np.testing.assert_array_equal(scene.triangles, box.triangles)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = 9\n", "has schema 9, this version reads 1"),
        ("schema = [\n", "is no valid TOML"),
        ('schema = 1\n[[scene]]\nname = "a"\nfiel = "a.glb"\n', "unknown entry 'fiel'. Did you mean 'file'"),
        ('schema = 1\n[[scene]]\nfile = "a.glb"\n', "missing 1 required positional argument: 'name'"),
        ('schema = 1\n[[scene]]\nname = "a"\n', "needs exactly one of air, mesh and file"),
        (
            'schema = 1\n[[scene]]\nname = "a"\nair = [{low = [0, 0, 0], high = [1, 0, 1]}]\n',
            "box 0 .* has no volume",
        ),
        (
            'schema = 1\n[[scene]]\nname = "a"\nair = [{low = [0, 0, 0], high = [1, 1, 1]}]\nmaterial = "platser"\n',
            "Did you mean 'plaster'",
        ),
        ('schema = 1\n[[scene]]\nname = "a"\nfile = "none.glb"\n', "no scene file"),
    ],
)
def test_malformed_pack_names_culprit(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake in a scene.toml is told with what to write."""
    (tmp_path / "scene.toml").write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        pack_scene(f"{tmp_path}/a")


def test_folder_without_a_pack_file(tmp_path: Path) -> None:
    """A folder that is no pack says which file is missing."""
    with pytest.raises(ValueError, match=r"has no scene\.toml"):
        load_pack(tmp_path)
