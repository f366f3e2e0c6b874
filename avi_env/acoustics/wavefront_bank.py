"""The wavefronts of many environments on a device, and the diffracted path that each listener hears."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index,valid-type,operator"

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.bending import Bends, bend_gain, bends_of
from avi_env.acoustics.diffraction import diffraction_model
from avi_env.acoustics.field import WavefrontField
from avi_env.acoustics.paths import Paths, empty_paths
from avi_env.acoustics.warp_array import launch
from avi_env.scene.rays_warp import wp_device

__all__ = ["Arrival", "WaveArrays", "WavefrontBank", "diffracted_paths", "wave_arrival"]

wp.set_module_options({"enable_backward": False})

_MILLIMETRE = 1e-3  # [m]; bends closer than this, with lengths closer than this, are one
_GROWTH = 64  # bends by which the table grows

_SPEED = wp.constant(wp.float64(SPEED_OF_SOUND))
_EDGE_REACH = wp.constant(0.08)  # [m] around a bend in which a ray does not look: 1.5 columns, as the edges moved

_Bend = wp.types.vector(length=6, dtype=wp.float32)  # as WavefrontBank.bends
Arrival = wp.types.vector(length=11, dtype=wp.float32)
"""How sound arrives: direction (3), length of its path [m], departure (3), `bends_of` it (4)."""


@wp.struct
class WaveArrays:
    """A WavefrontBank as kernels take it."""

    index: wp.array3d[wp.int16]
    bends: wp.array2d[_Bend]
    origin: wp.array[wp.vec2]
    spacing: wp.array[wp.float32]
    height: wp.array[wp.float32]
    storey: wp.array[wp.vec2]


class WavefrontBank:
    """One wavefront per environment on one device: for each column a number, for each number a bend."""

    device: torch.device
    index: torch.Tensor
    """Row of `bends` that each column sees last, -1 = sound cannot get there, shape (B, nx, nz), int16."""
    bends: torch.Tensor
    """Per path its last bend x, z, its first bend x, z (world), the length between the two [m] and its number of bends.

    Shape (B, T, 6), float32. Where it does not bend both are the place for which the field was computed.
    """
    origin: torch.Tensor
    """World (x, z) of the centre of column (0, 0) [m], shape (B, 2), float32."""
    spacing: torch.Tensor
    """Width of a column [m], shape (B,), float32."""
    height: torch.Tensor
    """Height y of the plane in which paths bend [m], shape (B,), float32."""
    storey: torch.Tensor
    """Heights y between which ears are on the storey of the plane [m], shape (B, 2), float32."""

    def __init__(self, rows: int, device: str | torch.device = "cpu") -> None:
        """Makes room for a number of environments; no sound gets anywhere until `set_row`."""
        self.device = torch.device(wp_device(device))
        self.index = torch.full((rows, 1, 1), -1, dtype=torch.int16, device=self.device)
        self.bends = torch.zeros((rows, _GROWTH, 6), dtype=torch.float32, device=self.device)
        self.origin = torch.zeros((rows, 2), dtype=torch.float32, device=self.device)
        self.spacing = torch.ones(rows, dtype=torch.float32, device=self.device)
        self.height = torch.zeros(rows, dtype=torch.float32, device=self.device)
        self.storey = torch.zeros((rows, 2), dtype=torch.float32, device=self.device)
        self._arrays: wp.array | None = None

    def __len__(self) -> int:
        return len(self.index)

    def set_row(self, row: int, field: WavefrontField | None) -> None:
        """Puts a source's wavefront into one row; None = no source, silence."""
        self.index[row] = -1
        if field is None:
            return
        index, bends = _compress(field)
        self._grow(index.shape[0], index.shape[1], len(bends))
        self.index[row, : index.shape[0], : index.shape[1]] = torch.as_tensor(index, device=self.device)
        self.bends[row, : len(bends)] = torch.as_tensor(bends, device=self.device)
        self.origin[row] = torch.tensor(field.origin, device=self.device)
        self.spacing[row] = field.spacing
        self.height[row] = field.height
        self.storey[row] = torch.tensor(field.storey, device=self.device)

    def _grow(self, nx: int, nz: int, count: int) -> None:
        rows, old_nx, old_nz = self.index.shape
        if nx > old_nx or nz > old_nz:
            grown = self.index.new_full((rows, max(nx, old_nx), max(nz, old_nz)), -1)
            grown[:, :old_nx, :old_nz] = self.index
            self.index, self._arrays = grown, None
        if count > self.bends.shape[1]:
            size = -(-count // _GROWTH) * _GROWTH
            table = self.bends.new_zeros((rows, size, 6))
            table[:, : self.bends.shape[1]] = self.bends
            self.bends, self._arrays = table, None

    def arrays(self) -> wp.array:
        """Returns the bank as a kernel takes it: an array of one `WaveArrays`."""
        if self._arrays is None:
            arrays = WaveArrays()
            arrays.index = wp.from_torch(self.index)
            arrays.bends = wp.from_torch(self.bends, dtype=_Bend)
            arrays.origin = wp.from_torch(self.origin, dtype=wp.vec2)
            arrays.spacing = wp.from_torch(self.spacing)
            arrays.height = wp.from_torch(self.height)
            arrays.storey = wp.from_torch(self.storey, dtype=wp.vec2)
            self._arrays = wp.array([arrays], dtype=WaveArrays, device=wp_device(self.device))
        return self._arrays


def _compress(field: WavefrontField) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32]]:
    """Numbers the different bends of a field: number of each column (nx, nz) int16, bends (T, 6) float32."""
    reached = np.isfinite(field.length)
    column = np.argwhere(reached)
    center = np.array(field.origin) + column * field.spacing
    bend = field.bend[reached].astype(np.float64)
    count = field.bend_count[reached]
    start = np.where(count[:, None] > 0, field.first_bend[reached], bend).astype(np.float64)
    between = field.length[reached] - np.hypot(*(center - bend).T) - np.hypot(*(start - field.source).T)
    rows = np.column_stack([bend, start, np.maximum(between, 0.0), count])
    # A last bend has one path to the source: its place, the path's length and its bends name the first one, too.
    keys = np.round(rows[:, [0, 1, 4, 5]] / [_MILLIMETRE, _MILLIMETRE, 4 * _MILLIMETRE, 1.0]).astype(np.int64)
    keys -= keys.min(axis=0, initial=0)
    size = keys.max(axis=0, initial=0) + 1
    code = ((keys[:, 0] * size[1] + keys[:, 1]) * size[2] + keys[:, 2]) * size[3] + keys[:, 3]
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    if len(first) > np.iinfo(np.int16).max:
        raise ValueError(f"a wavefront with {len(first)} bends exceeds {np.iinfo(np.int16).max}: use larger columns")
    index = np.full(field.length.shape, -1, dtype=np.int16)
    index[reached] = number
    return index, rows[first].astype(np.float32)


