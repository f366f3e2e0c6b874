"""The course of a run as one drawing over a common time axis: sound, events, skills, expectations. SVG, no script."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["TIMELINE_STYLE", "Bar", "Lane", "Mark", "timeline_svg"]

WIDTH, GUTTER, EDGE = 1080.0, 236.0, 14.0
"""Of the drawing, of the labels on its left, of what stays free on its right [px]."""

_Axis = Callable[[float], float]
_AXIS, _GAP, _LETTER, _SMALL = 26.0, 7.0, 6.4, 5.4
_ROW = 15.0  # of marks' words below each other [px]

TIMELINE_STYLE = """
.course { display: block; width: 100%; min-width: 760px; height: auto; font: 12px system-ui, sans-serif; }
.course text { fill: var(--text); } .course .faint { fill: var(--faint); }
.course .grid { stroke: var(--line); stroke-width: 1; } .course .event { stroke: var(--accent); stroke-dasharray: 2 4; }
.course .ground { fill: var(--card); stroke: var(--line); }
.course .window { fill: var(--line); fill-opacity: 0.55; } .course .holds { fill: var(--good); fill-opacity: 0.35; }
.course .skill { fill: var(--accent); fill-opacity: 0.22; stroke: var(--accent); stroke-width: 0.6; }
.course .fault { fill: var(--bad); fill-opacity: 0.3; stroke: var(--bad); stroke-width: 0.6; }
.course .margin { fill: none; stroke: var(--text); stroke-width: 1.2; stroke-opacity: 0.75; }
.course .zero { stroke: var(--faint); stroke-width: 0.6; stroke-dasharray: 1 3; }
.course .mark { fill: var(--accent); } .course .pass { fill: var(--good); stroke: var(--good); }
.course .fail { fill: var(--bad); stroke: var(--bad); } .course .open { fill: var(--faint); stroke: var(--faint); }
.course text.pass, .course text.fail, .course text.open { stroke: none; }
"""
"""Looks of the drawing; the colours are the page's own."""


@dataclass(frozen=True)
class Bar:
    """A stretch of time."""

    start: float
    """[s]"""
    end: float
    """[s]"""
    look: str
    """Class of the style: "window", "holds", "skill", "fault"."""
    text: str = ""
    """Written on it where there is room, and shown when pointed at."""


@dataclass(frozen=True)
class Mark:
    """A moment."""

    time: float
    """[s]"""
    look: str
    """Class of the style: "mark", "pass", "fail", "open"."""
    text: str = ""
    through: bool = False
    """Whether a line goes down through all lanes below."""


@dataclass(frozen=True)
class Lane:
    """One row of the drawing."""

    label: str
    note: str = ""
    """Small, below the label, in two lines at most."""
    look: str = ""
    """Class of the label: "pass", "fail", "open" or none."""
    height: float = 30.0
    """[px]"""
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    """(time [s], margin): drawn around a zero line, scaled to the largest finite one."""
    picture: str = ""
    """A data address of a picture that fills the lane."""


def timeline_svg(lanes: Sequence[Lane], start: float, end: float) -> str:
    """Returns the drawing of lanes below each other, from `start` to `end` [s]."""
    span = max(end - start, 1e-6)
    scale = (WIDTH - GUTTER - EDGE) / span

    def x(time: float) -> float:
        return GUTTER + (min(max(time, start), end) - start) * scale

    tops, y = [], _AXIS
    for lane in lanes:
        tops.append(y)
        y += _height(lane, x) + _GAP
    parts = [*_grid(start, end, x, y)]
    for lane, top in zip(lanes, tops, strict=True):
        parts += _lane(lane, top, x)
    for lane, top in zip(lanes, tops, strict=True):  # over all lanes
        below = top + _height(lane, x)
        parts += [_line(x(mark.time), below, x(mark.time), y, "event") for mark in lane.marks if mark.through]
    return (
        f'<svg class="course" viewBox="0 0 {WIDTH:g} {y:.0f}" role="img" '
        f'aria-label="course of the run from {start:g} s to {end:g} s">' + "\n".join(parts) + "</svg>"
    )


def _grid(start: float, end: float, x: _Axis, bottom: float) -> Iterator[str]:
    step = tick_step(end - start)
    for k in range(math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9) + 1):
        at = x(k * step)
        yield _line(at, _AXIS - 6, at, bottom, "grid")
        yield f'<text class="faint" x="{at:.1f}" y="{_AXIS - 11:g}" text-anchor="middle">{k * step:g} s</text>'


def tick_step(span: float) -> float:
    """Returns the distance of ticks [s]: 1, 2 or 5 times a power of ten, about ten over the span [s]."""
    rough = max(span, 1e-6) / 10.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def _height(lane: Lane, x: _Axis) -> float:
    levels = max(_levels(lane.marks, x), default=0) + 1 if any(mark.text for mark in lane.marks) else 0
    return max(lane.height, 6.0 + _ROW * levels) if not lane.bars else lane.height


