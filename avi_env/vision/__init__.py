"""What the agent sees: camera, primary hits, shading, images, maps."""

from avi_env.vision.camera import Camera
from avi_env.vision.render import OUTPUTS, QUALITIES, render, render_views

__all__ = ["OUTPUTS", "QUALITIES", "Camera", "render", "render_views"]
