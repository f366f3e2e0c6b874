"""`avi scenes show`: what a scene holds, as a table and as a contact sheet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from avi_env.bench.room_views import STRUCTURE
from avi_env.scene.outline import outline_area

if TYPE_CHECKING:
    from avi_env.scene import Scene

__all__ = ["ShowSettings", "room_rt60", "scene_table", "show_scenes"]

_MIDDLE = (2, 3)  # 500 Hz and 1 kHz: the mid band of ISO 3382-1


@dataclass(frozen=True)
class ShowSettings:
    """Prints what a scene holds, with the reverberation time of each room; with --output, draws a contact sheet."""

    scene: Annotated[str, tyro.conf.Positional] = "house:7"
    """Name or path; of a set ("houses:12") an overview is drawn."""
    sound: bool = True
    """Whether to measure reverberation times (some tenths of a second a room)."""
    seed: int = 0
    """Seed of the traced sound."""
    quality: str = "shadows"
    """Of the pictures: "fast" or "shadows"."""
    output: Path | None = None
    """Folder for the pictures."""
    json: Path | None = None
    """File for rooms, objects and counts."""


def scene_table(scene: Scene, rt60: dict[str, float | None] | None = None) -> dict[str, Any]:
    """Returns rooms, furniture counts, doors and sounding objects of a scene, JSON-serialisable.

    Args:
        scene: the scene.
        rt60: reverberation time of rooms [s] by name, as of `room_rt60`.
    """
    rooms = [
        {
            "name": room.name,
            "type": room.type,
            "area_m2": round(outline_area(room.polygon), 2),
            "height_m": round(room.height, 3),
            "rt60_s": (rt60 or {}).get(room.name),
            "objects": furniture_counts(scene, room.id),
        }
        for room in scene.rooms
    ]
    return {
        "name": scene.name,
        "triangles": len(scene.triangles),
        "materials": len(scene.materials),
        "rooms": rooms,
        "portals": [
            {"rooms": list(p.rooms), "kind": p.kind, "width_m": round(p.width, 2), "openness": p.openness}
            for p in scene.portals
        ],
        "sounds": {o.name: list(o.emits) for o in scene.objects if o.emits},
    }


def furniture_counts(scene: Scene, room: int) -> dict[str, int]:
    """Returns how many of each category stand in a room, walls and the like left out."""
    here = (o.category for o in scene.objects if o.room == room and o.category not in STRUCTURE)
    return dict(sorted(Counter(here).items()))


def room_rt60(scene: Scene, seed: int = 0) -> dict[str, float | None]:
    """Returns the reverberation time T30 of each room [s], mean of 500 Hz and 1 kHz, by the room's name.

    None where nobody can stand in a room, or its decay is too short or too long to tell.
    """
    from avi_env.acoustics.room_decay import room_reverberation

    found: dict[str, float | None] = {}
    for room in scene.rooms:
        try:
            middle = float(np.mean(room_reverberation(scene, room.id, seed)[list(_MIDDLE)]))
        except ValueError:  # nobody can stand there
            middle = float("nan")
        found[room.name] = round(middle, 4) if np.isfinite(middle) else None
    return found


def show_scenes(settings: ShowSettings) -> int:
    """Prints the tables; draws the contact sheet of one scene, the overview of several."""
    from rich.console import Console
    from rich.progress import track

    from avi_env.bench.files import output_folder, save_image, write_json
    from avi_env.content import name_error
    from avi_env.scene import load_scene, scene_names
    from avi_env.vision import QUALITIES

    if settings.quality not in QUALITIES:  # before seconds of work a room, not after
        raise name_error("render quality", settings.quality, QUALITIES)
    if settings.output is not None:
        output_folder(settings.output)

    names, console = scene_names(settings.scene), Console()
    facts, tiles = [], []
    for name in track(names, "looking at", console=console, transient=True, disable=len(names) < 2):
        scene = load_scene(name)
        facts.append(scene_table(scene, room_rt60(scene, settings.seed) if settings.sound else None))
        if len(names) == 1:
            _print_table(facts[-1], console)
        if settings.output is not None:
            from avi_env.bench.scene_sheet import contact_sheet, overview_tile

            draw = contact_sheet if len(names) == 1 else overview_tile
            tiles.append(draw(scene, facts[-1], settings.quality))
    if settings.output is not None:
        from avi_env.bench.scene_sheet import overview

        file = settings.output / ("sheet.png" if len(names) == 1 else "overview.png")
        save_image(file, tiles[0] if len(names) == 1 else overview(tiles))
        console.print(f"wrote {file}")
    if settings.json is not None:
        write_json(settings.json, facts[0] if len(names) == 1 else facts)
    return 0


def _print_table(facts: dict[str, Any], console: Any) -> None:
    from rich.table import Table

    table = Table(
        title=f"{facts['name']}: {facts['triangles']} triangles, {len(facts['portals'])} openings",
        caption="RT60: mean of 500 Hz and 1 kHz, doors as they are",
    )
    for column in ("room", "area", "height", "RT60", "objects"):
        table.add_column(column)
    for room in facts["rooms"]:
        things = ", ".join(f"{n} {c}" if n > 1 else c for c, n in room["objects"].items())
        time = "-" if room["rt60_s"] is None else f"{room['rt60_s']:.2f} s"
        table.add_row(room["name"], f"{room['area_m2']:.1f} m2", f"{room['height_m']:.2f} m", time, things)
    console.print(table)
    if facts["sounds"]:
        console.print("sounds: " + "; ".join(f"{body}: {', '.join(s)}" for body, s in facts["sounds"].items()))
