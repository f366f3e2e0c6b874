"""The wavefronts of many environments on a device, and the diffracted path that each listener hears."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index,valid-type"

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.diffraction import FARTHEST_RATIO, LOSS_CAP_DB
from avi_env.acoustics.direct import NEAREST_METRES
from avi_env.acoustics.field import WavefrontField
from avi_env.acoustics.paths import Paths
from avi_env.scene.rays_warp import wp_device

__all__ = ["WavefrontBank", "diffracted_paths"]

wp.set_module_options({"enable_backward": False})

_MILLIMETRE = 1e-3  # [m]; bends closer than this, with lengths closer than this, are one
_GROWTH = 64  # bends by which the table grows

_Bands = wp.types.vector(length=BAND_COUNT, dtype=wp.float64)
_BANDS = wp.constant(_Bands(*BANDS_HZ))
_AIR = wp.constant(_Bands(*AIR_DB_PER_METRE))
_SPEED = wp.constant(wp.float64(SPEED_OF_SOUND))
_RATIO = wp.constant(wp.float64(FARTHEST_RATIO))
_CAP = wp.constant(wp.float64(LOSS_CAP_DB))
_NEAREST = wp.constant(wp.float64(NEAREST_METRES))
_LEAST_ROOT = wp.constant(wp.float64(1.0e-6))


_Bend = wp.types.vector(length=6, dtype=wp.float32)  # as WavefrontBank.bends
_Arrival = wp.types.vector(length=7, dtype=wp.float32)  # direction (3), length of the path, departure (3)


@wp.struct
class _Bank:
    index: wp.array3d[wp.int16]
    bends: wp.array2d[_Bend]
    origin: wp.array[wp.vec2]
    spacing: wp.array[wp.float32]


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

    def __init__(self, rows: int, device: str | torch.device = "cpu") -> None:
        """Makes room for a number of environments; no sound gets anywhere until `set_row`."""
        self.device = torch.device(wp_device(device))
        self.index = torch.full((rows, 1, 1), -1, dtype=torch.int16, device=self.device)
        self.bends = torch.zeros((rows, _GROWTH, 6), dtype=torch.float32, device=self.device)
        self.origin = torch.zeros((rows, 2), dtype=torch.float32, device=self.device)
        self.spacing = torch.ones(rows, dtype=torch.float32, device=self.device)
        self._arrays: _Bank | None = None

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

    def arrays(self) -> _Bank:
        """Returns the bank as a kernel takes it."""
        if self._arrays is None:
            arrays = _Bank()
            arrays.index = wp.from_torch(self.index)
            arrays.bends = wp.from_torch(self.bends, dtype=_Bend)
            arrays.origin = wp.from_torch(self.origin, dtype=wp.vec2)
            arrays.spacing = wp.from_torch(self.spacing)
            self._arrays = arrays
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
def _number(bank: _Bank, row: int, i: int, j: int) -> int:
    if i < 0 or j < 0 or i >= bank.index.shape[1] or j >= bank.index.shape[2]:
        return -1
    return int(bank.index[row, i, j])


@wp.func
def _toward(dx: wp.float32, dz: wp.float32, rise: wp.float32, level: wp.float32) -> wp.vec3:
    """Direction of a path's end whose first bend lies at (dx, dz): its height is linear along its length, unfolded."""
    if level < 1.0e-6:
        return wp.vec3(0.0, wp.sign(rise), 0.0)
    return wp.normalize(wp.vec3(dx, rise * wp.sqrt(dx * dx + dz * dz) / level, dz))


@wp.func
def _arrival(bend: _Bend, source: wp.vec3, listener: wp.vec3) -> _Arrival:
    """The path by way of a bend; what does not bend comes straight from the source, wherever it is by now."""
    ax, az = bend[0] - listener[0], bend[1] - listener[2]
    dx, dz = bend[2] - source[0], bend[3] - source[2]
    level = wp.sqrt(ax * ax + az * az) + bend[4] + wp.sqrt(dx * dx + dz * dz)
    if bend[5] < 0.5:
        ax, az = source[0] - listener[0], source[2] - listener[2]
        dx, dz = -ax, -az
        level = wp.sqrt(ax * ax + az * az)
    rise = source[1] - listener[1]
    to, fro = _toward(ax, az, rise, level), _toward(dx, dz, -rise, level)
    return _Arrival(to[0], to[1], to[2], wp.sqrt(level * level + rise * rise), fro[0], fro[1], fro[2])


@wp.func
def _blend(bank: _Bank, row: int, numbers: wp.vec4i, weights: wp.vec4, bent: bool, s: wp.vec3, p: wp.vec3) -> _Arrival:
    """Weighted mean of the arrivals by way of several columns' bends, or of those that bend; length -1 if none."""
    total = _Arrival()
    share = wp.float32(0.0)
    for k in range(4):
        if numbers[k] >= 0:
            bend = bank.bends[row, numbers[k]]
            if bend[5] > 0.5 or not bent:
                total = total + weights[k] * _arrival(bend, s, p)
                share = share + weights[k]
    if share < 1.0e-6:
        return _Arrival(0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0)
    return total / share


