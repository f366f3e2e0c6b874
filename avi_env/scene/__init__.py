"""What the world is made of: scenes, materials, house generator, files, health checks, and the one ray query."""

from avi_env.scene.emitters import emission_point, emitting_objects
from avi_env.scene.materials import load_materials, material
from avi_env.scene.mesh import scene_from_mesh, shoebox
from avi_env.scene.model import Light, Material, Portal, Room, Scene, SceneObject, Texture

__all__ = [
    "Light",
    "Material",
    "Portal",
    "Room",
    "Scene",
    "SceneObject",
    "Texture",
    "emission_point",
    "emitting_objects",
    "load_materials",
    "material",
    "scene_from_mesh",
    "shoebox",
]
