"""Pictures: `render` for one scene, `render_views` for a batch of views in a bank of scenes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.content import name_error
from avi_env.scene.bank import SceneBank
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.threads import run_rows
from avi_env.vision import primary_embree
from avi_env.vision.camera import Camera, view_basis
from avi_env.vision.fused import fused_images
from avi_env.vision.primary import Primary
from avi_env.vision.shading import color_image, make_view
from avi_env.vision.shadows import shadowed_light

__all__ = ["OUTPUTS", "QUALITIES", "render", "render_views"]

OUTPUTS = ("rgb", "depth", "semantic")
"""Images a view can give."""

QUALITIES = ("fast", "shadows")
"""fast: baked light, soft shadows. shadows: the lamps are traced per pixel, with hard shadows."""

BACKENDS = ("embree", "warp")

_PIXELS = {"rgb": ((3,), torch.uint8), "depth": ((1,), torch.float32), "semantic": ((), torch.int32)}

_SHARE = 2048
"""Pixels that are worth a thread of their own: starting one costs about as much as tracing a thousand."""

_NO_HITS = torch.empty((0, 0, 0), dtype=torch.int32), torch.empty((0, 0, 0, 2))

Poses = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Images = dict[str, torch.Tensor]


def render(
    scene: Scene,
    position: npt.ArrayLike,
    yaw: npt.ArrayLike,
    width: int = 128,
    height: int = 128,
    hfov: float = 90.0,
    quality: str = "fast",
    pitch: float = 0.0,
) -> dict[str, npt.NDArray[Any]]:
    """Returns what a camera sees: "rgb", "depth" and "semantic".

    Args:
        scene: the scene; what depends on it alone is built at the first call and kept.
        position: the eye [m], shape (3,) or (B, 3), world frame.
        yaw: heading [rad], a number or shape (B,), counter-clockwise about +Y, 0 looks along -Z.
        width: image width [pixel].
        height: image height [pixel].
        hfov: horizontal field of view [deg].
        quality: "fast" or "shadows".
        pitch: tilt [rad], up is positive.

    Returns:
        rgb: sRGB, shape (H, W, 3) uint8.
        depth: planar depth [m], shape (H, W, 1) float32, 0 = no hit.
        semantic: object id, shape (H, W) int32, -1 = none.
        With position (B, 3) each has a leading B.

    Raises:
        ValueError: shapes do not match, the pose is not finite, or an unknown quality.
    """
    place = np.asarray(position, dtype=np.float32)
    heading = np.asarray(yaw, dtype=np.float32)
    if place.shape not in ((3,), (len(place) if place.ndim else 0, 3)) or heading.ndim > 1:
        raise ValueError(
            f"position must have shape (3,) or (B, 3) and yaw () or (B,), not {place.shape} and {heading.shape}"
        )
    single = place.ndim == 1
    place = place.reshape(-1, 3)
    heading = np.ascontiguousarray(np.broadcast_to(heading, (len(place),)))
    bank = derived(scene, ("scene_bank", "cpu"), lambda: SceneBank((scene,)))
    images = render_views(
        bank,
        torch.zeros(len(place), dtype=torch.int32),
        torch.from_numpy(place.copy()),
        torch.from_numpy(heading.copy()),
        Camera(width=width, height=height, hfov=hfov, pitch=pitch),
        quality=quality,
    )
    return {name: image.numpy()[0] if single else image.numpy() for name, image in images.items()}


def render_views(
    bank: SceneBank,
    scene_index: torch.Tensor,
    position: torch.Tensor,
    yaw: torch.Tensor,
    camera: Camera,
    outputs: Sequence[str] = OUTPUTS,
    quality: str = "fast",
    backend: str | None = None,
    out: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Returns the images of B views on the bank's device.

    On the CPU, views and bands of one view are shared among `torch.get_num_threads()` threads; no pixel depends on it.

    Args:
        bank: the scenes.
        scene_index: scene of each view, shape (B,).
        position: the eyes [m], shape (B, 3), world frame.
        yaw: headings [rad], shape (B,), counter-clockwise about +Y, 0 looks along -Z.
        camera: the intrinsics and the pitch.
        outputs: which of "rgb" (B, H, W, 3) uint8, "depth" (B, H, W, 1) float32 planar [m] with 0 = no hit, and
            "semantic" (B, H, W) int32 with -1 = none; what is not asked for is not computed.
        quality: "fast" or "shadows".
        backend: "embree" (the CPU's default) or "warp", one kernel that traces and shades (the only one on CUDA).
        out: tensors for some of the outputs, contiguous and on the bank's device: the image goes there, and the same
            tensor is returned. The others are freshly allocated.

    Raises:
        ValueError: shapes do not match, unknown output, quality or backend, a tensor of `out` that does not fit.
    """
    _check_names(outputs, quality)
    rows, place, heading = _check_poses(bank, scene_index, position, yaw)
    shape = (len(rows), camera.height, camera.width)
    images = {name: _image(name, shape, bank.device, out) for name in OUTPUTS if name in outputs}
    if not len(rows) or not images:
        return images
    poses = (rows, place, view_basis(heading, camera))
    if _backend(bank, backend) == "embree":
        _render_by_embree(bank, poses, camera, images, quality)
    else:
        fused_images(bank, *poses, camera, images, quality)
    return images


