"""Grids on a device: what the kernels of motion, lookup and path following share."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return"

from __future__ import annotations

import warp as wp

from avi_env.scene import rays_warp  # noqa: F401  (initialises Warp)

__all__ = ["GridArrays", "advance", "lookup", "row_at"]

wp.set_module_options({"enable_backward": False})

_HALF = wp.constant(0.5)
_ASIDE = wp.constant(1.0)  # [m]; a layer where one cannot stand counts as so much farther
_SAME_FLOOR = wp.constant(0.001)  # [m]


@wp.struct
class GridArrays:
    """Layers of walkable grids padded to one shape, R rows; the layers of a grid are consecutive rows."""

    free: wp.array3d[wp.uint8]
    """1 where the agent's centre may be, shape (R, nx, nz)."""
    clearance: wp.array3d[wp.float32]
    """Distance to the nearest obstacle [m], shape (R, nx, nz)."""
    floor_y: wp.array3d[wp.float32]
    """Height of the floor [m], shape (R, nx, nz)."""
    origin: wp.array[wp.vec2]
    """World (x, z) of the centre of column (0, 0) [m], shape (R,)."""
    home: wp.array3d[wp.int32]
    """Row in which each place is farthest from where a layer is cut, shape (R, nx, nz); empty without stairs."""
    first: wp.array[wp.int32]
    """First row of each slot's grid, shape (K,)."""
    stop: wp.array[wp.int32]
    """The row after its last one, shape (K,)."""
    cell: float
    """Width of a column [m]."""


@wp.func
def column_of(g: GridArrays, k: int, x: float, z: float) -> wp.vec2i:
    i = int(wp.floor((x - g.origin[k][0]) / g.cell + _HALF))
    j = int(wp.floor((z - g.origin[k][1]) / g.cell + _HALF))
    return wp.vec2i(i, j)


@wp.func
def _is_free(g: GridArrays, k: int, i: int, j: int) -> bool:
    if i < 0 or j < 0 or i >= g.free.shape[1] or j >= g.free.shape[2]:
        return False
    return g.free[k, i, j] != wp.uint8(0)


@wp.func
def _may_pass(g: GridArrays, k: int, p: wp.vec2, d: wp.vec2) -> bool:
    """Whether a step no longer than a column ends free and does not squeeze between two touching corners."""
    a = column_of(g, k, p[0], p[1])
    b = column_of(g, k, p[0] + d[0], p[1] + d[1])
    if not _is_free(g, k, b[0], b[1]):
        return False
    if a[0] != b[0] and a[1] != b[1]:
        return _is_free(g, k, a[0], b[1]) or _is_free(g, k, b[0], a[1])
    return True


@wp.func
def _clearance(g: GridArrays, k: int, i: int, j: int) -> float:
    return g.clearance[k, wp.clamp(i, 0, g.free.shape[1] - 1), wp.clamp(j, 0, g.free.shape[2] - 1)]


@wp.func
def _slide(g: GridArrays, k: int, p: wp.vec2, d: wp.vec2) -> wp.vec2:
    """What is left of a blocked step: its part along the obstacle, else along one axis of the grid, else nothing."""
    c = column_of(g, k, p[0], p[1])
    nx = _clearance(g, k, c[0] + 1, c[1]) - _clearance(g, k, c[0] - 1, c[1])
    nz = _clearance(g, k, c[0], c[1] + 1) - _clearance(g, k, c[0], c[1] - 1)
    size = wp.sqrt(nx * nx + nz * nz)
    rest = wp.vec2(d[0], d[1])
    if size > 1.0e-6:
        normal = wp.vec2(nx / size, nz / size)
        rest = d - normal * wp.min(wp.dot(d, normal), 0.0)
        # An oblique wall is a staircase of columns: on its steps the way along it leads a little away from it.
        for n in range(4):
            aside = rest + normal * (wp.length(rest) * _HALF * float(n))
            if _may_pass(g, k, p, aside):
                return aside
    along_x = wp.vec2(rest[0], 0.0)
    along_z = wp.vec2(0.0, rest[1])
    if wp.abs(rest[1]) > wp.abs(rest[0]):
        along_x = wp.vec2(0.0, rest[1])
        along_z = wp.vec2(rest[0], 0.0)
    if _may_pass(g, k, p, along_x):
        return along_x
    if _may_pass(g, k, p, along_z):
        return along_z
    return wp.vec2(0.0, 0.0)


