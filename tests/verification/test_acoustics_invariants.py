"""Bad scenes, bad places, absurd materials: a clear error or a right, finite answer, never NaN (sheet test 30)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from avi_env.acoustics import bake_field, render_rir, trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.rir import exact_paths
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.scene import Material, Scene, SceneWarning, generate_house, scene_from_mesh, shoebox

SIZE = (6.0, 3.0, 5.0)
SOURCE, LISTENER = (1.5, 1.2, 1.3), (4.4, 1.6, 3.3)
WALL = Material("wall", absorption=0.2, scattering=0.3)
WALL_OPEN = 0.1  # energy of the direct sound at 3 m
BUDGET = PathBudget(4096, 0.6, 1e-3)

pytestmark = pytest.mark.filterwarnings("ignore::avi_env.scene.SceneWarning")


def soup(triangles: np.ndarray, material: Material = WALL) -> Scene:
    """A scene of loose triangles (T, 3, 3): no vertex is shared."""
    return scene_from_mesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), material)


def box() -> np.ndarray:
    """The 12 triangles of the room, corners inwards."""
    room = shoebox(SIZE, WALL)
    return room.vertices[room.triangles].astype(np.float64)


def flipped() -> Scene:
    """Half of the triangles wound the wrong way."""
    triangles = box()
    triangles[::2] = triangles[::2, ::-1]
    return soup(triangles)


def gapped() -> Scene:
    """Every triangle drawn in by up to 5 mm at its corners: gaps of up to 1 cm along all edges."""
    triangles = box()
    middle = triangles.mean(axis=1, keepdims=True)
    away = triangles - middle
    return soup(middle + away * (1.0 - 0.005 / np.linalg.norm(away, axis=2, keepdims=True)))


def with_t_junctions() -> Scene:
    """Every second triangle is cut in two at the middle of an edge that its neighbour knows nothing of."""
    parts = []
    for number, (a, b, c) in enumerate(box()):
        middle = (b + c) / 2
        parts += [(a, b, middle), (a, middle, c)] if number % 2 else [(a, b, c)]
    return soup(np.array(parts))


def degenerate() -> Scene:
    """Triangles without area among the others: needles, points, two equal corners."""
    needle, point = np.array([[1.0, 1, 1], [2, 2, 2], [3, 3, 3]]), np.full((3, 3), 2.0)
    twice = np.array([[0.0, 0, 0], [0, 0, 0], [3, 2, 2]])
    return soup(np.concatenate([box(), [needle, point, twice]]))


ROUGH: dict[str, Callable[[], Scene]] = {
    "flipped": flipped,
    "inside out": lambda: soup(box()[:, ::-1]),
    "doubled": lambda: soup(np.concatenate([box(), box()])),
    "two-sided": lambda: soup(np.concatenate([box(), box()[:, ::-1]])),
    "gaps": gapped,
    "T-junctions": with_t_junctions,
    "degenerate": degenerate,
    "nearly doubled": lambda: soup(np.concatenate([box(), box() * 1.0000002])),
}


def levels(scene: Scene, source: tuple[float, ...] = SOURCE, listener: tuple[float, ...] = LISTENER) -> np.ndarray:
    """Energy per octave: of the exact paths, of the traced rest, and of the baked field near the listener."""
    exact = exact_paths(scene, np.asarray(source), np.asarray(listener))
    traced = trace_echogram(scene, source, listener, budget=BUDGET).energy[..., 0].sum(axis=0)
    field = bake_field(scene, source, path_count=2048)
    cell = int(np.argmin(np.linalg.norm(field.cells - np.asarray(listener), axis=1)))
    baked = field.early[cell, ..., 0].sum(axis=0) + field.late[cell].sum(axis=0)
    return np.stack([(exact.gain.double() ** 2).sum(dim=(0, 1)).numpy(), traced, baked])


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Levels in the room as it should be."""
    return levels(shoebox(SIZE, WALL))


