"""The pinhole camera: intrinsics, the basis of a view, and the ray of every pixel."""
# mypy: disable-error-code="untyped-decorator,misc"

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import warp as wp

from avi_env.scene.launches import launch

__all__ = ["Camera", "camera_rays", "view_basis"]

wp.set_module_options({"enable_backward": False})


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Square pixels; the centre of the image looks along the agent's heading."""

    width: int = 128
    """Image width [pixel]."""
    height: int = 128
    """Image height [pixel]."""
    hfov: float = 90.0
    """Horizontal field of view [deg], from the left edge of the image to the right edge."""
    pitch: float = 0.0
    """Tilt [rad], up is positive."""
    eye_height: float = 1.25
    """Height of the eye above the agent's feet [m]; the renderer itself takes the position of the eye."""
    max_depth: float = 10.0
    """Far end of the depth scale [m] for those who normalise depth; the renderer does not clip."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a camera needs at least one pixel, not {self.width} x {self.height}")
        if not 0.0 < self.hfov < 180.0:
            raise ValueError(f"hfov must lie between 0 and 180 degrees, got {self.hfov:g}")
        if not abs(self.pitch) <= math.pi / 2:
            raise ValueError(f"pitch must lie in -pi/2 .. pi/2 rad, got {self.pitch:g}")

    @property
    def tangents(self) -> tuple[float, float]:
        """Tangents of half the horizontal and half the vertical field of view."""
        horizontal = math.tan(math.radians(self.hfov) / 2.0)
        return horizontal, horizontal * self.height / self.width

    @property
    def lens(self) -> wp.vec4:
        """What `pixel_direction` takes: width and height [pixel], and the two tangents."""
        return _lens(self)


@lru_cache(maxsize=256)
def _lens(camera: Camera) -> wp.vec4:
    return wp.vec4(float(camera.width), float(camera.height), *camera.tangents)


@wp.kernel
def _basis_kernel(yaw: wp.array[wp.float32], pitch: wp.float32, basis_out: wp.array[wp.mat33]) -> None:
    view = wp.tid()
    sine, cosine = wp.sin(yaw[view]), wp.cos(yaw[view])
    forward = wp.vec3(-sine, 0.0, -cosine)
    up = wp.vec3(0.0, 1.0, 0.0)
    tilt_sine, tilt_cosine = wp.sin(pitch), wp.cos(pitch)
    basis_out[view] = wp.matrix_from_rows(
        wp.vec3(cosine, 0.0, -sine),
        tilt_cosine * up - tilt_sine * forward,
        tilt_cosine * forward + tilt_sine * up,
    )


def view_basis(yaw: torch.Tensor, camera: Camera) -> torch.Tensor:
    """Returns the rows right, up and forward of each view, world frame, shape (B, 3, 3).

    A kernel, not `torch.sin`: vectorised sines depend on the place in the batch, results must not.

    Args:
        yaw: headings [rad], shape (B,), float32, counter-clockwise about +Y, 0 looks along -Z.
        camera: gives the pitch.
    """
    basis = torch.empty((len(yaw), 3, 3), dtype=torch.float32, device=yaw.device)
    launch(_basis_kernel, (len(yaw),), [yaw.contiguous(), camera.pitch, basis], yaw.device)
    return basis


@wp.func(inline=True)
def pixel_direction(basis: wp.mat33, row: wp.int32, column: wp.int32, lens: wp.vec4) -> wp.vec3:
    """Returns the direction through a pixel's centre; its component along the view axis is 1."""
    x = (2.0 * (float(column) + 0.5) / lens[0] - 1.0) * lens[2]
    y = (1.0 - 2.0 * (float(row) + 0.5) / lens[1]) * lens[3]
    return wp.transpose(basis) * wp.vec3(x, y, 1.0)


@wp.kernel
def _rays_kernel(
    position: wp.array[wp.vec3],
    basis: wp.array[wp.mat33],
    lens: wp.vec4,
    origins_out: wp.array3d[wp.vec3],
    directions_out: wp.array3d[wp.vec3],
) -> None:
    view, row, column = wp.tid()
    origins_out[view, row, column] = position[view]
    directions_out[view, row, column] = pixel_direction(basis[view], row, column, lens)


def camera_rays(position: torch.Tensor, basis: torch.Tensor, camera: Camera) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the rays of all pixels: origins and directions, each (B, H, W, 3), world frame.

    A direction's component along the view axis is 1, so that a hit's distance in multiples of the direction *is* the
    planar depth [m].

    Args:
        position: the eyes [m], shape (B, 3), float32, world frame.
        basis: from `view_basis`, shape (B, 3, 3).
        camera: the intrinsics.
    """
    count = len(position)
    if position.shape != (count, 3) or basis.shape != (count, 3, 3):
        raise ValueError(f"position must be (B, 3) and basis (B, 3, 3), not {position.shape} and {basis.shape}")
    rays = torch.empty((2, count, camera.height, camera.width, 3), dtype=torch.float32, device=position.device)
    inputs = [position.contiguous(), basis, camera.lens]
    launch(_rays_kernel, (count, camera.height, camera.width), [*inputs, rays[0], rays[1]], position.device)
    return rays[0], rays[1]
