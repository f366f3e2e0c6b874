"""Level of bent paths in kernels: the twins of `avi_env.acoustics.diffraction`, and what the air takes."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type,index"

from __future__ import annotations

import warp as wp

from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.diffraction import (
    BOUNDARY_DB,
    DIFFRACTION_MODELS,
    FAR_BEND_COSINE,
    FAR_BEND_DB,
    FARTHEST_RATIO,
    LOSS_CAP_DB,
)
from avi_env.acoustics.paths import NEAREST_METRES

__all__ = ["BEND_WIDTH", "Bends", "bend_gain", "bends_of", "boundary_loss", "grazing_gain", "spreading"]

BEND_WIDTH = 4
Bends = wp.types.vector(length=BEND_WIDTH, dtype=wp.float64)
"""Shape of a path of one or two bends: the share of its length before the first, and before the last; their angles."""

_Bands = wp.types.vector(length=BAND_COUNT, dtype=wp.float64)
_BANDS = wp.constant(_Bands(*BANDS_HZ))
_AIR = wp.constant(_Bands(*AIR_DB_PER_METRE))
_SPEED = wp.constant(wp.float64(SPEED_OF_SOUND))
_RATIO = wp.constant(wp.float64(FARTHEST_RATIO))
_FAR_BEND = wp.constant(wp.float64(FAR_BEND_DB))
_FAR_COSINE = wp.constant(wp.float64(FAR_BEND_COSINE))
_BOUNDARY = wp.constant(wp.float64(BOUNDARY_DB))
_CAP = wp.constant(wp.float64(LOSS_CAP_DB))
_NEAREST = wp.constant(wp.float64(NEAREST_METRES))
_UTD = wp.constant(DIFFRACTION_MODELS.index("utd"))
_PI = wp.constant(wp.float64(wp.pi))
_SMALL = wp.constant(wp.float64(1.0e-6))
_LEAST_REACH = wp.constant(wp.float64(1.0e-3))
_LIT_ROOT = wp.constant(wp.float64(1.3))
_ZERO = wp.constant(wp.float64(0.0))
_HALF = wp.constant(wp.float64(0.5))
_ONE = wp.constant(wp.float64(1.0))
_TWO = wp.constant(wp.float64(2.0))
_FOUR = wp.constant(wp.float64(4.0))
_TEN = wp.constant(wp.float64(10.0))
_TWENTY = wp.constant(wp.float64(20.0))
# M. Kawai et al.: F(x) within 0.04 dB, by a magnitude and a phase.
_F_KNEE = wp.constant(wp.float64(0.8))
_F_SLOPE = wp.constant(wp.float64(0.7))
_F_START = wp.constant(wp.float64(1.2))
_F_FAR = wp.constant(wp.float64(1.25))
_F_TURN = wp.constant(wp.float64(1.4))


@wp.func
def spreading(length: wp.float64, band: int) -> wp.float64:
    """Pressure gain of a path's length: 1/d and air; the twin of `spreading_gain`."""
    return wp.pow(_TEN, -_AIR[band] * length / _TWENTY) / wp.max(length, _NEAREST)


@wp.func
def _transition(x: wp.float64) -> wp.vec2d:
    """F(x) as real and imaginary part; the twin of `fresnel_transition`."""
    root = wp.sqrt(x)
    size = _ONE - _F_KNEE / ((x + _F_FAR) * (x + _F_FAR))
    if x < _F_KNEE:
        size = wp.sqrt(_PI) * root * (_ONE - root / (_F_SLOPE * root + _F_START))
    angle = _PI / _FOUR * (_ONE - wp.sqrt(x / (x + _F_TURN)))
    return wp.vec2d(size * wp.cos(angle), size * wp.sin(angle))


