"""The measurements of the benchmark of scenes, and the report that they make."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.scene_check import scene_issues
from avi_env.bench.scene_files import house_figures
from avi_env.bench.spec import machine_facts, run_spec
from avi_env.content import name_error
from avi_env.scene import Room, Scene, generate_house

if TYPE_CHECKING:
    from rich.console import Console

    from avi_env.bench.scenes import ScenesSettings

__all__ = ["PLAUSIBLE", "SCENE_PARTS", "Measured", "print_scene_report", "run_scenes"]

PLAUSIBLE = {"living_room": (0.3, 0.6), "bathroom": (0.5, 1.2)}
"""Reverberation time of furnished rooms [s], mean of 500 Hz and 1 kHz, within which the median must lie."""

_MIDDLE = [2, 3]  # 500 Hz and 1 kHz
_GENERATE_LIMIT = 50.0  # [ms]
_PAIRS, _PAIR_METRES = 24, 1.0  # pairs of places a house, and how far apart they are at least
Tick = Callable[[], None]


class Measured(NamedTuple):
    """Rows and series of one measurement."""

    rows: list[dict[str, Any]]
    series: dict[str, Any]


def result_row(
    part: str, name: str, value: float, unit: str, limit: tuple[float, float] | None = None, note: str = ""
) -> dict[str, Any]:
    """Returns one result, JSON-serialisable; `within` tells whether it lies in its limits, None = there are none."""
    within = None if limit is None else bool(limit[0] <= value <= limit[1])
    bounds = None if limit is None else [v if np.isfinite(v) else None for v in limit]
    return {
        "part": part, "name": name, "value": round(float(value), 6), "unit": unit, "peer": "", "peer_value": None,
        "ratio": None, "limit": bounds, "within": within, "note": note,
    }  # fmt: skip


def houses(settings: ScenesSettings, tick: Tick) -> Measured:
    """Returns times, faults and sizes of generated houses."""
    generate_house(settings.seed, split=settings.split)  # what is built once per process
    times, figures, faults = [], [], []
    for seed in range(settings.seed, settings.seed + settings.count):
        begin = time.process_time()
        house = generate_house(seed, split=settings.split)
        times.append(1000.0 * (time.process_time() - begin))
        figures.append(house_figures(house))
        faults += [f"{house.name}: {issue.kind}" for issue in scene_issues(house)]
        tick()
    series: dict[str, Any] = {key: [row[key] for row in figures] for key in figures[0]}
    series["milliseconds"] = [round(value, 3) for value in times]
    note = f"{settings.count} houses, one core"
    rows = [
        result_row("houses", "time to generate, median", float(np.median(times)), "ms", (0.0, _GENERATE_LIMIT), note),
        result_row("houses", "time to generate, 95 %", float(np.quantile(times, 0.95)), "ms", note=note),
        result_row("houses", "findings of avi scenes check", len(faults), "", (0, 0), "; ".join(faults[:5])),
    ]
    return Measured(rows, {"houses": series})


def reverberation(settings: ScenesSettings, tick: Tick) -> Measured:
    """Returns the reverberation times of rooms by type, furnished and empty."""
    from avi_env.acoustics.room_decay import room_reverberation

    found: dict[str, dict[str, list[float]]] = {}
    floors: dict[str, list[float]] = {"empty tiled bathroom": [], "carpeted bedroom": []}
    for seed in range(settings.seed, settings.seed + settings.rooms):
        for furnished in (True, False):
            house = generate_house(seed, furniture=furnished, split=settings.split)
            for room in house.rooms:
                try:
                    octaves = room_reverberation(house, room.id, settings.seed)
                except ValueError:  # a closet that nobody can stand in
                    continue
                value = float(np.mean(octaves[_MIDDLE]))
                if not np.isfinite(value):
                    continue
                found.setdefault(room.type, {"furnished": [], "empty": []})[_key(furnished)].append(round(value, 4))
                kind = _floor_kind(house, room, furnished)
                if kind:
                    floors[kind].append(round(value, 4))
        tick()
    rows = []
    for kind, times in sorted(found.items()):
        for state, values in times.items():
            if values:
                limit = PLAUSIBLE.get(kind) if state == "furnished" else None
                name = f"RT60 of a {state} {kind.replace('_', ' ')}, median"
                rows.append(result_row("reverberation", name, float(np.median(values)), "s", limit, _spread(values)))
    tiled, carpeted = (float(np.median(floors[k])) if floors[k] else np.nan for k in floors)
    if np.isfinite(tiled) and np.isfinite(carpeted):
        name = "empty tiled bathroom re carpeted bedroom"
        rows.append(
            result_row("reverberation", name, tiled / carpeted, "x", (1.0, np.inf), f"{tiled:.2f} s, {carpeted:.2f} s")
        )
    return Measured(rows, {"rt60": found})


def _key(furnished: bool) -> str:
    return "furnished" if furnished else "empty"


def _spread(values: Sequence[float]) -> str:
    low, high = np.quantile(values, (0.1, 0.9))
    return f"{len(values)} rooms, 80 % within {low:.2f}-{high:.2f} s"


def _floor_kind(house: Scene, room: Room, furnished: bool) -> str:
    """Names the rooms that the two floors are compared by: empty bathrooms with tiles, furnished carpeted bedrooms."""
    number = next((o.id for o in house.objects if o.category == "floor" and o.room == room.id), None)
    if number is None:
        return ""
    used = house.triangle_material[house.triangle_object == number]
    name = house.materials[int(np.bincount(used).argmax())].name
    if room.type == "bathroom" and not furnished and "tile" in name:
        return "empty tiled bathroom"
    return "carpeted bedroom" if room.type == "bedroom" and furnished and name.startswith("carpet") else ""


def detours(settings: ScenesSettings, tick: Tick) -> Measured:
    """Returns how much longer ways are than straight lines, over random pairs of places."""
    ratios: dict[str, list[float]] = {"same room": [], "other room": []}
    for seed in range(settings.seed, settings.seed + settings.count):
        house = generate_house(seed, split=settings.split)
        for same, ratio in _house_detours(house, seed):
            ratios["same room" if same else "other room"].append(round(ratio, 4))
        tick()
    both = ratios["same room"] + ratios["other room"]
    rows = [
        result_row("detours", f"geodesic over Euclidean distance, {name}, mean", float(np.mean(values)), "x", note=note)
        for name, values, note in (
            ("all pairs", both, f"{len(both)} pairs at least {_PAIR_METRES:g} m apart"),
            ("other room", ratios["other room"], f"{len(ratios['other room'])} pairs"),
        )
        if values
    ]
    return Measured(rows, {"detour": ratios})


def _house_detours(house: Scene, seed: int) -> Iterator[tuple[bool, float]]:
    """Yields whether a pair of places is in one room, and its walking distance over its straight one."""
    from avi_env.navigation import distance_field, field_lookup, random_points, walkable_grid

    grid = walkable_grid(house)
    rng = np.random.default_rng((0x44455430, seed))
    places = random_points(grid, rng, _PAIRS + 4).astype(np.float64)
    goals, starts = places[:4], places[4:]
    for number, goal in enumerate(goals):
        own = starts[number :: len(goals)]
        walked = field_lookup(distance_field(grid, goal), grid, own.astype(np.float32))
        straight = np.hypot(*(own - goal)[:, [0, 2]].T)
        for start, way, line in zip(own, np.asarray(walked), straight, strict=True):
            if line >= _PAIR_METRES and np.isfinite(way):
                yield _room_of(house, start) == _room_of(house, goal), float(way / line)


def _room_of(house: Scene, place: npt.NDArray[np.float64]) -> int:
    from avi_env.scene.outline import in_outline

    xz = place[None, [0, 2]]
    return next((room.id for room in house.rooms if in_outline(room.polygon, xz)[0]), -1)


def scan(settings: ScenesSettings, tick: Tick) -> Measured:
    """Returns what a scan of many triangles costs: to load, to see, to walk in."""
    from avi_env.bench.scan_cost import scan_rows

    rows, series = scan_rows(settings.triangles, settings.seed)
    tick()
    return Measured(rows, series)


SCENE_PARTS: dict[str, Callable[[ScenesSettings, Tick], Measured]] = {
    "houses": houses,
    "reverberation": reverberation,
    "detours": detours,
    "scan": scan,
}
"""Measurements by part."""


def run_scenes(settings: ScenesSettings, console: Console) -> dict[str, Any]:
    """Returns the report: what it was made with, one result a row, series for the plots; shows progress.

    Raises:
        ValueError: a part that there is not, or no house to measure.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    for part in settings.parts:
        if part not in SCENE_PARTS:
            raise name_error("part of the benchmark of scenes", part, SCENE_PARTS)
    if min(settings.count, settings.rooms) < 1:
        raise ValueError("--count and --rooms must be at least 1")
    steps = {"houses": settings.count, "reverberation": settings.rooms, "detours": settings.count, "scan": 1}
    results: list[dict[str, Any]] = []
    series: dict[str, Any] = {}
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for part in settings.parts or SCENE_PARTS:
            task = progress.add_task(part, total=steps[part])
            found = SCENE_PARTS[part](settings, lambda t=task: progress.advance(t))  # type: ignore[misc]
            results += found.rows
            series |= found.series
    given = {key: value for key, value in asdict(settings).items() if key not in ("output", "json")}
    arguments = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    spec = run_spec("cpu", [settings.seed], arguments) | {"machine": machine_facts()}
    return {"spec": spec, "results": results, "series": series}


def print_scene_report(report: dict[str, Any], console: Console) -> None:
    """Prints a report's results as one table."""
    from rich.table import Table

    table = Table()
    for column in ("what", "measured", "allowed", "within", ""):
        table.add_column(column)
    marks = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for row in report["results"]:
        table.add_row(row["name"], amount(row), allowed(row), marks[row["within"]], row["note"])
    console.print(table)


def amount(row: dict[str, Any]) -> str:
    """Returns a result's value with its unit as people write it."""
    return f"{row['value']:,.4g} {row['unit']}".strip()


def allowed(row: dict[str, Any]) -> str:
    """Returns a result's limits as people write them."""
    if row["limit"] is None:
        return ""
    low, high = row["limit"]
    if high is None:
        return f">= {low:g} {row['unit']}"
    return f"{low:g} - {high:g} {row['unit']}".strip() if low else f"<= {high:g} {row['unit']}".strip()
