"""How loud a source is in each direction: cardioids, a talking head, a loudspeaker, or a measured table."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp
from scipy.special import eval_legendre, spherical_jn, spherical_yn

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ, SPEED_OF_SOUND
from avi_env.content import name_error
from avi_env.scene.launches import launch
from avi_env.scene.rays_warp import wp_device

__all__ = [
    "DIRECTIVITIES",
    "Directivity",
    "cap_on_sphere",
    "cone_directivity",
    "directivity_energy",
    "directivity_gain",
    "load_directivity",
    "stack_directivities",
]

wp.set_module_options({"enable_backward": False})

FloatArray = npt.NDArray[np.float64]

_ELEVATIONS, _AZIMUTHS = 19, 37
_STEP_DEG = 10.0
_TABLE = (_ELEVATIONS, _AZIMUTHS, BAND_COUNT)
_LINES_PER_OCTAVE = 9  # frequencies whose energies are averaged into an octave

_FIRST_ORDER = {"omni": 1.0, "cardioid": 0.5, "supercardioid": 0.37, "hypercardioid": 0.25, "dipole": 0.0}
"""Omnidirectional share w of the first-order patterns w + (1 - w) cos."""

_CAPS = {"speech": (0.09, 0.012), "loudspeaker": (0.12, 0.05)}
"""Radius of the sphere and of the vibrating cap [m]. Speech: a mouth of 4.5 cm2 in Flanagan's head of 9 cm
(J. Acoust. Soc. Am. 32, 1613, 1960); loudspeaker: a four-inch driver in a small cabinet."""

DIRECTIVITIES = (*_FIRST_ORDER, *_CAPS)
"""Names that `load_directivity` knows."""

_STEPS_PER_RADIAN = wp.constant(float(180.0 / np.pi / _STEP_DEG))
_LAST_ROW = wp.constant(float(_ELEVATIONS - 2))
_LAST_COLUMN = wp.constant(float(_AZIMUTHS - 2))
_HALF_ROWS = wp.constant(float((_ELEVATIONS - 1) / 2))
_TURN_COLUMNS = wp.constant(float(_AZIMUTHS - 1))
_BANDS = wp.constant(BAND_COUNT)

if TYPE_CHECKING:
    vec7 = Any
else:
    vec7 = wp.types.vector(length=BAND_COUNT, dtype=wp.float32)


@dataclass(frozen=True, eq=False)
class Directivity:
    """How the energy of a source depends on direction. Source frame: -Z is ahead, +Y up, +X right."""

    name: str
    energy: npt.NDArray[np.float32]
    """Energy re straight ahead, per octave, shape (19, 37, 7): elevation -90..90 and azimuth 0..360 degrees in steps
    of 10, azimuth counter-clockwise from ahead, the last column repeats the first. Read-only."""
    power: npt.NDArray[np.float32]
    """Mean of the energy over the sphere, per octave, shape (7,): 1 for a source alike in all directions."""

    def __post_init__(self) -> None:
        energy = np.array(self.energy, dtype=np.float32, order="C")
        if energy.shape != _TABLE:
            raise ValueError(f"directivity {self.name!r}: energy must have shape {_TABLE}, not {energy.shape}")
        if not np.all(np.isfinite(energy)) or energy.min() < 0.0:
            raise ValueError(f"directivity {self.name!r}: energies must be finite and not negative")
        if np.any(energy[:, 0] != energy[:, -1]):
            raise ValueError(f"directivity {self.name!r}: azimuth 360 must repeat azimuth 0")
        energy.setflags(write=False)
        object.__setattr__(self, "energy", energy)

    @property
    def is_omni(self) -> bool:
        """Whether the source sounds alike in all directions."""
        return bool(np.all(self.energy == 1.0))


def load_directivity(pattern: str | npt.ArrayLike | Directivity) -> Directivity:
    """Returns a directivity by name or from a table of levels.

    "speech" and "loudspeaker" are a vibrating cap on a rigid sphere (`cap_on_sphere`); the others are w + (1 - w) cos.

    Args:
        pattern: one of `DIRECTIVITIES`; or levels [dB] on a regular grid, shape (E, A, 7) or (E, A) for all octaves
            alike: elevation from -90 to 90 degrees, azimuth from 0 counter-clockwise, 360 left out. Only differences
            from the level straight ahead count, since a source's level is that at 1 m straight ahead.

    Raises:
        ValueError: an unknown name, with the nearest known one, or a table of another shape.
    """
    if isinstance(pattern, Directivity):
        return pattern
    if isinstance(pattern, str):
        if pattern not in DIRECTIVITIES:
            raise name_error("directivity", pattern, DIRECTIVITIES)
        return _named(pattern)
    return _tabulated(np.asarray(pattern, dtype=np.float64))


@lru_cache(maxsize=len(DIRECTIVITIES))
def _named(name: str) -> Directivity:
    cosine = _grid_cosines()
    if name in _CAPS:
        return _directivity(name, cap_on_sphere(cosine, *_CAPS[name]))
    share = _FIRST_ORDER[name]
    energy = np.square(share + (1.0 - share) * cosine)
    return _directivity(name, np.repeat(energy[..., None], BAND_COUNT, axis=-1))


def _grid_cosines() -> FloatArray:
    """Returns the cosine of the angle from straight ahead of each grid point, shape (19, 37)."""
    elevation = np.radians(np.linspace(-90.0, 90.0, _ELEVATIONS))
    azimuth = np.radians(np.linspace(0.0, 360.0, _AZIMUTHS))
    cosine = np.cos(elevation)[:, None] * np.cos(azimuth)
    cosine[:, -1] = cosine[:, 0]
    return np.asarray(np.clip(cosine, -1.0, 1.0))


def _directivity(name: str, energy: FloatArray) -> Directivity:
    """Returns a directivity with the power of the table as it is interpolated: bilinear in elevation and azimuth."""
    around = energy[:, :-1].mean(axis=1)  # exact for a piecewise linear function
    edges = np.radians(np.linspace(-90.0, 90.0, _ELEVATIONS))
    step = edges[1] - edges[0]
    # Integral of each elevation's hat function times cos(elevation) / 2, from the second difference of cos.
    outer = np.concatenate([[edges[0] - step], edges, [edges[-1] + step]])
    weight = (2.0 * np.cos(edges) - np.cos(outer[:-2]) - np.cos(outer[2:])) / step
    weight[[0, -1]] = 1.0 - np.sin(step) / step
    return Directivity(name, energy.astype(np.float32), (0.5 * weight @ around).astype(np.float32))


def cap_on_sphere(cosine: npt.ArrayLike, sphere_metres: float, cap_metres: float) -> FloatArray:
    """Returns the far-field energy per octave of a vibrating cap on a rigid sphere, re straight ahead, shape (..., 7).

    Args:
        cosine: of the angle from the axis of the cap, shape (...).
        sphere_metres: radius of the sphere [m].
        cap_metres: radius of the cap's rim [m].

    Source:
        Morse & Ingard, Theoretical Acoustics (1968), section 7.2: pressure ~ sum over n of
        (-j)^n U_n P_n(cos) / h_n'(ka), U_n = (P_{n-1}(cos rim) - P_{n+1}(cos rim)) / 2. As a model of the mouth:
        Flanagan, J. Acoust. Soc. Am. 32, 1613 (1960); of a loudspeaker: Aarts & Janssen, J. Audio Eng. Soc. 59 (2011).
    """
    places = np.append(np.asarray(cosine, dtype=np.float64).reshape(-1), 1.0)
    offsets = (np.arange(_LINES_PER_OCTAVE) + 0.5) / _LINES_PER_OCTAVE - 0.5
    wave = 2.0 * np.pi * np.outer(BANDS_HZ, 2.0**offsets) / SPEED_OF_SOUND * sphere_metres  # (7, 9)
    rim = np.sqrt(1.0 - (cap_metres / sphere_metres) ** 2)
    pressure = np.zeros((*wave.shape, len(places)), dtype=np.complex128)
    for n in range(int(wave.max()) + 30):
        before = eval_legendre(n - 1, rim) if n > 0 else 1.0
        velocity = 0.5 * (before - eval_legendre(n + 1, rim))
        heard = n < 1.2 * wave + 20.0  # beyond it the terms vanish and h_n overflows
        slope = spherical_jn(n, wave[heard], derivative=True) + 1j * spherical_yn(n, wave[heard], derivative=True)
        pressure[heard] += (velocity * (-1j) ** n / slope)[..., None] * eval_legendre(n, places)
    energy = np.square(np.abs(pressure))
    energy = (energy / energy[..., -1:]).mean(axis=1).T  # as loud ahead at all frequencies, (places, 7)
    return np.asarray(energy[:-1].reshape(*np.shape(cosine), BAND_COUNT))


def cone_directivity(inner: float, outer: float, outer_gain: float, pitch: float = 0.0) -> Directivity:
    """Returns the directivity of a sound cone: gain 1 within `inner`, `outer_gain` beyond `outer`, linear between.

    Args:
        inner: full angle of the inner cone [rad].
        outer: full angle of the outer cone [rad], not smaller.
        outer_gain: factor of the pressure, 0..1.
        pitch: how far the axis points up [rad]; levels count from the axis.

    Source: W3C Web Audio API, "Sound cones"; glTF's KHR_audio_emitter takes it over.
    """
    elevation = np.radians(np.linspace(-90.0, 90.0, _ELEVATIONS))[:, None]
    azimuth = np.radians(np.linspace(0.0, 360.0, _AZIMUTHS))[None, :]
    along = np.cos(elevation) * np.cos(azimuth) * np.cos(pitch) + np.sin(elevation) * np.sin(pitch)
    angle = np.arccos(np.clip(along, -1.0, 1.0))
    span = max((outer - inner) / 2.0, 1e-9)
    share = np.clip((angle - inner / 2.0) / span, 0.0, 1.0)
    energy = np.square(1.0 + share * (outer_gain - 1.0))
    energy[:, -1] = energy[:, 0]
    return _directivity("cone", np.repeat(energy[..., None], BAND_COUNT, axis=-1))


def _tabulated(levels: FloatArray) -> Directivity:
    """Returns a table of levels [dB] at the grid's points, linear in energy between the table's own."""
    if levels.ndim == 2:
        levels = np.repeat(levels[..., None], BAND_COUNT, axis=-1)
    if levels.ndim != 3 or levels.shape[2] != BAND_COUNT or min(levels.shape[:2]) < 2:
        raise ValueError(
            f"a directivity table needs levels of shape (elevations, azimuths, {BAND_COUNT}) or (elevations, azimuths),"
            f" at least 2 x 2, not {levels.shape}"
        )
    if np.any(np.isnan(levels)) or np.any(np.isposinf(levels)):
        raise ValueError("a directivity table contains NaN or +inf: give levels in dB, -inf for silence")
    energy = 10.0 ** (levels / 10.0)
    rows = np.linspace(0.0, energy.shape[0] - 1.0, _ELEVATIONS)
    columns = np.linspace(0.0, energy.shape[1], _AZIMUTHS)
    energy = _between(np.concatenate([energy, energy[:, :1]], axis=1), rows, columns)
    ahead = energy[(_ELEVATIONS - 1) // 2, 0]
    if np.any(ahead <= 0.0):
        raise ValueError("a directivity table must not be silent straight ahead: its levels count from there")
    energy /= ahead
    energy[:, -1] = energy[:, 0]
    return _directivity("table", energy)


def _between(table: FloatArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Returns a table at fractional rows and columns, bilinear."""
    row = np.minimum(rows.astype(int), table.shape[0] - 2)
    column = np.minimum(columns.astype(int), table.shape[1] - 2)
    v, u = (rows - row)[:, None, None], (columns - column)[None, :, None]
    low = table[row][:, column] * (1.0 - u) + table[row][:, column + 1] * u
    high = table[row + 1][:, column] * (1.0 - u) + table[row + 1][:, column + 1] * u
    return np.asarray(low * (1.0 - v) + high * v)


