"""Rasters of a floor that is not level: what cuts a vertical line, obstacles over a floor, where a body can stand."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index,misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.navigation.outline import (
    box_distance_sq,
    columns_near,
    distance_at_height_sq,
    height_at,
    in_band,
    outline_of,
    with_edge,
)
from avi_env.navigation.raster import Raster
from avi_env.scene.rays_warp import wp_device

__all__ = ["Crossings", "clearance_over", "footing", "surface_crossings"]

wp.set_module_options({"enable_backward": False})

FloatArray = npt.NDArray[np.floating[Any]]


class Crossings(NamedTuple):
    """Where the vertical lines through the columns' centres cut triangles, by column, then from below."""

    column: npt.NDArray[np.int64]
    """Column i nz + j of each, ascending, shape (n,)."""
    y: npt.NDArray[np.float32]
    """Height of each [m], ascending within a column, shape (n,)."""


@wp.kernel
def _cross(
    vertices: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    origin: wp.vec2,
    spacing: float,
    shape: wp.vec2i,
    start: wp.array[wp.int32],
    count: wp.array[wp.int32],
    height_out: wp.array[wp.float32],
) -> None:
    t = wp.tid()
    a = vertices[triangles[t, 0]]
    b = vertices[triangles[t, 1]]
    c = vertices[triangles[t, 2]]
    o = outline_of(a, b, c)
    o = with_edge(o, 0, wp.vec2(a[0], a[2]), wp.vec2(b[0], b[2]))
    o = with_edge(o, 1, wp.vec2(b[0], b[2]), wp.vec2(c[0], c[2]))
    column = columns_near(o, origin, spacing, 1.0e-5, shape)
    for i in range(column[0], column[1]):
        for j in range(column[2], column[3]):
            y = height_at(o, origin[0] + float(i) * spacing, origin[1] + float(j) * spacing)
            if y > -1.0e8:
                place = i * shape[1] + j
                n = wp.atomic_add(count, place, 1)
                if height_out.shape[0] > 0:
                    height_out[start[place] + n] = y


def surface_crossings(
    vertices: npt.NDArray[np.float32], triangles: npt.NDArray[np.int32], raster: Raster, device: str = "cpu"
) -> Crossings:
    """Returns every height at which the vertical line through a column's centre meets a triangle, of either winding.

    Args:
        vertices: [m], shape (V, 3), world frame.
        triangles: vertex indices, shape (T, 3).
        raster: the grid.
        device: where it is computed.
    """
    name = wp_device(device)
    columns = raster.shape[0] * raster.shape[1]
    if not len(triangles):
        return Crossings(np.zeros(0, np.int64), np.zeros(0, np.float32))
    inputs = [
        wp.array(np.ascontiguousarray(vertices, dtype=np.float32), dtype=wp.vec3, device=name),
        wp.array(np.ascontiguousarray(triangles, dtype=np.int32), dtype=wp.int32, device=name),
        wp.vec2(*raster.origin),
        float(raster.spacing),
        wp.vec2i(*raster.shape),
    ]
    count, start = wp.zeros(columns, dtype=wp.int32, device=name), wp.zeros(columns, dtype=wp.int32, device=name)
    out = wp.zeros(0, dtype=wp.float32, device=name)
    wp.launch(_cross, dim=len(triangles), inputs=[*inputs, start, count], outputs=[out], device=name)
    number = count.numpy()
    total = np.cumsum(number, dtype=np.int64)
    start = wp.array((total - number).astype(np.int32), dtype=wp.int32, device=name)
    out = wp.zeros(int(total[-1]), dtype=wp.float32, device=name)
    count.zero_()
    if total[-1]:
        wp.launch(_cross, dim=len(triangles), inputs=[*inputs, start, count], outputs=[out], device=name)
    column, y = np.repeat(np.arange(columns), number), out.numpy()
    order = np.lexsort((y, column))
    return Crossings(column, np.asarray(y[order], dtype=np.float32))


@wp.kernel
def _clearance_over(
    vertices: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    low: wp.array2d[wp.float32],
    high: wp.array2d[wp.float32],
    origin: wp.vec2,
    spacing: float,
    reach: float,
    clearance_out: wp.array2d[wp.float32],
) -> None:
    t = wp.tid()
    a = vertices[triangles[t, 0]]
    b = vertices[triangles[t, 1]]
    c = vertices[triangles[t, 2]]
    bottom = wp.min(a[1], wp.min(b[1], c[1]))
    top = wp.max(a[1], wp.max(b[1], c[1]))
    whole = in_band(a, b, c, bottom, top)
    column = columns_near(whole, origin, spacing, reach, wp.vec2i(low.shape[0], low.shape[1]))
    for i in range(column[0], column[1]):
        for j in range(column[2], column[3]):
            from_y = low[i, j]
            to_y = high[i, j]
            if top < from_y or bottom > to_y:
                continue
            x = origin[0] + float(i) * spacing
            z = origin[1] + float(j) * spacing
            before = clearance_out[i, j]
            if box_distance_sq(whole, x, z) >= before * before:
                continue
            o = whole
            if bottom < from_y or top > to_y:
                o = in_band(a, b, c, from_y, to_y)
            d = distance_at_height_sq(o, x, z, from_y, to_y)
            if d < before * before:
                wp.atomic_min(clearance_out, i, j, wp.sqrt(d))


