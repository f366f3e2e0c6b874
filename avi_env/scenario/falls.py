"""How a thing falls from where it stands to the floor beside: on which way, how long, and how that sounds.

It is pushed over the edge and moves as a thrown point does: evenly sideways, and down with gravity. On the floor it
bounces on the spot until it rests, each time with the share of its speed that the two solids give back. What is taller
than wide comes to lie on its back. Each collision sounds as `avi_env.physics` has it; no physics engine is needed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.emitter import Emitter
from avi_env.envs.variants import Pose, Variant, posed_object, seen_scene, standing
from avi_env.physics.bodies import Touched, body_of_object, touched_surface
from avi_env.physics.contact_sound import contact_sound
from avi_env.physics.contacts import SLOWEST, Contact
from avi_env.physics.materials import solid_of_material
from avi_env.scenario.props import FIXED, floor_below, free_floor, lowest, object_boxes
from avi_env.scene import Scene
from avi_env.scene.emitters import emission_point
from avi_env.scene.model import SceneObject

__all__ = ["GRAVITY", "Fall", "fall_of", "resting_on"]

GRAVITY = 9.81
"""[m/s2]"""

_LEAST_DROP = 0.1  # [m]; what is lower stands on the floor
_MOST_BOUNCES = 12
_FLAT = 0.05  # [m]; what is flatter lies under things rather than carries them
_FARTHEST = 3.0  # [m] from where a thing stands to where it lands
_ASIDE = 0.03  # [m] of free floor around it

FloatArray = npt.NDArray[np.float64]


class Fall(NamedTuple):
    """A fall, known before it happens."""

    start: Pose
    landed: Pose
    seconds: float
    """From the first moment to the first touch of the floor."""
    sound: Emitter
    """What is heard: its clip begins `lead` after the first touch."""
    lead: float
    """[s], negative: how a collision presses the air is heard from just before it."""

    def pose_at(self, seconds: float) -> Pose:
        """Returns where the thing is so many seconds after the fall began."""
        if seconds >= self.seconds:
            return self.landed
        share = max(seconds, 0.0) / self.seconds
        (x0, y0, z0), (x1, _, z1) = self.start.center, self.landed.center
        y = y0 - GRAVITY / 2 * max(seconds, 0.0) ** 2
        return self.start._replace(center=(x0 + share * (x1 - x0), y, z0 + share * (z1 - z0)))


def fall_of(scene: Scene, variant: Variant, number: int, *, seed: int, sample_rate: int) -> Fall:
    """Returns how an object of a variant of a scene falls.

    Args:
        scene: the house.
        variant: how it is before the fall; the object stands upright in it.
        number: id of the object.
        seed: of where it is hit on the floor.
        sample_rate: of its sound [Hz].

    Raises:
        ValueError: it is part of the house, is not there, stands on the floor, carries something, or there is no free
            floor beside it.
    """
    before = seen_scene(scene, variant)
    item = before.objects[number]
    if item.category in FIXED:
        raise ValueError(f"{item.name} is part of the house: it cannot fall")
    room = next((room for room in scene.rooms if room.id == item.room), None)
    if room is None:
        raise ValueError(f"{item.name} is in no room: there is no floor to fall to")
    carried = resting_on(before, number)
    if carried:
        raise ValueError(f"{item.name} carries {', '.join(carried)}: it does not fall by itself")
    drop = lowest(item) - room.floor_y
    if drop < _LEAST_DROP:
        raise ValueError(f"{item.name} stands on the floor: only what stands or hangs higher falls")
    lying = item.size[1] > max(item.size[0], item.size[2])
    start = standing(item)
    landed = _landing(before, posed_object(item, start._replace(lying=lying)), start._replace(lying=lying), room.id)
    return _sounding(before, number, start, landed, (seed, sample_rate))


def resting_on(scene: Scene, number: int) -> list[str]:
    """Returns the names of the objects that stand on an object, as far as their boxes tell."""
    boxes = object_boxes(scene)
    low, high = boxes[number]
    if not np.isfinite(low).all() or high[1] - low[1] < _FLAT:
        return []
    over = (boxes[:, 0] < high - 0.01) & (boxes[:, 1] > low + 0.01)
    on_top = over[:, 0] & over[:, 2] & (np.abs(boxes[:, 0, 1] - high[1]) < 0.02)
    return [scene.objects[k].name for k in np.flatnonzero(on_top) if scene.objects[k].category not in FIXED]


def _landing(scene: Scene, item: SceneObject, pose: Pose, room: int) -> Pose:
    """Returns where an object comes to lie: on the nearest free floor of its room."""
    reach = math.hypot(item.size[0], item.size[2]) / 2 + _ASIDE
    own = next(one for one in scene.rooms if one.id == room)
    spots = free_floor(scene, own, reach, max(item.size))
    away = np.hypot(spots[:, 0] - item.center[0], spots[:, 2] - item.center[2])
    if not len(spots) or away.min() > _FARTHEST:
        raise ValueError(f"there is no free floor within {_FARTHEST:g} m of {item.name} on which it could land")
    x, y, z = spots[int(np.argmin(away))].tolist()
    return pose._replace(center=(x, y + item.size[1] / 2 + 0.003, z))


def _sounding(scene: Scene, number: int, start: Pose, landed: Pose, drawn: tuple[int, int]) -> Fall:
    item = scene.objects[number]
    lain = posed_object(item, landed)
    drop = lowest(item) - lowest(lain)
    seconds = math.sqrt(2 * drop / GRAVITY)
    _, triangle = floor_below(scene, landed.center)
    surface = scene.materials[int(scene.triangle_material[triangle])].name
    below = int(scene.triangle_object[triangle])
    floor = touched_surface(scene.objects[below] if below >= 0 else None, surface, solid_of_material(surface))
    body = body_of_object(scene, number)[0].touched()
    at = np.array([landed.center[0], lowest(lain), landed.center[2]])
    seed, sample_rate = drawn
    contacts = _bounces(body, floor, drop, at)
    sound = contact_sound(contacts, sample_rate=sample_rate, seed=seed, name=f"{item.name} falls")
    place = emission_point(lain).astype(np.float32)
    return Fall(start, landed, seconds, Emitter(sound.clip, place), sound.start)


def _bounces(body: Touched, floor: Touched, drop: float, at: FloatArray) -> list[Contact]:
    """Returns the collisions of a thing with the floor; the first one is at 0 s."""
    rebound = body.solid.restitution * floor.solid.restitution
    contacts: list[Contact] = []
    time, speed = 0.0, math.sqrt(2 * GRAVITY * drop)
    while speed > SLOWEST and len(contacts) < _MOST_BOUNCES:
        impulse = body.mass * speed * (1.0 + rebound)
        contacts.append(Contact(time, at, np.array([0.0, 1.0, 0.0]), impulse, speed, body, floor))
        speed *= rebound
        time += 2 * speed / GRAVITY
    return contacts
