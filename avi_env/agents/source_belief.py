"""Where in the house a sound comes from: a Bayes filter over places, not over directions.

Sound bends round door edges, so the direction it arrives from is that of the last bend, not of its source. For every
place the agent computes, on its own map, the way sound would take to it and the bearing at which that way ends; places
whose bearing was heard gain, the others lose. What has not been seen yet counts as open space: the source may be there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from avi_env.agents.ears import AZIMUTH_COUNT
from avi_env.agents.mapping import CELL, HouseMap

__all__ = ["PLACE", "SoundWays", "SourceBelief", "carried", "gain_in_sight_db", "sound_ways"]

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]
Point = tuple[float, float]

PLACE = 0.2
"""Side of a place [m]."""

_FINE = round(PLACE / CELL)
_WALL_CELLS = 2  # map cells at ear height that make a place a wall
_MARGIN = 15  # places of unknown around the known part: a room's width
_UNKNOWN_COST = 1.15  # a way through the unknown may turn out closed
# Levels measured in generated houses (seeds 1100-1123, 48 walks): in sight 8 dB at 1.2 m falling to 3 dB, round
# corners 1.4 dB less per metre of way; the spread is 3 dB in sight and 4 dB round corners.
_NEAR_GAIN, _ROOM_GAIN = 6.0, 1.7
_BEND_DB, _WAY_DB = 1.5, 1.35
_LEVEL_DB = 4.5  # [dB]; spread of levels
_LEVEL_WEIGHT = 0.12  # levels of successive steps say nearly the same
_FORGET_LEAST = 0.3  # share of the forgetting at moments that say nothing of the direction
_LEVEL_FIRST = 4.0  # ... but the first ones are news
_LEVEL_TAIL = 2.0  # spreads; misses beyond count in proportion, not in square: shut doors take what the map cannot tell
_DENIED = 0.02  # what is left of the chance of a place at which the agent stood and saw nothing that sounds
_RAYS = 180
_RAY_RANGE = 14.0  # [m]


class SoundWays(NamedTuple):
    """How sound from every place would reach the ears, arrays of shape (nx, nz)."""

    origin: Point
    """(x, z) of the centre of place (0, 0) [m]."""
    length: npt.NDArray[np.float32]
    """Length of the way [m]; walls have that of the nearest open place."""
    bearing: npt.NDArray[np.float32]
    """Yaw [rad, start frame] from which it would arrive."""
    straight: BoolArray
    """Whether nothing known is in between."""
    unknown: BoolArray
    """Not seen yet."""

    @property
    def gain_db(self) -> npt.NDArray[np.float64]:
        """Level that a source at each place would have here, re its level at 1 m in the open [dB]."""
        return np.where(self.straight & ~self.unknown, gain_in_sight_db(self.length), _BEND_DB - _WAY_DB * self.length)


def gain_in_sight_db(distance: FloatArray | float) -> npt.NDArray[np.float64]:
    """Returns the level of a source in the same furnished room at a distance [m], re 1 m in the open [dB]."""
    return np.asarray(10.0 * np.log10(_NEAR_GAIN / np.maximum(distance, 0.5) ** 2 + _ROOM_GAIN))


def sound_ways(house: HouseMap, ear: Point) -> SoundWays:
    """Returns the ways of sound to a position [m] on a map as known so far."""
    origin, wall, unknown = _places(house)
    here = tuple(
        min(max(round((ear[k] - origin[k]) / PLACE), 0), n - 1) for k, n in zip((0, 1), wall.shape, strict=True)
    )
    wall[max(here[0] - 1, 0) : here[0] + 2, max(here[1] - 1, 0) : here[1] + 2] = False
    node = np.full(wall.shape, -1, np.int64)
    node[~wall] = np.arange(np.count_nonzero(~wall))
    graph = _air_graph(wall, node, np.where(unknown, _UNKNOWN_COST, 1.0))
    distance, previous = csgraph.dijkstra(graph, indices=int(node[here]), return_predecessors=True)
    x = (origin[0] + PLACE * np.arange(wall.shape[0]) - ear[0])[:, None]
    z = (origin[1] + PLACE * np.arange(wall.shape[1]) - ear[1])[None, :]
    toward = np.arctan2(-x + 0.0 * z, -z + 0.0 * x)
    straight = _in_sight(origin, wall, ear, toward, np.hypot(x, z)) & ~wall
    anchor = np.where(previous >= 0, previous, np.arange(len(previous)))
    seen = straight[~wall]
    anchor[seen] = np.flatnonzero(seen)
    for _ in range(9):  # pointer jumping: 2**9 places are longer than any way
        anchor = anchor[anchor]
    bearing = np.zeros(wall.shape, np.float32)
    bearing[~wall] = toward[~wall][anchor]
    length = np.full(wall.shape, np.inf, np.float32)
    length[~wall] = distance
    return SoundWays(origin, *_into_walls(length, bearing, straight), unknown)


def _places(house: HouseMap) -> tuple[Point, BoolArray, BoolArray]:
    """Walls and unknown on places; the grid is fixed to multiples of PLACE, so that beliefs can be carried over."""
    window = house.window()
    first = [math.floor(round(o / CELL - 0.5) / _FINE) for o in window.origin]
    pad = [round(window.origin[k] / CELL - 0.5) - first[k] * _FINE for k in (0, 1)]
    after = [-(pad[k] + window.free.shape[k]) % _FINE for k in (0, 1)]
    widths = [(pad[k], after[k]) for k in (0, 1)]
    tall, known = (np.pad(a, widths) for a in (window.tall, window.free | window.occupied))
    nx, nz = (n // _FINE for n in tall.shape)
    wall = tall.reshape(nx, _FINE, nz, _FINE).sum(axis=(1, 3)) >= _WALL_CELLS
    unknown = ~known.reshape(nx, _FINE, nz, _FINE).any(axis=(1, 3))
    corner = tuple((f + 0.5 - _MARGIN) * PLACE for f in first)
    return corner, np.pad(wall, _MARGIN), np.pad(unknown, _MARGIN, constant_values=True)  # type: ignore[return-value]


def _air_graph(wall: BoolArray, node: npt.NDArray[np.int64], cost: FloatArray) -> sparse.csr_matrix:
    rows, columns, weights = [], [], []
    air = ~wall
    for dx, dz in ((1, 0), (0, 1), (1, 1), (1, -1)):
        here = (slice(0, -dx or None), slice(1, None) if dz < 0 else slice(0, -dz or None))
        there = (slice(dx, None), slice(0, -1) if dz < 0 else slice(dz, None))
        both = air[here] & air[there]
        if dx and dz:  # no way between two walls that touch at a corner
            both &= air[there[0], here[1]] & air[here[0], there[1]]
        weight = 0.5 * PLACE * math.hypot(dx, dz) * (cost[here][both] + cost[there][both])
        first, second = node[here][both], node[there][both]
        rows += [first, second]
        columns += [second, first]
        weights += [weight, weight]
    count = int(np.count_nonzero(air))
    data = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(data, shape=(count, count))


def _in_sight(origin: Point, wall: BoolArray, ear: Point, toward: FloatArray, gap: FloatArray) -> BoolArray:
    """Places to which a straight line from the ear meets no wall, by rays two degrees apart."""
    angle = 2.0 * math.pi * np.arange(_RAYS) / _RAYS
    along = np.arange(0.5 * PLACE, _RAY_RANGE, 0.5 * PLACE)
    ix = np.round((ear[0] - np.sin(angle)[:, None] * along - origin[0]) / PLACE).astype(np.int64)
    iz = np.round((ear[1] - np.cos(angle)[:, None] * along - origin[1]) / PLACE).astype(np.int64)
    inside = (ix >= 0) & (ix < wall.shape[0]) & (iz >= 0) & (iz < wall.shape[1])
    stop = ~inside | wall[np.where(inside, ix, 0), np.where(inside, iz, 0)]
    reach = np.where(stop.any(axis=1), along[np.argmax(stop, axis=1)], _RAY_RANGE)
    ray = np.round(toward / (2.0 * math.pi / _RAYS)).astype(np.int64) % _RAYS
    return np.asarray(gap <= reach[ray])


def _into_walls(
    length: FloatArray, bearing: FloatArray, straight: BoolArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], BoolArray]:
    """Gives walls what the nearest open place has: things that sound hang on walls, fill doorways, stand in niches."""
    closed = ~np.isfinite(length)
    nearest = tuple(ndimage.distance_transform_edt(closed, return_distances=False, return_indices=True))
    return length[nearest].astype(np.float32), bearing[nearest].astype(np.float32), straight[nearest]


def _surprise(miss: FloatArray) -> FloatArray:
    """Negative log-likelihood of misses in spreads, by a normal distribution with exponential tails (Huber's)."""
    size = np.abs(miss)
    return np.where(size <= _LEVEL_TAIL, 0.5 * size**2, _LEVEL_TAIL * (size - 0.5 * _LEVEL_TAIL))


def carried(values: FloatArray, origin: Point | None, ways: SoundWays, fresh: float) -> npt.NDArray[np.float64]:
    """Returns values of places on the grid of new ways, shape (nx, nz).

    Args:
        values: of the places of the grid so far, shape (mx, mz).
        origin: (x, z) of the centre of its place (0, 0) [m], None = there was none.
        ways: on the new grid.
        fresh: value of places that the old grid did not have.
    """
    new: FloatArray = np.full(ways.length.shape, fresh)
    if origin is not None:
        dx, dz = (round((origin[k] - ways.origin[k]) / PLACE) for k in (0, 1))
        nx, nz = values.shape[:2]
        left, top = max(dx, 0), max(dz, 0)
        right, bottom = min(dx + nx, new.shape[0]), min(dz + nz, new.shape[1])
        new[left:right, top:bottom] = values[left - dx : right - dx, top - dz : bottom - dz]
    return np.asarray(new, dtype=np.float64)


class SourceBelief:
    """Probability of each place to hold the source, on a grid that grows with the map.

    Args:
        memory: how much of the evidence is kept at each step: reverberation misleads again and again from one spot.
    """

    def __init__(self, memory: float = 0.97) -> None:
        self._memory = memory
        self._origin: Point | None = None
        self._log: FloatArray = np.zeros((0, 0))
        self._denied: list[tuple[Point, float]] = []
        self._levels = 0  # levels taken in since the class, and with it the source's level, is known
        self.ways: SoundWays | None = None
        """The ways of sound to where the agent stood at the last update."""

    def heard(
        self, ways: SoundWays, evidence: FloatArray, trust: float, yaw: float, loudness: tuple[float, float] | None
    ) -> None:
        """Takes in what one moment says.

        Args:
            ways: of sound to where the agent stands.
            evidence: log-likelihood of each azimuth, counter-clockwise from ahead, shape (AZIMUTH_COUNT,).
            trust: how much of the evidence to believe, 0..1.
            yaw: where the agent looks [rad, start frame].
            loudness: level heard re the source's level at 1 m in the open, and how unsure that one is [dB]; None
                while the sound rests, when its level tells nothing about where it is.
        """
        self._carry(ways)
        index = (ways.bearing - yaw) * (AZIMUTH_COUNT / (2.0 * math.pi))
        low = np.floor(index).astype(np.int64)
        part = index - low
        at = evidence[low % AZIMUTH_COUNT] * (1.0 - part) + evidence[(low + 1) % AZIMUTH_COUNT] * part
        kept = 1.0 - (1.0 - self._memory) * min(1.0, _FORGET_LEAST + trust)
        self._log = kept * self._log + trust * at
        if loudness is not None:
            gap, unsure = loudness
            miss = (gap - ways.gain_db) / math.hypot(_LEVEL_DB, unsure)
            weight = _LEVEL_WEIGHT * (1.0 + _LEVEL_FIRST * 0.5**self._levels)
            self._levels += unsure < _LEVEL_DB
            self._log -= weight * _surprise(miss)
        self._log -= self._log.max()

    def deny(self, point: Point, radius: float) -> None:
        """Takes in, for good, that the source is not within `radius` [m] of a point [m]."""
        self._denied.append((point, radius))

    def _carry(self, ways: SoundWays) -> None:
        """Brings the belief onto the grid of new ways; new places take the mean of the old ones."""
        mean = float(self._log.mean()) if self._log.size else 0.0
        self._log = carried(self._log, self._origin, ways, mean)
        self._origin, self.ways = ways.origin, ways

    def doubt(self) -> npt.NDArray[np.float64]:
        """Returns what denials leave of the chance of each place, shape of the ways."""
        left: FloatArray = np.ones(self._log.shape)
        if self._origin is not None:
            x = (self._origin[0] + PLACE * np.arange(left.shape[0]))[:, None]
            z = (self._origin[1] + PLACE * np.arange(left.shape[1]))[None, :]
            for point, radius in self._denied:
                left = np.where(np.hypot(x - point[0], z - point[1]) <= radius, _DENIED * left, left)
        return np.asarray(left)

    def probability(self, prior: FloatArray) -> npt.NDArray[np.float64]:
        """Returns the probability of each place, sum 1, with a prior of the shape of the ways."""
        weight: FloatArray = np.exp(self._log - self._log.max()) * prior if self._log.size else self._log
        return np.asarray(weight / max(float(weight.sum()), 1e-300))
