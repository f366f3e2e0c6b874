"""What the agent sees: camera, primary hits, shading, images, maps."""

from avi_env.vision.camera import Camera
from avi_env.vision.render import OUTPUTS, QUALITIES, render, render_views
from avi_env.vision.topdown import TopdownMap, topdown_map
from avi_env.vision.topdown_draw import draw_on_map

__all__ = [
    "OUTPUTS",
    "QUALITIES",
    "Camera",
    "TopdownMap",
    "draw_on_map",
    "render",
    "render_views",
    "topdown_map",
]
