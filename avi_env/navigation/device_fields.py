"""Geodesic distance fields of many goals in one series of launches: what a GPU does in place of `distance_field`.

Shortest paths are straight between the corners of blocked squares. Which of them each place sees does not depend on
the goal (`sight_map`): what is left is a shortest-path problem among a few hundred corners, solved for all fields at
once by rounds that stop when nothing changes, and then the best of the corners that each column sees.
"""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,misc"

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.navigation.goal_paths import walkable_goals
from avi_env.navigation.sight import SightMap, leg_length, sees, sight_map
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.rays_warp import wp_device

__all__ = ["device_distance_fields"]

wp.set_module_options({"enable_backward": False, "max_unroll": 0})

_ROUNDS = 16  # between two looks at whether anything still changes: paths in houses have up to about 20 bends
_OFF_LINE = 1e-4  # [cells] goals are kept this far off the lines between cells
_UNREACHED = wp.constant(1.0e30)
_WORD = wp.constant(32)


@wp.struct
class Goals:
    """The goals of F fields, those of field f in rows start[f] .. start[f + 1] - 1."""

    start: wp.array[wp.int32]
    xz: wp.array[wp.vec2]
    """In cells of the padded masks, shape (G,)."""
    layer: wp.array[wp.int32]
    map: wp.array[wp.int32]
    """Map of each field, shape (F,)."""


@wp.func
def _further(m: SightMap, layer: int, one: wp.vec2, other: wp.vec2, base: float, best: float) -> float:
    """The lesser of `best` and the length of a way that is straight between two points, then `base` long."""
    length = base + wp.length(other - one)
    if length < best and m.sloped[layer] == 1:  # over the ground it is longer
        length = base + leg_length(m.height, layer, other, one)
    return wp.min(length, best)


@wp.func
def _to_goals(m: SightMap, goals: Goals, field: int, layer: int, point: wp.vec2, best: float) -> float:
    """The lesser of `best` and the length of the straight way to a goal in sight."""
    for g in range(goals.start[field], goals.start[field + 1]):
        goal = goals.xz[g]
        if goals.layer[g] == layer and wp.length(goal - point) < best:
            if sees(m.free, layer, point, goal):
                best = _further(m, layer, point, goal, 0.0, best)
    return best


@wp.func
def _to_nodes(
    m: SightMap, bits: wp.array[wp.uint32], lengths: wp.array[wp.float32], layer: int, point: wp.vec2, best: float
) -> float:
    """The lesser of `best` and the length of the way by a node in sight."""
    for word in range(bits.shape[0]):
        seen = bits[word]
        bit = wp.int32(0)
        while seen != wp.uint32(0):
            if (seen & wp.uint32(1)) != wp.uint32(0):
                node = word * _WORD + bit
                best = _further(m, layer, point, m.node_xz[node], lengths[node], best)
            seen = seen >> wp.uint32(1)
            bit = bit + 1
    return best


@wp.kernel
def _first_kernel(maps: wp.array[SightMap], goals: Goals, length_out: wp.array2d[wp.float32]) -> None:
    """Lengths at the nodes that see a goal."""
    field, node = wp.tid()
    m = maps[goals.map[field]]
    length_out[field, node] = _UNREACHED
    if node < m.nodes:
        length_out[field, node] = _to_goals(m, goals, field, m.node_leaves[node], m.node_xz[node], _UNREACHED)


@wp.kernel
def _round_kernel(
    maps: wp.array[SightMap], goals: Goals, number: int, changed: wp.array[wp.int32], length: wp.array2d[wp.float32]
) -> None:
    """One round. Lengths only ever shrink, so that the end does not depend on the order in which nodes are treated."""
    field, node = wp.tid()
    if number > 0 and changed[wp.max(number - 1, 0)] == 0:
        return
    m = maps[goals.map[field]]
    if node >= m.nodes:
        return
    before = length[field, node]
    best = _to_nodes(m, m.node_bits[node], length[field], m.node_leaves[node], m.node_xz[node], before)
    if best < before:
        length[field, node] = best
        changed[number] = 1


