"""Texture images in the shading kernel: mip levels built in linear light, and their filtered lookup."""
# mypy: disable-error-code="untyped-decorator,misc,index"

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.scene.mesh_parts import linear_to_srgb, srgb_to_linear
from avi_env.scene.model import WRAPS, Scene, Texture

__all__ = ["TAPS", "TextureTables", "mip_levels", "texture_color", "texture_tables", "uv_gradients"]

wp.set_module_options({"enable_backward": False})

TAPS = 2
"""Most lookups along the longer axis of a pixel's footprint: four would be sharper, and 40 % dearer."""

_MOST_TAPS = wp.constant(TAPS)
_FULL = 65535.0  # linear light is summed in 16 bits: finer than the darkest step of sRGB

FloatArray = npt.NDArray[np.float32]


class TextureTables(NamedTuple):
    """All textures of a bank with their levels, one behind the other."""

    textures: npt.NDArray[np.int32]
    """First level, number of levels and wrap (along u plus 3 along v, as `WRAPS` counts), shape (X, 3)."""
    levels: npt.NDArray[np.int32]
    """First texel, width and height, shape (L, 3)."""
    texels: npt.NDArray[np.uint8]
    """sRGB, shape (N, 3)."""


def texture_tables(textures: Sequence[Texture]) -> TextureTables:
    """Returns the tables of textures; without any, they are empty."""
    rows: list[list[int]] = []
    levels: list[list[int]] = []
    texels, start = [np.zeros((0, 3), dtype=np.uint8)], 0
    for texture in textures:
        chain = mip_levels(texture.image)
        u, v = (WRAPS.index(wrap) for wrap in texture.wrap)
        rows.append([len(levels), len(chain), u + 3 * v])
        for image in chain:
            levels.append([start, image.shape[1], image.shape[0]])
            texels.append(image.reshape(-1, 3))
            start += image.shape[0] * image.shape[1]
    return TextureTables(
        np.array(rows, dtype=np.int32).reshape(-1, 3),
        np.array(levels, dtype=np.int32).reshape(-1, 3),
        np.concatenate(texels),
    )