def _lane(lane: Lane, top: float, x: _Axis) -> Iterator[str]:
    height, left, right = _height(lane, x), GUTTER, WIDTH - EDGE
    yield f'<rect class="ground" x="{left:g}" y="{top:.1f}" width="{right - left:g}" height="{height:.1f}"/>'
    lines = _wrapped(lane.note)
    y = top + height / 2 + 4 - 6.5 * len(lines)
    sign = {"pass": "✓ ", "fail": "✗ ", "open": "? "}.get(lane.look, "")
    label = escape(_cut(sign + lane.label, GUTTER - 16))
    yield f'<text class="{lane.look}" x="{GUTTER - 10:g}" y="{y:.1f}" text-anchor="end">{label}</text>'
    for number, line in enumerate(lines, 1):
        yield (
            f'<text class="faint" font-size="10" x="{GUTTER - 10:g}" y="{y + 13 * number:.1f}" text-anchor="end">'
            f"{escape(line)}<title>{escape(lane.note)}</title></text>"
        )
    if lane.picture:
        yield (
            f'<image href="{lane.picture}" x="{left:g}" y="{top:.1f}" width="{right - left:g}" height="{height:.1f}" '
            'preserveAspectRatio="none"/>'
        )
    for bar in lane.bars:
        yield from _bar(bar, top, height, x)
    yield from _curve(lane, top, height, x)
    yield from _marks(lane, top, height, x)


def _bar(bar: Bar, top: float, height: float, x: _Axis) -> Iterator[str]:
    left, width = x(bar.start), max(x(bar.end) - x(bar.start), 1.0)
    words = f"{bar.text} ({bar.start:.2f} ... {bar.end:.2f} s)".strip()
    yield (
        f'<rect class="{bar.look}" x="{left:.1f}" y="{top + 3:.1f}" width="{width:.1f}" height="{height - 6:.1f}">'
        f"<title>{escape(words)}</title></rect>"
    )
    if bar.text and width > 5 * _LETTER:
        text = escape(_cut(bar.text, width - 8))
        yield f'<text x="{left + 4:.1f}" y="{top + height / 2 + 4:.1f}" pointer-events="none">{text}</text>'


def _curve(lane: Lane, top: float, height: float, x: _Axis) -> Iterator[str]:
    finite = [(time, value) for time, value in lane.curve if math.isfinite(value)]
    most = max((abs(value) for _, value in finite), default=0.0)
    if len(finite) < 2 or most == 0.0:
        return
    middle, half = top + height / 2, height / 2 - 4
    yield _line(GUTTER, middle, WIDTH - EDGE, middle, "zero")
    points = " ".join(f"{x(time):.1f},{middle - value / most * half:.1f}" for time, value in finite)
    yield f'<polyline class="margin" points="{points}"><title>margin, at most {most:.3g}</title></polyline>'


def _marks(lane: Lane, top: float, height: float, x: _Axis) -> Iterator[str]:
    for mark, level in zip(lane.marks, _levels(lane.marks, x), strict=True):
        at, words = x(mark.time), escape(f"{mark.text} at {mark.time:.2f} s".strip())
        if lane.bars or lane.curve or lane.picture:
            yield _line(at, top, at, top + height, mark.look)
            tip = f"{at - 5:.1f},{top:.1f} {at + 5:.1f},{top:.1f} {at:.1f},{top + 8:.1f}"
            yield f'<polygon class="{mark.look}" points="{tip}"><title>{words}</title></polygon>'
            continue
        y = top + 3 + _ROW * level + _ROW / 2
        yield f'<circle class="{mark.look}" cx="{at:.1f}" cy="{y:.1f}" r="4"><title>{words}</title></circle>'
        start, anchor = (at + 8, "start") if _fits(mark, at) else (at - 8, "end")
        yield f'<text x="{start:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">{escape(mark.text)}</text>'


def _fits(mark: Mark, at: float) -> bool:
    return at + 8 + len(mark.text) * _LETTER < WIDTH - EDGE


def _levels(marks: Sequence[Mark], x: _Axis) -> list[int]:
    """Rows of marks' words so that none covers another."""
    levels: list[int] = []
    taken: list[list[tuple[float, float]]] = []
    for mark in marks:
        at, length = x(mark.time), 14 + len(mark.text) * _LETTER
        room = (at - 6, at + length) if _fits(mark, at) else (at - length, at + 6)
        free = (k for k, row in enumerate(taken) if all(room[1] < low or room[0] > high for low, high in row))
        level = next(free, len(taken))
        if level == len(taken):
            taken.append([])
        taken[level].append(room)
        levels.append(level)
    return levels


def _line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _wrapped(text: str) -> list[str]:
    """Breaks a small text into two lines at most."""
    return textwrap.wrap(text, int((GUTTER - 16) / _SMALL), max_lines=2, placeholder="…")


def _cut(text: str, width: float) -> str:
    most = max(int(width / _LETTER), 1)
    return text if len(text) <= most else text[: most - 1] + "…"