@wp.func
def directivity_energy(table: wp.array3d[wp.float32], x: float, y: float, z: float) -> vec7:
    """Energy re straight ahead in direction (x, y, z) of the source's own frame (-Z ahead), per octave."""
    across = wp.atan2(-x, -z) * _STEPS_PER_RADIAN
    if across < 0.0:
        across += _TURN_COLUMNS
    up = wp.atan2(y, wp.sqrt(x * x + z * z)) * _STEPS_PER_RADIAN + _HALF_ROWS
    column = wp.clamp(wp.floor(across), 0.0, _LAST_COLUMN)
    row = wp.clamp(wp.floor(up), 0.0, _LAST_ROW)
    u = wp.clamp(across - column, 0.0, 1.0)
    v = wp.clamp(up - row, 0.0, 1.0)
    i, j = int(row), int(column)
    energy = vec7()
    for band in range(_BANDS):
        low = table[i, j, band] * (1.0 - u) + table[i, j + 1, band] * u
        high = table[i + 1, j, band] * (1.0 - u) + table[i + 1, j + 1, band] * u
        energy[band] = low * (1.0 - v) + high * v
    return energy


@wp.kernel
def _gain_kernel(
    tables: wp.array4d[wp.float32],
    which: wp.array[wp.int32],
    yaw: wp.array[wp.float32],
    departure: wp.array2d[wp.vec3],
    gain_out: wp.array3d[wp.float32],
) -> None:
    row, path = wp.tid()
    cosine, sine = wp.cos(yaw[row]), wp.sin(yaw[row])
    leaves = departure[row, path]
    x = leaves[0] * cosine - leaves[2] * sine
    z = leaves[0] * sine + leaves[2] * cosine
    energy = directivity_energy(tables[which[row]], x, leaves[1], z)
    for band in range(_BANDS):
        gain_out[row, path, band] = wp.sqrt(energy[band])


