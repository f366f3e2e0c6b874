"""The house from above: the scene itself, cut open below the lintels and rendered, as a map to draw on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from avi_env.scene.bank import SceneBank
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene, SceneObject
from avi_env.scene.rays import closest_hit
from avi_env.vision.camera import Camera, camera_rays, view_basis
from avi_env.vision.primary import Primary
from avi_env.vision.shading import color_image, make_view

__all__ = ["TopdownMap", "topdown_map"]

Image = npt.NDArray[np.uint8]

_ALTITUDE = 1500.0  # [m]: from so high up the rays are parallel to 1 in 100, and single precision keeps millimetres
_STOREY = 1.0  # [m]; what is lower or whose floor differs by more is of another storey
_CUT = 1.85  # [m] above the floor: below the lintels, above tables and most shelves
_OVERSAMPLE = 2
_PAPER = (246, 244, 240)
_WALL = (58, 60, 66)
_DOOR = (176, 126, 76)
_GLASS = (150, 196, 222)


@dataclass(frozen=True, eq=False)
class TopdownMap:
    """A picture of a scene from above: +X to the right, -Z (forward at yaw 0) upwards."""

    image: Image
    """sRGB, shape (h, w, 3), uint8, read-only."""
    origin: tuple[float, float]
    """World (x, z) of the upper left corner [m]."""
    pixels_per_metre: float
    """Scale."""

    def to_pixel(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns (column, row) in the image, shape (..., 2), of world points (x, z) or (x, y, z) [m]."""
        array = np.asarray(points, dtype=np.float64)
        if array.shape[-1] not in (2, 3):
            raise ValueError(f"points must be (x, z) or (x, y, z), not of width {array.shape[-1]}")
        pixels: npt.NDArray[np.float64] = (array[..., [0, -1]] - np.asarray(self.origin)) * self.pixels_per_metre
        return pixels


def topdown_map(
    scene: Scene,
    pixels_per_metre: float = 40.0,
    labels: bool = False,
    border: float = 0.4,
    floor: float | None = None,
) -> TopdownMap:
    """Returns the map of a scene, built once per argument set.

    Args:
        scene: the scene.
        pixels_per_metre: scale [pixel/m].
        labels: whether to write the rooms' types into them.
        border: empty margin around the scene [m].
        floor: height y [m] of the floor of the storey that is shown; default the lowest.

    Raises:
        ValueError: a scale that is not positive, or a map of more than 64 million pixels.
    """
    lowest = min(
        (room.floor_y for room in scene.rooms), default=float(scene.bounds[0, 1]) if len(scene.vertices) else 0.0
    )
    level = lowest if floor is None else float(floor)
    key = ("topdown", float(pixels_per_metre), bool(labels), float(border), level)
    return derived(scene, key, lambda: _build(scene, float(pixels_per_metre), labels, border, level))


def _build(scene: Scene, scale: float, labels: bool, border: float, floor: float) -> TopdownMap:
    if not scale > 0.0:
        raise ValueError(f"pixels_per_metre must be positive, got {scale:g}")
    low, high = (scene.bounds if len(scene.vertices) else np.zeros((2, 3))).astype(np.float64)
    width, height = (math.ceil((high[k] - low[k] + 2.0 * border) * scale) for k in (0, 2))
    if width * height > 64e6:
        raise ValueError(f"a map of {width} x {height} pixels is too large: lower pixels_per_metre")
    origin = ((low[0] + high[0] - width / scale) / 2.0, (low[2] + high[2] - height / scale) / 2.0)
    image = _photograph(scene, origin, (width, height), scale, floor)
    image = _overlay(scene, image, origin, scale, floor, labels)
    image.setflags(write=False)
    return TopdownMap(image, origin, scale)


def _photograph(scene: Scene, origin: tuple[float, float], size: tuple[int, int], scale: float, floor: float) -> Image:
    """Returns the scene below the cut as seen from far above, `_OVERSAMPLE` times finer than the map."""
    width, height = size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE
    middle = [origin[0] + size[0] / scale / 2.0, floor + _ALTITUDE, origin[1] + size[1] / scale / 2.0]
    hfov = math.degrees(2.0 * math.atan(size[0] / scale / 2.0 / _ALTITUDE))
    camera = Camera(width=width, height=height, hfov=hfov, pitch=-math.pi / 2.0)
    position, row = torch.tensor([middle], dtype=torch.float32), torch.zeros(1, dtype=torch.int32)
    basis = view_basis(torch.zeros(1), camera)
    origins, directions = (rays.reshape(-1, 3).numpy() for rays in camera_rays(position, basis, camera))
    ahead = (floor + _CUT - middle[1]) / directions[:, 1].astype(np.float64)
    start = origins + ahead[:, None] * directions
    start[:, 1] = floor + _CUT  # exactly: what the product lost at this altitude
    depth, triangle, barycentric = closest_hit(scene, start.astype(np.float32), directions)
    triangle[depth > _CUT + 0.6] = -1  # the ground far below a house is not part of the map
    primary = Primary(
        torch.from_numpy((ahead + depth).astype(np.float32)).reshape(1, height, width),
        torch.from_numpy(triangle).reshape(1, height, width),
        torch.from_numpy(barycentric).reshape(1, height, width, 2),
    )
    bank = derived(scene, ("scene_bank", "cpu"), lambda: SceneBank((scene,)))
    rgb = torch.empty((1, height, width, 3), dtype=torch.uint8)
    image = color_image(bank, make_view(row, position, basis, camera, primary), None, rgb)[0].numpy().reshape(-1, 3)
    _paint_cuts(scene, image, triangle, bank)
    picture = image.reshape(height, width, 3)
    _paint_walls(scene, picture, start.reshape(height, width, 3), (origin, scale * _OVERSAMPLE), bank)
    return picture


