"""habitat-sim on the mesh as a .glb stage without lights (EGL; it has no wheel, so users install it with conda).

Flat colours, no physics, no semantics, no navigation mesh. A colour and a depth sensor: a pass each, both read back to
NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avi_env.bench.peers.protocol import FAR, NEAR, Contestant, Images, load_task


def start(path: Path) -> Contestant:
    """Loads house.glb of the task's folder; no options."""
    task = load_task(path)
    import habitat_sim
    from habitat_sim.utils.common import quat_from_angle_axis

    stage = habitat_sim.SimulatorConfiguration()
    stage.scene_id = str(Path(task.folder) / "house.glb")
    stage.enable_physics = False
    stage.load_semantic_mesh = False
    stage.override_scene_light_defaults = True
    stage.scene_light_setup = habitat_sim.gfx.NO_LIGHT_KEY
    agent = habitat_sim.agent.AgentConfiguration()
    agent.sensor_specifications = [_sensor(habitat_sim, name, task.size) for name in task.outputs]
    simulator = habitat_sim.Simulator(habitat_sim.Configuration(stage, [agent]))
    body = simulator.get_agent(0)
    up = np.array([0.0, 1.0, 0.0])

    def render(poses: Sequence[int]) -> Images:
        (pose,) = poses
        state = habitat_sim.AgentState()
        state.position, state.rotation = task.position[pose], quat_from_angle_axis(float(task.yaw[pose]), up)
        body.set_state(state, reset_sensors=True)
        seen = simulator.get_sensor_observations()
        rgb = np.ascontiguousarray(seen["rgb"][None, ..., :3]) if "rgb" in task.outputs else None
        return Images(rgb, seen["depth"][None] if "depth" in task.outputs else None)

    return Contestant(render, len(task.yaw), "OpenGL of habitat-sim")


def _sensor(habitat_sim: Any, name: str, size: int) -> Any:
    sensor = habitat_sim.CameraSensorSpec()
    sensor.uuid = name
    sensor.sensor_type = habitat_sim.SensorType.COLOR if name == "rgb" else habitat_sim.SensorType.DEPTH
    sensor.resolution = [size, size]
    sensor.position = [0.0, 0.0, 0.0]
    sensor.hfov = 90.0
    sensor.near, sensor.far = NEAR, FAR
    return sensor
