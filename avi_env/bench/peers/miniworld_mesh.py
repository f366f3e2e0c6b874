"""MiniWorld: the mesh as one static entity of an empty world, drawn from its display list, without a window (EGL).

No multisampling (its own environments take 8 samples a pixel), no domain randomisation. One pass gives colour and
depth, both read back to NumPy; depth has 16 bits. An environment's step would do more.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from avi_env.bench.peers.obj import write_obj
from avi_env.bench.peers.protocol import Contestant, Images, Task, gl_renderer, load_task

_NEAR, _FAR = 0.04, 100.0  # [m], what MiniWorld renders with
_AWAY = 1000.0  # [m]


def start(path: Path) -> Contestant:
    """Loads the mesh through an OBJ file; no options."""
    task = load_task(path)
    os.environ["PYOPENGL_PLATFORM"] = "egl"
    import pyglet

    pyglet.options["headless"] = True
    from miniworld import opengl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world = _world(task)
    with mock.patch.object(opengl.gl_info, "have_extension", return_value=False):
        buffer = opengl.FrameBuffer(task.size, task.size)  # its own way for drivers without multisampling
    agent = world.agent
    agent.cam_fov_y, agent.cam_height, agent.cam_fwd_disp, agent.cam_pitch = 90.0, 0.0, 0.0, 0.0

    def render(poses: Sequence[int]) -> Images:
        (pose,) = poses
        agent.pos, agent.dir = task.position[pose].astype(float), float(task.yaw[pose]) + 0.5 * np.pi
        color = world.render_obs(buffer)
        depth = buffer.get_depth_map(_NEAR, _FAR) if "depth" in task.outputs else None
        rgb = color[None] if "rgb" in task.outputs else None
        return Images(rgb, None if depth is None else depth[None, ..., 0])

    return Contestant(render, len(task.yaw), gl_renderer())


def _world(task: Task) -> Any:
    from miniworld.entity import MeshEnt
    from miniworld.miniworld import MiniWorldEnv

    path = Path(task.folder) / "miniworld.obj"
    names = [f"m{index}" for index in task.color_index]
    write_obj(path, task.vertices, task.triangles, names)
    materials = "".join(f"newmtl m{i}\nKd {r:.5f} {g:.5f} {b:.5f}\n" for i, (r, g, b) in enumerate(task.colors))
    path.with_suffix(".mtl").write_text(materials, encoding="ascii")
    used = task.vertices[task.triangles].reshape(-1, 3)

    class House(MiniWorldEnv):  # type: ignore[misc]
        """The mesh, and beyond the far plane the room that a world cannot do without."""

        def _gen_world(self) -> None:
            self.add_rect_room(_AWAY, _AWAY + 1.0, 0.0, 1.0)
            mesh = MeshEnt(str(path), height=1.0)
            mesh.scale = 1.0
            # Its loader moves meshes; this moves it back.
            self.place_entity(mesh, pos=used.min(axis=0) - mesh.mesh.min_coords, dir=0.0)
            self.place_entity(self.agent, pos=np.zeros(3), dir=0.0)

    return House(obs_width=task.size, obs_height=task.size)