@wp.func
def _number(bank: WaveArrays, row: int, i: int, j: int) -> int:
    if i < 0 or j < 0 or i >= bank.index.shape[1] or j >= bank.index.shape[2]:
        return -1
    return int(bank.index[row, i, j])


@wp.func
def _toward(leg: wp.vec2, rise: wp.float32, level: wp.float32) -> wp.vec3:
    """Direction of a path's end by its first leg in plan: its height is linear along its length, unfolded."""
    if level < 1.0e-6:
        return wp.vec3(0.0, wp.sign(rise), 0.0)
    return wp.normalize(wp.vec3(leg[0], rise * wp.length(leg) / level, leg[1]))


@wp.func
def _by_way(bend: _Bend, source: wp.vec3, listener: wp.vec3) -> Arrival:
    """The path by way of a bend; what does not bend comes straight from the source, wherever it is by now."""
    one = wp.vec2(bend[2] - source[0], bend[3] - source[2])
    two = wp.vec2(bend[0] - bend[2], bend[1] - bend[3])
    three = wp.vec2(listener[0] - bend[0], listener[2] - bend[1])
    level = wp.length(one) + bend[4] + wp.length(three)
    if bend[5] < 0.5:
        one = wp.vec2(listener[0] - source[0], listener[2] - source[2])
        two = wp.vec2(0.0, 0.0)
        three = one
        level = wp.length(one)
    rise = source[1] - listener[1]
    to, fro = _toward(-three, rise, level), _toward(one, -rise, level)
    shape = bends_of(one, two, three)
    length = wp.sqrt(level * level + rise * rise)
    return Arrival(to[0], to[1], to[2], length, fro[0], fro[1], fro[2], shape[0], shape[1], shape[2], shape[3])