@pytest.mark.parametrize("kind", ROUGH)
def test_rough_meshes_sound_as_they_should(kind: str, clean: np.ndarray) -> None:
    """Windings, doubles, gaps < 1 cm, T-junctions and degenerate triangles: < 0.5 dB in all parts (sheet test 30)."""
    rough = levels(ROUGH[kind]())
    assert np.all(np.isfinite(rough))
    np.testing.assert_allclose(10.0 * np.log10(rough / clean), 0.0, rtol=0, atol=0.5)


def finite(scene: Scene, source: tuple[float, ...], listener: tuple[float, ...]) -> dict[str, float]:
    """Asks everything of a scene, checks that all answers are finite, returns energies of the responses."""
    energy = {}
    for mode, layout in (("traced", "mono"), ("traced", "binaural"), ("traced", "ambisonics"), ("baked", "binaural")):
        rir = render_rir(scene, source, listener, 0.3, 16000, mode, layout, seconds=0.4, path_count=128)
        assert np.all(np.isfinite(rir)), (mode, layout)
        energy[f"{mode} {layout}"] = float((rir[0].astype(np.float64) ** 2).sum())
    field = bake_field(scene, source, path_count=128)
    for name in ("early", "late", "first_arrival", "cells"):
        assert np.all(np.isfinite(getattr(field, name))), name
    for part in exact_paths(scene, np.asarray(source, dtype=float), np.asarray(listener, dtype=float)):
        assert bool(torch.isfinite(part).all())
    wave = wavefront_field(scene, source)
    assert not np.any(np.isnan(wave.length))
    assert np.all(np.isfinite(wave.bend))
    return energy


def triangle_soup() -> Scene:
    """400 random triangles: no solid, no room, edges that three and more share."""
    rng = np.random.default_rng(0)
    return soup(rng.uniform(0, 5, (400, 1, 3)) + rng.normal(0, 0.3, (400, 3, 3)))


def plate(span: float) -> Scene:
    """A square of ground under the open sky."""
    corners = [(-span, 0.0, -span), (-span, 0.0, span), (span, 0.0, span), (span, 0.0, -span)]
    return scene_from_mesh(corners, [(0, 1, 2), (0, 2, 3)], WALL)


