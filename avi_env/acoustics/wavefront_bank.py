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
from avi_env.acoustics.shared_rows import Ahead, SharedTables
from avi_env.scene.arena import Column, staged
from avi_env.scene.launches import launch
from avi_env.scene.rays_warp import wp_device

__all__ = [
    "Arrival",
    "WaveArrays",
    "WavefrontBank",
    "diffracted_paths",
    "prepare_wavefront",
    "wave_arrival",
    "wave_height",
]

wp.set_module_options({"enable_backward": False})

_MILLIMETRE = 1e-3  # [m]; bends closer than this, with lengths closer than this, are one

_SPEED = wp.constant(wp.float64(SPEED_OF_SOUND))
_EDGE_REACH = wp.constant(0.08)  # [m] around a bend in which a ray does not look: 1.5 columns, as the edges moved

_Bend = wp.types.vector(length=6, dtype=wp.float32)  # see WavefrontBank
Arrival = wp.types.vector(length=11, dtype=wp.float32)
"""How sound arrives: direction (3), length of its path [m], departure (3), `bends_of` it (4)."""


@wp.struct
class WaveArrays:
    """A WavefrontBank as kernels take it."""

    place: wp.array[wp.int64]  # slot of each row's wavefront, negative = none
    form: wp.array2d[wp.int32]  # of each slot: first column, first bend, number of columns (2)
    index: wp.array[wp.int16]  # bend of each column within its wavefront, -1 = sound cannot get there
    bends: wp.array[_Bend]
    plan: wp.array[wp.vec3]  # world x, z of the centre of column (0, 0) and width of a column [m]
    heights: wp.array[wp.vec3]  # of the plane in which paths bend, and between which ears are on its storey [m]


_INDEX_COLUMNS = {"index": Column(torch.int16)}
_BEND_COLUMNS = {"bends": Column(torch.float32, (6,))}
_SLOT_COLUMNS = {
    "form": Column(torch.int32, (4,)),
    "plan": Column(torch.float32, (3,)),
    "heights": Column(torch.float32, (3,)),
}
_ELEMENTS = {"bends": _Bend, "plan": wp.vec3, "heights": wp.vec3}

_ahead = Ahead()


def prepare_wavefront(field: WavefrontField, device: torch.device) -> None:
    """Computes ahead what a bank on a device copies of a wavefront; any thread may."""
    _ahead.keep(field, _parts(field, device))
    _ = field.digest  # takes its time, too


class WavefrontBank:
    """One wavefront per environment on one device: for each column a number, for each number a bend.

    Equal wavefronts are stored once; they lie one after the other, without padding. A bend is the last bend x, z of a
    path, its first bend x, z (world), the length between the two [m] and its number of bends; where a path does not
    bend both are the place for which the wavefront was computed.
    """

    device: torch.device

    def __init__(self, rows: int, device: str | torch.device = "cpu") -> None:
        """Makes room for a number of environments; no sound gets anywhere until `set_row`."""
        self.device = torch.device(wp_device(device))
        self._tables = SharedTables(rows, self.device, _SLOT_COLUMNS, _INDEX_COLUMNS, _BEND_COLUMNS)
        self._pointed: dict[str, torch.Tensor] = {}
        self._arrays: wp.array | None = None

    def __len__(self) -> int:
        return len(self._tables.rows)

    def set_row(self, row: int, field: WavefrontField | None) -> None:
        """Puts a source's wavefront into one row; None = no source, silence. The cost is that of the wavefront.

        Raises:
            IndexError: no such row.
        """
        ready = None if field is None else _ahead.take(field)
        key = None if field is None else field.digest
        self._tables.use(row, key, lambda: ready or _parts(field, self.device))

    def holds(self, field: WavefrontField) -> bool:
        """Returns whether a row has this wavefront; any thread may ask."""
        return self._tables.rows.holds(field.digest)

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes]."""
        return self._tables.memory()

    def arrays(self) -> wp.array:
        """Returns the bank as a kernel takes it, an array of one `WaveArrays`, valid until a row is set."""
        tables = self._tables.tensors
        if self._arrays is None or any(tables[name] is not known for name, known in self._pointed.items()):
            arrays = WaveArrays()
            arrays.place = wp.from_torch(self._tables.rows.place)
            for name, tensor in tables.items():
                setattr(arrays, name, wp.from_torch(tensor, dtype=_ELEMENTS.get(name)))
            self._arrays = wp.array([arrays], dtype=WaveArrays, device=wp_device(self.device))
            self._pointed = tables  # the arrays do not own their memory
        return self._arrays


def _parts(field: WavefrontField | None, device: torch.device) -> dict[str, torch.Tensor]:
    """Returns the rows of a wavefront in each table; first column and first bend are still missing."""
    assert field is not None, "nothing has no parts"
    index, bends = _compress(field)
    rows: dict[str, npt.ArrayLike] = {
        "form": [[0, 0, *index.shape]],
        "plan": [[*field.origin, field.spacing]],
        "heights": [[field.height, *field.storey]],
        "index": index.reshape(-1),
        "bends": bends,
    }
    return staged(rows, _SLOT_COLUMNS | _INDEX_COLUMNS | _BEND_COLUMNS, device)


def _compress(field: WavefrontField) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32]]:
    """Numbers the different bends of a field: number of each column (nx, nz) int16, bends (T, 6) float32."""
    reached = np.isfinite(field.length)
    i, j = np.nonzero(reached)
    count = field.bend_count[reached]
    x, z = (field.bend[..., axis][reached].astype(np.float64) for axis in (0, 1))
    start_x, start_z = (
        np.where(count > 0, field.first_bend[..., axis][reached], last) for axis, last in ((0, x), (1, z))
    )
    there = np.hypot(field.origin[0] + i * field.spacing - x, field.origin[1] + j * field.spacing - z)
    between = field.length[reached] - there - np.hypot(start_x - field.source[0], start_z - field.source[1])
    between = np.maximum(between, 0.0)
    # A last bend has one path to the source: its place, the path's length and its bends name the first one, too.
    code = np.zeros(len(i), dtype=np.int64)
    for value, width in ((x, _MILLIMETRE), (z, _MILLIMETRE), (between, 4 * _MILLIMETRE), (count, 1.0)):
        key = np.round(value / width).astype(np.int64)
        key -= key.min(initial=0)
        code = code * (key.max(initial=0) + 1) + key
    head = np.flatnonzero(np.diff(code, prepend=-1))  # neighbours mostly share their bend: few heads of runs to sort
    _, heads, run_number = np.unique(code[head], return_index=True, return_inverse=True)
    first, number = head[heads], np.repeat(run_number, np.diff(head, append=len(code)))
    if len(first) > np.iinfo(np.int16).max:
        raise ValueError(f"a wavefront with {len(first)} bends exceeds {np.iinfo(np.int16).max}: use larger columns")
    index = np.full(field.length.shape, -1, dtype=np.int16)
    index[reached] = number
    bends = np.column_stack([part[first] for part in (x, z, start_x, start_z, between, count)])
    return index, bends.astype(np.float32)


@wp.func
def _number(bank: WaveArrays, slot: int, i: int, j: int) -> int:
    if i < 0 or j < 0 or i >= bank.form[slot, 2] or j >= bank.form[slot, 3]:
        return -1
    return int(bank.index[bank.form[slot, 0] + i * bank.form[slot, 3] + j])


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
    bank: WaveArrays, slot: int, numbers: wp.vec4i, weights: wp.vec4, bent: bool, s: wp.vec3, p: wp.vec3
) -> Arrival:
    """Weighted mean of the arrivals by way of several columns' bends, or of those that bend; length -1 if none."""
    total = Arrival()
    share = wp.float32(0.0)
    for k in range(4):
        if numbers[k] >= 0:
            bend = bank.bends[bank.form[slot, 1] + numbers[k]]
            if bend[5] > 0.5 or not bent:
                total = total + weights[k] * _by_way(bend, s, p)
                share = share + weights[k]
    if share < 1.0e-6:
        total[3] = -1.0
        return total
    return total / share


