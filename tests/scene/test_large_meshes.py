"""Scans: the made-up one is sound and the same every time, holes are told, order in memory changes nothing."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from gltf_samples import GltfWriter

from avi_env.bench.synthetic_scan import synthetic_scan
from avi_env.scene import SceneError, SceneWarning, check_scene, load_scene, material, save_scene
from avi_env.scene.files import load_scene_file
from avi_env.scene.mesh_parts import MeshPart, scene_from_parts

_COUNT = 60_000


@pytest.fixture(scope="module")
def scan() -> MeshPart:
    """A small scan."""
    return synthetic_scan(_COUNT)


def _written(part: MeshPart, path: Path) -> Path:
    if path.suffix == ".ply":
        vertices = np.zeros(len(part.vertices), [("p", "<f4", 3), ("c", "u1", 3)])
        vertices["p"], vertices["c"] = part.vertices, part.color
        faces = np.zeros(len(part.triangles), [("n", "u1"), ("i", "<i4", 3)])
        faces["n"], faces["i"] = 3, part.triangles
        header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
        header += [f"property float {axis}" for axis in "xyz"]
        header += [f"property uchar {color}" for color in ("red", "green", "blue")]
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header\n"]
        path.write_bytes("\n".join(header).encode() + vertices.tobytes() + faces.tobytes())
        return path
    writer = GltfWriter()
    attributes = {"POSITION": writer.accessor(part.vertices)}
    writer.table["meshes"] = [
        {"primitives": [{"attributes": attributes, "indices": writer.accessor(part.triangles.ravel(), "u4")}]}
    ]
    writer.table["nodes"] = [{"mesh": 0}]
    return writer.save_glb(path)


def test_the_scan_is_one_sound_mesh(scan: MeshPart) -> None:
    """As many triangles as asked, closed, welded, the right way round, and bit for bit the same again."""
    assert abs(len(scan.triangles) / _COUNT - 1.0) < 0.05
    edges = np.sort(scan.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, uses = np.unique(edges[:, 0].astype(np.int64) * len(scan.vertices) + edges[:, 1], return_counts=True)
    assert (uses % 2 == 0).all()
    scene = scene_from_parts("scan", [scan._replace(material=material("plaster"))])
    assert check_scene(scene) == ()
    again = synthetic_scan(_COUNT)
    np.testing.assert_array_equal(again.vertices, scan.vertices)
    np.testing.assert_array_equal(again.color, scan.color)
    with pytest.raises(ValueError, match="at least 20000"):
        synthetic_scan(100)


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_scans_load_and_survive_saving(suffix: str, scan: MeshPart, tmp_path: Path) -> None:
    """From either format the same triangles, in another order; saved and loaded with the same digest."""
    scene = load_scene_file(_written(scan, tmp_path / f"scan{suffix}"), materials="plaster")
    assert scene.materials[0].unlit == (suffix == ".ply")
    one = np.sort(scene.vertices[scene.triangles].reshape(-1, 9).view("V36").ravel())
    two = np.sort(np.ascontiguousarray(scan.vertices[scan.triangles].reshape(-1, 9)).view("V36").ravel())
    assert (one == two).all()
    if scene.vertex_color is not None:
        assert scan.color is not None
        place = np.lexsort(scene.vertices.T), np.lexsort(scan.vertices.T)
        np.testing.assert_array_equal(scene.vertex_color[place[0]], scan.color[place[1]])
    assert load_scene(save_scene(scene, tmp_path / "own.glb")).digest == scene.digest


def test_leaks_of_scans_are_only_warned_of(scan: MeshPart, tmp_path: Path) -> None:
    """A scan with a missing patch is refused by default and accepted with leaks="warn", which says where it leaks."""
    middle = scan.vertices[scan.triangles].mean(axis=1)
    hole = (np.abs(middle - [1.0, 2.7, 1.5]) < [0.8, 0.3, 0.8]).all(axis=1)
    path = _written(scan._replace(triangles=scan.triangles[~hole]), tmp_path / "open.ply")
    with pytest.raises(SceneError, match=r"leaks: .* going \+Y: close the hole"):
        load_scene_file(path, materials="plaster")
    with pytest.warns(SceneWarning, match=r"leaks: .* going \+Y"):
        scene = load_scene_file(path, materials="plaster", leaks="warn")
    assert len(scene.triangles) == (~hole).sum()
    with pytest.raises(ValueError, match="Did you mean 'warn'"):
        load_scene_file(path, materials="plaster", leaks="warning")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SceneError, match="none of the materials table"):
            load_scene_file(path, leaks="warn")