@wp.kernel
def _places_kernel(
    maps: wp.array[SightMap], goals: Goals, cell: float, length: wp.array2d[wp.float32],
    field_out: wp.array4d[wp.float32],
) -> None:  # fmt: skip
    field, row = wp.tid()
    m = maps[goals.map[field]]
    if row >= m.places:
        return
    place = m.place[row]
    point = wp.vec2(float(place[0]) + 1.5, float(place[1]) + 1.5)
    best = _to_nodes(m, m.place_bits[row], length[field], place[3], point, _UNREACHED)
    best = _to_goals(m, goals, field, place[3], point, best)
    if best < 0.5 * _UNREACHED:
        field_out[field, place[2], place[0], place[1]] = best * cell


def device_distance_fields(
    grids: Sequence[WalkableGrid], goals: Sequence[npt.ArrayLike], device: str | torch.device
) -> torch.Tensor:
    """Returns the walking distance from everywhere to the nearest goal of each of F fields, on a device.

    The same as `distance_field` but for rounding (1e-5 of a length), each field whatever the others.

    Args:
        grids: the grid of each field, of one width of columns; those that come again share their tables.
        goals: of each field, world (x, y, z) or (x, z) [m], shape (3,), (2,), (n, 3) or (n, 2).
        device: "cpu" or "cuda".

    Returns:
        Distances [m], shape (F, layers, nx, nz) of the largest grid; inf where there is no way, and beyond a grid.

    Raises:
        NavigationError: no goal of a field is within a metre of a walkable place.
        ValueError: not as many sets of goals as grids, or grids of different columns.
    """
    if len(grids) != len(goals):
        raise ValueError(f"{len(grids)} grids need as many sets of goals, not {len(goals)}")
    if len({grid.cell for grid in grids}) > 1:
        raise ValueError(f"grids have columns of one width, not of {sorted({grid.cell for grid in grids})} m")
    name = wp_device(device)
    largest = [max((size[k] for size in map(_size, grids)), default=0) for k in range(3)]
    field = torch.full((len(grids), *largest), torch.inf, device=torch.device(name))
    if not grids:
        return field
    known = list(dict.fromkeys(grids))
    maps = [sight_map(grid, name) for grid in known]
    packed = _goals(grids, [known.index(grid) for grid in grids], goals, name)
    inputs = [wp.array(maps, dtype=SightMap, device=name), packed]
    dim = (len(grids), max(m.nodes for m in maps))
    length = wp.empty((dim[0], max(dim[1], 1)), dtype=wp.float32, device=name)
    if dim[1]:
        wp.launch(_first_kernel, dim=dim, inputs=inputs, outputs=[length], device=name)
        _relax(dim, inputs, length, name)
    wp.launch(
        _places_kernel,
        dim=(len(grids), max(m.places for m in maps)),
        inputs=[*inputs, grids[0].cell, length],
        outputs=[wp.from_torch(field)],
        device=name,
    )
    return field


def _size(grid: WalkableGrid) -> tuple[int, int, int]:
    return (len(grid.layers), *grid.shape)


def _relax(dim: tuple[int, int], inputs: list[object], length: wp.array, device: str) -> None:
    """Rounds until nothing changes: a dozen are launched, then the host looks; those after the last do nothing."""
    while True:
        changed = wp.zeros(_ROUNDS, dtype=wp.int32, device=device)
        for number in range(_ROUNDS):
            wp.launch(_round_kernel, dim=dim, inputs=[*inputs, number, changed, length], device=device)
        if changed.numpy()[-1] == 0:
            return


def _goals(grids: Sequence[WalkableGrid], maps: list[int], goals: Sequence[npt.ArrayLike], device: str) -> Goals:
    places = [walkable_goals(grid, points) for grid, points in zip(grids, goals, strict=True)]
    flat = [(grid, place) for grid, own in zip(grids, places, strict=True) for place in own]
    cells = np.array([(place.xz - np.array(grid.origin)) / grid.cell + 1.5 for grid, place in flat])
    whole = np.floor(cells)
    packed = Goals()
    packed.start = wp.array(np.cumsum([0, *(len(own) for own in places)]), dtype=wp.int32, device=device)
    packed.xz = wp.array(whole + np.clip(cells - whole, _OFF_LINE, 1 - _OFF_LINE), dtype=wp.vec2, device=device)
    packed.layer = wp.array([place.layer for _, place in flat], dtype=wp.int32, device=device)
    packed.map = wp.array(maps, dtype=wp.int32, device=device)
    return packed
