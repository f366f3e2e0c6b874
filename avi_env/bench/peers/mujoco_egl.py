"""MuJoCo's OpenGL renderer without a window (EGL).

Its fastest sensible settings: no shadows, reflections, sky or fog, no multisampling, one geom a colour, and the scene
is set up once, as nothing but the camera moves. Images are read back to NumPy and flipped, depth is turned into metres.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
    """Loads the mesh; options: `passes` 2 renders colour and depth as `mujoco.Renderer` does, 1 both in one pass."""
    task = load_task(path)
    os.environ["MUJOCO_GL"] = "egl"
    import mujoco

    model = _model(mujoco, task)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer = mujoco.Renderer(model, task.size, task.size)
    renderer.update_scene(data)
    flag = mujoco.mjtRndFlag
    for off in (flag.mjRND_SHADOW, flag.mjRND_REFLECTION, flag.mjRND_SKYBOX, flag.mjRND_FOG, flag.mjRND_HAZE):
        renderer.scene.flags[off] = 0
    view = _two_passes if task.options["passes"] == 2 else _one_pass

    def render(poses: Sequence[int]) -> Images:
        (pose,) = poses
        _look(renderer.scene, task.position[pose], forward_of(task.yaw[pose]))
        return view(mujoco, renderer, task)

    return Contestant(render, len(task.yaw), gl_renderer())


def _model(mujoco: Any, task: Task) -> Any:
    spec = mujoco.MjSpec()
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = 0
    spec.visual.global_.offwidth = spec.visual.global_.offheight = task.size
    spec.visual.map.znear, spec.visual.map.zfar = NEAR, FAR  # times the extent
    spec.stat.extent = 1.0
    for number, (vertices, triangles, color) in enumerate(surfaces_by_color(task)):
        spec.add_mesh(
            name=f"part{number}",
            uservert=vertices.reshape(-1),
            userface=triangles.reshape(-1),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,  # walls and floors enclose no volume
        )
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH, meshname=f"part{number}", rgba=[*color, 1.0], contype=0, conaffinity=0
        )
    return spec.compile()


def _look(scene: Any, position: Any, forward: Any) -> None:
    """Places both eyes of the scene's camera, as the mean of the two is what is rendered."""
    for eye in scene.camera:
        eye.pos, eye.forward, eye.up = position, forward, (0.0, 1.0, 0.0)
        eye.frustum_near, eye.frustum_far = NEAR, FAR
        eye.frustum_center, eye.frustum_width = 0.0, NEAR
        eye.frustum_bottom, eye.frustum_top = -NEAR, NEAR


def _two_passes(mujoco: Any, renderer: Any, task: Task) -> Images:
    rgb = depth = None
    if "rgb" in task.outputs:
        rgb = renderer.render()[None]
    if "depth" in task.outputs:
        renderer.enable_depth_rendering()
        depth = renderer.render()[None]
        renderer.disable_depth_rendering()
    return Images(rgb, depth)


def _one_pass(mujoco: Any, renderer: Any, task: Task) -> Images:
    """Returns colour and depth of one pass: `mujoco.Renderer` has no way to, so its context is used directly."""
    scene, context = renderer.scene, renderer._mjr_context
    rectangle = mujoco.MjrRect(0, 0, task.size, task.size)
    rgb = np.empty((task.size, task.size, 3), np.uint8) if "rgb" in task.outputs else None
    raw = np.empty((task.size, task.size), np.float32) if "depth" in task.outputs else None
    flat = rgb is None  # depth alone needs no light: what `mujoco.Renderer` does for depth
    scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = scene.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = flat
    mujoco.mjr_render(rectangle, scene, context)
    mujoco.mjr_readPixels(rgb, raw, rectangle, context)
    depth = None
    if raw is not None:  # 1 at the near plane, 0 at the far one
        depth = (NEAR * FAR / (NEAR + raw[::-1] * (FAR - NEAR)))[None]
    return Images(None if rgb is None else np.ascontiguousarray(rgb[::-1])[None], depth)
