"""What the world is made of: scenes, materials, house generator, files, health checks, and the one ray query."""

from avi_env.scene.emitters import emission_point, emitting_objects
from avi_env.scene.house import generate_house
from avi_env.scene.load import load_scene, scene_names
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
    "generate_house",
    "load_materials",
    "load_scene",
    "material",
    "scene_from_mesh",
    "scene_names",
    "shoebox",
]
