"""What sounds in an episode: objects of the scene, sounds without a body, sounds that walk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avi_env.navigation import WalkableGrid, random_point
from avi_env.scene import Scene, SceneObject, emission_point
from avi_env.sounds import Schedule, class_of_sound, emitters_of_sound, sound_classes, sounds_of_object
from avi_env.tasks.walks import Walk, draw_walk

__all__ = ["SOUND_VARIANTS", "Distractor", "Point", "draw_distractors", "draw_source", "draw_walker", "triple"]

Point = tuple[float, float, float]

SOUND_VARIANTS = 8
"""Variants of each sound class: few, so that a variant's reverberation is shared between episodes."""

_FREE_SOURCE_HEIGHT = 1.2  # [m] above the floor, for scenes whose objects emit nothing
_WALKER_HEIGHT = 1.4  # [m] above the floor: a mouth
_ASLEEP = ("snoring",)  # sounds of a person that does not walk
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
    schedule: Schedule | None = None
    """When it sounds, from the first observation on; None = as the environment is told, `start` into its period."""

    def __post_init__(self) -> None:
        if isinstance(self.schedule, dict):  # as JSON gives it
            object.__setattr__(self, "schedule", Schedule(**self.schedule))


def draw_source(
    scene: Scene, grid: WalkableGrid, rng: np.random.Generator, wanted: Sequence[str], barred: Collection[int] = ()
) -> tuple[Point, int, str]:
    """Draws a sounding object and its sound; a source without a body where no object can make a wanted sound.

    Args:
        scene: where it sounds.
        grid: where a source without a body may hang above.
        rng: source of randomness.
        wanted: sounds, as `make_clip` takes them.
        barred: ids of objects that do not sound.

    Returns:
        Its place [m], the object's id (-1 = no body), and the sound.
    """
    kinds = _by_class(tuple(wanted))
    own = {kind: names[0] for kind, names in kinds.items() if ":" in names[0]}
    bodies = [obj for obj in scene.objects if obj.id not in barred]
    named = {kind for obj in bodies for kind in obj.emits if kind in kinds}
    sounding = sorted(named | {k for k, name in own.items() if any(_emits_by_kind(obj, name) for obj in bodies)})
    if not sounding:
        x, y, z = random_point(grid, rng)
        place = (float(x), float(y) + _FREE_SOURCE_HEIGHT, float(z))
        return place, -1, _one_of(list(kinds.values())[int(rng.integers(len(kinds)))], rng)
    # By class first, so that common objects do not crowd out rare sounds.
    kind = sounding[int(rng.integers(len(sounding)))]
    chosen: list[SceneObject] = [
        obj for obj in bodies if kind in obj.emits or (kind in own and _emits_by_kind(obj, own[kind]))
    ]
    body = chosen[int(rng.integers(len(chosen)))]
    return triple(emission_point(body)), body.id, _one_of(kinds[kind], rng)


@lru_cache(maxsize=8)
def _by_class(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Sounds by their class, in order."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(class_of_sound(name), []).append(name)
    return kinds


def _emits_by_kind(body: SceneObject, name: str) -> bool:
    """Whether an object makes a sound of the user's own that it does not name itself: its category decides."""
    silenced = not body.emits and bool(sounds_of_object(body.category))  # out of the agent's reach
    return body.category in emitters_of_sound(name) and not silenced


def _one_of(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))] if len(names) > 1 else names[0]


def draw_walker(
    grid: WalkableGrid, rng: np.random.Generator, wanted: Sequence[str], speed: float
) -> tuple[Point, str, Walk]:
    """Draws a sound that walks through the house: its first place [m], its name and its walk.

    Args:
        grid: where it can walk.
        rng: source of randomness.
        wanted: sounds; empty = those of a person.
        speed: [m/s].
    """
    classes = wanted or [name for name in sounds_of_object("person") if name not in _ASLEEP]
    sound = classes[int(rng.integers(len(classes)))]
    height = _FOOT_HEIGHT if class_of_sound(sound) == "footsteps" else _WALKER_HEIGHT
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
        goal_sound: sound of the goal, "" = it is silent.
    """
    found: list[Distractor] = []
    for _ in range(count):
        others = [name for name in sound_classes() if not goal_sound or name != class_of_sound(goal_sound)]
        heard = {other.sound for other in found}
        wanted = [name for name in others if name not in heard] or others
        body = -1
        walk: Walk = ()
        if speed > 0.0:
            people = [n for n in sounds_of_object("person") if n in wanted and n not in _ASLEEP] or wanted
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
