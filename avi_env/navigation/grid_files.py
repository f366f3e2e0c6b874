"""Walkable grids in files: NAME.grid.npz beside the scene NAME.glb, so that a large scan's grid is built once."""

from __future__ import annotations

import json
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.navigation.walkable import NavigationError, WalkableGrid
from avi_env.scene.mesh_parts import scene_file
from avi_env.scene.model import Scene
from avi_env.whole_file import whole_file

__all__ = ["GRID_FORMAT", "grid_beside", "grid_path", "load_grid", "save_grid"]

GRID_FORMAT = 1
"""Version of the file and of the way in which grids are built: files of another version are built anew."""

_ARRAYS = ("free", "floor_y", "clearance", "island")
_TYPES = {"free": np.bool_, "floor_y": np.float32, "clearance": np.float32, "island": np.int32, "home": np.int8}


def grid_path(scene_path: str | Path) -> Path:
    """Returns where the grid of a scene's file is kept: NAME.grid.npz beside NAME.glb."""
    path = Path(scene_path)
    return path.with_name(f"{path.stem}.grid.npz")


def save_grid(grid: WalkableGrid, path: str | Path, scene: Scene) -> Path:
    """Writes a grid, completely or not at all. `walkable_grid` reads it if it is where `grid_path` says.

    Args:
        grid: the grid.
        path: the file, *.npz.
        scene: the scene that the grid is of; the file fits that scene alone.

    Raises:
        FileNotFoundError: the folder does not exist.
        OSError: the folder is closed or the disk is full.
    """
    header = {
        "format": GRID_FORMAT,
        "scene": scene.digest,
        "origin": list(grid.origin),
        "cell": grid.cell,
        "agent_radius": grid.agent_radius,
        "agent_height": grid.agent_height,
        "sloped": grid.sloped,
    }
    arrays = {name: np.stack([getattr(layer, name) for layer in grid.layers]) for name in _ARRAYS}
    if grid.above:
        arrays["home"] = np.stack([layer.home for layer in grid.layers if layer.home is not None])
    with whole_file(path) as part:
        np.savez_compressed(part, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    return Path(path)


def load_grid(path: str | Path) -> tuple[WalkableGrid, str]:
    """Returns the grid in a file, and the digest of the scene that it is of.

    Raises:
        FileNotFoundError: there is no such file.
        NavigationError: the file is damaged, of another format, or no grid; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no grid {path}: save_grid writes it")
    try:
        with np.load(path, allow_pickle=False) as file:
            header: dict[str, Any] = json.loads(str(file["header"]))
            if header["format"] != GRID_FORMAT:
                raise NavigationError(
                    f"{path} has grid format {header['format']}, this version reads {GRID_FORMAT}: build the grid "
                    f"anew by walkable_grid and write it by save_grid"
                )
            arrays = {name: file[name] for name in _TYPES if name in file.files}
            return _grid_of(header, arrays), str(header["scene"])
    except NavigationError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise NavigationError(
            f"{path} is no grid of avi_env or is damaged ({type(error).__name__}: {error}): delete it, and write it "
            f"anew by save_grid"
        ) from error


def _grid_of(header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> WalkableGrid:
    shape = arrays["free"].shape
    layers = shape[0] if len(shape) == 3 else 0
    if layers < 1 or (layers > 1) != ("home" in arrays):
        raise ValueError(f"layers of shape {shape} do not fit together")
    for name, values in arrays.items():
        if values.shape != shape or values.dtype != _TYPES[name]:
            raise ValueError(f"{name} has shape {values.shape} and type {values.dtype}")
        values.setflags(write=False)
    if layers > 1 and not (0 <= arrays["home"].min() and arrays["home"].max() < layers):
        raise ValueError("home names layers that are not there")
    origin = (float(header["origin"][0]), float(header["origin"][1]))
    sheets = [
        WalkableGrid(
            origin=origin,
            cell=float(header["cell"]),
            free=arrays["free"][number],
            floor_y=arrays["floor_y"][number],
            clearance=arrays["clearance"][number],
            island=arrays["island"][number],
            agent_radius=float(header["agent_radius"]),
            agent_height=float(header["agent_height"]),
            home=arrays["home"][number] if layers > 1 else None,
            sloped=bool(header["sloped"]),
        )
        for number in range(layers)
    ]
    return replace(sheets[0], above=tuple(sheets[1:]))


def grid_beside(scene: Scene, agent_radius: float, agent_height: float, cell: float) -> WalkableGrid | None:
    """Returns the grid kept beside a scene's file, None if there is none that fits scene and body.

    A damaged file is named in a warning, and not used.
    """
    file = scene_file(scene)
    if file is None or not grid_path(file).is_file():
        return None
    try:
        grid, digest = load_grid(grid_path(file))
    except NavigationError as error:
        warnings.warn(f"{error}; the grid of scene {scene.name!r} is built without it", stacklevel=2)
        return None
    fits = (digest, grid.agent_radius, grid.agent_height, grid.cell) == (scene.digest, agent_radius, agent_height, cell)
    return grid if fits else None
