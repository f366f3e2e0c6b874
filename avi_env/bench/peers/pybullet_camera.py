"""PyBullet's `getCameraImage`: by its EGL plugin, or by TinyRenderer on one core.

Shadows and the segmentation mask are off. Colour and depth always come together, as NumPy arrays; depth is turned into
metres. The EGL plugin takes meshes from files alone.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avi_env.bench.peers.obj import write_obj
from avi_env.bench.peers.protocol import (
    FAR,
    NEAR,
    Contestant,
    Images,
    Task,
    forward_of,
    gl_renderer,
    load_task,
    surfaces_by_color,
)


def start(path: Path) -> Contestant:
    """Loads the mesh, a body a colour; options: `egl` true or false."""
    task = load_task(path)
    import pybullet

    if not pybullet.isNumpyEnabled():
        raise RuntimeError("this PyBullet was built without NumPy, so that it returns images as tuples")
    pybullet.connect(pybullet.DIRECT)
    egl = task.options["egl"]
    if egl:
        _load_plugin(pybullet)
    _load_mesh(pybullet, task)
    # TinyRenderer looks through the corners of pixels: half a pixel on, it looks through their centres.
    shift = 0.0 if egl else 1.0 / task.size
    low, high = NEAR * (shift - 1.0), NEAR * (shift + 1.0)
    projection = pybullet.computeProjectionMatrix(low, high, low, high, NEAR, FAR)
    renderer = pybullet.ER_BULLET_HARDWARE_OPENGL if egl else pybullet.ER_TINY_RENDERER

    def render(poses: Sequence[int]) -> Images:
        (pose,) = poses
        eye = task.position[pose].astype(float)
        view = pybullet.computeViewMatrix(eye.tolist(), (eye + forward_of(task.yaw[pose])).tolist(), [0.0, 1.0, 0.0])
        _, _, color, buffer, _ = pybullet.getCameraImage(
            task.size,
            task.size,
            view,
            projection,
            shadow=0,
            renderer=renderer,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
        )
        rgb = depth = None
        if "rgb" in task.outputs:
            rgb = np.ascontiguousarray(color.reshape(1, task.size, task.size, 4)[..., :3])
        if "depth" in task.outputs:
            depth = NEAR * FAR / (FAR - (FAR - NEAR) * buffer.reshape(1, task.size, task.size))
        return Images(rgb, depth)

    return Contestant(render, len(task.yaw), gl_renderer() if egl else "TinyRenderer")


def _load_plugin(pybullet: Any) -> None:
    plugin = importlib.util.find_spec("eglRenderer")
    if plugin is None or plugin.origin is None:
        raise ImportError("this PyBullet was built without the eglRenderer plugin; its wheels for Linux have it")
    if pybullet.loadPlugin(plugin.origin, "_eglRendererPlugin") < 0:
        raise RuntimeError("PyBullet's eglRenderer plugin found no EGL device")


def _load_mesh(pybullet: Any, task: Task) -> None:
    with tempfile.TemporaryDirectory(dir=task.folder) as folder:
        for number, (vertices, triangles, color) in enumerate(surfaces_by_color(task)):
            path = Path(folder) / f"part{number}.obj"
            write_obj(path, vertices, triangles)
            shape = pybullet.createVisualShape(
                pybullet.GEOM_MESH, fileName=str(path), rgbaColor=[*color.tolist(), 1.0], specularColor=[0.0, 0.0, 0.0]
            )
            if shape < 0 or pybullet.createMultiBody(0, -1, shape) < 0:
                raise RuntimeError(f"PyBullet took {number} parts of the mesh, and no more")
