"""The tracing kernels against path tracing in plain NumPy (`plain_paths`): z-tests at stated standard errors.

Both sides are unbiased estimates of the same energies from random numbers of their own, each repeated in K = 8
independent runs, so that means and standard errors are known. With 14 degrees of freedom |t| > 5 has a probability of
2e-4; the seeds are fixed. That the standard errors are small enough to tell a wrong formula is asserted too.
"""

from __future__ import annotations

import numpy as np
import pytest
from plain_paths import AIR_ENERGY_PER_METRE, NEAREST, SPEED, Bounces, Legs, PlainTracer, Rectangle, rectangles_scene

from avi_env.acoustics.cell_tracer import LATE_BIN_SECONDS, trace_cells
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.path_tracer import trace_balance, trace_decay, trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.scene import Material, Scene

RUNS = 8
PATHS = 1500
LINKS = 4
SECONDS = 0.12
SOURCE, LISTENER = np.array([0.8, 1.1, 1.9]), np.array([3.1, 1.3, 1.0])


def material(name: str, absorption: float, scattering: float, loss: float) -> Material:
    """A surface whose coefficients rise over the octaves."""
    step = np.linspace(0.7, 1.5, 7)
    return Material(
        name, tuple(np.minimum(absorption * step, 1.0)), tuple(np.minimum(scattering * step, 1.0)),
        tuple(loss * np.linspace(0.8, 1.2, 7)),
    )  # fmt: skip


def room() -> list[Rectangle]:
    """4 x 2.6 x 3 m with a partition 12 cm thick across two thirds of it, which lets a fifth of the sound through."""
    hard, soft = material("hard", 0.1, 0.2, 60.0), material("soft", 0.4, 0.6, 60.0)
    thin = material("thin", 0.45, 0.3, 8.0)
    x, y, z = 4.0, 2.6, 3.0
    return [
        Rectangle(1, 0.0, (0.0, 0.0), (x, z), soft, 0, 1.0, False, True),
        Rectangle(1, y, (0.0, 0.0), (x, z), hard, 1, -1.0, False, True),
        Rectangle(0, 0.0, (0.0, 0.0), (y, z), hard, 2, 1.0, False, True),
        Rectangle(0, x, (0.0, 0.0), (y, z), soft, 2, -1.0, False, True),
        Rectangle(2, 0.0, (0.0, 0.0), (x, y), hard, 2, 1.0, False, True),
        Rectangle(2, z, (0.0, 0.0), (x, y), hard, 2, -1.0, False, True),
        Rectangle(0, 2.0, (0.0, 0.0), (y, 2.0), thin, 3, -1.0, True, True),
        Rectangle(0, 2.12, (0.0, 0.0), (y, 2.0), thin, 3, 1.0, True, True),
        Rectangle(2, 2.0, (2.0, 0.0), (2.12, y), thin, 3, 1.0, True, False),  # 0.3 m2: too small to mirror
    ]


@pytest.fixture(scope="module")
def tracer() -> PlainTracer:
    """The room for the twin."""
    return PlainTracer(room())


@pytest.fixture(scope="module")
def scene() -> Scene:
    """The room for the kernels."""
    return rectangles_scene(room(), ("floor", "ceiling", "wall", "wall"))


def agree(ours: list[np.ndarray], theirs: list[np.ndarray], error: float) -> None:
    """z-test of two sets of runs: |difference of means| <= 5 joint standard errors, which are below `error` (rel.)."""
    one, two = np.array(ours), np.array(theirs)
    scale = np.maximum(np.abs(one).mean(axis=0), np.abs(two).mean(axis=0))
    deviation = np.sqrt((one.var(axis=0, ddof=1) + two.var(axis=0, ddof=1)) / RUNS)
    # Of the greatest part compared: small ones (directions that cancel) are uncertain in their own measure.
    assert deviation.max() <= error * scale.max(), deviation.max() / scale.max()
    np.testing.assert_array_less(np.abs(one.mean(axis=0) - two.mean(axis=0)), 5.0 * deviation + 1e-6 * scale.max())


