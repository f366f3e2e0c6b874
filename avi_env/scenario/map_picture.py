"""The map of a run: the house from above, the agent's way over it, and where things happened."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from avi_env.bench.report import png_bytes

if TYPE_CHECKING:
    from avi_env.scene import Scene

__all__ = ["MAP_STYLE", "Spot", "map_html"]

Place = tuple[float, float, float]
Pixel = tuple[float, float]

MAP_STYLE = """
.house { display: block; width: 100%; max-width: 820px; max-height: 640px;
  border: 1px solid var(--line); border-radius: 6px;
  font: 600 13px system-ui, sans-serif; }
.house .way { fill: none; stroke: #1f6fb2; stroke-width: 4; stroke-linejoin: round; stroke-opacity: 0.85; }
.house .begin { fill: #ffffff; stroke: #1f6fb2; stroke-width: 3; } .house .finish { fill: #1f6fb2; stroke: #ffffff; }
.house .spot { fill: #d1603d; stroke: #ffffff; stroke-width: 2; }
.house text { fill: #22252b; stroke: #ffffff; stroke-width: 3; paint-order: stroke; }
"""
"""Looks of the map: a picture of the house is light, whatever the page is."""


class Spot(NamedTuple):
    """A place where something happened."""

    place: Place
    """[m], world frame."""
    name: str
    words: str


def map_html(scene: Scene, way: Sequence[Place], spots: Sequence[Spot]) -> str:
    """Returns the map as one drawing.

    Args:
        scene: the house.
        way: the agent's positions [m], in order.
        spots: places to name; several at one place are named together.
    """
    from avi_env.vision import topdown_map

    chart = topdown_map(scene, labels=True, floor=way[0][1] if way else None)
    height, width = chart.image.shape[:2]
    data = base64.b64encode(png_bytes(chart.image)).decode("ascii")
    parts = [f'<image href="data:image/png;base64,{data}" width="{width}" height="{height}"/>']
    if way:
        pixels = [(float(column), float(row)) for column, row in chart.to_pixel(way)]
        points = " ".join(f"{column:.1f},{row:.1f}" for column, row in pixels)
        parts.append(f'<polyline class="way" points="{points}"><title>the way of the agent</title></polyline>')
        parts.append(_disc(pixels[0], "begin", "start"))
        parts.append(_disc(pixels[-1], "finish", "end"))
    marked = [(float(c), float(r)) for c, r in chart.to_pixel([spot.place for spot in spots])] if spots else []
    for (column, row), names, words in _gathered(spots, marked):
        parts.append(_disc((column, row), "spot", words))
        side = (column + 11, "start") if column < 0.7 * width else (column - 11, "end")
        parts.append(f'<text x="{side[0]:.1f}" y="{row + 5:.1f}" text-anchor="{side[1]}">{escape(names)}</text>')
    return (
        f'<svg class="house" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="map with the way of the agent">{"".join(parts)}</svg>'
    )


def _gathered(spots: Sequence[Spot], pixels: Sequence[Pixel]) -> Iterator[tuple[Pixel, str, str]]:
    """Yields places with the names and words of all spots there (to 10 pixels)."""
    groups: dict[tuple[int, int], list[int]] = {}
    for k in range(len(spots)):
        groups.setdefault((round(pixels[k][0] / 10), round(pixels[k][1] / 10)), []).append(k)
    for members in groups.values():
        names = ", ".join(dict.fromkeys(spots[k].name for k in members))
        yield pixels[members[0]], names, "; ".join(spots[k].words for k in members)


def _disc(at: Pixel, look: str, words: str) -> str:
    return f'<circle class="{look}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="7"><title>{escape(words)}</title></circle>'
