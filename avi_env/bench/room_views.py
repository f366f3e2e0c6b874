"""One picture of each room, from the place and in the direction that show most of its things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from avi_env.scene.outline import in_outline

if TYPE_CHECKING:
    from avi_env.navigation import WalkableGrid
    from avi_env.scene import Room, Scene

__all__ = ["STRUCTURE", "room_view", "room_views", "standing_places"]

Picture = npt.NDArray[np.uint8]

STRUCTURE = frozenset(
    {"wall", "floor", "ceiling", "window", "door", "front_door", "door_frame", "baseboard", "mesh", "stage"}
)
"""Categories that are the building, not things in it."""

_HFOV, _PITCH, _HEIGHT = 85.0, -0.15, 1.5  # [degrees], [rad], [m]: a photographer's
_PLACES, _TURNS = 40, 12  # tried per room
_SAME_STOREY = 0.5  # [m] between the room's floor and that of a place in it


def room_views(scene: Scene, width: int = 512, height: int = 512, quality: str = "fast") -> dict[str, Picture]:
    """Returns one picture of each room in which somebody can stand.

    Args:
        scene: the scene.
        width: of a picture [pixels].
        height: of a picture [pixels].
        quality: as in `avi_env.vision.render`.

    Returns:
        Pictures (height, width, 3) uint8 by room name; four rays a pixel.
    """
    views = {}
    for room in scene.rooms:
        view = room_view(scene, room, width, height, quality)
        if view is not None:
            views[room.name] = view
    return views


def room_view(scene: Scene, room: Room, width: int, height: int, quality: str = "fast") -> Picture | None:
    """Returns the picture of one room, shape (height, width, 3), as `room_views`; None where nobody can stand in it."""
    from PIL import Image

    from avi_env.vision import render

    pose = _best_pose(scene, room)
    if pose is None:
        return None
    eye, yaw = pose
    large = render(scene, eye, yaw, 2 * width, 2 * height, _HFOV, quality, pitch=_PITCH)
    return np.array(Image.fromarray(large["rgb"]).resize((width, height), Image.Resampling.BOX))


def standing_places(grid: WalkableGrid, room: Room, island: int | None = None) -> npt.NDArray[np.float64]:
    """Returns the columns' centres (x, z) [m] where an agent can stand in a room, on its storey, shape (n, 2).

    Args:
        grid: where it can stand at all.
        room: the room.
        island: the connected part that counts; None = any.
    """
    found = []
    for layer, own in zip(grid.layers, grid.own_places(), strict=True):
        columns = np.argwhere(own if island is None else own & (layer.island == island))
        on_storey = np.abs(layer.floor_y[columns[:, 0], columns[:, 1]] - room.floor_y) < _SAME_STOREY
        centers = grid.center(columns[on_storey])
        found.append(centers[in_outline(room.polygon, centers)])
    return np.concatenate(found)


def _best_pose(scene: Scene, room: Room) -> tuple[npt.NDArray[np.float64], float] | None:
    """Returns eye and yaw of the pose that shows most of a room's things, None where nobody can stand."""
    from avi_env.navigation import walkable_grid
    from avi_env.vision import render

    grid = walkable_grid(scene)
    inside = standing_places(grid, room)
    if not len(inside):
        return None
    places = inside[np.linspace(0, len(inside) - 1, _PLACES).astype(int)]
    height = room.floor_y + _HEIGHT
    eyes = np.repeat(np.column_stack([places[:, 0], np.full(len(places), height), places[:, 1]]), _TURNS, axis=0)
    yaws = np.tile(np.arange(_TURNS) * 2.0 * np.pi / _TURNS, len(places))
    seen = render(scene, eyes, yaws, 40, 40, _HFOV, pitch=_PITCH)
    own = np.array([o.room == room.id and o.category not in STRUCTURE for o in scene.objects] + [False])
    things = [np.unique(image[own[image]], return_counts=True)[1] for image in seen["semantic"]]
    # A thing counts up to a fortieth of the picture: a close cupboard is not a better view than six things.
    score = [float(np.minimum(counts, 40).sum()) for counts in things]
    best = int(np.argmax(score))
    return eyes[best], float(yaws[best])
