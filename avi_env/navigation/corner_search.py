"""The kernel of `avi_env.navigation.any_angle`: exact shortest paths among blocked squares, by shadow casting.

Units are cells: cell (i, j) is the square [i, i+1] x [j, j+1]. Shortest paths are straight between convex corners of
blocked squares. A corner reached along direction d lights only the wedge between d and the face of its own square, and
that wedge lies in one quadrant: [0, s] or [s, inf] of the slope s. So each corner is two states (one a side), a heap
serves them in order of path length, and each casts light through its wedge column by column.
"""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,operator,index"

from __future__ import annotations

import warp as wp

from avi_env.scene import rays_warp  # noqa: F401  (initialises Warp)

__all__ = ["INTERVAL_LIMIT", "CornerMap", "SearchState", "search_kernel"]

wp.set_module_options({"enable_backward": False})

INTERVAL_LIMIT = wp.constant(1024)
"""Lit intervals a column can hold: every second cell of a grid of 2048."""

_STEEP = wp.constant(wp.float64(1.0e12))  # the slope of the z axis
_TOUCH = wp.constant(wp.float64(1.0e-6))  # [cells] what touches a ray's path at a corner still sees it
_WIDTH = wp.constant(wp.float64(1.0e-9))  # [cells] an interval narrower than this lets nothing through
_SLACK = wp.constant(1.5)  # [cells] a wedge that comes this much too late everywhere is cut
_ON_AXIS = wp.constant(wp.float64(1.0e-8))  # [cells]
_TIE = wp.constant(1.0e-4)  # [cells] a path must be shorter by this to replace another: ties keep their order


@wp.struct
class CornerMap:
    """A mask with a closed border, and its convex corners."""

    free: wp.array2d[wp.uint8]
    """1 = free, shape (nx, nz); the outermost cells are 0."""
    corner: wp.array2d[wp.int32]
    """Number of the convex corner at vertex (i, j) = lower corner of cell (i, j), or -1, shape (nx, nz)."""
    vertex: wp.array2d[wp.int32]
    """Vertex of each corner, shape (C, 2)."""
    side: wp.array2d[wp.int32]
    """Signs of the quadrant in which the blocked cell of each corner lies, shape (C, 2)."""
    height: wp.array2d[wp.float32]
    """Height of the ground [cells], shape (nx, nz), known in blocked cells too; empty where it is level."""


@wp.struct
class SearchState:
    """Results and working memory of F independent searches. State 2c + w is corner c turning about side w."""

    cell_length: wp.array3d[wp.float32]
    """Length at each cell's centre [cells], shape (F, nx, nz)."""
    cell_root: wp.array3d[wp.int32]
    """What the centre sees: goal g, or goals + state, or -1, shape (F, nx, nz)."""
    length: wp.array2d[wp.float32]
    """Length at each state, shape (F, 2C)."""
    slope: wp.array2d[wp.float64]
    """Slope of arrival in the state's own quadrant, shape (F, 2C)."""
    parent: wp.array2d[wp.int32]
    """Root before each state, shape (F, 2C)."""
    heap: wp.array2d[wp.int32]
    """Binary heap of states by length, shape (F, 2C)."""
    place: wp.array2d[wp.int32]
    """Place of each state in the heap, -1 = never in, -2 = done, shape (F, 2C)."""
    heap_size: wp.array[wp.int32]
    lit: wp.array4d[wp.float64]
    """Lit intervals of slope of the present and the next column, shape (F, 2, INTERVAL_LIMIT, 2)."""


@wp.struct
class Wedge:
    """One cast of light from a root, in the local frame of one quadrant."""

    field: int
    root: int
    base: float  # path length at the root [cells]
    x: wp.float64  # the root, in cells
    z: wp.float64
    qx: int  # signs of the quadrant
    qz: int
    i0: int  # first cell
    j0: int
    x0: wp.float64  # its lower corner in local coordinates, in (-1, 0]
    z0: wp.float64


