"""Which bends of shortest paths each place of a grid sees, as bits on a device: tables for `device_fields`.

Units are cells of the masks with a closed border: column (i, j) of a grid is the square [i+1, i+2] x [j+1, j+2].
A node is where a path may bend: a convex corner of blocked squares, or the centre of a column at which it passes from
one layer to another. A place is seen if the straight line meets no blocked square; touching is allowed.
"""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,misc"

from __future__ import annotations

import threading
import weakref
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.navigation.any_angle import convex_corners
from avi_env.navigation.goal_paths import gate_columns, ground_of
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.rays_warp import wp_device

__all__ = ["SightMap", "leg_length", "sees", "sight_map"]

wp.set_module_options({"enable_backward": False, "max_unroll": 0})

_TABLE_BYTES = 2**30

_TOUCH = wp.constant(1.0e-3)  # [cells] that a line may reach into a blocked square: rounding of lines that touch one
_WORD = wp.constant(32)


@wp.struct
class SightMap:
    """One grid on a device: its masks, the nodes and the places, and which nodes each of them sees."""

    free: wp.array3d[wp.uint8]
    """1 = free, shape (layers, nx + 2, nz + 2); the outermost cells are 0."""
    height: wp.array3d[wp.float32]
    """Height of the ground [cells], same shape; empty where all layers are level."""
    sloped: wp.array[wp.int32]
    """1 for the layers on which lengths are those over the ground, shape (layers,)."""
    node_xz: wp.array[wp.vec2]
    node_side: wp.array[wp.vec2i]
    """Signs of the side on which a corner's blocked square lies; 0 where paths bend to any side, shape (N,)."""
    node_arrives: wp.array[wp.int32]
    """Layer on which paths come to a node, shape (N,) ..."""
    node_leaves: wp.array[wp.int32]
    """... and on which they go on from it."""
    node_bits: wp.array2d[wp.uint32]
    """Nodes that each node sees on its way to the goal, 32 a word, shape (N, words)."""
    place: wp.array[wp.vec4i]
    """Column and layer for which a length is asked, and the layer on which it is walked, shape (P,)."""
    place_bits: wp.array2d[wp.uint32]
    """Nodes that each place sees, shape (P, words)."""
    nodes: wp.int32
    places: wp.int32


@wp.func
def _is_free(free: wp.array3d[wp.uint8], layer: int, i: int, j: int) -> bool:
    if i < 0 or j < 0 or i >= free.shape[1] or j >= free.shape[2]:
        return False
    return free[layer, i, j] != wp.uint8(0)


@wp.func
def _passes_vertex(free: wp.array3d[wp.uint8], layer: int, i: int, j: int) -> bool:
    """Whether a line may go through vertex (i, j): not between two squares that touch there."""
    if not (_is_free(free, layer, i - 1, j - 1) or _is_free(free, layer, i, j)):
        return False
    return _is_free(free, layer, i - 1, j) or _is_free(free, layer, i, j - 1)


@wp.func
def _column_free(free: wp.array3d[wp.uint8], layer: int, i: int, low: float, high: float) -> bool:
    """Whether a line through column i between two heights meets free squares only; on the line between two, one is."""
    k = int(wp.round(low))
    if wp.abs(low - float(k)) < _TOUCH and wp.abs(high - float(k)) < _TOUCH:
        return _is_free(free, layer, i, k - 1) or _is_free(free, layer, i, k)
    for j in range(int(wp.floor(low + _TOUCH)), int(wp.ceil(high - _TOUCH))):
        if not _is_free(free, layer, i, j):
            return False
    return True


@wp.func
def _along_z(free: wp.array3d[wp.uint8], layer: int, x: float, low: float, high: float) -> bool:
    """Whether a line of one x meets free squares only."""
    k = int(wp.round(x))
    on_line = wp.abs(x - float(k)) < _TOUCH
    i = int(wp.floor(x))
    for j in range(int(wp.floor(low + _TOUCH)), int(wp.ceil(high - _TOUCH))):
        if on_line:
            if not (_is_free(free, layer, k - 1, j) or _is_free(free, layer, k, j)):
                return False
            if float(j) > low + _TOUCH and not _passes_vertex(free, layer, k, j):
                return False
        elif not _is_free(free, layer, i, j):
            return False
    return True