def _render_by_embree(bank: SceneBank, poses: Poses, camera: Camera, images: Images, quality: str) -> None:
    """Traces and shades bands of rows of tiles, each on one thread: hits are shaded while they are in its cache."""
    shape = (len(poses[0]), camera.height, camera.width)
    depth = images["depth"].view(shape) if "depth" in images else torch.empty(shape)
    triangle, barycentric = _NO_HITS
    if "rgb" in images:
        triangle, barycentric = torch.empty(shape, dtype=torch.int32), torch.empty((*shape, 2))
    primary, semantic = Primary(depth, triangle, barycentric), images.get("semantic", _NO_HITS[0])
    view = make_view(*poses, camera, primary)
    tiles = -(-camera.height // primary_embree.TILE)

    def band(first: int, last: int) -> None:
        primary_embree.trace_tiles(bank, poses, camera, primary, semantic, (first, last))
        if "rgb" in images:
            lines = [
                row // tiles * camera.height + min(row % tiles * primary_embree.TILE, camera.height)
                for row in (first, last)
            ]
            direct = shadowed_light(bank, view, (lines[0], lines[1])) if quality == "shadows" else None
            color_image(bank, view, direct, images["rgb"], (lines[0], lines[1]))

    worth = max(1, math.prod(shape) // _SHARE)
    run_rows(band, shape[0] * tiles, min(worth, torch.get_num_threads()))


def _image(
    name: str, views: tuple[int, int, int], device: torch.device, out: Mapping[str, torch.Tensor] | None
) -> torch.Tensor:
    """Returns the tensor into which an output is written."""
    shape, dtype = (*views, *_PIXELS[name][0]), _PIXELS[name][1]
    given = None if out is None else out.get(name)
    if given is None:
        return torch.empty(shape, dtype=dtype, device=device)
    if given.shape != shape or given.dtype != dtype or given.device != device or not given.is_contiguous():
        raise ValueError(
            f"out[{name!r}] must be contiguous, of shape {shape} and {dtype} on {device}, not "
            f"{tuple(given.shape)} {given.dtype} on {given.device}"
        )
    return given


def _check_names(outputs: Sequence[str], quality: str) -> None:
    for name in outputs:
        if name not in OUTPUTS:
            raise name_error("image", name, OUTPUTS)
    if quality not in QUALITIES:
        raise name_error("render quality", quality, QUALITIES)


def _check_poses(
    bank: SceneBank, scene_index: torch.Tensor, position: torch.Tensor, yaw: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    count = len(scene_index)
    if scene_index.shape != (count,) or position.shape != (count, 3) or yaw.shape != (count,):
        raise ValueError(
            f"views need scene_index (B,), position (B, 3) and yaw (B,), not {tuple(scene_index.shape)}, "
            f"{tuple(position.shape)} and {tuple(yaw.shape)}"
        )
    rows = bank.checked_index(scene_index)
    place, heading = (t.to(bank.device, torch.float32).contiguous() for t in (position, yaw))
    if bank.device.type == "cpu" and count:  # on CUDA the check would wait for the device at every step
        if not math.isfinite(float(place.sum()) + float(heading.sum())):  # as it is if any summand is not
            raise ValueError("a view's position or yaw is NaN or infinite")
    return rows, place, heading


def _backend(bank: SceneBank, backend: str | None) -> str:
    if backend is None:
        return "embree" if bank.device.type == "cpu" else "warp"
    if backend not in BACKENDS:
        raise name_error("camera backend", backend, BACKENDS)
    if backend == "embree" and bank.device.type != "cpu":
        raise ValueError(f"the Embree camera works on the CPU, this bank lies on {bank.device}: use backend='warp'")
    return backend