@wp.func
def _sees_bend(mesh: wp.uint64, height: wp.float32, bend: _Bend, p: wp.vec3) -> bool:
    """Whether nothing in the plane of the paths stands between a listener and a bend: columns may be thicker."""
    leg = wp.vec3(bend[0] - p[0], 0.0, bend[1] - p[2])
    reach = wp.length(leg)
    if mesh == wp.uint64(0) or reach <= _EDGE_REACH:
        return True
    return not wp.mesh_query_ray_anyhit(mesh, wp.vec3(p[0], height, p[2]), leg / reach, reach - _EDGE_REACH)


@wp.func
def _blend(
    bank: WaveArrays, row: int, numbers: wp.vec4i, weights: wp.vec4, bent: bool, s: wp.vec3, p: wp.vec3
) -> Arrival:
    """Weighted mean of the arrivals by way of several columns' bends, or of those that bend; length -1 if none."""
    total = Arrival()
    share = wp.float32(0.0)
    for k in range(4):
        if numbers[k] >= 0:
            bend = bank.bends[row, numbers[k]]
            if bend[5] > 0.5 or not bent:
                total = total + weights[k] * _by_way(bend, s, p)
                share = share + weights[k]
    if share < 1.0e-6:
        total[3] = -1.0
        return total
    return total / share


@wp.func
def _columns(bank: WaveArrays, row: int, mesh: wp.uint64, p: wp.vec3, place: wp.vec2i, beside: wp.vec2i) -> wp.vec4i:
    """Numbers of a listener's column and of three beside it whose bends the listener sees, -1 = none."""
    i, j = place[0], place[1]
    di, dj = beside[0], beside[1]
    numbers = wp.vec4i(
        _number(bank, row, i, j),
        _number(bank, row, i + di, j),
        _number(bank, row, i, j + dj),
        _number(bank, row, i + di, j + dj),
    )
    if numbers[0] >= 0 and numbers[1] < 0 and numbers[2] < 0:
        numbers[3] = -1  # it may lie behind a wall
    for k in range(1, 4):  # nothing stands within a free column: the listener's own has no wall in it
        if numbers[k] >= 0 and numbers[k] != numbers[0]:
            if not _sees_bend(mesh, bank.height[row], bank.bends[row, numbers[k]], p):
                numbers[k] = -1
    return numbers