Place = tuple[float, float, float]
ODD: dict[str, tuple[Callable[[], Scene], Place, Place]] = {
    "source at the listener": (lambda: shoebox(SIZE, WALL), SOURCE, SOURCE),
    "source 1 mm away": (lambda: shoebox(SIZE, WALL), SOURCE, (1.501, 1.2, 1.3)),
    "source in the wall's plane": (lambda: shoebox(SIZE, WALL), (0.0, 1.2, 1.3), LISTENER),
    "source in a corner": (lambda: shoebox(SIZE, WALL), (0.0, 0.0, 0.0), LISTENER),
    "one triangle": (lambda: soup(np.array([[(0, 0, 0), (0, 0, 5), (5, 0, 0)]])), (1, 1, 1), (2, 2, 1)),
    "one upright triangle": (lambda: soup(np.array([[(0, 0, 0), (0, 3, 0), (5, 0, 0)]])), (1, 1, 1), (2, 1, -1)),
    "open ground": (lambda: plate(10.0), (1, 1, 1), (8, 2, 1)),
    "no ceiling": (lambda: soup(box()[~np.all(box()[:, :, 1] == 3.0, axis=1)]), SOURCE, LISTENER),
    "soup": (triangle_soup, (2.5, 2.5, 2.5), (1.0, 1.0, 1.0)),
    "room of 1 mm": (lambda: soup(box() / 6000), tuple(np.array(SOURCE) / 6000), tuple(np.array(LISTENER) / 6000)),
    "room of 40 cm": (lambda: shoebox((0.4, 0.4, 0.4), WALL), (0.1, 0.2, 0.3), (0.3, 0.3, 0.2)),
    "hard mirrors": (lambda: shoebox(SIZE, Material("x", 0.0, 0.0, 200.0)), SOURCE, LISTENER),
    "hard scatterers": (lambda: shoebox(SIZE, Material("x", 0.0, 1.0, 200.0)), SOURCE, LISTENER),
    "all absorbed": (lambda: shoebox(SIZE, Material("x", 1.0, 0.0, 60.0)), SOURCE, LISTENER),
    "all absorbed, all scattered": (lambda: shoebox(SIZE, Material("x", 1.0, 1.0, 60.0)), SOURCE, LISTENER),
    "all transmitted": (lambda: shoebox(SIZE, Material("x", 1.0, 0.0, 0.0)), SOURCE, LISTENER),
    "nothing transmitted": (lambda: shoebox(SIZE, Material("x", 0.1, 0.1, np.inf)), SOURCE, LISTENER),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_scenes_give_finite_answers(kind: str) -> None:
    """Extreme places, sizes and materials: responses, fields, paths and wavefronts are finite, and sound arrives."""
    scene, source, listener = ODD[kind]
    energy = finite(scene(), source, listener)
    assert min(energy.values()) > 0.0
    # The direct sound's level is bounded at 10 cm (100 times 1 m's), whatever the distance.
    if kind.startswith("source") and kind != "source in a corner":
        assert max(energy.values()) < 1000.0


def test_absorbing_walls_leave_the_direct_sound() -> None:
    """All absorbed: direct sound only, 1/d^2 at low frequency; traced and baked agree bit for bit (sheet test 2)."""
    scene = shoebox(SIZE, Material("x", 1.0, 1.0, 60.0))
    traced, baked = (
        render_rir(scene, SOURCE, LISTENER, 0.0, 16000, mode, "mono", seconds=0.2, path_count=64)
        for mode in ("traced", "baked")
    )
    np.testing.assert_array_equal(traced, baked)
    low = np.abs(np.fft.rfft(traced[0].astype(np.float64), 16000))[200:400]
    distance = float(np.linalg.norm(np.subtract(SOURCE, LISTENER)))
    np.testing.assert_allclose(20.0 * np.log10(low * distance), 0.0, rtol=0, atol=0.05)


def test_huge_scenes_are_traced_or_refused() -> None:
    """10 km: the traced response is the direct sound, 1/d less air; baking and bent paths say what is too large."""
    scene = shoebox((1e4, 100.0, 1e4), WALL)
    source, listener = (5000.0, 1.2, 5000.0), (5030.0, 1.6, 5000.0)
    rir = render_rir(scene, source, listener, 0.0, 16000, "traced", "mono", seconds=0.2, path_count=64)
    assert np.all(np.isfinite(rir))
    assert float((rir.astype(np.float64) ** 2).sum()) > 0.0
    for ask in (bake_field, lambda *a: render_rir(*a, listener, mode="baked"), render_rir):
        with pytest.raises(ValueError, match=r"10000 m .*metres"):
            ask(scene, source, *([listener] if ask is render_rir else []))
    with pytest.raises(ValueError, match="10000 m across"):
        wavefront_field(scene, source)


def test_scenes_larger_than_the_usual_grid_bend_sound_too() -> None:
    """A hall of 80 m with a wall across: the wave goes round its end on a coarser grid, within 1 % of the true way."""
    hall = box() / SIZE * np.array([80.0, 4.0, 30.0])
    wall = box()[:, ::-1] / SIZE * np.array([0.2, 4.0, 20.0]) + np.array([40.0, 0.0, 0.0])
    field = wavefront_field(soup(np.concatenate([hall, wall])), (36.0, 1.2, 5.0))
    column = np.round((np.array([44.0, 5.0]) - field.origin) / field.spacing).astype(int)
    # Source - corner (40, 20) - corner (40.2, 20) - listener: 15.524 + 0.2 + 15.476 m.
    way = float(np.hypot(4.0, 15.0) + 0.2 + np.hypot(3.8, 15.0))
    np.testing.assert_allclose(field.length[tuple(column)], way, rtol=0.01)


@pytest.fixture(scope="module")
def house() -> Scene:
    """A furnished house."""
    return generate_house(3)


def everything(scene: Scene, source: Place, listener: Place) -> list[Callable[[], object]]:
    """All ways to ask for sound between two places."""
    return [
        lambda: render_rir(scene, source, listener, sample_rate=16000, seconds=0.2, path_count=64),
        lambda: render_rir(scene, source, listener, sample_rate=16000, seconds=0.2, path_count=64, mode="baked"),
        lambda: trace_echogram(scene, source, listener, budget=PathBudget(64, 0.1, 1e-2)),
    ]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("beyond", "outside scene"),
        ("beside", "outside the building"),
        ("fridge", "is inside fridge"),
        ("wall", "is inside (wall|window)"),
        ("nan", "finite position"),
        ("flat", "finite position"),
    ],
)
def test_impossible_places_are_named(house: Scene, place: str, message: str) -> None:
    """Outside the house, in its notch, within furniture or walls, not finite: the end and the reason are named."""
    first = {o.category: o.center for o in reversed(house.objects)}
    room = (house.lights[0].position[0], 1.2, house.lights[0].position[2])
    low, high = house.bounds
    corners = [(x, 1.2, z) for x in (low[0] + 0.2, high[0] - 0.2) for z in (low[2] + 0.2, high[2] - 0.2)]
    notch = max(corners, key=lambda c: min(abs(p[0] - c[0]) + abs(p[1] - c[2]) for r in house.rooms for p in r.polygon))
    bad: dict[str, object] = {
        "beyond": (-5.0, 1.2, -5.0), "beside": notch, "fridge": first["fridge"], "wall": first["wall"],
        "nan": (np.nan, 1.0, 1.0), "flat": (1.0, 1.0),
    }  # fmt: skip
    for number, (source, listener) in enumerate(((bad[place], room), (room, bad[place]))):
        for ask in everything(house, source, listener):  # type: ignore[arg-type]
            with pytest.raises(ValueError, match=f"{('source', 'listener')[number]} .*{message}"):
                ask()
    with pytest.raises(ValueError, match=f"source .*{message}"):
        bake_field(house, bad[place])  # type: ignore[arg-type]


