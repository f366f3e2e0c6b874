"""`avi scenes list`, `generate` and `convert`: what scenes there are, new houses, and other formats' scenes as ours."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

if TYPE_CHECKING:
    from avi_env.scene import Scene

__all__ = [
    "ConvertSettings",
    "GenerateSettings",
    "ListSettings",
    "convert_scene",
    "generate_houses",
    "house_figures",
    "list_scenes",
]


@dataclass(frozen=True)
class ListSettings:
    """Lists generators, scene packs and the scenes in them, or the scenes of a data set."""

    source: Annotated[str, tyro.conf.Positional] = ""
    """Name of a pack, or path of a pack or of a data set (*.scene_dataset_config.json); none = everything installed."""
    json: Path | None = None
    """File for the list."""


@dataclass(frozen=True)
class GenerateSettings:
    """Generates houses, says how long that took and what they are like; with --output saves them."""

    count: int = 10
    """Number of houses."""
    seed: int = 0
    """Seed of the first; the others follow."""
    split: str = "train"
    """"train", "val" or "test": layouts, furniture and materials that the others do not have."""
    rooms: int | None = None
    """Number of rooms; none = drawn."""
    furniture: bool = True
    """Whether to furnish them."""
    output: Path | None = None
    """Folder for SPLIT_SEED.glb, each with its .json; houses that are there already are kept."""
    json: Path | None = None
    """File for the figures of each house."""


@dataclass(frozen=True)
class ConvertSettings:
    """Converts any scene to a .glb with its .json (and, with --grid, its walkable grid): loaded at once ever after."""

    scene: Annotated[str, tyro.conf.Positional]
    """Name or path: a mesh, a data set's scene, a ProcTHOR house, a generated one."""
    output: Annotated[Path, tyro.conf.Positional]
    """The .glb to write."""
    material: str = ""
    """Material for all surfaces whose own name says nothing (see docs/materials.md)."""
    grid: bool = False
    """Whether to compute the walkable grid and save it beside."""
    json: Path | None = None
    """File for what was converted."""


def list_scenes(settings: ListSettings) -> int:
    """Prints what `load_scene` knows by name."""
    from rich.console import Console
    from rich.table import Table

    from avi_env.bench.files import write_json

    rows = _dataset_rows(settings.source) if settings.source.endswith(".json") else _pack_rows(settings.source)
    table = Table()
    for column in ("scene", "what it is"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row["name"], row["summary"])
    Console().print(table)
    if settings.json is not None:
        write_json(settings.json, rows)
    return 0


def _pack_rows(source: str) -> list[dict[str, str]]:
    from avi_env.content import name_error
    from avi_env.scene.pack import load_pack, scene_packs

    rows = []
    if not source:
        rows += [
            {"name": "house:SEED, house:SEED:ROOMS", "summary": "generated house (split train)"},
            {"name": "house:val:SEED, house:test:SEED", "summary": "generated house of a held-out split"},
            {"name": "houses:COUNT, houses:FIRST-LAST", "summary": "several; houses:val:20, houses:test:100-163"},
            {"name": "shoebox:XxYxZ, shoebox:XxYxZ:MATERIAL", "summary": "rectangular room, metres, Y = height"},
        ]
    if source and source not in scene_packs() and not Path(source).exists():
        raise name_error("scene pack", source, scene_packs())
    for name in (source,) if source else scene_packs():
        pack = load_pack(name)
        if not pack.scenes:
            rows.append({"name": pack.name, "summary": pack.summary})
        rows += [{"name": f"{name}/{entry.name}", "summary": entry.summary} for entry in pack.scenes.values()]
    return rows


def _dataset_rows(path: str) -> list[dict[str, str]]:
    from avi_env.scene.datasets import dataset_scenes

    return [{"name": f"{path}:{name}", "summary": ""} for name in dataset_scenes(path)]


