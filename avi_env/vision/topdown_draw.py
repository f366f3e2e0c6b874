"""Drawing on the map: the way so far, the agent, the sound's source, the start."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from avi_env.vision.topdown import TopdownMap

__all__ = ["draw_on_map"]

Image = npt.NDArray[np.uint8]

_OVERSAMPLE = 3  # drawn finer and scaled down: smooth lines
_TRAIL = ((64, 132, 224), (20, 60, 160))  # from the start's colour to the agent's
_AGENT, _SOURCE, _START = (226, 74, 46), (236, 160, 22), (52, 150, 92)


def draw_on_map(
    base: TopdownMap,
    trajectory: npt.ArrayLike | None = None,
    agent: tuple[npt.ArrayLike, float] | None = None,
    source: npt.ArrayLike | None = None,
    start: npt.ArrayLike | None = None,
    goal_radius: float = 0.0,
) -> Image:
    """Returns a copy of the map with what was asked for drawn on it, shape (h, w, 3), uint8.

    Args:
        base: the map.
        trajectory: positions so far [m], shape (n, 3) or (n, 2) as (x, z), world frame.
        agent: position [m] and yaw [rad].
        source: position of the sound source [m].
        start: position where the agent started [m].
        goal_radius: radius [m] of a circle around the source; 0 draws none.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    height, width = base.image.shape[:2]
    sheet = Pictures.new("RGBA", (width * _OVERSAMPLE, height * _OVERSAMPLE), (255, 255, 255, 0))
    draw = ImageDraw.Draw(sheet)
    unit = base.pixels_per_metre * _OVERSAMPLE
    if source is not None:
        _draw_source(draw, base.to_pixel(source) * _OVERSAMPLE, unit, goal_radius)
    if trajectory is not None:
        _draw_trail(draw, base.to_pixel(np.asarray(trajectory)) * _OVERSAMPLE, unit)
    if start is not None:
        _disc(draw, base.to_pixel(start) * _OVERSAMPLE, 0.13 * unit, _START, 0.035 * unit)
    if agent is not None:
        _draw_agent(draw, base.to_pixel(agent[0]) * _OVERSAMPLE, float(agent[1]), unit)
    overlay = sheet.resize((width, height), Pictures.Resampling.BOX)
    picture = Pictures.fromarray(base.image).convert("RGBA")
    picture.alpha_composite(overlay)
    return np.array(picture.convert("RGB"))


def _draw_trail(draw: object, pixels: npt.NDArray[np.float64], unit: float) -> None:
    thick = max(2, round(0.07 * unit))
    count = max(len(pixels) - 1, 1)
    for k, (one, two) in enumerate(itertools.pairwise(pixels)):
        share = k / count
        color = tuple(round(a + share * (b - a)) for a, b in zip(*_TRAIL, strict=True))
        draw.line([tuple(one), tuple(two)], fill=(*color, 255), width=thick)  # type: ignore[attr-defined]
        _disc(draw, two, thick / 2.0, color, 0.0)


def _draw_agent(draw: object, center: npt.NDArray[np.float64], yaw: float, unit: float) -> None:
    """Draws an arrow head that looks along the heading; -Z is up on the map."""
    forward = np.array([-math.sin(yaw), -math.cos(yaw)])
    right = np.array([math.cos(yaw), -math.sin(yaw)])
    size = 0.26 * unit
    for grow, color in ((1.32, (255, 255, 255)), (1.0, _AGENT)):
        tip, tail = center + forward * size * grow * 1.1, center - forward * size * grow * 0.75
        corners = [
            tip,
            tail + right * size * grow * 0.8,
            center - forward * size * 0.35,
            tail - right * size * grow * 0.8,
        ]
        draw.polygon([tuple(corner) for corner in corners], fill=(*color, 255))  # type: ignore[attr-defined]


def _draw_source(draw: object, center: npt.NDArray[np.float64], unit: float, goal_radius: float) -> None:
    if goal_radius > 0.0:
        _ring(draw, center, goal_radius * unit, (*_SOURCE, 120), 0.03 * unit)
    for radius, alpha in ((0.62, 110), (0.45, 170), (0.29, 230)):
        _ring(draw, center, radius * unit, (*_SOURCE, alpha), 0.05 * unit)
    _disc(draw, center, 0.14 * unit, _SOURCE, 0.035 * unit)


def _ring(draw: object, center: npt.NDArray[np.float64], radius: float, color: tuple[int, ...], thick: float) -> None:
    box = (*(center - radius), *(center + radius))
    draw.ellipse(box, outline=color, width=max(1, round(thick)))  # type: ignore[attr-defined]


def _disc(draw: object, center: npt.NDArray[np.float64], radius: float, color: tuple[int, ...], rim: float) -> None:
    if rim > 0.0:
        box = (*(center - radius - rim), *(center + radius + rim))
        draw.ellipse(box, fill=(255, 255, 255, 255))  # type: ignore[attr-defined]
    draw.ellipse((*(center - radius), *(center + radius)), fill=(*color, 255))  # type: ignore[attr-defined]