@wp.func
def _height(height: wp.array2d[wp.float32], x: wp.float64, z: wp.float64) -> float:
    """Height of the ground at a point, between the centres of the cells around it."""
    u = float(x) - 0.5
    v = float(z) - 0.5
    i = wp.clamp(int(wp.floor(u)), 0, height.shape[0] - 2)
    j = wp.clamp(int(wp.floor(v)), 0, height.shape[1] - 2)
    fu = wp.clamp(u - float(i), 0.0, 1.0)
    fv = wp.clamp(v - float(j), 0.0, 1.0)
    near = (1.0 - fu) * height[i, j] + fu * height[i + 1, j]
    far = (1.0 - fu) * height[i, j + 1] + fu * height[i + 1, j + 1]
    return (1.0 - fv) * near + fv * far


@wp.func
def _leg(m: CornerMap, w: Wedge, x: wp.float64, z: wp.float64) -> float:
    """Length of the straight way from a wedge's root to local (x, z) over the ground."""
    level = float(wp.sqrt(x * x + z * z))
    steps = int(level * 0.5) + 1
    before = _height(m.height, w.x, w.z)
    run = level / float(steps)
    length = wp.float32(0.0)
    for n in range(1, steps + 1):
        share = wp.float64(n) / wp.float64(steps)
        here = _height(m.height, w.x + wp.float64(w.qx) * x * share, w.z + wp.float64(w.qz) * z * share)
        length = length + wp.sqrt(run * run + (here - before) * (here - before))
        before = here
    return length


@wp.func
def _sift_up(s: SearchState, f: int, start: int) -> int:
    k = wp.int32(start)
    state = s.heap[f, k]
    while k > 0:
        up = (k - 1) / 2
        other = s.heap[f, up]
        if s.length[f, other] <= s.length[f, state]:
            break
        s.heap[f, k] = other
        s.place[f, other] = k
        k = up
    s.heap[f, k] = state
    s.place[f, state] = k
    return k


@wp.func
def _pop(s: SearchState, f: int) -> int:
    top = s.heap[f, 0]
    size = s.heap_size[f] - 1
    s.heap_size[f] = size
    s.place[f, top] = -2
    if size > 0:
        state = s.heap[f, size]
        k = wp.int32(0)
        while 2 * k + 1 < size:
            down = 2 * k + 1
            if down + 1 < size:
                if s.length[f, s.heap[f, down + 1]] < s.length[f, s.heap[f, down]]:
                    down = down + 1
            other = s.heap[f, down]
            if s.length[f, state] <= s.length[f, other]:
                break
            s.heap[f, k] = other
            s.place[f, other] = k
            k = down
        s.heap[f, k] = state
        s.place[f, state] = k
    return top


@wp.func
def _offer(m: CornerMap, s: SearchState, w: Wedge, x: wp.float64, z: wp.float64, sx: int, sz: int) -> None:
    """Offers a path to the corner at local (x, z) if its blocked cell lies in the local quadrant (sx, sz)."""
    i = int(wp.round(w.x + wp.float64(w.qx) * x))
    j = int(wp.round(w.z + wp.float64(w.qz) * z))
    if i >= m.corner.shape[0] or j >= m.corner.shape[1]:
        return  # the far side of the closed border
    c = m.corner[i, j]
    if c < 0:
        return
    if m.side[c, 0] != sx * w.qx or m.side[c, 1] != sz * w.qz:
        return
    # Side 1 lights [slope, inf] of its quadrant: its blocked cell is across the z axis. Side 0 lights [0, slope].
    state = 2 * c + 1
    if sx > 0 or x <= _TOUCH:
        state = 2 * c
    f = w.field
    length = w.base + float(wp.sqrt(x * x + z * z))
    if s.place[f, state] == -2 or length >= s.length[f, state] - _TIE:
        return
    if m.height.shape[0] > 0:  # over the ground it is longer
        length = w.base + _leg(m, w, x, z)
        if length >= s.length[f, state] - _TIE:
            return
    s.length[f, state] = length
    s.parent[f, state] = w.root
    s.slope[f, state] = _STEEP
    if x > _TOUCH:
        s.slope[f, state] = z / x
    if s.place[f, state] < 0:
        size = s.heap_size[f]
        s.heap[f, size] = state
        s.place[f, state] = size
        s.heap_size[f] = size + 1
    _sift_up(s, f, s.place[f, state])