@wp.func
def row_at(g: GridArrays, scene: int, x: float, y: float, z: float) -> int:
    """The layer of a grid on which feet at (x, y, z) stand."""
    first = g.first[scene]
    if g.stop[scene] - first == 1:
        return first
    best = wp.int32(first)
    best_cost = float(wp.inf)
    for row in range(first, g.stop[scene]):
        c = column_of(g, row, x, z)
        i = wp.clamp(c[0], 0, g.free.shape[1] - 1)
        j = wp.clamp(c[1], 0, g.free.shape[2] - 1)
        cost = wp.abs(g.floor_y[row, i, j] - y)
        if g.free[row, i, j] == wp.uint8(0):
            cost = cost + _ASIDE
        if cost < best_cost - _SAME_FLOOR:
            best_cost = cost
            best = g.home[row, i, j]
    return best


@wp.func
def _home(g: GridArrays, row: int, p: wp.vec2) -> int:
    """The row in which a free place of a layer is farthest from a cut."""
    if g.home.shape[0] == 0:
        return row
    c = column_of(g, row, p[0], p[1])
    if not _is_free(g, row, c[0], c[1]):
        return row
    return g.home[row, c[0], c[1]]


@wp.func
def advance(g: GridArrays, row: int, x: float, z: float, yaw: float, forward: float, turn: float) -> wp.vec4:
    """Walks along an arc with sliding; returns (x, z, 1 if anything was in the way, the row where it ends)."""
    steps = int(wp.ceil(wp.abs(forward) / (_HALF * g.cell)))
    p = wp.vec2(x, z)
    hit = wp.float32(0.0)
    k = wp.int32(row)
    for n in range(steps):
        heading = yaw + turn * (float(n) + _HALF) / float(steps)
        d = wp.vec2(-wp.sin(heading), -wp.cos(heading)) * (forward / float(steps))
        if _may_pass(g, k, p, d):
            p = p + d
        else:
            hit = 1.0
            p = p + _slide(g, k, p, d)
        k = _home(g, k, p)
    return wp.vec4(p[0], p[1], hit, float(k))


@wp.func
def _value(field: wp.array3d[wp.float32], f: int, i: int, j: int) -> float:
    if i < 0 or j < 0 or i >= field.shape[1] or j >= field.shape[2]:
        return float(wp.inf)
    return field[f, i, j]


@wp.func
def _extrapolate(near: float, behind: float, cell: float) -> float:
    """The value one column beyond a wall as the slope on this side has it; a distance changes by a column at most."""
    if not wp.isfinite(behind):
        return near
    return near + wp.clamp(near - behind, -cell, cell)


@wp.func
def lookup(field: wp.array3d[wp.float32], f: int, origin: wp.vec2, cell: float, x: float, z: float) -> float:
    """Interpolates a field between the four columns around (x, z) without mixing the two sides of a wall."""
    u = (x - origin[0]) / cell
    v = (z - origin[1]) / cell
    i = int(wp.floor(u + _HALF))
    j = int(wp.floor(v + _HALF))
    fu = wp.abs(u - float(i))
    fv = wp.abs(v - float(j))
    di = wp.int32(1)
    dj = wp.int32(1)
    if u < float(i):
        di = -1
    if v < float(j):
        dj = -1
    near = _value(field, f, i, j)
    across = _value(field, f, i + di, j)
    along = _value(field, f, i, j + dj)
    corner = _value(field, f, i + di, j + dj)
    if not wp.isfinite(near):  # just outside: the nearest known column, and the way to it
        best = across + cell * wp.sqrt((1.0 - fu) * (1.0 - fu) + fv * fv)
        best = wp.min(best, along + cell * wp.sqrt(fu * fu + (1.0 - fv) * (1.0 - fv)))
        return wp.min(best, corner + cell * wp.sqrt((1.0 - fu) * (1.0 - fu) + (1.0 - fv) * (1.0 - fv)))
    known = wp.isfinite(across) or wp.isfinite(along)
    if not wp.isfinite(across):
        across = _extrapolate(near, _value(field, f, i - di, j), cell)
    if not wp.isfinite(along):
        along = _extrapolate(near, _value(field, f, i, j - dj), cell)
    if not wp.isfinite(corner) or not known:  # between two blocked columns the corner may lie behind a wall
        corner = across + along - near
    return (1.0 - fv) * ((1.0 - fu) * near + fu * across) + fv * ((1.0 - fu) * along + fu * corner)
