"""Scenes that people own, in their own formats: Habitat data sets, HM3D, MP3D, Replica, Gibson, ProcTHOR."""

from avi_env.scene.datasets.habitat import dataset_scenes
from avi_env.scene.datasets.rlr_materials import RlrMaterials, load_rlr_materials

__all__ = ["RlrMaterials", "dataset_scenes", "load_rlr_materials"]