@wp.func
def _light(m: CornerMap, s: SearchState, w: Wedge, i: int, j: int, x: wp.float64, z: wp.float64) -> bool:
    """Offers a path to the centre of cell (i, j) at local (x, z); False if it comes far too late."""
    f = w.field
    length = w.base + float(wp.sqrt(x * x + z * z))
    before = s.cell_length[f, i, j]
    if m.height.shape[0] > 0 and length < before - _TIE:  # over the ground it is longer
        length = w.base + _leg(m, w, x, z)
    if length < before - _TIE:
        s.cell_length[f, i, j] = length
        s.cell_root[f, i, j] = w.root
    return length < before + _SLACK


@wp.func
def _keep(s: SearchState, w: Wedge, low: wp.float64, high: wp.float64, right: wp.float64, kept: int, next: int) -> int:
    """Passes an interval on to the next column unless it is empty; returns how many the next column has."""
    if (high - low) * right <= _WIDTH or kept >= INTERVAL_LIMIT:
        return kept
    s.lit[w.field, next, kept, 0] = low
    s.lit[w.field, next, kept, 1] = high
    return kept + 1


@wp.func
def _cross_free(m: CornerMap, s: SearchState, w: Wedge, i: int, j: int, at: wp.vec3d, ray: wp.vec2d) -> int:
    """Lights a free cell and the corners past it; returns 0 if its centre is not lit, 1 if it is, too late, else 2.

    Args:
        m: the mask.
        s: the search.
        w: the wedge.
        i: the cell.
        j: the cell.
        at: its left, right and bottom in local coordinates.
        ray: slopes of the interval that enters it.
    """
    lit = wp.int32(0)
    x = at[1] - wp.float64(0.5)
    if wp.abs(x) < _ON_AXIS:
        x = _ON_AXIS  # a centre right above the root: inside the steepest interval
    z = at[2] + wp.float64(0.5)
    if x > 0.0 and z >= wp.max(ray[0] * x - _TOUCH, -_WIDTH) and z <= ray[1] * x + _TOUCH:
        lit = 1
        if _light(m, s, w, i, j, x, z):
            lit = 2
    if wp.abs(at[2]) < _TOUCH and ray[0] <= 0.0:
        _offer(m, s, w, at[1], wp.float64(0.0), -1, -1)  # a wall along the x axis ends
    if wp.abs(at[0]) < _TOUCH and ray[1] >= _STEEP:
        _offer(m, s, w, wp.float64(0.0), at[2] + wp.float64(1.0), -1, -1)  # a wall along the z axis ends
    return lit


@wp.func
def _cast_interval(m: CornerMap, s: SearchState, w: Wedge, a: int, k: int, now: int, kept_before: int) -> int:
    """Casts interval k through column a from below; returns how many intervals the next column has."""
    low = s.lit[w.field, now, k, 0]
    high = s.lit[w.field, now, k, 1]
    left = wp.max(w.x0 + wp.float64(a), wp.float64(0.0))
    right = w.x0 + wp.float64(a + 1)
    i = w.i0 + w.qx * a
    kept = wp.int32(kept_before)
    current = wp.float64(low)
    seen = wp.int32(0)
    gained = wp.int32(0)
    b = wp.max(int(wp.min(low * left - w.z0 - _TOUCH, wp.float64(1.0e6))), 0)
    while current < high:
        j = w.j0 + w.qz * b
        bottom = w.z0 + wp.float64(b)
        if j < 0 or j >= m.free.shape[1]:
            current = high
        elif bottom > high * right + _TOUCH:
            break
        elif m.free[i, j] != wp.uint8(0):
            at = wp.vec3d(right - wp.float64(1.0), right, bottom)
            lit = _cross_free(m, s, w, i, j, at, wp.vec2d(current, high))
            seen = wp.max(seen, lit)
            gained = wp.max(gained, lit / 2)
        else:
            if bottom > _TOUCH:
                if bottom >= current * right - _TOUCH:
                    _offer(m, s, w, right, bottom, -1, 1)
                kept = _keep(s, w, current, wp.min(high, bottom / right), right, kept, 1 - now)
            if left > _TOUCH:
                top = bottom + wp.float64(1.0)
                if top >= low * left - _TOUCH and top <= high * left + _TOUCH:
                    _offer(m, s, w, left, top, 1, -1)
                current = wp.max(current, top / left)
            else:
                current = high
        b = b + 1
    if current < high:
        kept = _keep(s, w, current, high, right, kept, 1 - now)
    if seen > 0 and gained == 0:
        return kept_before
    return kept