class PlainEchogram:
    """Energy (bins, 7, 4) at a listener: links from every bounce, chords of every leg that is to be deposited."""

    def __init__(self, tracer: PlainTracer, listener: np.ndarray, radius: float, bin_seconds: float, count: int):
        self.tracer, self.listener, self.radius = tracer, listener, radius
        self.width, self.per_path = bin_seconds * SPEED, 4.0 * np.pi / count
        self.energy = np.zeros((int(np.ceil(SECONDS / bin_seconds)), 7, 4))

    def add(self, energy: np.ndarray, travelled: np.ndarray, towards: np.ndarray) -> None:
        slot = (travelled / self.width).astype(int)
        kept = slot < len(self.energy)
        shape = np.concatenate([np.ones((len(towards), 1)), towards], axis=1)
        np.add.at(self.energy, slot[kept], self.per_path * energy[kept, :, None] * shape[kept, None, :])

    def bounces(self, b: Bounces) -> None:
        link = self.listener - b.point
        distance = np.linalg.norm(link, axis=1)
        cosine = (link * b.normal).sum(axis=1) / distance
        seen = (cosine > 0) & ~self.tracer.blocked(b.point, np.tile(self.listener, (len(link), 1)))
        share = cosine / (np.pi * np.maximum(distance, NEAREST) ** 2) * seen
        energy = b.energy * np.exp(-AIR_ENERGY_PER_METRE * distance[:, None]) * share[:, None]
        self.add(energy[seen], (b.travelled + distance)[seen], (link / -distance[:, None])[seen])

    def legs(self, leg: Legs) -> None:
        middle = ((self.listener - leg.start) * leg.direction).sum(axis=1)
        off = ((self.listener - leg.start - middle[:, None] * leg.direction) ** 2).sum(axis=1)
        half = np.sqrt(np.maximum(self.radius**2 - off, 0.0))
        near, far = np.maximum(middle - half, 0.0), np.minimum(middle + half, leg.length)
        row = leg.deposits & (far > near) & (half > 0)
        along, chord = 0.5 * (near + far)[row], (far - near)[row]
        energy = leg.energy[row] * np.exp(-AIR_ENERGY_PER_METRE * along[:, None])
        energy *= (chord / (4.0 / 3.0 * np.pi * self.radius**3))[:, None]
        self.add(energy, leg.travelled[row] + along, -leg.direction[row])


@pytest.mark.parametrize("mirror_order", [0, 2])
def test_echogram(scene: Scene, tracer: PlainTracer, mirror_order: int, device: str) -> None:
    """`_trace_kernel`: per 20 ms, octave and harmonic (s.e. < 6 % of the greatest), and per octave (< 5 %)."""
    ours, theirs = [], []
    for run in range(RUNS):
        budget = PathBudget(PATHS, SECONDS, 1e-4)
        echogram = trace_echogram(
            scene, SOURCE, LISTENER, seed=run, budget=budget, mirror_order=mirror_order, device=device
        )
        ours.append(echogram.energy.reshape(6, 10, 7, 4).sum(axis=1))
        plain = PlainEchogram(tracer, LISTENER, 0.5, 0.002, PATHS)
        tracer.walk(SOURCE, PATHS, SECONDS * SPEED, np.random.default_rng(run), plain.legs, plain.bounces, mirror_order)
        theirs.append(plain.energy.reshape(6, 10, 7, 4).sum(axis=1))
    agree(ours, theirs, 0.06)
    agree([run[..., 0].sum(axis=0) for run in ours], [run[..., 0].sum(axis=0) for run in theirs], 0.05)


def test_balance(scene: Scene, tracer: PlainTracer) -> None:
    """`_balance_kernel`: what is carried after three bounces, per octave; standard error below 1 %."""
    ours = [trace_balance(scene, SOURCE, seed=run, path_count=4096, bounces=3).carried for run in range(RUNS)]
    theirs = []
    for run in range(RUNS):
        left, escaped = tracer.walk(SOURCE, 4096, 1e6, np.random.default_rng(run), transmits=False, bounce_limit=3)
        assert not escaped.any()
        theirs.append(left.mean(axis=0))
    agree(ours, theirs, 0.01)


def test_decay(scene: Scene, tracer: PlainTracer) -> None:
    """`_decay_kernel`: the energy under way at six instants, per octave; standard error below 3 %."""
    # Each source of a call has its own seed: k sources at one place are k runs, of which the call returns the mean.
    sums = [
        k * trace_decay(scene, np.tile(SOURCE, (k, 1)), seconds=SECONDS, bin_seconds=0.02, path_count=PATHS * k)
        for k in range(1, RUNS + 1)
    ]
    ours = [sums[0], *np.diff(sums, axis=0)]
    theirs = []
    for run in range(RUNS):
        carried = np.zeros((6, 7))

        def legs(leg: Legs, carried: np.ndarray = carried) -> None:
            for slot in range(6):
                along = slot * 0.02 * SPEED - leg.travelled
                row = (along >= 0) & (along < leg.length)
                energy = leg.energy[row] * np.exp(-AIR_ENERGY_PER_METRE * along[row, None])
                carried[slot] += energy.sum(axis=0) / PATHS

        tracer.walk(SOURCE, PATHS, SECONDS * SPEED, np.random.default_rng(run), legs, transmits=False)
        theirs.append(carried)
    agree(ours, theirs, 0.03)