@wp.func
def _columns(bank: WaveArrays, slot: int, mesh: wp.uint64, p: wp.vec3, place: wp.vec2i, beside: wp.vec2i) -> wp.vec4i:
    """Numbers of a listener's column and of three beside it whose bends the listener sees, -1 = none."""
    i, j = place[0], place[1]
    di, dj = beside[0], beside[1]
    numbers = wp.vec4i(
        _number(bank, slot, i, j),
        _number(bank, slot, i + di, j),
        _number(bank, slot, i, j + dj),
        _number(bank, slot, i + di, j + dj),
    )
    if numbers[0] >= 0 and numbers[1] < 0 and numbers[2] < 0:
        numbers[3] = -1  # it may lie behind a wall
    for k in range(1, 4):  # nothing stands within a free column: the listener's own has no wall in it
        if numbers[k] >= 0 and numbers[k] != numbers[0]:
            if not _sees_bend(mesh, bank.heights[slot][0], bank.bends[bank.form[slot, 1] + numbers[k]], p):
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
    slot = int(bank.place[row])
    if slot < 0 or p[1] < bank.heights[slot][1] or p[1] >= bank.heights[slot][2]:
        return heard
    u = (p[0] - bank.plan[slot][0]) / bank.plan[slot][2]
    v = (p[2] - bank.plan[slot][1]) / bank.plan[slot][2]
    i = int(wp.floor(u + 0.5))
    j = int(wp.floor(v + 0.5))
    fu = wp.abs(u - float(i))
    fv = wp.abs(v - float(j))
    beside = wp.vec2i(wp.where(u < float(i), -1, 1), wp.where(v < float(j), -1, 1))
    weights = wp.vec4((1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv)
    numbers = _columns(bank, slot, mesh, p, wp.vec2i(i, j), beside)
    if numbers[0] < 0 and numbers[1] < 0 and numbers[2] < 0 and numbers[3] < 0:
        # Close to a wall the nearer columns may lie behind it.
        numbers = _columns(bank, slot, mesh, p, wp.vec2i(i, j), -beside)
        weights = wp.vec4(0.25, 0.25, 0.25, 0.25)
    # Behind an edge the columns that still see the source do not count, unless all do: then something low is between.
    heard = _blend(bank, slot, numbers, weights, True, s, p)
    if heard[3] < 0.0:
        heard = _blend(bank, slot, numbers, weights, False, s, p)
    return heard


@wp.func
def wave_height(bank: WaveArrays, row: int) -> wp.float32:
    """Height of the plane in which a row's paths bend [m]; 0 where there are none."""
    slot = int(bank.place[row])
    if slot < 0:
        return 0.0
    return bank.heights[slot][0]


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
