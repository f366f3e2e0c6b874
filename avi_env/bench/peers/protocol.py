"""What a contestant's process is given, what it answers, and the loop that serves it: NumPy and nothing else.

One JSON object a line: {"do": "prepare" | "round" | "pictures" | "stop", ...} in, {"ok": ...} or {"error": ...} out.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "FAR",
    "NEAR",
    "Contestant",
    "Images",
    "Responses",
    "Task",
    "forward_of",
    "gl_renderer",
    "load_task",
    "serve",
    "surfaces_by_color",
]

FloatArray = npt.NDArray[np.floating[Any]]

NEAR, FAR = 0.05, 50.0
"""Clipping planes of rasterisers [m]: nearer than an agent's radius, farther than any wall."""

_GL_RENDERER = 0x1F01  # of glGetString
_WARM_UP = 16  # views before the first round: shaders, display lists and caches are made


@dataclass(frozen=True)
class Task:
    """What is to be rendered."""

    vertices: npt.NDArray[np.float32]
    """[m], shape (V, 3), +Y up."""
    triangles: npt.NDArray[np.int32]
    """Vertex indices, shape (T, 3), counter-clockwise as seen from the air."""
    color_index: npt.NDArray[np.int32]
    """Row of `colors` of each triangle, shape (T,)."""
    colors: npt.NDArray[np.float32]
    """Linear RGB 0..1, shape (M, 3)."""
    position: npt.NDArray[np.float32]
    """The eyes [m], shape (n, 3)."""
    yaw: npt.NDArray[np.float32]
    """Headings [rad], shape (n,), counter-clockwise about +Y, 0 looks along -Z."""
    size: int
    """Width and height of the images [pixel]; 90 degrees across."""
    outputs: tuple[str, ...]
    """"rgb", "depth" or both."""
    folder: str
    """Where contestants may write; holds scene.pickle, our own form of the mesh."""
    options: dict[str, Any]
    """Of the contestant."""


class Images(NamedTuple):
    """Views in this process's memory as NumPy arrays; None = not asked for."""

    rgb: npt.NDArray[np.uint8] | None
    """sRGB, shape (n, H, W, 3)."""
    depth: FloatArray | None
    """Planar depth [m], shape (n, H, W)."""


class Responses(NamedTuple):
    """What is heard, in this process's memory."""

    response: FloatArray
    """Impulse responses, shape (n, channels, N)."""


class Contestant(NamedTuple):
    """A renderer with the scene loaded."""

    render: Callable[[Sequence[int]], Images | Responses]
    """Returns the views of these poses, or what these listeners hear."""
    places: int
    """Number of poses or listeners."""
    renderer: str
    """What rasterises or traces: a GPU's name, "llvmpipe ...", "Embree"."""
    batch: int = 1
    """Poses or listeners a call."""


def forward_of(yaw: float) -> FloatArray:
    """Returns the direction in which a heading [rad] looks, shape (3,)."""
    return np.array([-np.sin(yaw), 0.0, -np.cos(yaw)])


def surfaces_by_color(task: Task) -> list[tuple[FloatArray, npt.NDArray[np.int32], FloatArray]]:
    """Returns vertices, triangles and colour of each part of the mesh that has a colour of its own."""
    parts = []
    for color in np.unique(task.color_index):
        used, corners = np.unique(task.triangles[task.color_index == color], return_inverse=True)
        parts.append((task.vertices[used], corners.reshape(-1, 3).astype(np.int32), task.colors[color]))
    return parts


def gl_renderer() -> str:
    """Returns what draws in the current OpenGL context: a GPU's name, or "llvmpipe ..." for the processor."""
    for library in ("libOpenGL.so.0", "libGL.so.1"):
        try:
            ask = ctypes.CDLL(library).glGetString
        except (OSError, AttributeError):
            continue
        ask.restype = ctypes.c_char_p
        name = ask(_GL_RENDERER)
        if name:
            return str(name.decode())
    return "OpenGL"


def load_task(path: str | Path) -> Task:
    """Returns the views that are asked for in a file."""
    with np.load(path) as file:
        rest = json.loads(str(file["rest"]))
        rest["outputs"] = tuple(rest["outputs"])
        return Task(**{name: file[name] for name in file.files if name != "rest"}, **rest)


def serve(module: str, requests: IO[str], answers: IO[str]) -> None:
    """Answers requests with the contestant that `start` of a module makes, until there are no more."""
    contestant: Contestant | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if request["do"] == "stop":
                return
            if request["do"] == "prepare":
                contestant, answer = _prepared(module, Path(request["task"]))
            elif contestant is None:
                raise RuntimeError("a worker must prepare before it is asked for rounds or pictures")
            elif request["do"] == "round":
                answer = _timed(contestant, request["frames"])
            else:
                answer = _saved(contestant, request["poses"], request["path"])
            answers.write(json.dumps({"ok": answer}) + "\n")
        except Exception as error:  # whatever a library throws is this contestant's result, not the benchmark's end
            traceback.print_exc()
            answers.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
        answers.flush()


def _prepared(module: str, task: Path) -> tuple[Contestant, dict[str, Any]]:
    start: Callable[[Path], Contestant] = importlib.import_module(module).start
    contestant = start(task)
    _timed(contestant, min(_WARM_UP, contestant.places))
    return contestant, {"renderer": contestant.renderer, "places": contestant.places}


def _timed(contestant: Contestant, frames: int) -> dict[str, float]:
    """Renders the first `frames` poses, beginning anew after the last; returns seconds of wall and of all threads."""
    poses = [number % contestant.places for number in range(frames)]
    calls = [poses[first : first + contestant.batch] for first in range(0, frames, contestant.batch)]
    wall, process = time.perf_counter(), time.process_time()
    for call in calls:
        contestant.render(call)
    return {"wall": time.perf_counter() - wall, "process": time.process_time() - process}


def _saved(contestant: Contestant, poses: list[int], path: str) -> dict[str, Any]:
    """Writes what some poses give to a file, and says how much memory this process has had."""
    found = [contestant.render([pose])._asdict() for pose in poses]
    arrays: dict[str, Any] = {
        name: np.concatenate([one[name] for one in found]) for name, value in found[0].items() if value is not None
    }
    np.savez(path, **arrays)
    return {"peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    """Returns the most memory that this process has had; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