def clearance_over(
    vertices: npt.NDArray[np.float32],
    triangles: npt.NDArray[np.int32],
    raster: Raster,
    low: npt.NDArray[np.float32],
    high: npt.NDArray[np.float32],
    reach: float,
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """Returns `clearance_raster` for a band of heights of each column's own.

    Args:
        vertices: [m], shape (V, 3), world frame.
        triangles: vertex indices, shape (T, 3).
        raster: the grid.
        low: lowest height y [m] that counts, shape (nx, nz).
        high: highest, shape (nx, nz).
        reach: distances [m] beyond this are reported as this.
        device: where it is computed.

    Returns:
        Distances [m], shape (nx, nz).
    """
    if low.shape != raster.shape or high.shape != raster.shape:
        raise ValueError(f"bands of heights have the grid's shape {raster.shape}, not {low.shape} and {high.shape}")
    name = wp_device(device)
    out = wp.full(raster.shape, value=float(reach), dtype=float, device=name)
    if len(triangles):
        inputs = [
            wp.array(np.ascontiguousarray(vertices, dtype=np.float32), dtype=wp.vec3, device=name),
            wp.array(np.ascontiguousarray(triangles, dtype=np.int32), dtype=wp.int32, device=name),
            wp.array(np.ascontiguousarray(low, dtype=np.float32), dtype=wp.float32, device=name),
            wp.array(np.ascontiguousarray(high, dtype=np.float32), dtype=wp.float32, device=name),
            wp.vec2(*raster.origin),
            float(raster.spacing),
            float(reach),
        ]
        wp.launch(_clearance_over, dim=len(triangles), inputs=inputs, outputs=[out], device=name)
    return np.asarray(out.numpy())


@wp.func
def _straight_rise(floor: wp.array2d[wp.float32], i: int, j: int, di: int, dj: int, climb: float) -> float:
    """Height of the floor where a straight line of columns ends, -inf if it meets an edge or a riser too high."""
    steps = wp.max(wp.abs(di), wp.abs(dj))
    y = floor[i, j]
    for n in range(1, steps + 1):
        share = float(n) / float(steps)
        p = i + int(wp.floor(float(di) * share + 0.5))
        q = j + int(wp.floor(float(dj) * share + 0.5))
        if p < 0 or q < 0 or p >= floor.shape[0] or q >= floor.shape[1]:
            return -float(wp.inf)
        next = floor[p, q]
        if not (wp.abs(next - y) <= climb):
            return -float(wp.inf)
        y = next
    return y


@wp.kernel
def _footing(
    floor: wp.array2d[wp.float32],
    climb: float,
    reach: int,
    edge_out: wp.array2d[wp.float32],
    top_out: wp.array2d[wp.float32],
) -> None:
    i, j = wp.tid()
    edge = float(reach + 1)
    top = floor[i, j]
    if not wp.isfinite(top):
        edge_out[i, j] = 0.0
        top_out[i, j] = top
        return
    for di in range(-reach, reach + 1):
        for dj in range(-reach, reach + 1):
            away = wp.sqrt(float(di * di + dj * dj))
            if away > float(reach) or (di == 0 and dj == 0):
                continue
            y = _straight_rise(floor, i, j, di, dj, climb)
            if wp.isfinite(y):
                top = wp.max(top, y)
            else:
                edge = wp.min(edge, away)
    edge_out[i, j] = edge
    top_out[i, j] = top


def footing(
    floor: npt.NDArray[np.float32], climb: float, reach: int, device: str = "cpu"
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns how far each column is from an edge of the floor, and how high the floor rises around it.

    A column within reach is an edge if the straight line of columns to it leaves the floor or meets a riser too high.

    Args:
        floor: height of the floor [m], -inf where there is none, shape (nx, nz).
        climb: highest riser [m].
        reach: how far is looked [columns].
        device: where it is computed.

    Returns:
        Distance to the centre of the nearest edge [columns], reach + 1 if there is none; highest floor [m].
    """
    name = wp_device(device)
    edge, top = (wp.empty(floor.shape, dtype=wp.float32, device=name) for _ in range(2))
    inputs = [wp.array(np.ascontiguousarray(floor), dtype=wp.float32, device=name), float(climb), int(reach)]
    wp.launch(_footing, dim=floor.shape, inputs=inputs, outputs=[edge, top], device=name)
    return edge.numpy(), top.numpy()
