"""Parts of meshes joined into a scene: tables, looks, errors; and what the newer fields of a scene survive."""

from __future__ import annotations

import base64
import io
import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avi_env.scene import (
    AudioEmitter,
    Scene,
    SceneObject,
    Texture,
    load_scene,
    material,
    save_scene,
    scene_file,
    shoebox,
)
from avi_env.scene.gltf import open_gltf
from avi_env.scene.gltf_audio import gltf_emitters
from avi_env.scene.mesh_files import read_parts
from avi_env.scene.mesh_parts import MeshPart, scene_from_parts

_SQUARE = np.array([[0, 0, 0], [0, 0, 2], [2, 0, 2], [2, 0, 0]], dtype=np.float64)
_TWO = np.array([[0, 1, 2], [0, 2, 3]])
_UV = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=np.float64)


def _part(name: str = "floor", lift: float = 0.0, **fields: object) -> MeshPart:
    part = MeshPart(name, _SQUARE + np.array([0.0, lift, 0.0]), _TWO, material=material("plaster"), label=name)
    return part._replace(**fields)


def _image(seed: int = 0) -> Texture:
    return Texture(
        "noise", np.random.default_rng(seed).integers(0, 255, (4, 6, 3), dtype=np.uint8), ("clamp", "mirror")
    )


def _painted() -> Scene:
    box = shoebox((2.0, 2.0, 2.0))
    rng = np.random.default_rng(1)
    return replace(
        box,
        materials=(replace(box.materials[0], unlit=True), *box.materials[1:]),
        vertex_color=rng.integers(0, 256, (len(box.vertices), 3), dtype=np.uint8),
        uv=rng.random((12, 3, 2), dtype=np.float32),
        textures=(_image(),),
        material_texture=(0,) * len(box.materials),
        emitters=(AudioEmitter("radio", (1.0, 1.0, 1.0), 0.5, -6.0, 1.0, 2.0, 0.25, "phone", True, 2, 0.3),),
    )


def test_painted_scene_round_trip(tmp_path: Path) -> None:
    """Vertex colours, emitters, wraps and unlit materials come back; each of them counts in the digest."""
    scene = _painted()
    again = load_scene(save_scene(scene, tmp_path / "painted.glb"))
    assert again.digest == scene.digest
    assert again.emitters == scene.emitters
    assert again.materials == scene.materials
    np.testing.assert_array_equal(again.vertex_color, scene.vertex_color)
    assert again.textures[0].wrap == ("clamp", "mirror")
    for change in (
        {"vertex_color": None},
        {"emitters": ()},
        {"textures": (replace(scene.textures[0], wrap=("repeat", "clamp")),)},
        {"materials": shoebox((2.0, 2.0, 2.0)).materials},
    ):
        assert replace(scene, **change).digest != scene.digest


def test_other_programs_see_what_was_saved(tmp_path: Path) -> None:
    """Read as a foreign file, a saved .glb has the same places, coordinates, colours, picture, wraps and emitters."""
    scene = _painted()
    path = save_scene(scene, tmp_path / "painted.glb")
    (part,) = read_parts(path)
    assert scene.uv is not None
    assert part.uv is not None
    assert scene.vertex_color is not None
    assert part.color is not None
    assert part.texture is not None
    corner = part.triangles
    np.testing.assert_allclose(part.vertices[corner], scene.vertices[scene.triangles], rtol=0, atol=0)
    np.testing.assert_allclose(part.uv[corner], scene.uv, atol=1e-6)
    np.testing.assert_array_equal(part.color[corner], scene.vertex_color[scene.triangles])
    np.testing.assert_array_equal(part.texture.image, scene.textures[0].image)
    assert (part.texture.wrap, part.unlit) == (("clamp", "mirror"), True)
    (emitter,) = gltf_emitters(open_gltf(path))
    np.testing.assert_allclose(emitter.position, scene.emitters[0].position)
    np.testing.assert_allclose([emitter.yaw, emitter.gain_db], [0.5, -6.0], atol=1e-9)
    np.testing.assert_allclose(emitter.pitch, scene.emitters[0].pitch, atol=1e-9)
    assert (emitter.clip, emitter.inner_angle, emitter.outer_gain) == ("phone", 1.0, 0.25)


def test_sidecars_of_format_1_are_read(tmp_path: Path) -> None:
    """Older sidecars hold their textures themselves, and know neither wraps nor emitters nor colours."""
    scene = replace(_painted(), vertex_color=None, emitters=(), textures=(Texture("noise", _image().image),))
    path = save_scene(scene, tmp_path / "old.glb")
    table = json.loads(path.with_suffix(".json").read_text())
    out = io.BytesIO()
    Image.fromarray(scene.textures[0].image).save(out, format="PNG")
    table |= {"format": 1, "textures": [{"name": "noise", "png": base64.b64encode(out.getvalue()).decode()}]}
    del table["emitters"], table["geometry"]["vertex_color"]
    path.with_suffix(".json").write_text(json.dumps(table))
    assert load_scene(path).digest == scene.digest


