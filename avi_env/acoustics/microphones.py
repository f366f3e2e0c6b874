"""Arrays of open microphones: what each hears from every direction, and how alike they hear a diffuse field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import SPEED_OF_SOUND

__all__ = ["TETRAHEDRON_RADIUS", "Microphones", "tetrahedron"]

FloatArray = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

TETRAHEDRON_RADIUS = 0.042
"""Distance of the four microphones from the array's centre [m]: that of common spherical arrays, here in free air."""

_WIDEST = 5.0  # [m] an array that large is several listeners


@dataclass(frozen=True)
class Microphones:
    """C first-order microphones at fixed places about the listener's centre, in free air: no body, no shadow.

    A microphone hears a + (1 - a) cos(angle to its axis) of the pressure: a = 1 is omnidirectional, 0.5 a cardioid.
    """

    positions: tuple[Vector, ...]
    """Places [m], head frame (+X right, +Y up, -Z ahead), length C."""
    omni: tuple[float, ...]
    """The pressure part a of each pattern, 0.5 (cardioid) .. 1 (omnidirectional), length C."""
    axes: tuple[Vector, ...]
    """Unit vectors that the microphones point along, head frame, length C."""

    @classmethod
    def of(
        cls, positions: npt.ArrayLike, omni: float | npt.ArrayLike = 1.0, axes: npt.ArrayLike | None = None
    ) -> Microphones:
        """Returns checked microphones.

        Args:
            positions: places [m], head frame, shape (C, 3).
            omni: pressure part of the patterns, 0.5..1, one number or shape (C,).
            axes: directions that the microphones point along, head frame, any length but 0, shape (3,) or (C, 3);
                None = ahead.

        Raises:
            ValueError: wrong shapes, numbers that are not finite, places beyond 5 m, an axis of length 0, or a pattern
                out of range.
        """
        place = np.asarray(positions, dtype=np.float64)
        if place.ndim != 2 or place.shape[1] != 3 or not len(place) or not np.isfinite(place).all():
            raise ValueError(f"microphones need finite positions of shape (C, 3), C >= 1, got shape {place.shape}")
        if np.abs(place).max() > _WIDEST:
            raise ValueError(f"microphone positions are metres from the listener's centre, at most {_WIDEST:g}")
        share = np.broadcast_to(np.asarray(omni, dtype=np.float64), len(place))
        if not np.all((share >= 0.5) & (share <= 1.0)):
            raise ValueError(f"omni must lie in 0.5 (cardioid) .. 1 (omnidirectional), got {np.asarray(omni).tolist()}")
        axis = np.broadcast_to(np.asarray((0.0, 0.0, -1.0) if axes is None else axes, dtype=np.float64), place.shape)
        length = np.linalg.norm(axis, axis=1, keepdims=True)
        if not np.all(np.isfinite(length) & (length > 0.0)):
            raise ValueError("a microphone's axis must be a finite vector that is not zero")
        return cls(_vectors(place), tuple(share.tolist()), _vectors(axis / length))

    def gains(self, directions: FloatArray) -> FloatArray:
        """Returns the pressure gain for sound from directions (D, 3) in the head frame, >= 0, shape (D, C)."""
        omni = np.array(self.omni)
        return np.asarray(np.maximum(omni + (1.0 - omni) * (directions @ np.array(self.axes).T), 0.0))

    def delays(self, directions: FloatArray) -> FloatArray:
        """Returns the arrival re the centre [s] of plane waves from directions (D, 3) in the head frame, (D, C)."""
        return np.asarray(-directions @ np.array(self.positions).T / SPEED_OF_SOUND)

    def diffuse_covariance(self, frequency: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
        """Returns the mean of p_i conj(p_j) in an isotropic field of unit mean square, shape (F, C, C).

        For omnidirectional microphones d apart it is sin(k d) / (k d).

        Args:
            frequency: [Hz], shape (F,).

        Source: spherical means of (a + (1 - a) u.n)(b + (1 - b) u.m) exp(j k u.d), Rayleigh expansion; Elko, "Spatial
            coherence functions for differential microphones in isotropic noise fields", 2001.
        """
        from scipy.special import spherical_jn

        place, axis, omni = np.array(self.positions), np.array(self.axes), np.array(self.omni)
        apart = place[:, None] - place[None]
        distance = np.linalg.norm(apart, axis=-1)
        unit = apart / np.where(distance > 0.0, distance, 1.0)[..., None]
        x = 2.0 * np.pi / SPEED_OF_SOUND * np.asarray(frequency, dtype=np.float64)[:, None, None] * distance
        j0, j1, j2 = (spherical_jn(order, x) for order in range(3))
        sloped = np.where(x > 1e-6, j1 / np.where(x > 1e-6, x, 1.0), 1.0 / 3.0)
        first = np.einsum("ik,ijk->ij", axis, unit)  # cosines between either axis and the line that joins the two
        second = np.einsum("jk,ijk->ij", axis, unit)
        flat, steep = omni, 1.0 - omni
        cross = steep[:, None] * flat[None] * first + flat[:, None] * steep[None] * second
        both = sloped * (axis @ axis.T) - j2 * first * second
        return np.asarray(flat[:, None] * flat * j0 + 1j * cross * j1 + steep[:, None] * steep * both)


def tetrahedron(radius: float = TETRAHEDRON_RADIUS) -> Microphones:
    """Returns four omnidirectional microphones on a regular tetrahedron, in the order of first-order A-format.

    Front left up, front right down, back left down, back right up.

    Args:
        radius: distance from the centre [m].

    Raises:
        ValueError: a radius that is not positive.
    """
    if not radius > 0.0:
        raise ValueError(f"the radius of a tetrahedral array must be positive, got {radius:g} m")
    corners = np.array([(-1.0, 1.0, -1.0), (1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (1.0, 1.0, 1.0)])
    return Microphones.of(corners * (radius / np.sqrt(3.0)))


def _vectors(rows: FloatArray) -> tuple[Vector, ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in rows)
