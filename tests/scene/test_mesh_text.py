"""PLY and OBJ files as parts: every encoding, colours, textures, polygons, and what each damage says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avi_env.scene import SceneWarning
from avi_env.scene.files import load_scene_file
from avi_env.scene.mesh_files import read_parts
from avi_env.scene.mesh_parts import srgb_to_linear
from avi_env.scene.ply import Ragged, read_ply

_POINTS = np.array([[0, 0, 0], [0, 0, 2], [2, 0, 2], [2, 0, 0], [3, 0, 1]], dtype=np.float64)
_COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7], [1, 2, 3]], dtype=np.uint8)
_FACES = [[0, 1, 2, 3], [3, 2, 4]]


def _header(form: str, extra: str = "", comment: str = "") -> str:
    rows = ["ply", f"format {form} 1.0", "comment made by hand", *([comment] if comment else [])]
    rows += ["element vertex 5", "property float x", "property float y", "property double z"]
    rows += ["property uchar red", "property uchar green", "property uchar blue"]
    rows += ["element face 2", "property list uchar int vertex_indices", *([extra] if extra else []), "end_header"]
    return "\n".join(rows) + "\n"


def _ply(path: Path, form: str) -> Path:
    if form == "ascii":
        rows = [" ".join(map(str, [*p, *c])) for p, c in zip(_POINTS.tolist(), _COLORS.tolist(), strict=True)]
        rows += [" ".join(map(str, [len(f), *f, k])) for k, f in enumerate(_FACES)]
        path.write_text(_header(form, "property int object_id") + "\n".join(rows) + "\n")
        return path
    order = ">" if "big" in form else "<"
    row = np.dtype([("x", order + "f4"), ("y", order + "f4"), ("z", order + "f8"), ("c", "u1", 3)])
    vertices = np.zeros(5, row)
    for k, axis in enumerate("xyz"):
        vertices[axis] = _POINTS[:, k]
    vertices["c"] = _COLORS
    faces = b"".join(bytes([len(f)]) + np.array([*f, k], order + "i4").tobytes() for k, f in enumerate(_FACES))
    path.write_bytes(_header(form, "property int object_id").encode() + vertices.tobytes() + faces)
    return path


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_in_every_encoding(form: str, tmp_path: Path) -> None:
    """Positions, colours, mixed polygons as fans, and properties of faces for whoever needs them."""
    path = _ply(tmp_path / "room.ply", form)
    (part,) = read_parts(path)
    np.testing.assert_allclose(part.vertices, _POINTS, rtol=0, atol=0)
    np.testing.assert_array_equal(part.color, _COLORS)
    np.testing.assert_array_equal(part.triangles, [[0, 1, 2], [0, 2, 3], [3, 2, 4]])
    assert (part.label, part.unlit) == ("room", True)
    face = read_ply(path).elements["face"]
    np.testing.assert_array_equal(face["object_id"], [0, 1])
    assert isinstance(face["vertex_indices"], Ragged)
    np.testing.assert_array_equal(face["vertex_indices"].length, [4, 3])


def test_ply_with_pictures_at_corners(tmp_path: Path) -> None:
    """Texture coordinates of faces' corners, with the picture that the comment names."""
    from PIL import Image

    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    Image.fromarray(image).save(tmp_path / "photo one.png")
    rows = [" ".join(map(str, [*p, *c])) for p, c in zip(_POINTS.tolist(), _COLORS.tolist(), strict=True)]
    rows += ["3 0 1 2 6 0 0 0.5 0 0.5 1", "3 0 2 3 6 0 0 0.5 1 1 1"]
    extra = "property list uchar float texcoord"
    path = tmp_path / "t.ply"
    path.write_text(_header("ascii", extra, "comment TextureFile photo one.png") + "\n".join(rows) + "\n")
    (part,) = read_parts(path)
    assert part.texture is not None
    np.testing.assert_array_equal(part.texture.image, image)
    np.testing.assert_allclose(part.vertices[part.triangles], _POINTS[[[0, 1, 2], [0, 2, 3]]], rtol=0)
    np.testing.assert_allclose(part.uv, [[0, 0], [0.5, 0], [0.5, 1], [0, 0], [0.5, 1], [1, 1]], rtol=0)
    (tmp_path / "photo one.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"TextureFile comment refers to the picture 'photo one.png'"):
        read_parts(path)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_damaged_ply_is_explained(form: str, tmp_path: Path) -> None:
    """Cut files, bad indices, point clouds and foreign headers say what is wrong."""
    path = _ply(tmp_path / "a.ply", form)
    content = path.read_bytes()
    for cut in (6, len(content) - content.find(b"end_header") - 30):
        path.write_bytes(content[:-cut])
        with pytest.raises(ValueError, match=r"a\.ply.*ends within its \d rows.*truncated"):
            read_parts(path)
    path.write_bytes(content.replace(b"uchar red", b"uchar8x red"))
    with pytest.raises(ValueError, match="header says 'property uchar8x red'"):
        read_parts(path)
    path.write_bytes(content.replace(b"vertex_indices", b"vertex_indexxx"))
    with pytest.raises(ValueError, match=r"no vertices with x, y, z or no faces: export"):
        read_parts(path)
    path.write_bytes(
        content.replace(b"list uchar", b"list int8 ").replace(b"\n4 0 1", b"\n-4 0 1").replace(b"\x04\0", b"\xfc\0")
    )
    with pytest.raises(ValueError, match="element 'face' has a list of negative or"):
        read_parts(path)
    path.write_bytes(b"solid no ply")
    with pytest.raises(ValueError, match="is no PLY file"):
        read_parts(path)
    text = _ply(tmp_path / "b.ply", "ascii").read_text()
    (tmp_path / "b.ply").write_text(text.replace("3 3 2 4", "3 3 2 9"))
    with pytest.raises(ValueError, match=r"face 1 refers to a vertex that is not there \(5 vertices\)"):
        read_parts(tmp_path / "b.ply")
    for length in ("inf", "nan"):
        (tmp_path / "b.ply").write_text(text.replace("3 3 2 4", f"{length} 3 2 4"))
        with pytest.raises(ValueError, match="element 'face' has a list of negative or impossible length"):
            read_parts(tmp_path / "b.ply")
    (tmp_path / "b.ply").write_text(text.replace("3.0 0.0 1.0", "nan 0.0 1.0"))
    with pytest.raises(ValueError, match=r"part b.*vertex 4 is NaN.*repair"):
        load_scene_file(tmp_path / "b.ply", materials="plaster")


_OBJ = """# a room
mtllib room.mtl
v 0 0 0
v 0 0 2
v 2 0 2
v 2 0 0
vt 0 0
vt 0 1
vt 1 1
vt 1 0
o floor
usemtl oak floor
f 1/1 2/2 3/3 4/4
o wall
usemtl flat
f -4/1/1 -3/2/1 \\
  -2/3/1
usemtl oak floor
f 1/4 2/3 3/2
"""
_MTL = """newmtl oak floor
Kd 0.1 0.1 0.1
map_Kd -s 2 2 -clamp on wood grain.png
newmtl flat
Kd 0.5 0.25 0
d 0.5
"""


def _obj(folder: Path) -> Path:
    from PIL import Image

    Image.fromarray(np.full((2, 2, 3), 90, dtype=np.uint8)).save(folder / "wood grain.png")
    (folder / "room.mtl").write_text(_MTL)
    (folder / "room.obj").write_text(_OBJ)
    return folder / "room.obj"


def test_obj_with_its_library(tmp_path: Path) -> None:
    """Groups, materials, pictures, flat colours, negative numbers, polygons, continued lines; alpha with a note."""
    with pytest.warns(SceneWarning, match=r"alpha of 1 materials \(flat\)"):
        floor, wall, more = read_parts(_obj(tmp_path))
    assert [p.name for p in (floor, wall, more)] == ["floor", "wall", "wall"]
    assert [p.label for p in (floor, wall, more)] == ["oak floor", "flat", "oak floor"]
    np.testing.assert_allclose(floor.vertices[floor.triangles], _POINTS[[[0, 1, 2], [0, 2, 3]]], rtol=0)
    assert floor.uv is not None
    np.testing.assert_allclose(floor.uv[floor.triangles[1]], [[0, 0], [1, 1], [1, 0]], rtol=0)
    assert floor.texture is more.texture
    assert floor.texture is not None
    assert (floor.texture.wrap, floor.base_color) == (("clamp", "clamp"), None)
    np.testing.assert_allclose(wall.base_color, srgb_to_linear(np.array([0.5, 0.25, 0.0])), rtol=1e-12)
    assert (wall.uv, wall.texture) == (None, None)
    np.testing.assert_allclose(more.uv[more.triangles[0]], [[1, 0], [1, 1], [0, 1]], rtol=0)  # type: ignore[index]


def test_obj_vertex_colors(tmp_path: Path) -> None:
    """Colours behind the coordinates are sRGB."""
    (tmp_path / "c.obj").write_text("v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 0 1 0 0 0.5\nf 1 3 2\n")
    (part,) = read_parts(tmp_path / "c.obj")
    np.testing.assert_array_equal(part.color, [[255, 0, 0], [0, 255, 0], [0, 0, 128]])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("f 1/1 2/2", "f 1/1 9/2", r"line 13.*vertex 9 is not there \(4 so far\).*again"),
        ("f 1/1 2/2", "f 1/1 2/7", r"line 13.*texture coordinate 7 is not there"),
        ("v 0 0 2", "v 0 0 x", "line 4.*makes no sense"),
        ("v 0 0 2", "v 0 0", "fewer than three coordinates"),
        ("f 1/4 2/3 3/2", "f 1/4 2/3", "line 19.*three corners"),
    ],
)
def test_damaged_obj_is_explained(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Errors name file and line."""
    path = _obj(tmp_path)
    path.write_text(_OBJ.replace(old, new))
    with pytest.raises(ValueError, match=rf"room\.obj.*{message}"):
        read_parts(path)


def test_missing_files_of_an_obj(tmp_path: Path) -> None:
    """A missing picture or library is named, with where it should lie."""
    path = _obj(tmp_path)
    (tmp_path / "wood grain.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"material 'oak floor' refers to the picture 'wood grain.png'.*put it"):
        read_parts(path)
    with pytest.warns(SceneWarning, match="alpha"):
        assert read_parts(path, textures=False)[0].texture is None
    (tmp_path / "room.mtl").unlink()
    with pytest.raises(FileNotFoundError, match=r"material library 'room.mtl', which is not there"):
        read_parts(path)
    (tmp_path / "empty.obj").write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match="has no triangles"):
        load_scene_file(tmp_path / "empty.obj", materials="plaster")
    (tmp_path / "mesh.fbx").write_text("")
    with pytest.raises(ValueError, match=r"mesh file 'mesh.fbx'.*glb"):
        read_parts(tmp_path / "mesh.fbx")
