"""What is built from a scene lives and dies with it."""

from __future__ import annotations

import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from avi_env.scene.derived import derived, taken
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


def test_building_one_value_does_not_hold_up_others() -> None:
    """While a thread builds, another finds and builds other values; who wants the same one waits for it, once built."""
    scene, other, built = triangle(), triangle(), []
    derived(scene, ("known",), lambda: "known")
    begun, done = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert done.wait(10.0), "the others were held up"
        built.append("slow")
        return derived(scene, ("within",), lambda: "slow")  # what a value is made of may be derived, too

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(derived, scene, ("slow",), slow)
        assert begun.wait(10.0)
        second = pool.submit(derived, scene, ("slow",), slow)
        assert derived(scene, ("known",), lambda: "anew") == "known"
        assert derived(scene, ("quick",), lambda: "quick") == "quick"
        assert derived(other, ("slow",), lambda: "another scene's") == "another scene's"
        assert not second.done()
        done.set()
        assert first.result() == second.result() == "slow"
    assert built == ["slow"]


def test_a_build_that_fails_can_be_tried_again() -> None:
    """An error is raised and nothing is kept; the next one who asks builds."""
    scene = triangle()
    for _ in range(2):
        with np.testing.assert_raises(ZeroDivisionError):
            derived(scene, ("value",), lambda: 1 // 0)
    assert derived(scene, ("value",), lambda: 1) == 1


def test_what_is_taken_is_kept_no_longer() -> None:
    """What is needed once is built ahead or when it is taken, and leaves the scene then."""
    scene = triangle()
    derived(scene, ("rows",), lambda: "ahead")
    assert [taken(scene, ("rows",), lambda: "late") for _ in range(2)] == ["ahead", "late"]
