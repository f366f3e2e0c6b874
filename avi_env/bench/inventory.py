"""What there is: a scene's rooms and objects with pictures, the sound classes with wav files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from avi_env.bench.files import save_image, write_json
from avi_env.scene import Room, Scene, load_scene
from avi_env.sounds import SOUND_CLASSES, make_clip, sound_classes, write_clip

__all__ = ["room_views", "scene_table", "show_scene", "show_sounds"]

Picture = npt.NDArray[np.uint8]

_VIEW_HFOV, _VIEW_PITCH, _VIEW_HEIGHT = 85.0, -0.15, 1.5  # [degrees], [rad], [m]: a photographer's
_VIEW_PLACES, _VIEW_TURNS = 40, 12  # tried per room
_STRUCTURE = {"wall", "floor", "ceiling", "window", "door", "door_frame", "baseboard"}


def scene_table(scene: Scene) -> dict[str, Any]:
    """Returns rooms, furniture counts, doors and sounding objects of a scene, JSON-serialisable."""
    rooms = [
        {
            "name": room.name,
            "type": room.type,
            "area_m2": round(polygon_area(room.polygon), 2),
            "height_m": room.height,
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
    here = (o.category for o in scene.objects if o.room == room and o.category not in _STRUCTURE)
    return dict(sorted(Counter(here).items()))


def polygon_area(polygon: tuple[tuple[float, float], ...]) -> float:
    """Returns the area of a simple polygon [m2] (shoelace formula)."""
    x, z = np.asarray(polygon).T
    return float(0.5 * abs(np.dot(x, np.roll(z, -1)) - np.dot(z, np.roll(x, -1))))


def show_scene(name: str, output: Path | None, json: Path | None) -> int:
    """Prints a scene's table; writes its map and room pictures, or saves it as .glb."""
    scene = load_scene(name)
    facts = scene_table(scene)
    console = Console()
    table = Table(title=f"{scene.name}: {facts['triangles']} triangles, {len(facts['portals'])} openings")
    for column in ("room", "area", "height", "objects"):
        table.add_column(column)
    for room in facts["rooms"]:
        things = ", ".join(f"{n} {c}" if n > 1 else c for c, n in room["objects"].items())
        table.add_row(room["name"], f"{room['area_m2']:.1f} m2", f"{room['height_m']:.2f} m", things)
    console.print(table)
    console.print("sounds: " + "; ".join(f"{body}: {', '.join(s)}" for body, s in facts["sounds"].items()))
    if json is not None:
        write_json(json, facts)
    if output is not None:
        _write_scene(scene, output, console)
    return 0


def _write_scene(scene: Scene, output: Path, console: Console) -> None:
    if output.suffix == ".glb":
        from avi_env.scene import save_scene

        save_scene(scene, output)
        console.print(f"wrote {output} and its .json sidecar")
        return
    from avi_env.vision import topdown_map

    output.mkdir(parents=True, exist_ok=True)
    save_image(output / "map.png", topdown_map(scene).image)
    for room, picture in room_views(scene).items():
        save_image(output / f"{room}.png", picture)
    console.print(f"wrote map.png and {len(scene.rooms)} room pictures to {output}")


def room_views(scene: Scene, width: int = 512, height: int = 512, quality: str = "fast") -> dict[str, Picture]:
    """Returns one picture of each room, from the place and in the direction that show most of its things.

    Args:
        scene: the scene.
        width: of a picture [pixels].
        height: of a picture [pixels].
        quality: as in `avi_env.vision.render`.

    Returns:
        Pictures (height, width, 3) uint8 by room name; four rays a pixel.
    """
    from PIL import Image

    from avi_env.vision import render

    views = {}
    for room in scene.rooms:
        pose = _best_pose(scene, room)
        if pose is not None:
            eye, yaw = pose
            large = render(scene, eye, yaw, 2 * width, 2 * height, _VIEW_HFOV, quality, pitch=_VIEW_PITCH)
            views[room.name] = np.array(Image.fromarray(large["rgb"]).resize((width, height), Image.Resampling.BOX))
    return views


def _best_pose(scene: Scene, room: Room) -> tuple[npt.NDArray[np.float64], float] | None:
    """Returns eye and yaw of the pose that shows most of a room's things, None where nobody can stand."""
    from avi_env.navigation import walkable_grid
    from avi_env.vision import render

    grid = walkable_grid(scene)
    centers = grid.center(np.argwhere(grid.free))
    polygon = np.asarray(room.polygon)
    inside = centers[np.all((centers > polygon.min(axis=0)) & (centers < polygon.max(axis=0)), axis=1)]
    if not len(inside):
        return None
    places = inside[np.linspace(0, len(inside) - 1, _VIEW_PLACES).astype(int)]
    height = room.floor_y + _VIEW_HEIGHT
    eyes = np.repeat(np.column_stack([places[:, 0], np.full(len(places), height), places[:, 1]]), _VIEW_TURNS, axis=0)
    yaws = np.tile(np.arange(_VIEW_TURNS) * 2.0 * np.pi / _VIEW_TURNS, len(places))
    seen = render(scene, eyes, yaws, 40, 40, _VIEW_HFOV, pitch=_VIEW_PITCH)
    own = np.array([o.room == room.id and o.category not in _STRUCTURE for o in scene.objects] + [False])
    things = [np.unique(image[own[image]], return_counts=True)[1] for image in seen["semantic"]]
    # A thing counts up to a twentieth of the picture: a close cupboard is not a better view than six things.
    score = [float(np.minimum(counts, 80).sum()) for counts in things]
    best = int(np.argmax(score))
    return eyes[best], float(yaws[best])


def show_sounds(names: tuple[str, ...], seed: int, sample_rate: int, output: Path | None, json: Path | None) -> int:
    """Prints the sound classes with level and length; writes wav files."""
    table = Table(title="sound classes")
    for column in ("class", "level at 1 m", "loop", "what it is"):
        table.add_column(column)
    rows = []
    for name in names or sound_classes():
        clip = make_clip(name, seed=seed, sample_rate=sample_rate)
        phrase = SOUND_CLASSES[name].phrase
        rows.append({"name": name, "spl_db": clip.spl_db, "seconds": clip.seconds, "phrase": phrase})
        table.add_row(name, f"{clip.spl_db:.0f} dB SPL", f"{clip.seconds:.2f} s", phrase)
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            write_clip(output / f"{name}.wav", clip)
    Console().print(table)
    if json is not None:
        write_json(json, rows)
    return 0
