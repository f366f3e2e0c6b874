"""A textured room of another program, from file to picture: upright, wrapped, saved and loaded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from gltf_samples import GltfWriter
from PIL import Image

from avi_env.scene import load_scene, save_scene
from avi_env.scene.files import load_scene_file
from avi_env.vision import render

_RED, _GREEN, _BLUE, _WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (250, 250, 250)


def _picture() -> np.ndarray:
    """Red upper left, green upper right, blue lower left, white lower right."""
    image = np.zeros((24, 32, 3), dtype=np.uint8)
    image[:12, :16], image[:12, 16:], image[12:, :16], image[12:, 16:] = _RED, _GREEN, _BLUE, _WHITE
    return image


def _faces() -> tuple[np.ndarray, np.ndarray]:
    """A room of 4 m x 3 m x 4 m around (0, 1.5, 0): corners of each side as seen from within, from the lower left."""
    corners = []
    for right, up, ahead in (
        ((1, 0, 0), (0, 1, 0), (0, 0, -1)),
        ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
        ((-1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 0, -1), (0, 1, 0), (-1, 0, 0)),
        ((1, 0, 0), (0, 0, -1), (0, -1, 0)),
        ((1, 0, 0), (0, 0, 1), (0, 1, 0)),
    ):
        r, u, a = (np.array(axis, dtype=np.float64) * (2.0, 1.5, 2.0) for axis in (right, up, ahead))
        corners.append([a - r - u, a + r - u, a + r + u, a - r + u])
    quads = np.arange(24).reshape(6, 4)
    return np.array(corners).reshape(-1, 3) + np.array([0.0, 1.5, 0.0]), quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


_UV_UP = np.tile([[0, 0], [1, 0], [1, 1], [0, 1]], (6, 1)).astype(np.float64)


def _glb(folder: Path) -> Path:
    vertices, triangles = _faces()
    writer = GltfWriter()
    out = io.BytesIO()
    Image.fromarray(_picture()).save(out, format="PNG")
    attributes = {
        "POSITION": writer.accessor(vertices),
        "TEXCOORD_0": writer.accessor(np.stack([_UV_UP[:, 0], 1 - _UV_UP[:, 1]], axis=1)),
    }
    row = {"attributes": attributes, "indices": writer.accessor(triangles.ravel(), "u2"), "material": 0}
    writer.table |= {
        "meshes": [{"primitives": [row]}],
        "nodes": [{"mesh": 0}],
        "materials": [
            {
                "name": "photo",
                "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}},
                "extensions": {"KHR_materials_unlit": {}},
            }
        ],
        "textures": [{"source": 0}],
        "images": [{"bufferView": writer.view(out.getvalue()), "mimeType": "image/png"}],
    }
    return writer.save_glb(folder / "room.glb")


def _obj(folder: Path) -> Path:
    vertices, triangles = _faces()
    Image.fromarray(_picture()).save(folder / "photo.png")
    (folder / "room.mtl").write_text("newmtl photo\nKd 1 1 1\nmap_Kd photo.png\n")
    rows = ["mtllib room.mtl", "usemtl photo"]
    rows += [f"v {x} {y} {z}" for x, y, z in vertices] + [f"vt {u} {v}" for u, v in _UV_UP]
    rows += ["f " + " ".join(f"{k + 1}/{k + 1}" for k in face) for face in triangles]
    (folder / "room.obj").write_text("\n".join(rows) + "\n")
    return folder / "room.obj"


@pytest.mark.parametrize("write", [_glb, _obj])
def test_a_textured_room_is_seen_upright(write: object, tmp_path: Path) -> None:
    """Each wall shows the picture upright and not mirrored; photographed (glTF unlit) byte for byte."""
    scene = load_scene_file(write(tmp_path), materials="plaster")  # type: ignore[operator]
    for yaw in (0.0, -np.pi / 2, np.pi, np.pi / 2):
        rgb = render(scene, (0.0, 1.5, 0.0), yaw, 64, 48, hfov=90.0)["rgb"]
        shown = [rgb[8, 8], rgb[8, 55], rgb[39, 8], rgb[39, 55]]
        if scene.materials[0].unlit:
            np.testing.assert_array_equal(shown, [_RED, _GREEN, _BLUE, _WHITE])
        else:
            assert [int(color.argmax()) for color in shown[:3]] == [0, 1, 2]
            assert shown[3].min() > 90
    assert scene.materials[0].absorption == load_scene("shoebox:1x1x1").materials[0].absorption


@pytest.mark.parametrize("write", [_glb, _obj])
def test_textured_files_survive_saving(write: object, tmp_path: Path) -> None:
    """A foreign textured scene, saved and loaded, has the same digest and the same picture."""
    scene = load_scene_file(write(tmp_path), materials="brick")  # type: ignore[operator]
    again = load_scene(save_scene(scene, tmp_path / "own.glb"))
    assert again.digest == scene.digest
    views = [render(s, (0.5, 1.2, 0.3), 0.7, 32, 32)["rgb"] for s in (scene, again)]
    np.testing.assert_array_equal(views[0], views[1])