@wp.func
def wave_arrival(bank: WaveArrays, row: int, mesh: wp.uint64, s: wp.vec3, p: wp.vec3) -> Arrival:
    """The shortest path of sound around edges to a listener; length -1 if there is none, as to another storey.

    Columns beside the listener's own whose bend it does not see do not count, so that nothing leaks through walls
    thinner than a column; mesh 0 = all count.
    """
    heard = Arrival()
    heard[3] = -1.0
    if p[1] < bank.storey[row][0] or p[1] >= bank.storey[row][1]:
        return heard
    u = (p[0] - bank.origin[row][0]) / bank.spacing[row]
    v = (p[2] - bank.origin[row][1]) / bank.spacing[row]
    i = int(wp.floor(u + 0.5))
    j = int(wp.floor(v + 0.5))
    fu = wp.abs(u - float(i))
    fv = wp.abs(v - float(j))
    beside = wp.vec2i(wp.where(u < float(i), -1, 1), wp.where(v < float(j), -1, 1))
    weights = wp.vec4((1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv)
    numbers = _columns(bank, row, mesh, p, wp.vec2i(i, j), beside)
    if numbers[0] < 0 and numbers[1] < 0 and numbers[2] < 0 and numbers[3] < 0:
        # Close to a wall the nearer columns may lie behind it.
        numbers = _columns(bank, row, mesh, p, wp.vec2i(i, j), -beside)
        weights = wp.vec4(0.25, 0.25, 0.25, 0.25)
    # Behind an edge the columns that still see the source do not count, unless all do: then something low is between.
    heard = _blend(bank, row, numbers, weights, True, s, p)
    if heard[3] < 0.0:
        heard = _blend(bank, row, numbers, weights, False, s, p)
    return heard


@wp.kernel
def _diffract(
    banks: wp.array[WaveArrays],
    rows: wp.array[wp.int32],
    source: wp.array[wp.vec3],
    listener: wp.array[wp.vec3],
    blocked: wp.array[wp.bool],
    model: wp.int32,
    delay_out: wp.array[wp.float64],
    gain_out: wp.array2d[wp.float32],
    direction_out: wp.array[wp.vec3],
    departure_out: wp.array[wp.vec3],
) -> None:
    b = wp.tid()
    s, p = source[b], listener[b]
    heard = wave_arrival(banks[0], rows[b], wp.uint64(0), s, p)
    straight = wp.float64(wp.length(s - p))
    bent = wp.max(wp.float64(heard[3]), straight)
    shape = Bends(wp.float64(heard[7]), wp.float64(heard[8]), wp.float64(heard[9]), wp.float64(heard[10]))
    delay_out[b] = bent / _SPEED
    direction_out[b] = wp.normalize(wp.vec3(heard[0], heard[1], heard[2]))
    departure_out[b] = wp.normalize(wp.vec3(heard[4], heard[5], heard[6]))
    for band in range(BAND_COUNT):
        gain_out[b, band] = 0.0
        if blocked[b] and heard[3] >= 0.0:
            gain_out[b, band] = float(bend_gain(model, shape, bent, straight, band))


def diffracted_paths(
    bank: WavefrontBank,
    rows: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    direct_blocked: torch.Tensor,
    *,
    diffraction: str = "kurze_anderson",
) -> Paths:
    """Returns the path that bends around edges to each listener; zero gain where the direct one is free or none exists.

    It arrives from the last bend (the door's edge), after the whole bent length, at 1/length less the diffraction loss.
    Where only something lower than the ears is between, it arrives straight, with the loss of a grazed edge (6 dB).

    Args:
        bank: the wavefronts.
        rows: row of the bank of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame; up to 1 m beside the place of the row's field.
        listener: listener positions [m], shape (B, 3), world frame.
        direct_blocked: whether the straight path is occluded, shape (B,), bool.
        diffraction: "kurze_anderson" (by the detour) or "utd" (by the angles of the first and the last bend).

    Returns:
        Paths with P = 1.

    Raises:
        ValueError: a shape does not fit; an unknown model.
    """
    count = len(rows)
    if source.shape != (count, 3) or listener.shape != (count, 3) or direct_blocked.shape != (count,):
        raise ValueError(
            f"diffracted_paths needs rows (B,), source (B, 3), listener (B, 3), direct_blocked (B,), not "
            f"{tuple(rows.shape)}, {tuple(source.shape)}, {tuple(listener.shape)}, {tuple(direct_blocked.shape)}"
        )
    paths = empty_paths(count, 1, bank.device)
    ends = (tensor.float().contiguous() for tensor in (source, listener))
    arguments = [bank.arrays(), rows.int().contiguous(), *ends, direct_blocked.bool().contiguous()]
    outputs = [paths.delay[:, 0], paths.gain[:, 0], paths.direction[:, 0], paths.departure[:, 0]]
    launch(_diffract, (count,), [*arguments, diffraction_model(diffraction), *outputs], bank.device)
    return paths
