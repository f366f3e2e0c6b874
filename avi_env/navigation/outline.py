"""Triangles seen from above, cut to a band of heights: what the kernels of `avi_env.navigation.raster` share."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index,valid-type"

from __future__ import annotations

import warp as wp

from avi_env.scene import rays_warp  # noqa: F401  (initialises Warp)

__all__ = [
    "Outline",
    "box_distance_sq",
    "columns_near",
    "distance_at_height_sq",
    "edge_distance_sq",
    "height_at",
    "in_band",
    "outline_of",
    "with_edge",
]

wp.set_module_options({"enable_backward": False})

_NOWHERE = wp.constant(1.0e6)  # [m], where an edge that does not exist is put: beyond every reach
_INSIDE = wp.constant(1.0e-5)  # barycentric tolerance: columns on the common edge of two triangles belong to both

_Edge = wp.types.vector(length=5, dtype=wp.float32)
_Edges = wp.types.matrix(shape=(5, 5), dtype=wp.float32)


@wp.struct
class Outline:
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
def with_edge(o: Outline, row: int, a: wp.vec2, b: wp.vec2) -> Outline:
    """Adds an edge from a to b."""
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
def with_clipped(o: Outline, row: int, p: wp.vec3, q: wp.vec3, low: float, high: float) -> Outline:
    """Adds the part of an edge between two heights."""
    dy = q[1] - p[1]
    if wp.abs(dy) < 1.0e-9:
        if p[1] < low or p[1] > high:
            return o
        return with_edge(o, row, wp.vec2(p[0], p[2]), wp.vec2(q[0], q[2]))
    t0 = wp.max(wp.min((low - p[1]) / dy, (high - p[1]) / dy), 0.0)
    t1 = wp.min(wp.max((low - p[1]) / dy, (high - p[1]) / dy), 1.0)
    if t0 > t1:
        return o
    return with_edge(o, row, _point_at(p, q, t0), _point_at(p, q, t1))


@wp.func
def with_cut(o: Outline, row: int, a: wp.vec3, b: wp.vec3, c: wp.vec3, height: float) -> Outline:
    """Adds the line in which a plane at a height cuts the triangle."""
    if (a[1] > height) == (b[1] > height):
        if (b[1] > height) == (c[1] > height):
            return o
        return with_edge(
            o, row, _point_at(c, a, (height - c[1]) / (a[1] - c[1])), _point_at(c, b, (height - c[1]) / (b[1] - c[1]))
        )
    if (a[1] > height) == (c[1] > height):
        return with_edge(
            o, row, _point_at(b, a, (height - b[1]) / (a[1] - b[1])), _point_at(b, c, (height - b[1]) / (c[1] - b[1]))
        )
    return with_edge(
        o, row, _point_at(a, b, (height - a[1]) / (b[1] - a[1])), _point_at(a, c, (height - a[1]) / (c[1] - a[1]))
    )


@wp.func
def outline_of(a: wp.vec3, b: wp.vec3, c: wp.vec3) -> Outline:
    """The whole triangle without its edges."""
    o = Outline()
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
def height_at(o: Outline, x: float, z: float) -> float:
    """Height of a triangle over (x, z), or -1e9 where it is not."""
    v = o.over[0] + o.over[1] * x + o.over[2] * z
    w = o.along[0] + o.along[1] * x + o.along[2] * z
    if v < -_INSIDE or w < -_INSIDE or v + w > 1.0 + _INSIDE:
        return -1.0e9
    return o.height[0] + o.height[1] * v + o.height[2] * w


@wp.func
def edge_distance_sq(o: Outline, x: float, z: float) -> float:
    """Squared distance from (x, z) to the nearest edge [m^2]."""
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
def columns_near(o: Outline, origin: wp.vec2, spacing: float, reach: float, shape: wp.vec2i) -> wp.vec4i:
    """First and one past the last column along x, then along z, within reach of a triangle's edges."""
    return wp.vec4i(
        wp.max(int(wp.ceil((o.box[0] - reach - origin[0]) / spacing)), 0),
        wp.min(int(wp.floor((o.box[2] + reach - origin[0]) / spacing)) + 1, shape[0]),
        wp.max(int(wp.ceil((o.box[1] - reach - origin[1]) / spacing)), 0),
        wp.min(int(wp.floor((o.box[3] + reach - origin[1]) / spacing)) + 1, shape[1]),
    )


@wp.func
def box_distance_sq(o: Outline, x: float, z: float) -> float:
    """Squared distance from (x, z) to the edges' box [m^2], a little less than to any of them."""
    dx = wp.max(wp.max(o.box[0] - x, x - o.box[2]), 0.0)
    dz = wp.max(wp.max(o.box[1] - z, z - o.box[3]), 0.0)
    return 0.9999 * (dx * dx + dz * dz)


@wp.func
def in_band(a: wp.vec3, b: wp.vec3, c: wp.vec3, low: float, high: float) -> Outline:
    """The part of a triangle between two heights."""
    o = with_clipped(outline_of(a, b, c), 0, a, b, low, high)
    o = with_clipped(with_clipped(o, 1, b, c, low, high), 2, c, a, low, high)
    return with_cut(with_cut(o, 3, a, b, c, low), 4, a, b, c, high)


@wp.func
def distance_at_height_sq(o: Outline, x: float, z: float, low: float, high: float) -> float:
    """The squared horizontal distance to an outline; 0 within it, where its plane lies between two heights."""
    y = height_at(o, x, z)
    if y >= low and y <= high:
        return 0.0
    return edge_distance_sq(o, x, z)
