"""What sounds in an episode: objects of the scene, sounds without a body, sounds that walk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from avi_env.navigation import WalkableGrid, random_point
from avi_env.scene import Scene, SceneObject, emission_point
from avi_env.sounds import sound_classes, sounds_of_object
from avi_env.tasks.walks import Walk, draw_walk

__all__ = ["SOUND_VARIANTS", "Distractor", "Point", "draw_distractors", "draw_source", "draw_walker", "triple"]

Point = tuple[float, float, float]

SOUND_VARIANTS = 8
"""Variants of each sound class: few, so that a variant's reverberation is shared between episodes."""

_FREE_SOURCE_HEIGHT = 1.2  # [m] above the floor, for scenes whose objects emit nothing
_WALKER_HEIGHT = 1.4  # [m] above the floor: a mouth
_FOOT_HEIGHT = 0.1  # [m] above the floor, of footsteps


@dataclass(frozen=True)
class Distractor:
    """A sound that is not the goal."""

    sound: str
    sound_variant: int
    position: Point
    """[m]; where its walk begins, if it walks."""
    object: int = -1
    """Id of the emitting object, -1 for a source without a body."""
    start: float = 0.0
    """When its schedule begins, as a share of the schedule's period: distractors do not sound in step."""
    walk: Walk = ()


def draw_source(
    scene: Scene, grid: WalkableGrid, rng: np.random.Generator, wanted: Sequence[str], barred: Collection[int] = ()
) -> tuple[Point, int, str]:
    """Draws a sounding object and its sound; a source without a body where no object can make a wanted sound.

    Args:
        scene: where it sounds.
        grid: where a source without a body may hang above.
        rng: source of randomness.
        wanted: sound classes.
        barred: ids of objects that do not sound.

    Returns:
        Its place [m], the object's id (-1 = no body), and the sound class.
    """
    bodies = [obj for obj in scene.objects if obj.id not in barred]
    pairs = [(obj, sound) for obj in bodies for sound in obj.emits if sound in wanted]
    if not pairs:
        x, y, z = random_point(grid, rng)
        return (float(x), float(y) + _FREE_SOURCE_HEIGHT, float(z)), -1, wanted[int(rng.integers(len(wanted)))]
    # By class first, so that common objects do not crowd out rare sounds.
    sounds = sorted({sound for _, sound in pairs})
    sound = sounds[int(rng.integers(len(sounds)))]
    chosen: list[SceneObject] = [obj for obj, emitted in pairs if emitted == sound]
    body = chosen[int(rng.integers(len(chosen)))]
    return triple(emission_point(body)), body.id, sound


def draw_walker(
    grid: WalkableGrid, rng: np.random.Generator, wanted: Sequence[str], speed: float
) -> tuple[Point, str, Walk]:
    """Draws a sound that walks through the house: its first place [m], its class and its walk.

    Args:
        grid: where it can walk.
        rng: source of randomness.
        wanted: sound classes; empty = those of a person.
        speed: [m/s].
    """
    classes = wanted or sounds_of_object("person")
    sound = classes[int(rng.integers(len(classes)))]
    height = _FOOT_HEIGHT if sound == "footsteps" else _WALKER_HEIGHT
    walk = draw_walk(grid, rng, random_point(grid, rng), speed, height)
    return triple(walk[0][1:]), sound, walk


def draw_distractors(
    scene: Scene,
    grid: WalkableGrid,
    rng: np.random.Generator,
    count: int,
    speed: float,
    barred: Collection[int],
    goal_sound: str,
) -> tuple[Distractor, ...]:
    """Draws further sounds, of other classes than the goal and, while there are enough, than each other.

    Args:
        scene: where they sound.
        grid: where sources without a body may be and walk.
        rng: source of randomness.
        count: how many.
        speed: at which they walk [m/s], 0 = they stay.
        barred: ids of objects that do not sound.
        goal_sound: class of the goal.
    """
    found: list[Distractor] = []
    for _ in range(count):
        others = [name for name in sound_classes() if name != goal_sound]
        heard = {other.sound for other in found}
        wanted = [name for name in others if name not in heard] or others
        body = -1
        walk: Walk = ()
        if speed > 0.0:
            people = [name for name in sounds_of_object("person") if name in wanted] or wanted
            place, sound, walk = draw_walker(grid, rng, people, speed)
        else:
            taken = {*barred, *(other.object for other in found)}
            place, body, sound = draw_source(scene, grid, rng, wanted, taken)
        variant, start = int(rng.integers(SOUND_VARIANTS)), float(rng.uniform())
        found.append(Distractor(sound, variant, place, body, start, walk))
    return tuple(found)


def triple(point: np.ndarray | Sequence[float]) -> Point:
    """Returns a point as three floats."""
    return (float(point[0]), float(point[1]), float(point[2]))