def mip_levels(image: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """Returns an image and its halvings down to one texel, each sRGB, shape (h, w, 3) uint8.

    Sides halve rounding down; each texel is the mean of the linear light over its own area, so sides need no powers
    of two and every level keeps the mean of the picture.
    """
    decode = np.round(_FULL * srgb_to_linear(np.arange(256) / 255.0)).astype(np.uint16)
    encode = np.round(255.0 * linear_to_srgb(np.arange(65536) / _FULL)).astype(np.uint8)
    levels = [np.ascontiguousarray(image)]
    linear = decode[image]
    while max(linear.shape[:2]) > 1:
        for axis in (0, 1):
            linear = _halved(linear, axis)
        levels.append(encode[linear])
    return levels


def _halved(linear: npt.NDArray[np.uint16], axis: int) -> npt.NDArray[np.uint16]:
    count = linear.shape[axis]
    if count == 1:
        return linear
    first = np.moveaxis(linear, axis, 0)
    if count % 2 == 0:
        summed = first[0::2].astype(np.uint32) + first[1::2]
        return np.moveaxis(((summed + 1) >> 1).astype(np.uint16), 0, axis)
    # An odd side: texel k of the next level covers the texels from k n / m to (k + 1) n / m.
    target = count // 2
    below = np.concatenate([np.zeros((1, *first.shape[1:])), np.cumsum(first, axis=0, dtype=np.float64)])
    edges = np.arange(target + 1) * (count / target)
    whole = np.minimum(edges.astype(np.int64), count - 1)
    part = (edges - whole).reshape(-1, *([1] * (first.ndim - 1)))
    area = below[whole] + part * first[whole]
    mean = np.diff(area, axis=0) * (target / count)
    return np.moveaxis(np.round(mean).astype(np.uint16), 0, axis)


def uv_gradients(scene: Scene) -> FloatArray:
    """Returns by how much u and v change per metre along each axis, shape (T, 2, 3); 0 without coordinates."""
    if scene.uv is None:
        return np.zeros((len(scene.triangles), 2, 3), dtype=np.float32)
    corners = scene.vertices[scene.triangles].astype(np.float64)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(one, two)
    area = np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    unit = normal / area
    basis = np.stack([np.cross(two, unit), np.cross(unit, one)], axis=1) / area[:, None]
    change = scene.uv[:, 1:].astype(np.float64) - scene.uv[:, :1]
    return np.asarray(np.einsum("tkc,tkd->tcd", change, basis), dtype=np.float32)


@wp.func
def _wrapped(index: wp.int32, count: wp.int32, wrap: wp.int32) -> wp.int32:
    """Returns the texel that stands for one beyond the borders."""
    if index >= 0 and index < count:
        return index
    if wrap == 1:
        return wp.clamp(index, 0, count - 1)
    period = wp.where(wrap == 2, 2 * count, count)
    rest = index % period
    rest = wp.where(rest < 0, rest + period, rest)
    return wp.where(rest >= count, period - 1 - rest, rest)


@wp.func
def _linear(decode: wp.array[wp.float32], texel: wp.vec3ub) -> wp.vec3:
    return wp.vec3(decode[int(texel[0])], decode[int(texel[1])], decode[int(texel[2])])


@wp.func
def _bilinear(
    texels: wp.array[wp.vec3ub], decode: wp.array[wp.float32], level: wp.vec3i, wrap: wp.int32, at: wp.vec2
) -> wp.vec3:
    """Returns a level's colour, linear RGB; v of the texture runs upwards from the image's last row."""
    x, y = at[0] * float(level[1]) - 0.5, (1.0 - at[1]) * float(level[2]) - 0.5
    i, j = int(wp.floor(x)), int(wp.floor(y))
    s, t = x - wp.floor(x), y - wp.floor(y)
    left, right = _wrapped(i, level[1], wrap % 3), _wrapped(i + 1, level[1], wrap % 3)
    upper = level[0] + _wrapped(j, level[2], wrap / 3) * level[1]
    lower = level[0] + _wrapped(j + 1, level[2], wrap / 3) * level[1]
    high = _linear(decode, texels[upper + left]) * (1.0 - s) + _linear(decode, texels[upper + right]) * s
    low = _linear(decode, texels[lower + left]) * (1.0 - s) + _linear(decode, texels[lower + right]) * s
    return high * (1.0 - t) + low * t


@wp.func
def texture_color(
    texels: wp.array[wp.vec3ub],
    decode: wp.array[wp.float32],
    levels: wp.array[wp.vec3i],
    texture: wp.vec3i,
    at: wp.vec2,
    one: wp.vec2,
    two: wp.vec2,
) -> wp.vec3:
    """Returns the texture's mean over a pixel, linear RGB: between two levels, or at two places on its long axis.

    `one` and `two` are the axes of the pixel's footprint in texture coordinates. A pixel smaller than a texel is
    bilinear in the image itself.
    """
    base = levels[texture[0]]
    size = wp.vec2(float(base[1]), float(base[2]))
    a, b = wp.length(wp.cw_mul(one, size)), wp.length(wp.cw_mul(two, size))
    axis = wp.where(a >= b, one, two)
    long, short = wp.max(a, b), wp.max(wp.min(a, b), 1.0)
    taps = wp.clamp(int(wp.ceil(long / short - 0.01)), 1, _MOST_TAPS)
    detail = wp.clamp(wp.log2(wp.max(long / float(taps), 1.0)), 0.0, float(texture[1] - 1))
    if taps > 1:
        detail = wp.round(detail)  # several places already blend
    first = int(detail)
    share = detail - float(first)
    fine = levels[texture[0] + first]
    coarse = levels[texture[0] + wp.min(first + 1, texture[1] - 1)]
    color = wp.vec3(0.0)
    for k in range(taps):
        place = at + axis * ((float(k) + 0.5) / float(taps) - 0.5)
        color += _bilinear(texels, decode, fine, texture[2], place) * (1.0 - share)
        if share > 0.0:
            color += _bilinear(texels, decode, coarse, texture[2], place) * share
    return color / float(taps)
