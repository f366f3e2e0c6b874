"""`avi scenes check`: whether scenes can be simulated, walked in and heard in; exit status 1 if one cannot."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

if TYPE_CHECKING:
    from avi_env.navigation import WalkableGrid
    from avi_env.scene import Issue, Portal, Room, Scene

__all__ = ["CLOSED_LIMIT", "CheckSettings", "check_scenes", "scene_issues"]

CLOSED_LIMIT = 1e-4
"""Share of escaping ray segments from which a generated house does not count as closed."""

_ESCAPE_RAYS = 8192  # of 8 segments each: one escape in 65 000 is 1.5e-5
_LEAST_AREA = 0.3  # [m2] to stand on in a room: ProcTHOR asks for five points of a 25 cm grid
_PASSABLE = 0.9  # doors as open as this are meant to be walked through
_BESIDE = 0.6  # [m] before and behind a door between which the way is looked for
_DETOUR = 1.5  # [m] that a way through a door may be longer than straight


@dataclass(frozen=True)
class CheckSettings:
    """Checks scenes: closed, rooms reachable, doors passable, nothing interpenetrating; exit status 1 if one fails."""

    scenes: Annotated[tuple[str, ...], tyro.conf.Positional] = ("houses:10",)
    """Names, sets ("houses:200", "houses:val:20") or paths."""
    agent_radius: float = 0.2
    """Radius of the agent that must get everywhere [m]."""
    agent_height: float = 1.5
    """Its height [m]."""
    strict: bool = False
    """Whether warnings fail as well."""
    json: Path | None = None
    """File for all findings."""


def scene_issues(scene: Scene, agent_radius: float = 0.2, agent_height: float = 1.5) -> tuple[Issue, ...]:
    """Returns everything that is wrong with a scene: health, reach, doors, and things inside each other.

    Args:
        scene: the scene.
        agent_radius: of the agent that must get everywhere [m].
        agent_height: its height [m].
    """
    from avi_env.scene import Issue, check_scene
    from avi_env.scene.interpenetration import BUILDING, interpenetrations

    issues = list(check_scene(scene))
    if scene.meta.get("generator") == "house" and not any(issue.kind == "leak" for issue in issues):
        issues += _escapes(scene)
    try:
        issues += _reach(scene, agent_radius, agent_height)
    except ValueError as error:
        issues.append(Issue("no_walk", str(error)))
    for first, second, depth, place in interpenetrations(scene):
        if not _is_generated(scene) and {scene.objects[k].category for k in (first, second)} & BUILDING:
            continue  # walls of foreign meshes are welded: the hull of all of them holds the whole room
        names = scene.objects[first].name, scene.objects[second].name
        text = f"scene {scene.name!r}: {names[0]} and {names[1]} are {1000 * depth:.0f} mm inside each other: move one"
        issues.append(Issue("interpenetration", text, place, "error" if _is_generated(scene) else "warning"))
    return tuple(issues)


def _is_generated(scene: Scene) -> bool:
    return scene.meta.get("generator") == "house"


def _escapes(scene: Scene) -> list[Issue]:
    """A generated house must be closed a thousand times better than a scan."""
    from avi_env.acoustics.listener_cells import listener_cells
    from avi_env.scene import Issue
    from avi_env.scene.health import escaped_share

    share = escaped_share(scene, listener_cells(scene).points, _ESCAPE_RAYS)
    if share < CLOSED_LIMIT:
        return []
    return [Issue("leak", f"scene {scene.name!r} leaks: {share:.1e} of ray segments escape: report this seed")]


def _reach(scene: Scene, radius: float, height: float) -> list[Issue]:
    """Rooms that nobody can walk to, open doors that nobody can walk through."""
    from avi_env.navigation import walkable_grid

    grid = walkable_grid(scene, radius, height)
    if not scene.rooms:
        return []
    issues = [_unreached(scene, room) for room in scene.rooms if reached_area(scene, grid, room) < _LEAST_AREA]
    meant = [p for p in scene.portals if p.openness >= _PASSABLE]
    issues += [_shut(scene, portal) for portal in meant if not _is_passable(scene, portal, radius, height)]
    return issues


def reached_area(scene: Scene, grid: WalkableGrid, room: Room) -> float:
    """Returns the area of a room [m2] where an agent can stand that can walk to most of the scene."""
    from avi_env.bench.room_views import standing_places

    return len(standing_places(grid, room, island=0)) * grid.cell**2


def _unreached(scene: Scene, room: Room) -> Issue:
    from avi_env.scene import Issue

    x, z = np.mean(room.polygon, axis=0)
    text = f"scene {scene.name!r}: nobody can walk to {room.name}: open a way of portals, or move what blocks it"
    return Issue("unreachable_room", text, (float(x), room.floor_y, float(z)))


def _is_passable(scene: Scene, portal: Portal, radius: float, height: float) -> bool:
    """Whether the way from one side of an opening to the other leads through it."""
    from avi_env.navigation import geodesic_distance

    normal = np.array([-np.sin(portal.yaw), 0.0, -np.cos(portal.yaw)])
    floor = portal.center[1] - portal.height / 2
    middle = np.array([portal.center[0], floor, portal.center[2]])
    ends = (middle + _BESIDE * normal, middle - _BESIDE * normal)
    return bool(geodesic_distance(scene, *ends, radius, height) <= 2 * _BESIDE + _DETOUR)


def _shut(scene: Scene, portal: Portal) -> Issue:
    from avi_env.scene import Issue

    rooms = " and ".join(room.name for room in scene.rooms if room.id in portal.rooms)
    text = f"scene {scene.name!r}: the open {portal.kind} between {rooms} is blocked: move what stands before it"
    return Issue("blocked_door", text, portal.center)


def check_scenes(settings: CheckSettings) -> int:
    """Prints a report a scene with findings, and a summary; returns 1 if any scene fails."""
    from rich.console import Console
    from rich.progress import track

    from avi_env.bench.files import write_json
    from avi_env.scene import scene_names

    names = [name for spec in settings.scenes for name in scene_names(spec)]
    console = Console()
    rows = []
    for name in track(names, "checking", console=console, transient=True, disable=len(names) < 2):
        rows.append(_row(name, settings))
        if rows[-1]["findings"]:
            _print_findings(rows[-1], console)
    failed = [row["scene"] for row in rows if not row["ok"]]
    kinds = Counter(finding["kind"] for row in rows for finding in row["findings"])
    told = f" ({', '.join(f'{n} {kind}' for kind, n in kinds.most_common())})" if kinds else ""
    console.print(f"{len(rows) - len(failed)} of {len(rows)} scenes passed{told}")
    if settings.json is not None:
        write_json(settings.json, {"scenes": len(rows), "failed": failed, "reports": rows})
    return 1 if failed else 0


def _row(name: str, settings: CheckSettings) -> dict[str, Any]:
    from avi_env.scene import Issue, SceneError, load_scene

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every doubt is in the report
        try:
            found: Sequence[Issue] = scene_issues(load_scene(name), settings.agent_radius, settings.agent_height)
        except SceneError as error:  # refused on loading
            found = (Issue("refused", str(error)),)
    if settings.strict:
        found = [replace(issue, severity="error") for issue in found]
    findings = [
        {
            "kind": i.kind,
            "severity": i.severity,
            "message": i.message,
            "place": None if i.place is None else list(i.place),
        }
        for i in found
    ]
    return {"scene": name, "ok": all(i.severity != "error" for i in found), "findings": findings}


def _print_findings(row: dict[str, Any], console: Any) -> None:
    console.print(f"[bold]{row['scene']}[/bold]: {'passed with warnings' if row['ok'] else 'failed'}")
    for finding in row["findings"]:
        console.print(f"  {finding['severity']:8} {finding['kind']}: {finding['message']}", markup=False)