def generate_houses(settings: GenerateSettings) -> int:
    """Prints time and figures; saves the houses."""
    from rich.console import Console
    from rich.progress import track

    from avi_env.bench.files import output_folder, write_json
    from avi_env.scene import generate_house, save_scene

    if settings.count < 1:
        raise ValueError(f"--count must be at least 1, not {settings.count}")
    console = Console()
    if settings.output is not None:
        output_folder(settings.output)
    generate_house(settings.seed, settings.rooms, settings.furniture, settings.split)  # what is built once per process
    rows, kept = [], 0
    seeds = range(settings.seed, settings.seed + settings.count)
    for seed in track(seeds, "generating", console=console, transient=True, disable=settings.count < 5):
        begin = time.process_time()
        house = generate_house(seed, settings.rooms, settings.furniture, settings.split)
        rows.append({"seed": seed, "milliseconds": 1000.0 * (time.process_time() - begin), **house_figures(house)})
        if settings.output is not None:
            target = settings.output / f"{settings.split}_{seed}.glb"
            kept += target.exists()
            if not target.exists():
                save_scene(house, target)
    _print_figures(rows, console)
    if settings.output is not None:
        told = f", {kept} were there already" if kept else ""
        console.print(f"wrote {settings.count - kept} houses to {settings.output}{told}")
    if settings.json is not None:
        write_json(settings.json, rows)
    return 0


def house_figures(scene: Scene) -> dict[str, Any]:
    """Returns rooms, area [m2], triangles, openings and counts of objects of a scene, JSON-serialisable."""
    from avi_env.bench.room_views import STRUCTURE
    from avi_env.scene.outline import outline_area

    things = [o for o in scene.objects if o.category not in STRUCTURE]
    return {
        "rooms": len(scene.rooms),
        "area_m2": round(sum(outline_area(room.polygon) for room in scene.rooms), 3),
        "triangles": len(scene.triangles),
        "objects": len(things),
        "categories": len({o.category for o in things}),
        "sounding_objects": sum(bool(o.emits) for o in things),
        "sound_classes": len({name for o in things for name in o.emits}),
        "openings": len(scene.portals),
        "materials": len(scene.materials),
    }


def _print_figures(rows: list[dict[str, Any]], console: Any) -> None:
    from rich.table import Table

    table = Table(title=f"{len(rows)} houses", caption="time: one core, without rendering")
    for column in ("", "least", "median", "most"):
        table.add_column(column, justify="left" if not column else "right")
    for key in rows[0]:
        if key != "seed":
            values = np.array([row[key] for row in rows], dtype=np.float64)
            cells = (f"{v:.4g}" for v in (values.min(), np.median(values), values.max()))
            table.add_row(key.replace("_", " "), *cells)
    console.print(table)


def convert_scene(settings: ConvertSettings) -> int:
    """Loads, saves, and prints what became of it."""
    from rich.console import Console

    from avi_env.bench.files import output_folder, write_json
    from avi_env.scene import load_scene, save_scene

    console = Console()
    written = {settings.output.resolve(), settings.output.with_suffix(".json").resolve()}
    for what, path in ((settings.scene, Path(settings.scene)), (f"--json {settings.json}", settings.json)):
        if path is not None and path.resolve() in written:
            raise ValueError(f"{settings.output} and its .json would overwrite {what}: choose another name")
    output_folder(settings.output.parent)
    with console.status(f"loading {settings.scene}"), warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always")
        options = {"materials": settings.material} if settings.material else {}
        scene = load_scene(settings.scene, **options)
    for doubt in doubts:
        console.print(f"  {doubt.message}", markup=False)
    save_scene(scene, settings.output)
    facts = {"scene": scene.name, "output": str(settings.output), "doubts": [str(d.message) for d in doubts]}
    facts |= house_figures(scene)
    console.print(f"wrote {settings.output}: {facts['triangles']} triangles, {facts['rooms']} rooms")
    if settings.grid:
        _save_grid(settings.output, console)
    if settings.json is not None:
        write_json(settings.json, facts)
    return 0


def _save_grid(path: Path, console: Any) -> None:
    from avi_env.navigation import grid_path, save_grid, walkable_grid
    from avi_env.scene import load_scene

    scene = load_scene(path)
    with console.status("computing the walkable grid"):
        grid = walkable_grid(scene)
    target = save_grid(grid, grid_path(path), scene)
    console.print(f"wrote {target}: {grid.navigable_area:.1f} m2 to walk in")
