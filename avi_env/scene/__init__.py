"""What the world is made of: scenes, materials, house generator, files, health checks, and the one ray query."""

from avi_env.scene.air import AirBox, air_scene
from avi_env.scene.datasets import dataset_scenes, load_rlr_materials
from avi_env.scene.doors import Door, scene_doors, with_doors
from avi_env.scene.emitters import emission_point, emitting_objects
from avi_env.scene.files import save_scene
from avi_env.scene.findings import Issue, SceneError, SceneWarning
from avi_env.scene.health import check_scene, check_source, require_healthy
from avi_env.scene.house import generate_house
from avi_env.scene.interpenetration import interpenetrations
from avi_env.scene.load import load_scene, scene_names
from avi_env.scene.materials import load_materials, material
from avi_env.scene.mesh import scene_from_mesh, shoebox
from avi_env.scene.mesh_parts import scene_file
from avi_env.scene.model import AudioEmitter, Light, Material, Portal, Room, Scene, SceneObject, Texture
from avi_env.scene.pack import load_pack, pack_scene_names, scene_packs

__all__ = [
    "AirBox",
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
    "air_scene",
    "check_scene",
    "check_source",
    "dataset_scenes",
    "emission_point",
    "emitting_objects",
    "generate_house",
    "interpenetrations",
    "load_materials",
    "load_pack",
    "load_rlr_materials",
    "load_scene",
    "material",
    "pack_scene_names",
    "require_healthy",
    "save_scene",
    "scene_doors",
    "scene_file",
    "scene_from_mesh",
    "scene_names",
    "scene_packs",
    "shoebox",
    "with_doors",
]
