"""Rasters of a triangle mesh seen from above: distance to obstacles and height of the floor, per column."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.scene.rays_warp import wp_device

__all__ = ["Raster", "clearance_raster", "floor_raster", "raster_over"]

wp.set_module_options({"enable_backward": False})

_NO_SEGMENT = 1.0e6  # where a segment that does not exist is put [m]: beyond every reach
_INSIDE = 1.0e-5  # barycentric tolerance: columns on the common edge of two triangles belong to both

FloatArray = npt.NDArray[np.floating[Any]]


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


@wp.func
def _edge_in_band(p: wp.vec3, q: wp.vec3, low: float, high: float) -> wp.vec4:
    """The part of an edge between two heights, seen from above: (x0, z0, x1, z1)."""
    dy = q[1] - p[1]
    t0 = wp.float32(0.0)
    t1 = wp.float32(1.0)
    if wp.abs(dy) < 1.0e-9:
        if p[1] < low or p[1] > high:
            return wp.vec4(_NO_SEGMENT, _NO_SEGMENT, _NO_SEGMENT, _NO_SEGMENT)
    else:
        a = (low - p[1]) / dy
        b = (high - p[1]) / dy
        t0 = wp.max(t0, wp.min(a, b))
        t1 = wp.min(t1, wp.max(a, b))
        if t0 > t1:
            return wp.vec4(_NO_SEGMENT, _NO_SEGMENT, _NO_SEGMENT, _NO_SEGMENT)
    return wp.vec4(
        p[0] + t0 * (q[0] - p[0]), p[2] + t0 * (q[2] - p[2]), p[0] + t1 * (q[0] - p[0]), p[2] + t1 * (q[2] - p[2])
    )


@wp.func
def _section(p: wp.vec3, q: wp.vec3, r: wp.vec3, height: float) -> wp.vec4:
    """Where the plane at a height cuts a triangle, seen from above; p is the vertex alone on its side."""
    t = (height - p[1]) / (q[1] - p[1])
    s = (height - p[1]) / (r[1] - p[1])
    return wp.vec4(
        p[0] + t * (q[0] - p[0]), p[2] + t * (q[2] - p[2]), p[0] + s * (r[0] - p[0]), p[2] + s * (r[2] - p[2])
    )


@wp.func
def _section_any(a: wp.vec3, b: wp.vec3, c: wp.vec3, height: float) -> wp.vec4:
    sa = a[1] > height
    sb = b[1] > height
    sc = c[1] > height
    if sa == sb and sb == sc:
        return wp.vec4(_NO_SEGMENT, _NO_SEGMENT, _NO_SEGMENT, _NO_SEGMENT)
    if sa == sb:
        return _section(c, a, b, height)
    if sa == sc:
        return _section(b, a, c, height)
    return _section(a, b, c, height)


@wp.func
def _segment_distance(s: wp.vec4, x: float, z: float) -> float:
    dx = s[2] - s[0]
    dz = s[3] - s[1]
    t = ((x - s[0]) * dx + (z - s[1]) * dz) / wp.max(dx * dx + dz * dz, 1.0e-12)
    t = wp.clamp(t, 0.0, 1.0)
    ex = x - s[0] - t * dx
    ez = z - s[1] - t * dz
    return wp.sqrt(ex * ex + ez * ez)


@wp.func
def _height_at(a: wp.vec3, b: wp.vec3, c: wp.vec3, x: float, z: float) -> float:
    """Height of a triangle over (x, z), or -1e9 where it is not."""
    area = (b[0] - a[0]) * (c[2] - a[2]) - (c[0] - a[0]) * (b[2] - a[2])
    if wp.abs(area) < 1.0e-9:
        return -1.0e9
    v = ((x - a[0]) * (c[2] - a[2]) - (c[0] - a[0]) * (z - a[2])) / area
    w = ((b[0] - a[0]) * (z - a[2]) - (x - a[0]) * (b[2] - a[2])) / area
    if v < -_INSIDE or w < -_INSIDE or v + w > 1.0 + _INSIDE:
        return -1.0e9
    return a[1] + v * (b[1] - a[1]) + w * (c[1] - a[1])


@wp.func
def _near_band(a: wp.vec3, b: wp.vec3, c: wp.vec3, low: float, high: float, x: float, z: float) -> float:
    """Distance from above between (x, z) and the part of a triangle between two heights; 0 = over it."""
    y = _height_at(a, b, c, x, z)
    if y >= low and y <= high:
        return 0.0
    d = _segment_distance(_edge_in_band(a, b, low, high), x, z)
    d = wp.min(d, _segment_distance(_edge_in_band(b, c, low, high), x, z))
    d = wp.min(d, _segment_distance(_edge_in_band(c, a, low, high), x, z))
    d = wp.min(d, _segment_distance(_section_any(a, b, c, low), x, z))
    return wp.min(d, _segment_distance(_section_any(a, b, c, high), x, z))


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
    x0 = wp.min(a[0], wp.min(b[0], c[0])) - reach - origin[0]
    x1 = wp.max(a[0], wp.max(b[0], c[0])) + reach - origin[0]
    z0 = wp.min(a[2], wp.min(b[2], c[2])) - reach - origin[1]
    z1 = wp.max(a[2], wp.max(b[2], c[2])) + reach - origin[1]
    for i in range(wp.max(int(x0 / spacing), 0), wp.min(int(x1 / spacing) + 2, clearance_out.shape[0])):
        for j in range(wp.max(int(z0 / spacing), 0), wp.min(int(z1 / spacing) + 2, clearance_out.shape[1])):
            x = origin[0] + float(i) * spacing
            z = origin[1] + float(j) * spacing
            d = _near_band(a, b, c, low, high, x, z)
            if d < reach:
                wp.atomic_min(clearance_out, i, j, d)


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
    x0 = wp.min(a[0], wp.min(b[0], c[0])) - origin[0]
    x1 = wp.max(a[0], wp.max(b[0], c[0])) - origin[0]
    z0 = wp.min(a[2], wp.min(b[2], c[2])) - origin[1]
    z1 = wp.max(a[2], wp.max(b[2], c[2])) - origin[1]
    for i in range(wp.max(int(x0 / spacing), 0), wp.min(int(x1 / spacing) + 2, height_out.shape[0])):
        for j in range(wp.max(int(z0 / spacing), 0), wp.min(int(z1 / spacing) + 2, height_out.shape[1])):
            y = _height_at(a, b, c, origin[0] + float(i) * spacing, origin[1] + float(j) * spacing)
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
