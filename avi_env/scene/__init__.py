"""What the world is made of: scenes, materials, house generator, files, health checks, and the one ray query."""

from avi_env.scene.doors import Door, scene_doors, with_doors
from avi_env.scene.emitters import emission_point, emitting_objects
from avi_env.scene.files import save_scene
from avi_env.scene.findings import Issue, SceneError, SceneWarning
from avi_env.scene.health import check_scene, check_source, require_healthy
from avi_env.scene.house import generate_house
from avi_env.scene.load import load_scene, scene_names
from avi_env.scene.materials import load_materials, material
from avi_env.scene.mesh import scene_from_mesh, shoebox
from avi_env.scene.mesh_parts import scene_file
from avi_env.scene.model import AudioEmitter, Light, Material, Portal, Room, Scene, SceneObject, Texture

__all__ = [
    "AudioEmitter",
    "Door",
    "Issue",
    "Light",
    "Material",
    "Portal",
    "Room",
    "Scene",
    "SceneError",
    "SceneObject",
    "SceneWarning",
    "Texture",
    "check_scene",
    "check_source",
    "emission_point",
    "emitting_objects",
    "generate_house",
    "load_materials",
    "load_scene",
    "material",
    "require_healthy",
    "save_scene",
    "scene_doors",
    "scene_file",
    "scene_from_mesh",
    "scene_names",
    "shoebox",
    "with_doors",
]
