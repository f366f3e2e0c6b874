"""Grids in files: written whole, read when they fit, built anew when they do not."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import house_of_two_storeys
from numpy.testing import assert_array_equal

from avi_env.navigation import NavigationError, grid_path, load_grid, save_grid, walkable_grid
from avi_env.scene import Scene, load_scene, save_scene, shoebox


def _assert_same(one, other) -> None:
    assert (one.origin, one.cell, one.agent_radius, one.sloped) == (
        other.origin,
        other.cell,
        other.agent_radius,
        other.sloped,
    )
    for a, b in zip(one.layers, other.layers, strict=True):
        for name in ("free", "floor_y", "clearance", "island", "home"):
            assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("scene", [shoebox((4.0, 3.0, 3.0)), house_of_two_storeys()], ids=["room", "storeys"])
def test_round_trip(scene: Scene, tmp_path: Path) -> None:
    """What is read is what was written, with the digest of the scene; the file is compressed."""
    grid = walkable_grid(scene)
    path = save_grid(grid, tmp_path / "a.grid.npz", scene)
    found, digest = load_grid(path)
    assert digest == scene.digest
    _assert_same(found, grid)
    assert path.stat().st_size < 0.3 * sum(layer.floor_y.nbytes for layer in grid.layers) + 4000
    assert [p.name for p in tmp_path.iterdir()] == ["a.grid.npz"]


def test_a_scene_uses_the_grid_beside_it(tmp_path: Path) -> None:
    """A fitting file is used as it is; one of another body, another scene or damaged is not, and nothing crashes."""
    path = save_scene(shoebox((4.0, 3.0, 3.0)), tmp_path / "room.glb")
    scene = load_scene(path)
    built = walkable_grid(scene)
    marked = np.array(built.free)
    marked[10:20, 10:20] = False
    file = grid_path(path)
    assert file == tmp_path / "room.grid.npz"

    def write(**changes: object) -> None:
        save_grid(built, file, scene)
        with np.load(file) as old:
            arrays = {name: old[name] for name in old.files} | {"free": marked[None]}
        header = json.loads(str(arrays["header"])) | changes
        np.savez(file, **(arrays | {"header": np.array(json.dumps(header))}))

    write()
    assert_array_equal(walkable_grid(load_scene(path)).free, marked)
    for change in ({"scene": "0" * 64}, {"agent_radius": 0.3}, {"agent_height": 1.0}, {"cell": 0.1}):
        write(**change)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert_array_equal(walkable_grid(load_scene(path)).free, built.free)
    for damage in ({"format": 0}, {"origin": "here"}):
        write(**damage)
        with pytest.warns(UserWarning, match=r"room\.grid\.npz.*built without it"):
            _assert_same(walkable_grid(load_scene(path)), built)
    save_grid(built, file, scene)
    for content in (b"", b"not a zip file", file.read_bytes()[:-200]):
        file.write_bytes(content)
        with pytest.warns(UserWarning, match=r"room\.grid\.npz is no grid .* or is damaged.*built without it"):
            _assert_same(walkable_grid(load_scene(path)), built)


def test_refusals_name_the_file(tmp_path: Path) -> None:
    """A missing file, a foreign one and a missing folder are named with the remedy."""
    with pytest.raises(FileNotFoundError, match=r"no grid .*none\.npz: save_grid"):
        load_grid(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(NavigationError, match=r"other\.npz is no grid.*delete it"):
        load_grid(tmp_path / "other.npz")
    scene = shoebox((4.0, 3.0, 3.0))
    with pytest.raises(FileNotFoundError, match="no folder"):
        save_grid(walkable_grid(scene), tmp_path / "nowhere" / "a.npz", scene)
