"""Rasters of a triangle mesh seen from above: distance to obstacles and height of the floor, per column."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index,valid-type"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp
from scipy import ndimage

from avi_env.navigation.outline import (
    box_distance_sq,
    columns_near,
    distance_at_height_sq,
    height_at,
    in_band,
    outline_of,
    with_edge,
)
from avi_env.scene.rays_warp import wp_device

__all__ = ["Raster", "clearance_raster", "floor_raster", "raster_over", "without_cavities"]

wp.set_module_options({"enable_backward": False})


FloatArray = npt.NDArray[np.floating[Any]]


_ROOM_AREA = 2.0  # [m^2]; smaller enclosed parts of a plane are the insides of cupboards, not rooms


class Raster(NamedTuple):
    """A horizontal grid: columns are `spacing` wide squares about their centres."""

    origin: tuple[float, float]
    """World (x, z) of the centre of column (0, 0) [m]."""
    spacing: float
    """Width of a column [m]."""
    shape: tuple[int, int]
    """Columns along x and z."""


def raster_over(low: FloatArray, high: FloatArray, spacing: float, margin: float) -> Raster:
    """Returns the grid that covers the rectangle from `low` to `high` ((x, z) [m]) and a margin [m] around it."""
    start = np.asarray(low, dtype=np.float64) - margin
    count = np.ceil((np.asarray(high, dtype=np.float64) + margin - start) / spacing - 1e-9).astype(int)
    return Raster(
        (float(start[0] + spacing / 2), float(start[1] + spacing / 2)), spacing, (int(count[0]), int(count[1]))
    )


def without_cavities(air: npt.NDArray[np.bool_], spacing: float) -> npt.NDArray[np.bool_]:
    """Returns a plane's air without the enclosed parts that are too small for a room: the insides of furniture.

    Args:
        air: True where nothing cuts the plane, shape (nx, nz).
        spacing: width of a column [m].
    """
    labels, count = ndimage.label(air)
    if count < 2:
        return air
    area = np.bincount(labels.ravel())[1:] * spacing**2
    kept = np.concatenate([[False], (area >= _ROOM_AREA) | (area == area.max())])
    return np.asarray(kept[labels])


@wp.kernel
def _clearance(
    vertices: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    band: wp.vec2,
    origin: wp.vec2,
    spacing: float,
    reach: float,
    clearance_out: wp.array2d[wp.float32],
) -> None:
    t = wp.tid()
    a = vertices[triangles[t, 0]]
    b = vertices[triangles[t, 1]]
    c = vertices[triangles[t, 2]]
    low = band[0]
    high = band[1]
    if wp.max(a[1], wp.max(b[1], c[1])) < low or wp.min(a[1], wp.min(b[1], c[1])) > high:
        return
    o = in_band(a, b, c, low, high)
    column = columns_near(o, origin, spacing, reach, wp.vec2i(clearance_out.shape[0], clearance_out.shape[1]))
    for i in range(column[0], column[1]):
        for j in range(column[2], column[3]):
            x = origin[0] + float(i) * spacing
            z = origin[1] + float(j) * spacing
            before = clearance_out[i, j]
            if box_distance_sq(o, x, z) >= before * before:
                continue
            d = distance_at_height_sq(o, x, z, low, high)
            if d < before * before:
                wp.atomic_min(clearance_out, i, j, wp.sqrt(d))


def clearance_raster(
    vertices: npt.NDArray[np.float32],
    triangles: npt.NDArray[np.int32],
    raster: Raster,
    band: tuple[float, float],
    reach: float,
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """Returns the horizontal distance from each column's centre to the nearest geometry within a band of heights.

    The distance is exact (to the triangles, not to cells), so a wall without thickness is as solid as any other.

    Args:
        vertices: [m], shape (V, 3), world frame.
        triangles: vertex indices, shape (T, 3).
        raster: the grid.
        band: lowest and highest height y [m] that count.
        reach: distances [m] beyond this are reported as this.
        device: where it is computed.

    Returns:
        Distances [m], shape (nx, nz).
    """
    name = wp_device(device)
    out = wp.full(raster.shape, value=float(reach), dtype=float, device=name)
    if len(triangles):
        inputs = [
            wp.array(np.ascontiguousarray(vertices, dtype=np.float32), dtype=wp.vec3, device=name),
            wp.array(np.ascontiguousarray(triangles, dtype=np.int32), dtype=wp.int32, device=name),
            wp.vec2(*band),
            wp.vec2(*raster.origin),
            float(raster.spacing),
            float(reach),
        ]
        wp.launch(_clearance, dim=len(triangles), inputs=inputs, outputs=[out], device=name)
    return np.asarray(out.numpy())


@wp.kernel
def _floor(
    vertices: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    band: wp.vec2,
    origin: wp.vec2,
    spacing: float,
    height_out: wp.array2d[wp.float32],
) -> None:
    t = wp.tid()
    a = vertices[triangles[t, 0]]
    b = vertices[triangles[t, 1]]
    c = vertices[triangles[t, 2]]
    o = outline_of(a, b, c)
    o = with_edge(o, 0, wp.vec2(a[0], a[2]), wp.vec2(b[0], b[2]))
    o = with_edge(o, 1, wp.vec2(b[0], b[2]), wp.vec2(c[0], c[2]))
    column = columns_near(o, origin, spacing, 1.0e-5, wp.vec2i(height_out.shape[0], height_out.shape[1]))
    for i in range(column[0], column[1]):
        for j in range(column[2], column[3]):
            y = height_at(o, origin[0] + float(i) * spacing, origin[1] + float(j) * spacing)
            if y >= band[0] and y <= band[1]:
                wp.atomic_max(height_out, i, j, y)


def floor_raster(
    vertices: npt.NDArray[np.float32],
    triangles: npt.NDArray[np.int32],
    raster: Raster,
    band: tuple[float, float],
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """Returns the highest of the given triangles within a band of heights over each column's centre.

    Returns:
        Heights y [m], shape (nx, nz); -inf where there is none.
    """
    name = wp_device(device)
    out = wp.full(raster.shape, value=-1.0e30, dtype=float, device=name)
    if len(triangles):
        inputs = [
            wp.array(np.ascontiguousarray(vertices, dtype=np.float32), dtype=wp.vec3, device=name),
            wp.array(np.ascontiguousarray(triangles, dtype=np.int32), dtype=wp.int32, device=name),
            wp.vec2(*band),
            wp.vec2(*raster.origin),
            float(raster.spacing),
        ]
        wp.launch(_floor, dim=len(triangles), inputs=inputs, outputs=[out], device=name)
    height = np.asarray(out.numpy())
    return np.where(height < -1.0e29, -np.inf, height).astype(np.float32)
