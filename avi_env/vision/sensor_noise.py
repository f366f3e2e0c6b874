"""What cameras do to images: noise of depth readings and of colours, a pure function of the episode and its clock."""
# mypy: disable-error-code="untyped-decorator,misc"

from __future__ import annotations

import torch
import warp as wp

from avi_env.scene.draws import DEPTH, IMAGE, LOST, draw_state, normals
from avi_env.scene.launches import launch

__all__ = ["LOST_PER_SPREAD", "add_depth_noise", "add_image_noise"]

wp.set_module_options({"enable_backward": False})

LOST_PER_SPREAD = 2.0
"""Share of depth readings that are lost re their relative standard deviation."""

_LOST_PER_SPREAD = wp.constant(LOST_PER_SPREAD)


@wp.kernel
def _depth_kernel(
    keys: wp.array[wp.int64], clocks: wp.array[wp.int64], amount: wp.float32, depth: wp.array2d[wp.float32]
) -> None:
    row, pixel = wp.tid()
    true = depth[row, pixel]
    if true > 0.0:
        spread = amount * true
        drawn = normals(draw_state(keys[row], clocks[row], DEPTH, pixel))
        lost = wp.randf(draw_state(keys[row], clocks[row], LOST, pixel)) < _LOST_PER_SPREAD * spread
        depth[row, pixel] = wp.where(lost, 0.0, wp.max(true * (1.0 + spread * drawn[0]), 0.0))


@wp.kernel
def _image_kernel(
    keys: wp.array[wp.int64], clocks: wp.array[wp.int64], amount: wp.float32, image: wp.array3d[wp.uint8]
) -> None:
    row, pixel = wp.tid()
    drawn = normals(draw_state(keys[row], clocks[row], IMAGE, pixel))
    for channel in range(3):
        level = wp.floor(float(image[row, pixel, channel]) + amount * drawn[channel] + 0.5)
        image[row, pixel, channel] = wp.uint8(int(wp.clamp(level, 0.0, 255.0)))


def add_depth_noise(depth: torch.Tensor, keys: torch.Tensor, clocks: torch.Tensor, amount: float) -> None:
    """Adds, in place, noise that grows with the square of the depth, as where depth is seen by triangulation.

    A reading z becomes normal about z with standard deviation `amount` z^2; a share 2 `amount` z of readings is lost.

    Args:
        depth: planar depth [m], 0 = nothing hit (and so it stays), shape (N, h, w, 1).
        keys: of the episodes, shape (N,), int64.
        clocks: of the episodes [steps], shape (N,), int64.
        amount: [1/m].

    Source: Khoshelham and Elberink, "Accuracy and resolution of Kinect depth data", Sensors 12 (2012), equation 10:
        amount = 0.0014/m.
    """
    launch(_depth_kernel, _pixels(depth), [keys, clocks, float(amount), depth.flatten(1)], depth.device)


def add_image_noise(rgb: torch.Tensor, keys: torch.Tensor, clocks: torch.Tensor, amount: float) -> None:
    """Adds, in place, independent normal noise to each colour of each pixel; levels stay within 0..255.

    Its spread is the same at all levels: the shot noise of a sensor grows with the root of the light, and the curve of
    sRGB, about the 2.2th root, takes that away again but for a twentieth of a power.

    Args:
        rgb: sRGB, uint8, shape (N, h, w, 3).
        keys: of the episodes, shape (N,), int64.
        clocks: of the episodes [steps], shape (N,), int64.
        amount: standard deviation [levels of 255].
    """
    launch(_image_kernel, _pixels(rgb), [keys, clocks, float(amount), rgb.flatten(1, 2)], rgb.device)


def _pixels(image: torch.Tensor) -> tuple[int, int]:
    return image.shape[0], image.shape[1] * image.shape[2]
