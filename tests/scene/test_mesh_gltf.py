"""glTF files as parts: transforms, accessors, materials, textures, and what each damage says."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf_samples import SQUARE, TWO, UV_DOWN, GltfWriter, square_file

from avi_env.scene import SceneWarning
from avi_env.scene.mesh_files import read_parts


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, format="PNG")
    return out.getvalue()


_IMAGE = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3) * 7


def _textured(writer: GltfWriter, **texture_info: object) -> GltfWriter:
    writer.table |= {
        "materials": [{"name": "oak", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0, **texture_info}}}],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071, "wrapT": 33648}],
        "images": [{"bufferView": writer.view(_png(_IMAGE)), "mimeType": "image/png"}],
    }
    writer.table["meshes"][0]["primitives"][0]["material"] = 0
    return writer


@pytest.mark.parametrize("kind", ["glb", "gltf", "external"])
def test_square_in_every_container(kind: str, tmp_path: Path) -> None:
    """Binary, embedded and linked buffers give the same part."""
    writer = square_file()
    if kind == "glb":
        path = writer.save_glb(tmp_path / "a.glb")
    else:
        path = writer.save_gltf(tmp_path / "a.gltf", external=kind == "external")
    (part,) = read_parts(path)
    np.testing.assert_allclose(part.vertices, SQUARE, rtol=0, atol=0)
    np.testing.assert_array_equal(part.triangles.ravel(), TWO)
    assert (part.name, part.label, part.base_color, part.texture) == ("floor", "floor", None, None)


def test_nodes_are_placed(tmp_path: Path) -> None:
    """T R S with the rotation x, y, z, w, children within parents, matrices by columns; mirrored nodes turn faces."""
    writer = square_file()
    half = np.sqrt(0.5)
    writer.table["nodes"] = [
        {"translation": [10, 0, 0], "rotation": [0, half, 0, half], "scale": [2, 1, 1], "children": [1, 2]},
        {"name": "child", "mesh": 0, "translation": [0, 0, 1]},
        {"name": "mirrored", "mesh": 0, "scale": [-1, 1, 1]},
        {"name": "matrix", "mesh": 0, "matrix": [1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 5, 6, 7, 1]},
        {"name": "unused", "mesh": 0},
    ]
    writer.table["scenes"] = [{"nodes": [0, 3]}]
    child, mirrored, matrix = read_parts(writer.save_glb(tmp_path / "n.glb"))
    assert [p.name for p in (child, mirrored, matrix)] == ["child", "mirrored", "matrix"]
    # A quarter turn about +Y carries x to -z and z to x.
    local = SQUARE + np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(
        child.vertices, np.stack([local[:, 2] + 10, local[:, 1], -2 * local[:, 0]], axis=1), atol=1e-6
    )
    np.testing.assert_allclose(
        mirrored.vertices, np.stack([SQUARE[:, 2] + 10, SQUARE[:, 1], 2 * SQUARE[:, 0]], axis=1), atol=1e-6
    )
    np.testing.assert_allclose(
        matrix.vertices, np.stack([SQUARE[:, 0] + 5, 6 - SQUARE[:, 2], SQUARE[:, 1] + 7], axis=1), atol=1e-6
    )
    for part, up in ((child, 1.0), (mirrored, 1.0)):
        a, b, c = part.vertices[part.triangles[0]].astype(np.float64)
        normal = np.cross(b - a, c - a)
        assert normal[1] / np.linalg.norm(normal) == pytest.approx(up)


def test_textures_and_factors(tmp_path: Path) -> None:
    """Texture coordinates count from the top in glTF, from below here; samplers wrap; each is read once."""
    writer = _textured(square_file())
    writer.table["meshes"][0]["primitives"] *= 2
    one, two = read_parts(writer.save_glb(tmp_path / "t.glb"))
    assert one.texture is two.texture
    assert one.texture is not None
    np.testing.assert_array_equal(one.texture.image, _IMAGE)
    assert one.texture.wrap == ("clamp", "mirror")
    np.testing.assert_allclose(one.uv, np.stack([UV_DOWN[:, 0], 1 - UV_DOWN[:, 1]], axis=1), atol=1e-7)
    assert (one.name, one.label, one.base_color) == ("floor_0", "oak", (1.0, 1.0, 1.0))
    bare = read_parts(tmp_path / "t.glb", textures=False)[0]
    assert (bare.texture, bare.uv) == (None, None)


def test_texture_transform(tmp_path: Path) -> None:
    """The extension's own example: the lower left quadrant of the picture, turned clockwise by 90 degrees."""
    change = {"offset": [0, 1], "rotation": np.pi / 2, "scale": [0.5, 0.5]}
    writer = _textured(square_file(), extensions={"KHR_texture_transform": change})
    (part,) = read_parts(writer.save_glb(tmp_path / "t.glb"))
    assert part.uv is not None
    np.testing.assert_allclose(part.uv.min(axis=0), [0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(part.uv.max(axis=0), [0.5, 0.5], atol=1e-6)


def test_colors_materials_and_modes(tmp_path: Path) -> None:
    """Linear vertex colours, flat factors, unlit, strips and fans, sparse and normalised values, alpha with a note."""
    writer = GltfWriter()
    quad = writer.accessor(SQUARE[[0, 1, 3, 2]])
    color = writer.accessor(np.array([[0, 65535, 13933]] * 4), "u2", normalized=True)
    sparse = {
        "count": 1,
        "indices": {"bufferView": writer.view(b"\x02"), "componentType": 5121},
        "values": {"bufferView": writer.view(np.array([9, 9, 9], "<f4").tobytes())},
    }
    moved = writer.accessor(SQUARE, sparse=sparse)
    writer.table["materials"] = [
        {"name": "paint", "pbrMetallicRoughness": {"baseColorFactor": [0.5, 0.25, 0.0, 0.3]}, "alphaMode": "BLEND"},
        {"name": "photo", "extensions": {"KHR_materials_unlit": {}}},
    ]
    writer.table["meshes"] = [
        {
            "primitives": [
                {"attributes": {"POSITION": quad, "COLOR_0": color}, "mode": 5, "material": 0},
                {"attributes": {"POSITION": moved}, "mode": 6, "material": 1},
                {"attributes": {"POSITION": quad}, "mode": 1},
            ]
        }
    ]
    writer.table["nodes"] = [{"mesh": 0}]
    with pytest.warns(SceneWarning) as notes:
        strip, fan = read_parts(writer.save_gltf(tmp_path / "m.gltf"))
    text = " ".join(str(note.message) for note in notes)
    assert "alpha of 1 materials (paint) is ignored" in text
    assert "1 primitives are points or lines" in text
    np.testing.assert_array_equal(strip.triangles, [[0, 1, 2], [2, 1, 3]])
    np.testing.assert_array_equal(fan.triangles, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(strip.color, [[0, 255, 127]] * 4)  # 13933 / 65535 = 0.2126 linear
    assert strip.base_color == (0.5, 0.25, 0.0)
    assert (strip.unlit, fan.unlit) == (False, True)
    del writer.table["meshes"][0]["primitives"][0]["material"]
    with pytest.warns(SceneWarning):
        assert read_parts(writer.save_gltf(tmp_path / "m.gltf"))[0].unlit  # as a scanner writes it
    np.testing.assert_allclose(fan.vertices[2], 9.0, rtol=0)


def _no_buffer(writer: GltfWriter) -> None:
    writer.table["accessors"][0]["bufferView"] = 44


def _short_view(writer: GltfWriter) -> None:
    writer.table["accessors"][0]["count"] = 400


def _bad_index(writer: GltfWriter) -> None:
    writer.table["meshes"][0]["primitives"][0]["indices"] = writer.accessor([0, 1, 9], "u2")


def _no_position(writer: GltfWriter) -> None:
    del writer.table["meshes"][0]["primitives"][0]["attributes"]["POSITION"]


def _loop(writer: GltfWriter) -> None:
    writer.table["nodes"][0]["children"] = [0]


def _old(writer: GltfWriter) -> None:
    writer.table["asset"]["version"] = "1.0"


def _no_material(writer: GltfWriter) -> None:
    writer.table["meshes"][0]["primitives"][0]["material"] = 3


def _nan_scale(writer: GltfWriter) -> None:
    writer.table["nodes"][0]["scale"] = [1, 1]


def _nan_color(writer: GltfWriter) -> None:
    writer.table["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [float("nan"), 1, 1, 1]}}]
    writer.table["meshes"][0]["primitives"][0]["material"] = 0


def _few_colors(writer: GltfWriter) -> None:
    writer.table["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = writer.accessor(np.ones((3, 3)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_buffer, r"accessors\[0\].*bufferViews\[44\], but there are 3"),
        (_short_view, r"accessors\[0\] \(POSITION of part 'floor'\) reads 400 values.*damaged"),
        (_bad_index, "part 'floor': triangle 0 refers to vertex 9, but there are only 4: export"),
        (_no_position, "part 'floor' has no POSITION"),
        (_loop, r"nodes\[0\] hangs in the tree twice"),
        (_old, "glTF version 1.0 is not read"),
        (_no_material, r"part 'floor' refers to materials\[3\], but there are 0"),
        (_nan_scale, r"scale of nodes\[0\] needs 3 finite numbers"),
        (_nan_color, r"the colour of materials\[0\] is not finite"),
        (_few_colors, "part 'floor' has 3 colours of 3 numbers for 4 vertices"),
    ],
)
def test_damaged_files_are_explained(damage: Callable[[GltfWriter], None], message: str, tmp_path: Path) -> None:
    """Each error names the file, the entry and the remedy."""
    writer = square_file()
    damage(writer)
    with pytest.raises(ValueError, match=f"bad.glb.*{message}"):
        read_parts(writer.save_glb(tmp_path / "bad.glb"))


@pytest.mark.parametrize("value", [None, -1, 1e30, "x", [], {}, [1, 2], {"a": 1}, True, float("nan")])
def test_entries_of_the_wrong_type_are_explained(value: object, tmp_path: Path) -> None:
    """Whatever stands in place of any entry: the file is read, or the error is one that names it."""
    writer = _textured(square_file())
    writer.table["nodes"][0] |= {"translation": [1, 2, 3], "children": []}
    whole = json.loads(writer.save_gltf(tmp_path / "bad.gltf").read_text())
    for path in [p for p in _entries(whole) if p]:
        table = json.loads(json.dumps(whole))
        owner = table
        for key in path[:-1]:
            owner = owner[key]
        owner[path[-1]] = value
        (tmp_path / "bad.gltf").write_text(json.dumps(table))
        with contextlib.suppress(FileNotFoundError, ValueError):
            try:
                read_parts(tmp_path / "bad.gltf")
            except ValueError as error:
                assert "bad.gltf" in str(error), path  # noqa: PT017
                raise


def _entries(table: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    rows = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in rows:
        yield from _entries(value, (*path, key))


def test_truncated_and_missing_files(tmp_path: Path) -> None:
    """A cut .glb, a cut buffer, a missing buffer, a missing or broken picture, and no glTF at all."""
    whole = square_file().save_glb(tmp_path / "whole.glb").read_bytes()
    for count in (3, 15, 60, len(whole) - 8):
        (tmp_path / "cut.glb").write_bytes(whole[:count])
        with pytest.raises(ValueError, match=r"cut.glb.*(truncated|no glTF).*again"):
            read_parts(tmp_path / "cut.glb")
    path = square_file().save_gltf(tmp_path / "e.gltf", external=True)
    buffer = tmp_path / "e data.bin"
    buffer.write_bytes(buffer.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"buffers\[0\] has \d+ of its \d+ bytes.*truncated"):
        read_parts(path)
    buffer.unlink()
    with pytest.raises(FileNotFoundError, match=r"buffers\[0\] refers to 'e%20data.bin', which is not there: put it"):
        read_parts(path)
    writer = _textured(square_file())
    writer.table["images"] = [{"uri": "wood.png"}]
    path = writer.save_glb(tmp_path / "t.glb")
    with pytest.raises(FileNotFoundError, match=r"images\[0\] refers to 'wood.png', which is not there"):
        read_parts(path)
    (tmp_path / "wood.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"images\[0\] \(wood.png\) cannot be decoded.*convert it to PNG"):
        read_parts(path)
    with pytest.raises(FileNotFoundError, match="no mesh file"):
        read_parts(tmp_path / "none.glb")


@pytest.mark.parametrize(
    "name", ["KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu", "ACME_unknown"]
)
def test_required_extensions_are_named(name: str, tmp_path: Path) -> None:
    """A file that requires what is not read here says what and how to do without it."""
    writer = square_file()
    writer.table["extensionsRequired"] = [name]
    path = writer.save_glb(tmp_path / "x.glb")
    with pytest.raises(ValueError, match=f"x.glb.*requires the glTF extension {name}, which is not read here: "):
        read_parts(path)
    if name == "KHR_texture_basisu":
        assert len(read_parts(path, textures=False)) == 1


def test_basis_textures_without_fallback(tmp_path: Path) -> None:
    """A texture with no picture but a Basis-compressed one is refused by name; with a fallback it is read."""
    writer = _textured(square_file())
    writer.table["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    with pytest.raises(ValueError, match=r"textures\[0\] needs the glTF extension KHR_texture_basisu.*textures=False"):
        read_parts(writer.save_glb(tmp_path / "b.glb"))
    writer.table["textures"][0]["source"] = 0
    assert read_parts(writer.save_glb(tmp_path / "b.glb"))[0].texture is not None