@wp.func
def _half_plane(bend: wp.float64, before: wp.float64, after: wp.float64, band: int) -> wp.float64:
    """The twin of `half_plane_loss_db`."""
    reach = wp.max(before * after / wp.max(before + after, _SMALL), _LEAST_REACH)
    zone = _FOUR * _PI * _BANDS[band] / _SPEED * reach
    half = wp.max(wp.sin(wp.clamp(bend, _ZERO, _PI) * _HALF), _SMALL)
    total = _transition(zone * half * half) / half + _transition(zone)
    return -_TWENTY * wp.log10(wp.length(total) / (_TWO * wp.sqrt(_PI * zone)))


@wp.func
def _chain(bends: Bends, length: wp.float64, band: int) -> wp.float64:
    """Loss of two bends by the uniform theory: each beyond its own shadow boundary, and one boundary between them."""
    one, two = length * bends[0], length * bends[1]
    first = _half_plane(bends[2], one, length - one, band) - _half_plane(_ZERO, one, length - one, band) * _HALF
    last = _half_plane(bends[3], two, length - two, band) - _half_plane(_ZERO, two, length - two, band) * _HALF
    return first + last


@wp.func
def _detour(length: wp.float64, distance: wp.float64, band: int) -> wp.float64:
    """The twin of `diffraction_loss_db`."""
    true = wp.min(distance, length)
    straight = wp.max(true, length / _RATIO)
    square = _FOUR * _PI * (length - straight) * _BANDS[band] / _SPEED
    root = wp.max(wp.sqrt(square), _SMALL)
    kurze = wp.float64(5.0) + _TWENTY * wp.log10(root / wp.tanh(root) * straight / length)
    far = _FAR_BEND * wp.max(_ONE - true / (_FAR_COSINE * length), _ZERO)
    return kurze + far + (_BOUNDARY - wp.float64(5.0)) * wp.exp(-square)


@wp.func
def bend_gain(model: int, bends: Bends, bent: wp.float64, distance: wp.float64, band: int) -> wp.float64:
    """Pressure gain of a bent path: spreading, air and diffraction; `distance` is that of its ends."""
    length = wp.max(bent, _NEAREST)
    loss = _ZERO
    if model == _UTD:
        loss = _chain(bends, length, band)
    else:
        loss = _detour(length, distance, band)
    return wp.pow(_TEN, -wp.min(loss, _CAP) / _TWENTY) * spreading(bent, band)


@wp.func
def boundary_loss(model: int, before: wp.float64, after: wp.float64, band: int) -> wp.float64:
    """Loss [dB] of a path that just touches an edge."""
    if model == _UTD:
        return _half_plane(_ZERO, before, after, band)
    return _BOUNDARY


@wp.func
def grazing_gain(detour: wp.float64, boundary: wp.float64, band: int) -> wp.float64:
    """Pressure gain of a free path close to an edge; the twin of `grazing_loss_db`."""
    root = wp.sqrt(_FOUR * _PI * wp.max(detour, _ZERO) * _BANDS[band] / _SPEED)
    root = wp.clamp(root, _SMALL, _LIT_ROOT)
    loss = wp.max(boundary + _TWENTY * wp.log10(root / wp.tan(root)), _ZERO)
    return wp.pow(_TEN, -loss / _TWENTY)


@wp.func
def _turn_between(into: wp.vec2, out: wp.vec2) -> wp.float32:
    """Angle between two legs of a path [rad], 0 where one has no length."""
    return wp.abs(wp.atan2(into[0] * out[1] - into[1] * out[0], wp.dot(into, out)))


@wp.func
def bends_of(one: wp.vec2, two: wp.vec2, three: wp.vec2) -> wp.vec4:
    """Shape of a path with the legs source to first bend, between the bends (or 0), last bend to listener, in a plane.

    As `Bends`, in float32: shares of the length before the first and the last bend, angles of both [rad].
    """
    first, middle, last = wp.length(one), wp.length(two), wp.length(three)
    total = wp.max(first + middle + last, 1.0e-6)
    if middle < 1.0e-3:
        return wp.vec4(first / total, first / total, _turn_between(one, three), 0.0)
    return wp.vec4(first / total, (first + middle) / total, _turn_between(one, two), _turn_between(two, three))