def _paint_cuts(scene: Scene, image: Image, triangle: npt.NDArray[np.int32], bank: SceneBank) -> None:
    """Colours what the cut runs through (the ray starts inside and meets a face from behind), and what is not there."""
    image[triangle < 0] = _PAPER
    if not len(scene.triangles):
        return
    inside = (triangle >= 0) & (bank.triangle_normal.numpy()[triangle, 1] < -0.5)
    category = np.array([item.category for item in scene.objects] + [""])[scene.triangle_object[triangle]]
    wall = np.isin(category, ("wall", "door_frame"))
    door = np.isin(category, ("door", "front_door"))
    image[inside & wall], image[inside & door] = _WALL, _DOOR
    cut = inside & ~wall & ~door
    image[cut] = np.clip(image[cut] * 0.4 + 95.0, 0, 255).astype(np.uint8)


def _paint_walls(
    scene: Scene,
    image: Image,
    start: npt.NDArray[np.float64],
    frame: tuple[tuple[float, float], float],
    bank: SceneBank,
) -> None:
    """Colours the cut through walls: slabs have no bottom to be met, so a level ray tells whether one is inside."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    mask = Pictures.new("1", (image.shape[1], image.shape[0]))
    draw = ImageDraw.Draw(mask)
    for item in scene.objects:
        if item.category in ("wall", "door_frame"):
            draw.polygon([tuple(corner) for corner in (_footprint(item) - frame[0]) * frame[1]], fill=1)
    rows = np.flatnonzero(np.asarray(mask))
    if not len(rows):
        return
    level = np.array([0.9, 0.0, 0.436], dtype=np.float32)  # along no wall of a house
    origins = start.reshape(-1, 3)[rows].astype(np.float32)
    triangle = closest_hit(scene, origins, np.repeat(level[None], len(rows), axis=0)).triangle
    category = np.array([item.category for item in scene.objects] + [""])[scene.triangle_object[triangle]]
    behind = bank.triangle_normal.numpy()[triangle] @ level > 0.0
    inside = (triangle >= 0) & behind & np.isin(category, ("wall", "door_frame"))
    image.reshape(-1, 3)[rows[inside]] = _WALL


def _overlay(
    scene: Scene, image: Image, origin: tuple[float, float], scale: float, floor: float, labels: bool
) -> Image:
    """Returns the map: windows drawn over the photograph, scaled down, labelled."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    picture = Pictures.fromarray(image)
    draw = ImageDraw.Draw(picture)
    for item in scene.objects:
        if item.category == "window" and -_STOREY < item.center[1] - item.size[1] / 2.0 - floor < 2.2:
            outline = (_footprint(item) - origin) * scale * _OVERSAMPLE
            draw.polygon([tuple(corner) for corner in outline], fill=_GLASS, outline=_WALL)
    size = (image.shape[1] // _OVERSAMPLE, image.shape[0] // _OVERSAMPLE)
    picture = picture.resize(size, Pictures.Resampling.BOX)
    if labels:
        _write_labels(scene, picture, origin, scale, floor)
    return np.array(picture)


def _footprint(item: SceneObject) -> npt.NDArray[np.float64]:
    """Returns the corners of an object's box from above, (x, z) [m], shape (4, 2)."""
    cosine, sine = math.cos(item.yaw), math.sin(item.yaw)
    right = np.array([cosine, -sine]) * item.size[0] / 2.0
    back = np.array([sine, cosine]) * item.size[2] / 2.0
    middle = np.array([item.center[0], item.center[2]])
    return middle + np.stack([-right - back, right - back, right + back, -right + back])


def _write_labels(scene: Scene, picture: object, origin: tuple[float, float], scale: float, floor: float) -> None:
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(picture)  # type: ignore[arg-type]
    font = ImageFont.load_default(size=max(9.0, 0.3 * scale))
    for room in scene.rooms:
        if abs(room.floor_y - floor) > _STOREY:
            continue
        points = np.asarray(room.polygon, dtype=np.float64)
        x, z = (points.mean(axis=0) - origin) * scale
        text = room.type.replace("_", " ")
        draw.text((x, z), text, font=font, fill=(28, 28, 32), anchor="mm", stroke_width=2, stroke_fill=(250, 248, 244))
