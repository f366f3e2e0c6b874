"""Rasters of a triangle mesh seen from above: distance to obstacles and height of the floor, per column."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index,valid-type"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp
from scipy import ndimage

from avi_env.scene.rays_warp import wp_device

__all__ = ["Raster", "clearance_raster", "floor_raster", "raster_over", "without_cavities"]

wp.set_module_options({"enable_backward": False})

_NOWHERE = wp.constant(1.0e6)  # [m], where an edge that does not exist is put: beyond every reach
_INSIDE = wp.constant(1.0e-5)  # barycentric tolerance: columns on the common edge of two triangles belong to both

FloatArray = npt.NDArray[np.floating[Any]]


_ROOM_AREA = 2.0  # [m^2]; smaller enclosed parts of a plane are the insides of cupboards, not rooms

_Edge = wp.types.vector(length=5, dtype=wp.float32)
_Edges = wp.types.matrix(shape=(5, 5), dtype=wp.float32)


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


@wp.struct
class _Outline:
    """A triangle between two heights, seen from above."""

    edges: _Edges
    """Rows: start x, z and vector x, z of each edge [m], 1 / length^2; an edge that does not exist is far away."""
    over: wp.vec3
    """Barycentric v at (x, z): over . (1, x, z)."""
    along: wp.vec3
    """Barycentric w."""
    height: wp.vec3
    """Height y: height . (1, v, w)."""
    box: wp.vec4
    """Lowest x, z and highest x, z of the edges [m]."""


@wp.func
def _point_at(p: wp.vec3, q: wp.vec3, t: float) -> wp.vec2:
    return wp.vec2(p[0] + t * (q[0] - p[0]), p[2] + t * (q[2] - p[2]))


@wp.func
def _with_edge(o: _Outline, row: int, a: wp.vec2, b: wp.vec2) -> _Outline:
    d = b - a
    o.edges[row] = _Edge(a[0], a[1], d[0], d[1], 1.0 / wp.max(wp.dot(d, d), 1.0e-12))
    o.box = wp.vec4(
        wp.min(o.box[0], wp.min(a[0], b[0])),
        wp.min(o.box[1], wp.min(a[1], b[1])),
        wp.max(o.box[2], wp.max(a[0], b[0])),
        wp.max(o.box[3], wp.max(a[1], b[1])),
    )
    return o


@wp.func
def _with_clipped(o: _Outline, row: int, p: wp.vec3, q: wp.vec3, low: float, high: float) -> _Outline:
    """Adds the part of an edge between two heights."""
    dy = q[1] - p[1]
    if wp.abs(dy) < 1.0e-9:
        if p[1] < low or p[1] > high:
            return o
        return _with_edge(o, row, wp.vec2(p[0], p[2]), wp.vec2(q[0], q[2]))
    t0 = wp.max(wp.min((low - p[1]) / dy, (high - p[1]) / dy), 0.0)
    t1 = wp.min(wp.max((low - p[1]) / dy, (high - p[1]) / dy), 1.0)
    if t0 > t1:
        return o
    return _with_edge(o, row, _point_at(p, q, t0), _point_at(p, q, t1))


@wp.func
def _with_cut(o: _Outline, row: int, a: wp.vec3, b: wp.vec3, c: wp.vec3, height: float) -> _Outline:
    """Adds the line in which a plane at a height cuts the triangle."""
    if (a[1] > height) == (b[1] > height):
        if (b[1] > height) == (c[1] > height):
            return o
        return _with_edge(
            o, row, _point_at(c, a, (height - c[1]) / (a[1] - c[1])), _point_at(c, b, (height - c[1]) / (b[1] - c[1]))
        )
    if (a[1] > height) == (c[1] > height):
        return _with_edge(
            o, row, _point_at(b, a, (height - b[1]) / (a[1] - b[1])), _point_at(b, c, (height - b[1]) / (c[1] - b[1]))
        )
    return _with_edge(
        o, row, _point_at(a, b, (height - a[1]) / (b[1] - a[1])), _point_at(a, c, (height - a[1]) / (c[1] - a[1]))
    )


@wp.func
def _outline(a: wp.vec3, b: wp.vec3, c: wp.vec3) -> _Outline:
    """The whole triangle without its edges."""
    o = _Outline()
    for row in range(5):
        o.edges[row] = _Edge(_NOWHERE, _NOWHERE, 0.0, 0.0, 0.0)
    o.box = wp.vec4(_NOWHERE, _NOWHERE, -_NOWHERE, -_NOWHERE)
    area = (b[0] - a[0]) * (c[2] - a[2]) - (c[0] - a[0]) * (b[2] - a[2])
    o.over = wp.vec3(-1.0, 0.0, 0.0)  # a vertical triangle lies over nothing
    if wp.abs(area) > 1.0e-9:
        vx = (c[2] - a[2]) / area
        vz = (a[0] - c[0]) / area
        wx = (a[2] - b[2]) / area
        wz = (b[0] - a[0]) / area
        o.over = wp.vec3(-vx * a[0] - vz * a[2], vx, vz)
        o.along = wp.vec3(-wx * a[0] - wz * a[2], wx, wz)
    o.height = wp.vec3(a[1], b[1] - a[1], c[1] - a[1])
    return o


@wp.func
def _height_at(o: _Outline, x: float, z: float) -> float:
    """Height of a triangle over (x, z), or -1e9 where it is not."""
    v = o.over[0] + o.over[1] * x + o.over[2] * z
    w = o.along[0] + o.along[1] * x + o.along[2] * z
    if v < -_INSIDE or w < -_INSIDE or v + w > 1.0 + _INSIDE:
        return -1.0e9
    return o.height[0] + o.height[1] * v + o.height[2] * w


@wp.func
def _edge_distance_sq(o: _Outline, x: float, z: float) -> float:
    best = wp.float32(_NOWHERE * _NOWHERE)
    for row in range(5):
        ex = x - o.edges[row, 0]
        ez = z - o.edges[row, 1]
        t = wp.clamp((ex * o.edges[row, 2] + ez * o.edges[row, 3]) * o.edges[row, 4], 0.0, 1.0)
        ex = ex - t * o.edges[row, 2]
        ez = ez - t * o.edges[row, 3]
        best = wp.min(best, ex * ex + ez * ez)
    return best


@wp.func
def _columns(o: _Outline, origin: wp.vec2, spacing: float, reach: float, shape: wp.vec2i) -> wp.vec4i:
    """First and one past the last column along x, then along z, within reach of a triangle's edges."""
    return wp.vec4i(
        wp.max(int(wp.ceil((o.box[0] - reach - origin[0]) / spacing)), 0),
        wp.min(int(wp.floor((o.box[2] + reach - origin[0]) / spacing)) + 1, shape[0]),
        wp.max(int(wp.ceil((o.box[1] - reach - origin[1]) / spacing)), 0),
        wp.min(int(wp.floor((o.box[3] + reach - origin[1]) / spacing)) + 1, shape[1]),
    )


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
    o = _with_clipped(_outline(a, b, c), 0, a, b, low, high)
    o = _with_clipped(_with_clipped(o, 1, b, c, low, high), 2, c, a, low, high)
    o = _with_cut(_with_cut(o, 3, a, b, c, low), 4, a, b, c, high)
    column = _columns(o, origin, spacing, reach, wp.vec2i(clearance_out.shape[0], clearance_out.shape[1]))
    for i in range(column[0], column[1]):
        for j in range(column[2], column[3]):
            x = origin[0] + float(i) * spacing
            z = origin[1] + float(j) * spacing
            before = clearance_out[i, j]
            d = _edge_distance_sq(o, x, z)
            y = _height_at(o, x, z)
            if y >= low and y <= high:
                d = 0.0
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
    o = _outline(a, b, c)
    o = _with_edge(o, 0, wp.vec2(a[0], a[2]), wp.vec2(b[0], b[2]))
    o = _with_edge(o, 1, wp.vec2(b[0], b[2]), wp.vec2(c[0], c[2]))
    column = _columns(o, origin, spacing, 1.0e-5, wp.vec2i(height_out.shape[0], height_out.shape[1]))
    for i in range(column[0], column[1]):
        for j in range(column[2], column[3]):
            y = _height_at(o, origin[0] + float(i) * spacing, origin[1] + float(j) * spacing)
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