@wp.func
def _heard(bank: _Bank, row: int, s: wp.vec3, p: wp.vec3) -> _Arrival:
    """The shortest path of sound to a listener; length -1 if there is none."""
    u = (p[0] - bank.origin[row][0]) / bank.spacing[row]
    v = (p[2] - bank.origin[row][1]) / bank.spacing[row]
    i = int(wp.floor(u + 0.5))
    j = int(wp.floor(v + 0.5))
    fu = wp.abs(u - float(i))
    fv = wp.abs(v - float(j))
    di = wp.where(u < float(i), -1, 1)
    dj = wp.where(v < float(j), -1, 1)
    near = _number(bank, row, i, j)
    across = _number(bank, row, i + di, j)
    along = _number(bank, row, i, j + dj)
    corner = _number(bank, row, i + di, j + dj)
    if near >= 0 and across < 0 and along < 0:
        corner = -1  # it may lie behind a wall
    numbers = wp.vec4i(near, across, along, corner)
    weights = wp.vec4((1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv)
    # Behind an edge the columns that still see the source do not count, unless all do: then something low is between.
    heard = _blend(bank, row, numbers, weights, True, s, p)
    if heard[3] < 0.0:
        heard = _blend(bank, row, numbers, weights, False, s, p)
    return heard


@wp.func
def _gain(bent: wp.float64, straight: wp.float64, band: int) -> wp.float64:
    """Spreading, air and diffraction; the twin of `diffraction_loss_db`."""
    length = wp.max(bent, _NEAREST)
    reach = wp.min(wp.max(straight, length / _RATIO), length)
    root = wp.sqrt(wp.float64(4.0 * wp.pi) * (length - reach) * _BANDS[band] / _SPEED)
    root = wp.max(root, _LEAST_ROOT)
    loss = wp.float64(5.0) + wp.float64(20.0) * wp.log10(root / wp.tanh(root) * reach / length)
    loss = wp.min(loss, _CAP) + _AIR[band] * bent
    return wp.pow(wp.float64(10.0), -loss / wp.float64(20.0)) / length


@wp.kernel
def _diffract(
    bank: _Bank,
    rows: wp.array[wp.int32],
    source: wp.array2d[wp.float32],
    listener: wp.array2d[wp.float32],
    blocked: wp.array[wp.bool],
    delay_out: wp.array2d[wp.float64],
    gain_out: wp.array3d[wp.float32],
    direction_out: wp.array3d[wp.float32],
    departure_out: wp.array3d[wp.float32],
) -> None:
    b = wp.tid()
    s = wp.vec3(source[b, 0], source[b, 1], source[b, 2])
    p = wp.vec3(listener[b, 0], listener[b, 1], listener[b, 2])
    heard = _heard(bank, rows[b], s, p)
    toward = wp.normalize(wp.vec3(heard[0], heard[1], heard[2]))
    away = wp.normalize(wp.vec3(heard[4], heard[5], heard[6]))
    straight = wp.float64(wp.length(s - p))
    bent = wp.max(wp.float64(heard[3]), straight)
    delay_out[b, 0] = bent / _SPEED
    for k in range(3):
        direction_out[b, 0, k] = toward[k]
        departure_out[b, 0, k] = away[k]
    for band in range(BAND_COUNT):
        gain_out[b, 0, band] = 0.0
        if blocked[b] and heard[3] >= 0.0:
            gain_out[b, 0, band] = float(_gain(bent, straight, band))


def diffracted_paths(
    bank: WavefrontBank, rows: torch.Tensor, source: torch.Tensor, listener: torch.Tensor, direct_blocked: torch.Tensor
) -> Paths:
    """Returns the path that bends around edges to each listener; zero gain where the direct one is free or none exists.

    It arrives from the last bend (the door's edge), after the whole bent length, at 1/length less the diffraction loss.
    Where only something lower than the ears is between, it arrives straight, with the loss of a grazed edge (5 dB).

    Args:
        bank: the wavefronts.
        rows: row of the bank of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame; up to 1 m beside the place of the row's field.
        listener: listener positions [m], shape (B, 3), world frame.
        direct_blocked: whether the straight path is occluded, shape (B,), bool.

    Returns:
        Paths with P = 1.

    Raises:
        ValueError: a shape does not fit.
    """
    count = len(rows)
    if source.shape != (count, 3) or listener.shape != (count, 3) or direct_blocked.shape != (count,):
        raise ValueError(
            f"diffracted_paths needs rows (B,), source (B, 3), listener (B, 3), direct_blocked (B,), not "
            f"{tuple(rows.shape)}, {tuple(source.shape)}, {tuple(listener.shape)}, {tuple(direct_blocked.shape)}"
        )
    paths = Paths(
        torch.empty((count, 1), dtype=torch.float64, device=bank.device),
        torch.empty((count, 1, BAND_COUNT), dtype=torch.float32, device=bank.device),
        *(torch.empty((count, 1, 3), dtype=torch.float32, device=bank.device) for _ in range(2)),
    )
    if count:
        inputs = [
            bank.arrays(),
            wp.from_torch(rows.int().contiguous()),
            wp.from_torch(source.float().contiguous()),
            wp.from_torch(listener.float().contiguous()),
            wp.from_torch(direct_blocked.bool().contiguous()),
        ]
        wp.launch(
            _diffract,
            dim=count,
            inputs=inputs,
            outputs=[wp.from_torch(tensor) for tensor in paths],
            device=wp_device(bank.device),
        )
    return paths
