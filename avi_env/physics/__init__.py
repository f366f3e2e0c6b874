"""Rigid bodies in a scene (PyBullet, extra `physics`): they fall, roll and drive, and their collisions sound."""

from avi_env.physics.bodies import SHAPES, Body, Touched, body_of_object
from avi_env.physics.contact_sound import ContactSound, contact_emitters, contact_sound, drop_clip
from avi_env.physics.contacts import Contact, Motion, Touch
from avi_env.physics.drive import DifferentialDrive
from avi_env.physics.materials import SOLID_OF_MATERIAL, solid_of_material
from avi_env.physics.world import PhysicsWorld

__all__ = [
    "SHAPES",
    "SOLID_OF_MATERIAL",
    "Body",
    "Contact",
    "ContactSound",
    "DifferentialDrive",
    "Motion",
    "PhysicsWorld",
    "Touch",
    "Touched",
    "body_of_object",
    "contact_emitters",
    "contact_sound",
    "drop_clip",
    "solid_of_material",
]