def test_scene_file_is_known_after_loading(tmp_path: Path) -> None:
    """A loaded scene knows its file; a made, changed or pickled one does not."""
    scene = shoebox((2.0, 2.0, 2.0))
    assert scene_file(scene) is None
    path = save_scene(scene, tmp_path / "box.glb")
    loaded = load_scene(path)
    assert scene_file(loaded) == path
    assert scene_file(replace(loaded, name="other")) is None
    assert scene_file(pickle.loads(pickle.dumps(loaded))) is None


def test_parts_make_one_row_for_each_sound_and_look() -> None:
    """Equal looks share a row; textures replace the colour, colours multiply, the rest is the material's own."""
    image = _image()
    parts = [
        _part("a"),
        _part("b", 1.0, base_color=(0.5, 0.25, 1.0)),
        _part("c", 2.0, base_color=(0.5, 0.25, 1.0)),
        _part("d", 3.0, texture=image, uv=_UV),
        _part("e", 4.0, texture=image, uv=_UV, base_color=(0.0, 1.0, 1.0), unlit=True),
        _part("f", 5.0, color=np.full((4, 3), 7, dtype=np.uint8)),
    ]
    scene = scene_from_parts("six", parts)
    assert scene.triangle_material.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4]
    assert scene.materials[0] == material("plaster")
    assert scene.materials[1].color == (0.5, 0.25, 1.0)
    assert scene.materials[1].absorption == material("plaster").absorption
    assert scene.material_texture == (-1, -1, 0, 1, -1)
    np.testing.assert_array_equal(scene.textures[0].image, image.image)
    np.testing.assert_array_equal(scene.textures[1].image, image.image * np.array([0, 1, 1], dtype=np.uint8))
    assert [m.unlit for m in scene.materials] == [False, False, False, True, False]
    assert scene.vertex_color is not None
    assert (scene.vertex_color[:20] == 255).all()
    assert (scene.vertex_color[20:] == 7).all()
    assert scene.uv is not None
    np.testing.assert_allclose(scene.uv[6], _UV[_TWO[0]], rtol=0, atol=0)
    assert scene.objects[0].category == "mesh"
    assert set(scene.triangle_object.tolist()) == {0}


def test_parts_belong_to_objects() -> None:
    """With a table of objects each part names its own."""
    items = [SceneObject(k, "floor", -1, (1.0, 0.0, 1.0), (2.0, 0.0, 2.0)) for k in range(2)]
    scene = scene_from_parts("two", [_part("a", object=1), _part("b", 1.0)], objects=items)
    assert scene.triangle_object.tolist() == [1, 1, -1, -1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"material": None}, "part 'floor' .* no acoustic material: give it one"),
        ({"texture": _image()}, "no texture coordinates: export it with uv"),
        ({"uv": _UV[:3]}, r"uv of shape \(4, 2\)"),
        ({"uv": _UV * np.nan}, "NaN"),
        ({"color": np.zeros((4, 4), dtype=np.uint8)}, r"color of shape \(4, 3\)"),
        ({"vertices": _SQUARE * [np.nan, 1.0, 1.0]}, "part floor.*vertex .* is NaN.*repair"),
        ({"triangles": np.array([[0, 1, 9]])}, r"part floor.*\[0, 1, 9\].*only 4"),
        ({"triangles": np.zeros((0, 3), dtype=int)}, "has no triangles"),
    ],
)
def test_bad_parts_are_explained(change: dict[str, object], message: str) -> None:
    """Each error names scene, part, culprit and remedy."""
    with pytest.raises(ValueError, match=message):
        scene_from_parts("bad", [_part(**change)])


def test_bad_looks_are_refused() -> None:
    """A scene's looks fit its triangles; an emitter's cone is one."""
    with pytest.raises(ValueError, match=r"vertex_color must have shape \(24, 3\)"):
        replace(shoebox((1, 1, 1)), vertex_color=np.zeros((3, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="Did you mean 'mirror'"):
        Texture("t", np.zeros((1, 1, 3), dtype=np.uint8), ("mirored", "repeat"))
    with pytest.raises(ValueError, match="needs an image"):
        Texture("t", np.zeros((1, 1, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="emitter 'e': a cone needs"):
        AudioEmitter("e", (0.0, 0.0, 0.0), inner_angle=2.0, outer_angle=1.0)
    with pytest.raises(ValueError, match="emitter 'e': position"):
        AudioEmitter("e", (0.0, math.nan, 0.0))
