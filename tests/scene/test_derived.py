"""What is built from a scene lives and dies with it."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np

from avi_env.scene.derived import derived
from avi_env.scene.model import Material, Scene, SceneObject


def triangle() -> Scene:
    """The smallest scene."""
    return Scene(
        name="triangle",
        vertices=np.eye(3, dtype=np.float32),
        triangles=np.array([[0, 1, 2]], dtype=np.int32),
        triangle_material=np.zeros(1, dtype=np.int32),
        triangle_object=np.zeros(1, dtype=np.int32),
        materials=(Material("plaster"),),
        objects=(SceneObject(0, "wall", -1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),),
    )


def test_built_once_per_key() -> None:
    """The same key builds once; another parameter builds anew."""
    scene, built = triangle(), []
    for size in (1, 1, 2):
        derived(scene, ("table", size), lambda size=size: built.append(size))  # type: ignore[misc]
    assert built == [1, 2]


def test_a_value_that_refers_to_its_scene_is_freed_with_it() -> None:
    """Training over thousands of houses must not keep every one of them alive."""

    def kept() -> weakref.ref[Scene]:
        scene = triangle()
        derived(scene, ("self",), lambda: [scene])
        return weakref.ref(scene)

    ghost = kept()
    gc.collect()
    assert ghost() is None


def test_a_scene_pickles_without_what_was_derived() -> None:
    """Ray trees and device tables stay behind when a scene goes to another process."""
    scene = triangle()
    derived(scene, ("unpicklable",), lambda: lambda: None)
    again = pickle.loads(pickle.dumps(scene))
    assert again.digest == scene.digest
    assert "_derived" not in again.__dict__