@wp.func
def sees(free: wp.array3d[wp.uint8], layer: int, one: wp.vec2, other: wp.vec2) -> bool:
    """Whether the line between two points of a layer meets no blocked square."""
    a = wp.where(one[0] <= other[0], one, other)
    b = wp.where(one[0] <= other[0], other, one)
    if b[0] - a[0] < _TOUCH:
        return _along_z(free, layer, 0.5 * (a[0] + b[0]), wp.min(a[1], b[1]), wp.max(a[1], b[1]))
    slope = (b[1] - a[1]) / (b[0] - a[0])
    first = int(wp.floor(a[0] + _TOUCH))
    last = int(wp.ceil(b[0] - _TOUCH))
    left = wp.float32(a[1])
    for i in range(first, last):
        right = b[1]
        if i + 1 < last:
            right = a[1] + slope * (float(i + 1) - a[0])
        if not _column_free(free, layer, i, wp.min(left, right), wp.max(left, right)):
            return False
        if i + 1 < last:
            k = int(wp.round(right))
            if wp.abs(right - float(k)) < _TOUCH and not _passes_vertex(free, layer, i + 1, k):
                return False
        left = right
    return True


@wp.func
def _height(height: wp.array3d[wp.float32], layer: int, p: wp.vec2) -> float:
    """Height of the ground at a point, between the centres of the cells around it."""
    u = p[0] - 0.5
    v = p[1] - 0.5
    i = wp.clamp(int(wp.floor(u)), 0, height.shape[1] - 2)
    j = wp.clamp(int(wp.floor(v)), 0, height.shape[2] - 2)
    fu = wp.clamp(u - float(i), 0.0, 1.0)
    fv = wp.clamp(v - float(j), 0.0, 1.0)
    near = (1.0 - fu) * height[layer, i, j] + fu * height[layer, i + 1, j]
    far = (1.0 - fu) * height[layer, i, j + 1] + fu * height[layer, i + 1, j + 1]
    return (1.0 - fv) * near + fv * far


@wp.func
def leg_length(height: wp.array3d[wp.float32], layer: int, one: wp.vec2, other: wp.vec2) -> float:
    """Length of the straight way between two points over the ground, as the search of `any_angle` measures it."""
    level = wp.length(other - one)
    steps = int(level * 0.5) + 1
    before = _height(height, layer, one)
    run = level / float(steps)
    length = wp.float32(0.0)
    for n in range(1, steps + 1):
        here = _height(height, layer, one + (other - one) * (float(n) / float(steps)))
        length = length + wp.sqrt(run * run + (here - before) * (here - before))
        before = here
    return length


@wp.kernel
def _sight_kernel(m: SightMap, of_places: int, bits_out: wp.array2d[wp.uint32]) -> None:
    row, word = wp.tid()
    layer = wp.int32(0)
    point = wp.vec2(0.0, 0.0)
    if of_places == 1:
        place = m.place[row]
        point = wp.vec2(float(place[0]) + 1.5, float(place[1]) + 1.5)
        layer = place[3]
    else:
        point = m.node_xz[row]
        layer = m.node_leaves[row]
    bits = wp.uint32(0)
    for bit in range(_WORD):
        node = word * _WORD + bit
        if node < m.nodes:
            away = point - m.node_xz[node]
            side = m.node_side[node]
            # Straight across a corner's square no shortest path bends.
            opposite = away[0] * float(side[0]) < 0.0 and away[1] * float(side[1]) < 0.0
            if m.node_arrives[node] == layer and not opposite and wp.length_sq(away) > 0.0:
                if sees(m.free, layer, point, m.node_xz[node]):
                    bits = bits | (wp.uint32(1) << wp.uint32(bit))
    bits_out[row, word] = bits


class _Nodes(NamedTuple):
    xz: npt.NDArray[np.float32]
    side: npt.NDArray[np.int32]
    arrives: npt.NDArray[np.int32]
    leaves: npt.NDArray[np.int32]