def directivity_gain(
    directivity: Directivity | torch.Tensor,
    yaw: torch.Tensor,
    departure: torch.Tensor,
    which: torch.Tensor | None = None,
) -> torch.Tensor:
    """Returns the pressure gain of each path re a path that leaves straight ahead, shape (B, P, 7).

    Args:
        directivity: of all sources; or several, as `stack_directivities` puts them on the device.
        yaw: heading of each source [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,).
        departure: unit vectors from the sources towards where the sound leaves, world frame, shape (B, P, 3).
        which: each source's row of the stack, shape (B,) int32; the first if not given.

    Raises:
        ValueError: shapes that do not fit together.
    """
    rows, paths = departure.shape[:2]
    if yaw.shape != (rows,) or departure.shape != (rows, paths, 3) or (which is not None and which.shape != (rows,)):
        raise ValueError(
            f"directivity_gain needs yaw (B,), departure (B, P, 3), which (B,), not {tuple(yaw.shape)}, "
            f"{tuple(departure.shape)}, {None if which is None else tuple(which.shape)}"
        )
    device = departure.device
    tables = stack_directivities([directivity], device) if isinstance(directivity, Directivity) else directivity
    which = torch.zeros(rows, dtype=torch.int32, device=device) if which is None else which.to(torch.int32).contiguous()
    yaw, departure = yaw.to(torch.float32).contiguous(), departure.to(torch.float32).contiguous()
    gain = torch.empty(rows, paths, BAND_COUNT, device=device)
    launch(_gain_kernel, (rows, paths), [tables, which, yaw, departure, gain], device)
    return gain


def stack_directivities(directivities: list[Directivity], device: str | torch.device = "cpu") -> torch.Tensor:
    """Returns the tables of several directivities on a device, shape (K, 19, 37, 7)."""
    return torch.from_numpy(np.stack([one.energy for one in directivities])).to(torch.device(wp_device(device)))
