"""The sound of a blow: modes of bars, plates and boxes from what they are made of, and the click of being stopped.

A blow of impulse J and duration T acts as a half-sine force. Each mode of a struck body of mass m takes the velocity
phi J F(f) / m, where phi is its shape at the point that is hit and F the spectrum of the force: soft things press
longer and excite less of what is high. Together the modes get no more than `VIBRATION_SHARE` of the energy that the
collision loses. A mode radiates as its own surface does; a body that is stopped or thrown back pushes the air as a
rigid sphere of its volume does (the click). Pressures are those at 1 m, in all directions alike.

Sources: K. van den Doel, D. K. Pai, The sounds of physical shapes, Presence 7 (1998): modes, blow by blow.
J. Traer, M. Cusimano, J. H. McDermott, A perceptually inspired generative model of rigid-body contact sounds, DAFx
(2019): variation from hit to hit. J. N. Chadwick, C. Zheng, D. L. James, Precomputed acceleration noise, SIGGRAPH
(2012): the click, after L. L. Koss and R. J. Alfredson, J. Sound Vib. 27 (1973).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.sounds.solids import Solid, solid

__all__ = [
    "CLICK_LEAD",
    "VIBRATION_SHARE",
    "Blow",
    "ModeFamily",
    "bar_modes",
    "blow_seconds",
    "body_modes",
    "click",
    "fast_level",
    "plate_modes",
    "ringing",
    "shell_volume",
    "vibration_energy",
]

FloatArray = npt.NDArray[np.float64]

VIBRATION_SHARE = 0.01
"""Share of the energy lost in a collision that becomes vibration: the order found by S. C. Hunter, Energy absorbed by
elastic waves during impact, J. Mech. Phys. Solids 5 (1957), for hard bodies. The rest heats and dents what is hit."""

CLICK_LEAD = 8
"""Samples of a click before the blow: its band limit rings ahead of it."""

_AIR_DENSITY, _SOUND_SPEED = 1.204, 343.0  # [kg/m3], [m/s] at 20 C
_IMPEDANCE = _AIR_DENSITY * _SOUND_SPEED
_HIGHEST_HZ = 20000.0
_MODES = 96  # of a family, the lowest ones: what is above is masked by them
_FAINTEST = 1000.0  # times weaker than the strongest mode's start: 60 dB
_SLENDER = 5.0  # times longer than thick: a bar or a plate
_REFERENCE_DB = 94.0  # an RMS pressure of 1.0 is 94 dB SPL
_FAST_SECONDS = 0.125  # time constant "fast" of a sound level meter (IEC 61672-1)
# Roots of cosh x cos x = 1; from the sixth on they are (2 n + 1) pi / 2 within 1e-6.
_FREE_BAR = (4.7300407449, 7.8532046241, 10.9956078380, 14.1371654913, 17.2787596574)


class ModeFamily(NamedTuple):
    """K vibrations of one kind of a body."""

    frequency: FloatArray
    """[Hz], rising, shape (K,)."""
    decay: FloatArray
    """Amplitudes fall as exp(-decay t) [1/s], shape (K,)."""
    radiation: FloatArray
    """Amplitude of the pressure at 1 m per amplitude of the mean surface velocity [Pa s/m], shape (K,)."""
    order: npt.NDArray[np.int64]
    """Half waves along both sides of a plate, shape (K, 2); of a bar (n, 0), n = 1 for the lowest."""
    mass: float
    """Mass of the body [kg]; shapes have a mean square of 1, so that it is each mode's too."""

    def shape(self, point: Sequence[float] | FloatArray) -> FloatArray:
        """Returns each mode's shape at a point (two numbers, 0 to 1 along the sides), shape (K,); mean square 1."""
        across = np.pi * self.order * np.asarray(point, dtype=np.float64)
        plate = 2.0 * np.sin(across[:, 0]) * np.sin(across[:, 1])
        return np.where(self.order[:, 1] > 0, plate, _free_bar_shape(self.order[:, 0], float(point[0])))


class Blow(NamedTuple):
    """One collision."""

    impulse: float
    """[N s]."""
    seconds: float
    """How long the bodies touch [s]."""
    lost: float
    """Energy that the collision loses [J]."""


