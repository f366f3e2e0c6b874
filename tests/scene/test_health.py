"""Scene health: leaks, floors, materials, sources."""

from __future__ import annotations

import numpy as np
import pytest

from avi_env.scene import Scene, SceneError, check_scene, check_source, require_healthy, scene_from_mesh, shoebox


def _without(scene: Scene, keep: np.ndarray, **changes: object) -> Scene:
    return scene_from_mesh(scene.vertices, scene.triangles[keep], "plaster", **changes)  # type: ignore[arg-type]


def test_closed_room_is_healthy() -> None:
    """A shoebox has nothing wrong with it."""
    assert check_scene(shoebox((6.0, 3.0, 4.0))) == ()


def test_missing_wall_is_found_with_its_place() -> None:
    """A room without its east wall leaks to +X, at x = 6."""
    box = shoebox((6.0, 3.0, 4.0))
    east = np.all(box.vertices[box.triangles][:, :, 0] == 6.0, axis=1)
    (issue,) = check_scene(_without(box, ~east))
    assert issue.kind == "leak"
    assert issue.place is not None
    assert issue.place[0] == pytest.approx(6.0, abs=1e-6)
    assert "going +X" in issue.message


def test_missing_floor_is_found() -> None:
    """Without upward faces there is no floor; the remedy speaks of axes and winding."""
    box = shoebox((6.0, 3.0, 4.0))
    floor = np.all(box.vertices[box.triangles][:, :, 1] == 0.0, axis=1)
    with pytest.raises(SceneError, match=r"no floor.*add a floor"):
        require_healthy(_without(box, ~floor))


def test_triangle_without_material_is_found() -> None:
    """Index -1 means no material, which sound cannot do without."""
    box = shoebox((2.0, 2.0, 2.0))
    material = box.triangle_material.copy()
    material[:2] = -1
    bare = Scene("bare", box.vertices, box.triangles, material, box.triangle_object, box.materials, box.objects)
    with pytest.raises(SceneError, match="2 triangles have no material"):
        require_healthy(bare)


def test_source_inside_a_cupboard_is_refused() -> None:
    """A source inside closed geometry, or outside the building, is no source; in the room it is one."""
    from avi_env.scene import generate_house

    house = generate_house(3)
    fridge = next(o for o in house.objects if o.category == "fridge")
    with pytest.raises(SceneError, match="is inside fridge"):
        check_source(house, fridge.center)
    with pytest.raises(SceneError, match="outside the building"):
        check_source(house, (-1.0, 1.0, -1.0))
    lamp = house.lights[0].position
    check_source(house, (lamp[0], 1.2, lamp[2]))