_maps: weakref.WeakKeyDictionary[WalkableGrid, dict[str, SightMap]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def sight_map(grid: WalkableGrid, device: str) -> SightMap:
    """Returns a grid's tables on a device, built once: some 2 MB for a house of 80 m2.

    Raises:
        ValueError: the tables would be larger than 1 GiB.
    """
    name = wp_device(device)
    with _lock:
        tables = _maps.setdefault(grid, {})
        if name not in tables:
            tables[name] = _build(grid, name)
        return tables[name]


def _build(grid: WalkableGrid, device: str) -> SightMap:
    nodes, places = _nodes(grid), _places(grid)
    words = max(-(-len(nodes.xz) // int(_WORD)), 1)
    if len(places) * words * 4 > _TABLE_BYTES:
        raise ValueError(
            f"{len(places)} columns that may see {len(nodes.xz)} corners each need more than {_TABLE_BYTES / 2**30:g} "
            f"GiB of a device: use larger columns, cut the scene, or `distance_field`, which needs no such table"
        )
    m = SightMap()
    m.free = wp.array(np.stack([np.pad(layer.free, 1) for layer in grid.layers]).astype(np.uint8), device=device)
    ground = [ground_of(layer) for layer in grid.layers]
    height = np.zeros((0, 0, 0), dtype=np.float32)
    if any(g is not None for g in ground):
        level = np.zeros(grid.shape, dtype=np.float32)
        stack = [level if g is None else g / grid.cell for g in ground]
        height = np.stack([np.pad(g, 1, mode="edge") for g in stack]).astype(np.float32)
    m.height = wp.array(height, shape=height.shape, dtype=wp.float32, device=device)
    m.sloped = wp.array(np.array([g is not None for g in ground], dtype=np.int32), device=device)
    m.node_xz = wp.array(nodes.xz, dtype=wp.vec2, device=device)
    m.node_side = wp.array(nodes.side, dtype=wp.vec2i, device=device)
    m.node_arrives = wp.array(nodes.arrives, dtype=wp.int32, device=device)
    m.node_leaves = wp.array(nodes.leaves, dtype=wp.int32, device=device)
    m.place = wp.array(places, dtype=wp.vec4i, device=device)
    m.nodes, m.places = len(nodes.xz), len(places)
    m.node_bits = _seen_bits(m, 0, (len(nodes.xz), words), device)
    m.place_bits = _seen_bits(m, 1, (len(places), words), device)
    return m


def _seen_bits(m: SightMap, of_places: int, shape: tuple[int, int], device: str) -> wp.array:
    bits = wp.empty(shape, dtype=wp.uint32, device=device)
    if shape[0]:
        wp.launch(_sight_kernel, dim=shape, inputs=[m, of_places], outputs=[bits], device=device)
    return bits


def _nodes(grid: WalkableGrid) -> _Nodes:
    """Returns the corners of all layers, then the columns at which paths change from one to another."""
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], int, int]] = []
    for number, layer in enumerate(grid.layers):
        _, vertex, side = convex_corners(np.pad(layer.free, 1))
        parts.append((vertex.astype(np.float32), side, number, number))
    for start in range(len(grid.layers)):
        for end in range(len(grid.layers)):
            if start != end:  # known on `start`, walked to on `end`
                columns = gate_columns(grid, start, end)
                parts.append(((columns + 1.5).astype(np.float32), np.zeros((len(columns), 2), np.int32), start, end))
    return _Nodes(
        np.concatenate([xz for xz, _, _, _ in parts]),
        np.concatenate([side for _, side, _, _ in parts]),
        np.concatenate([np.full(len(xz), end, np.int32) for xz, _, _, end in parts]),
        np.concatenate([np.full(len(xz), start, np.int32) for xz, _, start, _ in parts]),
    )


def _places(grid: WalkableGrid) -> npt.NDArray[np.int32]:
    """Returns the columns of each layer from which one can walk, on the layer that each belongs to, shape (P, 4)."""
    masks = np.stack([layer.free for layer in grid.layers])
    found = []
    for number, layer in enumerate(grid.layers):
        home = np.full(grid.shape, number) if layer.home is None else layer.home.astype(np.int64)
        columns = np.argwhere(np.take_along_axis(masks, home[None], axis=0)[0])
        walked = home[columns[:, 0], columns[:, 1]]
        found.append(np.column_stack([columns, np.full(len(columns), number), walked]))
    return np.concatenate(found).astype(np.int32)