def bar_modes(
    material: str | Solid, length: float, thickness: float, width: float, highest: float = _HIGHEST_HZ
) -> ModeFamily:
    """Returns the bending modes of a straight bar with free ends.

    f_n = (b_n)^2 / (2 pi L^2) sqrt(E h^2 / (12 rho)), b_n the roots of cosh b cos b = 1.

    Args:
        material: what it is made of.
        length: [m].
        thickness: h, in the direction of bending [m].
        width: across it [m].
        highest: modes above are left out [Hz].

    Source: L. E. Kinsler et al., Fundamentals of Acoustics (2000), section 3.10.
    """
    made = solid(material)
    _require_sizes(length=length, thickness=thickness, width=width)
    number = np.arange(1, 200)
    roots = np.concatenate([_FREE_BAR, (2 * number[5:] + 1) * np.pi / 2])
    stiff = math.sqrt(made.young / made.density / 12.0) * thickness
    frequency = roots**2 / (2 * np.pi * length**2) * stiff
    order = np.stack([number, np.zeros_like(number)], axis=1)
    area = 2 * length * (thickness + width)
    return _family(made, frequency, order, area, made.density * length * thickness * width, highest, math.inf)


def plate_modes(
    material: str | Solid, length: float, width: float, thickness: float, highest: float = _HIGHEST_HZ
) -> ModeFamily:
    """Returns the bending modes of a rectangular plate with supported edges.

    f_mn = pi/2 sqrt(D / (rho h)) ((m/a)^2 + (n/b)^2), D = E h^3 / (12 (1 - nu^2)).

    Args:
        material: what it is made of.
        length: a [m].
        width: b [m].
        thickness: h [m].
        highest: modes above are left out [Hz].

    Source: L. Cremer, M. Heckl, B. Petersson, Structure-Borne Sound (2005), section 4.4.
    """
    made = solid(material)
    _require_sizes(length=length, width=width, thickness=thickness)
    stiffness = made.young * thickness**3 / (12.0 * (1.0 - made.poisson**2))
    per_area = made.density * thickness
    speed = 0.5 * np.pi * math.sqrt(stiffness / per_area)
    most = [max(1, math.ceil(side * math.sqrt(highest / speed))) for side in (length, width)]
    order = np.stack(np.meshgrid(*(np.arange(1, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 2)
    frequency = speed * ((order[:, 0] / length) ** 2 + (order[:, 1] / width) ** 2)
    rising = np.argsort(frequency, kind="stable")
    coincidence = _SOUND_SPEED**2 / (2 * np.pi) * math.sqrt(per_area / stiffness)
    mass = per_area * length * width
    return _family(made, frequency[rising], order[rising], 2 * length * width, mass, highest, coincidence)


def body_modes(
    material: str | Solid, size: Sequence[float], wall: float | None = None, highest: float = _HIGHEST_HZ
) -> tuple[ModeFamily, ...]:
    """Returns the modes of a body by its size: hollow box, bar, plate or block.

    A hollow body has those of its six walls as plates; a solid one five times longer than it is thick in both other
    directions those of a bar, five times thinner than wide those of a plate; a block bends as a bar along each side.

    Args:
        material: what it is made of.
        size: its extents [m], three numbers.
        wall: thickness of the walls of a hollow body [m]; None = solid.
        highest: modes above are left out [Hz].

    Raises:
        ValueError: extents that are not three positive lengths, or walls thicker than the body.
    """
    made = solid(material)
    a, b, c = sorted((float(side) for side in size), reverse=True) if len(size) == 3 else (math.nan,) * 3
    _require_sizes(length=a, width=b, thickness=c)
    if wall is not None:
        _require_sizes(wall=wall)
        if wall > c / 2:
            raise ValueError(f"walls of {wall:g} m do not fit into a body {c:g} m thick: wall=None makes it solid")
        mass = shell_volume((a, b, c), wall) * made.density
        return tuple(plate_modes(made, p, q, wall, highest)._replace(mass=mass) for p, q in ((a, b), (a, c), (b, c)))
    if a > _SLENDER * b:
        return tuple(bar_modes(made, a, *thick, highest=highest) for thick in ((c, b), (b, c)))
    if b > _SLENDER * c:
        return (plate_modes(made, a, b, c, highest),)
    return tuple(bar_modes(made, *sides, highest=highest) for sides in ((a, c, b), (a, b, c), (b, c, a)))


def shell_volume(size: Sequence[float], wall: float) -> float:
    """Returns the volume of the walls of a hollow box [m3]."""
    a, b, c = size
    return a * b * c - (a - 2 * wall) * (b - 2 * wall) * (c - 2 * wall)


def blow_seconds(first: Solid, second: Solid, effective_mass: float, speed: float, radius: float) -> float:
    """Returns how long two bodies touch in an elastic collision [s]: 2.87 (m^2 / (R E*^2 v))^(1/5).

    Args:
        first: what one is made of.
        second: and the other.
        effective_mass: 1 / (1/m1 + 1/m2) of what moves at the contact [kg].
        speed: at which they approach [m/s].
        radius: of curvature where they touch [m].

    Source: H. Hertz (1882), as in W. J. Stronge, Impact Mechanics (2018), section 6.
    """
    _require_sizes(effective_mass=effective_mass, speed=speed, radius=radius)
    softness = sum((1.0 - made.poisson**2) / made.contact_modulus for made in (first, second))
    return float(2.87 * (effective_mass**2 * softness**2 / (radius * speed)) ** 0.2)


def vibration_energy(families: Sequence[ModeFamily], shapes: Sequence[FloatArray], blow: Blow) -> float:
    """Returns the energy [J] that a blow would put into modes if nothing but their mass held against it."""
    total = 0.0
    for family, shape in zip(families, shapes, strict=True):
        momentum = shape * blow.impulse * _blow_spectrum(family.frequency, blow.seconds)
        total += float(momentum @ momentum) / (2 * family.mass)
    return total


def ringing(
    families: Sequence[ModeFamily], blow: Blow, rng: np.random.Generator, sample_rate: int, budget: float = 1.0
) -> FloatArray:
    """Returns how a struck body rings: pressure at 1 m (1.0 RMS = 94 dB SPL), shape (n,), from the blow on.

    The point that is hit and the sign of each mode are drawn anew for each blow.

    Args:
        families: its modes.
        blow: the blow.
        rng: the blow's own random stream.
        sample_rate: [Hz].
        budget: this body's share of the energy for vibration.
    """
    shapes = [family.shape(rng.uniform(0.05, 0.95, 2)) for family in families]
    energy = vibration_energy(families, shapes, blow)
    limit = budget * VIBRATION_SHARE * blow.lost
    held = min(1.0, math.sqrt(limit / energy)) if energy > 0.0 else 0.0
    parts = []
    for family, shape in zip(families, shapes, strict=True):
        velocity = held * shape * blow.impulse * _blow_spectrum(family.frequency, blow.seconds) / family.mass
        sign = rng.choice((-1.0, 1.0), len(shape))  # the mode's side that faces the listener
        heard = family.frequency < 0.45 * sample_rate
        amplitude = np.where(heard, sign * velocity * family.radiation, 0.0)
        parts.append(_decaying(family, amplitude, sample_rate))
    return _sum_from_start(parts)


def click(blow: Blow, families: Sequence[ModeFamily], mass: float, radius: float, sample_rate: int) -> FloatArray:
    """Returns the pressure at 1 m of a rigid sphere that a blow sets in motion, mean over directions, shape (n,).

    Sample `CLICK_LEAD` is the blow's first moment.

    Its spectrum is rho a^3 / c  s / ((s a/c)^2 + 2 s a/c + 2) times that of the acceleration, over sqrt(3).

    Args:
        blow: the blow.
        families: the body's modes: it moves as a whole no faster than half a period of the lowest one.
        mass: of the body [kg].
        radius: a, of the sphere of the body's volume [m].
        sample_rate: [Hz].

    Source: Koss and Alfredson (1973): a dipole; its mean square over directions is a third of that along the blow.
    """
    _require_sizes(mass=mass, radius=radius)
    lowest = min((float(family.frequency[0]) for family in families if len(family.frequency)), default=math.inf)
    seconds = max(blow.seconds, 0.5 / lowest)
    count = math.ceil((seconds + 20.0 * radius / _SOUND_SPEED) * sample_rate) + 4 * CLICK_LEAD
    padded = 1 << (2 * count - 1).bit_length()
    frequency = np.fft.rfftfreq(padded, 1.0 / sample_rate).astype(np.float64)
    spin = 2j * np.pi * frequency
    way = spin * radius / _SOUND_SPEED
    dipole = _AIR_DENSITY * radius**3 / _SOUND_SPEED * spin / (way**2 + 2.0 * way + 2.0) / math.sqrt(3.0)
    middle = np.exp(-spin * (0.5 * seconds + CLICK_LEAD / sample_rate))
    force = blow.impulse * _blow_spectrum(frequency, seconds) * middle
    edge = np.clip((frequency / (0.5 * sample_rate) - 0.8) / 0.2, 0.0, 1.0)
    spectrum = dipole * force / mass * np.cos(0.5 * np.pi * edge) ** 2
    pressure: FloatArray = np.fft.irfft(spectrum, padded)[:count] * sample_rate
    pressure[-16:] *= np.linspace(1.0, 0.0, 16)
    return pressure


def fast_level(pressure: npt.ArrayLike, sample_rate: int) -> float:
    """Returns the highest reading of a sound level meter set to "fast" (125 ms), unweighted [dB SPL]."""
    from scipy.signal import lfilter

    samples = np.asarray(pressure, dtype=np.float64)
    keep = math.exp(-1.0 / (_FAST_SECONDS * sample_rate))
    energy = float(np.max(lfilter([1.0 - keep], [1.0, -keep], np.square(samples)), initial=0.0))
    return 10.0 * math.log10(energy) + _REFERENCE_DB if energy > 0.0 else -math.inf


def _family(
    made: Solid,
    frequency: FloatArray,
    order: npt.NDArray[np.int64],
    area: float,
    mass: float,
    highest: float,
    coincidence: float,
) -> ModeFamily:
    """Returns the modes that sound: up to a frequency, not overdamped, damped by what they radiate as well."""
    frequency, order = frequency[:_MODES], order[:_MODES]
    efficiency = _radiation_efficiency(frequency, area, coincidence)
    inner = 0.5 * (made.mass_damping + made.stiffness_damping * (2 * np.pi * frequency) ** 2)
    decay = inner + _IMPEDANCE * area * efficiency / (2 * mass)
    sounding = (frequency < highest) & (decay < 2 * np.pi * frequency)
    radiation = _IMPEDANCE * np.sqrt(area * efficiency / (4 * np.pi))
    return ModeFamily(frequency[sounding], decay[sounding], radiation[sounding], order[sounding], mass)


def _radiation_efficiency(frequency: FloatArray, area: float, coincidence: float) -> FloatArray:
    """Returns radiation efficiencies: a sphere of equal surface in its mode of order 2, less below coincidence.

    Source: E. G. Williams, Fourier Acoustics (1999), section 6.7 (sphere); L. L. Beranek, I. L. Ver, Noise and
    Vibration Control Engineering (1992), section 9 (below coincidence a plate radiates from its edges only).
    """
    x2 = (2 * np.pi * frequency / _SOUND_SPEED) ** 2 * area / (4 * np.pi)
    sphere = x2**3 / (81.0 + 9.0 * x2 - 2.0 * x2**2 + x2**3)
    if math.isinf(coincidence):
        return np.asarray(sphere)
    # Circumference times wavelength at coincidence over pi^2 times the area of one side; a square's circumference.
    edges = 4.0 / math.sqrt(area / 2) * (_SOUND_SPEED / coincidence) / np.pi**2 * np.sqrt(frequency / coincidence)
    return np.asarray(sphere * np.where(frequency < coincidence, np.minimum(edges, 1.0), 1.0))


def _free_bar_shape(number: npt.NDArray[np.int64], point: float) -> FloatArray:
    """Returns the shapes of a free bar's bending modes, mean square 1; Kinsler section 3.10, free of cancellation."""
    root = np.where(number <= 5, np.take(_FREE_BAR, np.clip(number - 1, 0, 4)), (2 * number + 1) * np.pi / 2)
    below = (np.cos(root) - np.sin(root) - np.exp(-root)) / (np.sinh(root) - np.sin(root))  # 1 - s
    x = root * point
    shape: FloatArray = 0.5 * (below * np.exp(x) + (2.0 - below) * np.exp(-x)) + np.cos(x) - (1.0 - below) * np.sin(x)
    return shape


def _blow_spectrum(frequency: FloatArray, seconds: float) -> FloatArray:
    """Returns the spectrum of a half sine of unit area, centred: 1 at 0 Hz."""
    x = 2.0 * frequency * seconds
    near = np.abs(x - 1.0) < 1e-6
    safe = np.where(near, 0.0, x)
    return np.asarray(np.where(near, np.pi / 4, np.cos(0.5 * np.pi * safe) / (1.0 - safe**2)))


def _decaying(family: ModeFamily, amplitude: FloatArray, sample_rate: int) -> FloatArray:
    """Returns a sum of damped vibrations until each is 60 dB below the strongest one's start, shape (n,)."""
    from scipy.signal import lfilter

    strongest = float(np.max(np.abs(amplitude), initial=0.0))
    if strongest == 0.0:
        return np.zeros(0)
    audible = np.maximum(np.abs(amplitude) / strongest * _FAINTEST, 1.0)
    lengths = np.ceil(np.log(audible) / family.decay * sample_rate).astype(np.int64)
    sound = np.zeros(int(lengths.max()) + 1)
    for k in np.flatnonzero(lengths):
        turn, shrink = 2 * np.pi * family.frequency[k] / sample_rate, math.exp(-family.decay[k] / sample_rate)
        start = np.zeros(lengths[k])
        start[0] = amplitude[k]
        resonator = [1.0, -2.0 * shrink * math.cos(turn), shrink**2]
        sound[: lengths[k]] += lfilter([0.0, shrink * math.sin(turn)], resonator, start)
    return sound


def _sum_from_start(parts: Sequence[FloatArray]) -> FloatArray:
    """Returns the sum of signals that begin together, shape of the longest."""
    total = np.zeros(max((len(part) for part in parts), default=0))
    for part in parts:
        total[: len(part)] += part
    return total


def _require_sizes(**sizes: float) -> None:
    for name, value in sizes.items():
        if not (math.isfinite(value) and value > 0.0):
            raise ValueError(f"{name} must be positive and finite, not {value}")