def test_listener_in_a_notch_hears_nothing_of_the_room_inside() -> None:
    """Outside a closed L-shaped mesh without rooms: traced: what walls let through; baked: an error."""
    outline = np.array([(0.0, 0.0), (5.0, 0.0), (5.0, 2.0), (2.5, 2.0), (2.5, 5.0), (0.0, 5.0)])
    low = np.column_stack([outline[:, 0], np.zeros(6), outline[:, 1]])
    triangles = [t for k in range(6) for n in [(k + 1) % 6] for t in ((k, n, n + 6), (k, n + 6, k + 6))]
    triangles += [(0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 5, 4), (6, 7, 8), (6, 8, 9), (6, 9, 10), (6, 10, 11)]
    scene = scene_from_mesh(np.concatenate([low, low + np.array([0.0, 2.6, 0.0])]), triangles, WALL)
    source, outside = (1.0, 1.2, 1.0), (4.0, 1.25, 4.0)
    traced = render_rir(scene, source, outside, sample_rate=16000, seconds=0.2, path_count=512)
    assert 0.0 < float((traced**2).sum()) < 1e-3 * WALL_OPEN
    with pytest.raises(ValueError, match=r"listener .* is seen from none of the .* places nearest"):
        render_rir(scene, source, outside, sample_rate=16000, seconds=0.2, path_count=64, mode="baked")