@wp.func
def _cast(m: CornerMap, s: SearchState, w: Wedge, low: wp.float64, high: wp.float64) -> None:
    """Casts light from a root through the slopes [low, high] of one quadrant."""
    s.lit[w.field, 0, 0, 0] = low
    s.lit[w.field, 0, 0, 1] = high
    count = wp.int32(1)
    now = wp.int32(0)
    a = wp.int32(0)
    while count > 0:
        if w.i0 + w.qx * a < 0 or w.i0 + w.qx * a >= m.free.shape[0]:
            break
        kept = wp.int32(0)
        for k in range(count):
            kept = _cast_interval(m, s, w, a, k, now, kept)
        count = kept
        now = 1 - now
        a = a + 1


@wp.func
def _wedge(field: int, root: int, base: float, x: wp.float64, z: wp.float64, qx: int, qz: int) -> Wedge:
    w = Wedge()
    w.field = field
    w.root = root
    w.base = base
    w.x = x
    w.z = z
    w.qx = qx
    w.qz = qz
    w.i0 = int(wp.floor(x))
    w.x0 = wp.floor(x) - x
    if qx < 0:
        w.i0 = int(wp.ceil(x)) - 1
        w.x0 = x - wp.ceil(x)
    w.j0 = int(wp.floor(z))
    w.z0 = wp.floor(z) - z
    if qz < 0:
        w.j0 = int(wp.ceil(z)) - 1
        w.z0 = z - wp.ceil(z)
    return w


@wp.kernel
def search_kernel(
    m: CornerMap,
    goals: wp.array2d[wp.float64],
    goal_length: wp.array[wp.float32],
    goal_start: wp.array[wp.int32],
    goal_limit: int,
    s: SearchState,
) -> None:
    """One search a thread: goals [cells], shape (N, 2), of field f are rows goal_start[f] ... goal_start[f + 1]."""
    f = wp.tid()
    for g in range(goal_start[f], goal_start[f + 1]):
        q = wp.int32(0)
        while q < 4:
            qx = 1 - 2 * (q % 2)
            qz = 1 - 2 * (q / 2)
            w = _wedge(f, g - goal_start[f], goal_length[g], goals[g, 0], goals[g, 1], qx, qz)
            _cast(m, s, w, wp.float64(0.0), _STEEP)
            q = q + 1
    while s.heap_size[f] > 0:
        state = _pop(s, f)
        c = state / 2
        x = wp.float64(m.vertex[c, 0])
        z = wp.float64(m.vertex[c, 1])
        sx = m.side[c, 0]
        sz = m.side[c, 1]
        if state % 2 == 0:
            w0 = _wedge(f, goal_limit + state, s.length[f, state], x, z, sx, -sz)
            _cast(m, s, w0, wp.float64(0.0), s.slope[f, state])
        else:
            w1 = _wedge(f, goal_limit + state, s.length[f, state], x, z, -sx, sz)
            _cast(m, s, w1, s.slope[f, state], _STEEP)
