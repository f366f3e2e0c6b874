"""What environments will ask of a scene, built ahead of `SceneBank.put` in any thread."""

from __future__ import annotations

from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.room import room_estimate
from avi_env.acoustics.scene_arrays import prepare_sound, scene_arrays
from avi_env.envs.config import EnvConfig
from avi_env.navigation import walkable_grid
from avi_env.scene import Scene
from avi_env.scene.bank import prepare_rows
from avi_env.scene.rays_embree import embree_tree
from avi_env.scene.rays_warp import warp_mesh
from avi_env.vision.surfaces import prepare_looks

__all__ = ["prepare_scene"]


def prepare_scene(scene: Scene, config: EnvConfig) -> None:
    """Builds everything that vision, sound and navigation need of a scene, so that to put it into a bank only copies.

    Half a second for a house; on CUDA what is copied lies in pinned memory. A scene that has left a bank and comes back
    needs it again: tables are not kept on the host.

    Args:
        scene: the scene.
        config: of the environments: what is not seen or heard in them is not built.
    """
    walkable_grid(scene, config.agent_radius, config.agent_height)
    if config.listens:
        scene_arrays(scene_bank(scene))  # what bakes use; it takes rows of its own, so that it comes first
    prepare_rows(scene, config.device)
    if {"rgb", "depth", "semantic"} & set(config.sensors):
        if config.device == "cpu":
            embree_tree(scene)
        else:
            warp_mesh(scene, config.device)
    if "rgb" in config.sensors:
        prepare_looks(scene, config.device)
    if config.listens:
        prepare_sound(scene, config.device)
        listener_cells(scene, config.eye_height)
        room_estimate(scene)