class PlainCells:
    """Early (C, 20, 7, 4) and late (C, n, 7) energy of all cells: bounces are linked with cells drawn evenly."""

    def __init__(self, tracer: PlainTracer, cells, first: np.ndarray, late_bins: int, count: int):  # type: ignore[no-untyped-def]
        self.tracer, self.cells, self.first, self.per_path = tracer, cells, first * SPEED, 4.0 * np.pi / count
        self.early = np.zeros((len(first), 20, 7, 4))
        self.late = np.zeros((len(first), late_bins, 7))

    def add(self, cell: np.ndarray, energy: np.ndarray, travelled: np.ndarray, towards: np.ndarray) -> None:
        since = np.maximum(travelled - self.first[cell], 0.0) / SPEED
        shape = np.concatenate([np.ones((len(towards), 1)), towards], axis=1)
        early = since < 0.1
        slot = np.minimum((since / 0.005).astype(int), 19)
        np.add.at(self.early, (cell[early], slot[early]), self.per_path * energy[early, :, None] * shape[early, None])
        slot = ((since - 0.1) / LATE_BIN_SECONDS).astype(int)
        late = ~early & (slot < self.late.shape[1])
        np.add.at(self.late, (cell[late], slot[late]), self.per_path * energy[late])

    def bounces(self, b: Bounces) -> None:
        count = len(self.first)
        for _ in range(LINKS):  # cells drawn evenly: each has count / LINKS times the weight
            cell = self.tracer.rng.integers(count, size=len(b.path))
            point = self.cells.points[cell].astype(float)
            link = point - b.point
            distance = np.linalg.norm(link, axis=1)
            cosine = (link * b.normal).sum(axis=1) / distance
            row = np.flatnonzero(cosine > 0)
            row = row[~self.tracer.blocked(b.point[row], point[row])]
            far = distance[row]
            share = cosine[row] / (np.pi * np.maximum(far, NEAREST) ** 2) * count / LINKS
            energy = b.energy[row] * np.exp(-AIR_ENERGY_PER_METRE * far[:, None]) * share[:, None]
            self.add(cell[row], energy, b.travelled[row] + far, -link[row] / far[:, None])

    def legs(self, leg: Legs) -> None:
        pieces = 6
        for piece in range(pieces):
            along = (piece + self.tracer.rng.random(len(leg.path))) / pieces * leg.length
            point = leg.start + along[:, None] * leg.direction
            low = np.array(self.cells.origin) - 0.25
            column = np.floor((point[:, [0, 2]] - low) / self.cells.fine_spacing).astype(int)
            inside = leg.deposits & np.all((column >= 0) & (column < self.cells.owner.shape), axis=1)
            owner = np.where(inside, self.cells.owner[tuple(np.where(inside[:, None], column, 0).T)], -1)
            row = np.flatnonzero((owner >= 0) & (np.abs(point[:, 1] - self.cells.points[owner, 1]) < 0.5))
            cell = owner[row]
            energy = leg.energy[row] * np.exp(-AIR_ENERGY_PER_METRE * along[row, None])
            energy *= (leg.length[row] / pieces / self.cells.volume[cell])[:, None]
            self.add(cell, energy, leg.travelled[row] + along[row], -leg.direction[row])


def test_cells(scene: Scene, tracer: PlainTracer, device: str) -> None:
    """`_trace_cells_kernel`: early energy per cell and octave, and by time and harmonic over all cells; late energy.

    Standard errors below 10 % of the loudest cell, 3 % of the loudest time, 5 % of the late energy, 2 % of all.
    """
    cells = listener_cells(scene)
    first = np.linalg.norm(cells.points - SOURCE, axis=1) / SPEED
    budget = PathBudget(1000, SECONDS + 0.06, 1e-4)
    parts: list[list[list[np.ndarray]]] = [[[], []] for _ in range(4)]
    for run in range(RUNS):
        ours = trace_cells(scene, SOURCE, cells, first, budget, seed=run, late_bins=2, device=device)
        theirs = PlainCells(tracer, cells, first, 2, PATHS)
        rng = np.random.default_rng(run)
        tracer.walk(SOURCE, PATHS, budget.seconds * SPEED, rng, theirs.legs, theirs.bounces, mirror_order=1)
        for side, early, late in ((0, ours.early, ours.late), (1, theirs.early, theirs.late)):
            parts[0][side].append(early[..., 0].sum(axis=1))
            parts[1][side].append(early.reshape(len(first), 5, 4, 7, 4).sum(axis=(0, 2)))
            parts[2][side].append(late.sum(axis=0))
            parts[3][side].append(early[..., 0].sum(axis=(0, 1)))
    for (one, two), error in zip(parts, (0.1, 0.03, 0.05, 0.02), strict=True):
        agree(one, two, error)