def test_cupboard_of_a_scan_shuts_sound_in() -> None:
    """A closed cupboard in a mesh of one object: within is an error, or silence but for what its walls let through.

    Wound the wrong way it is a small room of its own: sound leaves it through its walls alone, the same way back.
    """
    cupboard = box() / SIZE * np.array([1.0, 2.0, 1.0]) + np.array([2.0, 0.0, 2.0])
    inside = (2.5, 1.0, 2.5)
    proper, reversed_ = (soup(np.concatenate([box(), part])) for part in (cupboard[:, ::-1], cupboard))
    for ends in ((inside, LISTENER), (LISTENER, inside)):
        with pytest.raises(ValueError, match="is inside mesh_0"):
            render_rir(proper, *ends, seconds=0.2, path_count=64)
    assert not np.isfinite(wavefront_field(reversed_, inside).length).any()
    there, back = (
        exact_paths(reversed_, np.array(a), np.array(b)).gain.double().square().sum(dim=1)
        for a, b in ((inside, LISTENER), (LISTENER, inside))
    )
    np.testing.assert_allclose(there, back, rtol=1e-5)
    distance = float(np.linalg.norm(np.subtract(inside, LISTENER)))
    assert float(there[0, 0]) < 1e-4 / distance**2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda room: bake_field(room, SOURCE, path_count=0), "path_count"),
        (lambda room: bake_field(room, SOURCE, ear_height=np.nan), "ear_height"),
        (lambda room: bake_field(room, SOURCE, ear_height=99.0), "ear_height"),
        (lambda room: trace_echogram(room, SOURCE, LISTENER, bin_seconds=0.0), "bin_seconds"),
        (lambda room: PathBudget(path_count=-1), "path budget"),
        (lambda room: PathBudget(seconds=np.nan), "path budget"),
    ],
)
def test_impossible_numbers_are_refused(ask: Callable[[Scene], object], message: str) -> None:
    """No paths, no time, ears above the roof: an error that names the argument."""
    with pytest.raises(ValueError, match=message):
        ask(shoebox(SIZE, WALL))


def test_empty_scenes_are_refused_or_free_field() -> None:
    """No triangles: the traced response is the free field's; baking, which needs places, says so."""
    nothing = Scene("void", np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0), (WALL,))
    rir = render_rir(nothing, (0.0, 0.0, 0.0), (2.0, 0.0, 0.0), 0.0, 16000, layout="mono", seconds=0.1)
    low = np.abs(np.fft.rfft(rir[0].astype(np.float64), 16000))[200:400]
    np.testing.assert_allclose(20.0 * np.log10(low * 2.0), 0.0, rtol=0, atol=0.05)
    for ask in (bake_field, wavefront_field):
        with pytest.raises(ValueError, match="no triangles"):
            ask(nothing, (0.0, 0.0, 0.0))


def test_bad_meshes_never_become_scenes() -> None:
    """NaN, infinite and absurdly far vertices, indices out of range, an empty mesh: refused with the culprit named."""
    room = shoebox(SIZE, WALL)
    for value in (np.nan, np.inf, -np.inf, 1e38):
        vertices = room.vertices.astype(np.float64)
        vertices[3, 1] = value
        with pytest.raises(ValueError, match="vertex 3 is NaN, infinite or farther"):
            scene_from_mesh(vertices, room.triangles, WALL)
    with pytest.raises(ValueError, match="has no triangles"):
        scene_from_mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=int), WALL)
    with pytest.raises(ValueError, match="triangle 12 refers to vertices"):
        scene_from_mesh(room.vertices, [*room.triangles.tolist(), (0, 1, 999)], WALL)
    for bad in ({"absorption": np.nan}, {"scattering": 1.5}, {"transmission_loss": -1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            Material("bad", **bad)


@pytest.mark.parametrize("seed", range(6))
def test_random_rooms_in_random_states_are_finite(seed: int) -> None:
    """Random boxes (0.8 to 12 m) with random octave coefficients, turned, moved away, some triangles lost."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(0.8), np.log(12.0), 3))
    loss = rng.uniform(0.0, 80.0, 7)
    material = Material(
        "random",
        absorption=tuple(np.maximum(rng.random(7), 10.0 ** (-loss / 10.0))),
        scattering=tuple(rng.random(7)),
        transmission_loss=tuple(loss),
    )
    turn = rng.uniform(0.0, 2.0 * np.pi)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    away = rng.uniform(-100.0, 100.0, 3)
    triangles = (box() / SIZE * size) @ rotation.T + away
    kept = rng.random(len(triangles)) < (1.0 if seed % 2 else 0.8)
    ends = (rng.uniform(0.3, 0.7, (2, 3)) * size) @ rotation.T + away
    finite(soup(triangles[kept], material), *map(tuple, ends))


def test_warnings_are_of_our_own_class() -> None:
    """What is doubtful, but computed, warns with `SceneWarning`, a UserWarning."""
    assert issubclass(SceneWarning, UserWarning)
    with pytest.warns(SceneWarning, match="lie exactly upon others"):
        soup(np.concatenate([box(), box()]))
