"""What a scan of a million triangles costs: to load, to see, to walk in."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avi_env.bench.scenes_suite import result_row
from avi_env.bench.synthetic_scan import synthetic_scan
from avi_env.navigation import random_points, walkable_grid
from avi_env.scene import Scene
from avi_env.scene.bank import SceneBank
from avi_env.scene.files import load_scene_file
from avi_env.vision.camera import Camera
from avi_env.vision.render import render_views

__all__ = ["scan_rows"]

_LOAD_LIMIT, _GRID_LIMIT, _FRAMES_LIMIT = 10.0, 20.0, 150.0  # [s], [s], [frames/s]
_EYE = 1.5  # [m]
_BATCH, _ROUNDS = 32, 6


def scan_rows(triangles: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Returns the rows and series of the benchmark: a synthetic scan, written as .ply and .glb, then used.

    Times are CPU seconds of this process with one thread of torch; a thread more would be counted, not hidden.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measure(triangles, seed)
    finally:
        torch.set_num_threads(threads)


def _measure(triangles: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    part = synthetic_scan(triangles, seed)
    count = len(part.triangles)
    rows, scene = [], None
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("ply", "glb"):
            file = _written(part, Path(folder) / f"scan.{suffix}")
            seconds, scene = _timed(lambda f=file: _loaded(f))  # type: ignore[misc]
            note = f"{count:,} triangles, {file.stat().st_size / 1e6:.0f} MB, checks included".replace(",", " ")
            rows.append(result_row("scan", f"load a .{suffix}", seconds, "s", (0.0, _LOAD_LIMIT), note))
    assert scene is not None
    seconds, grid = _timed(lambda: walkable_grid(scene))
    note = f"{grid.navigable_area:.0f} m2 to walk in"
    rows.append(result_row("scan", "walkable grid", seconds, "s", (0.0, _GRID_LIMIT), note))
    rows += _frames(scene, seed)
    return rows, {}


def _written(part: Any, file: Path) -> Path:
    import trimesh

    mesh = trimesh.Trimesh(part.vertices, part.triangles, vertex_colors=part.color, process=False)
    file.write_bytes(mesh.export(file_type=file.suffix[1:]))
    return file


def _loaded(file: Path) -> Scene:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a scan's seams are known
        return load_scene_file(file, materials="plaster", leaks="warn")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def _frames(scene: Scene, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng((0x5343414E, seed))
    eyes = torch.from_numpy(random_points(walkable_grid(scene), rng, _BATCH) + np.array([0.0, _EYE, 0.0], np.float32))
    yaws = torch.from_numpy(rng.uniform(-np.pi, np.pi, _BATCH).astype(np.float32))
    bank, index = SceneBank((scene,)), torch.zeros(_BATCH, dtype=torch.int32)

    def view(first: int, end: int) -> None:
        rows = slice(first, end)
        render_views(bank, index[rows], eyes[rows], yaws[rows], Camera(width=128, height=128), ("rgb", "depth"))

    def singly() -> None:
        for row in range(_BATCH):
            view(row, row + 1)

    first, _ = _timed(lambda: view(0, 1))
    batch = min(_timed(lambda: view(0, _BATCH))[0] for _ in range(_ROUNDS))
    single = min(_timed(singly)[0] for _ in range(_ROUNDS))
    size = "RGB-D, 128 x 128, one core"
    return [
        result_row("scan", "first frame: ray tree, tables, light", first, "s"),
        result_row("scan", f"frames, {_BATCH} views a call", _BATCH / batch, "1/s", (_FRAMES_LIMIT, np.inf), size),
        result_row("scan", "frames, one view a call", _BATCH / single, "1/s", note=size),
    ]
