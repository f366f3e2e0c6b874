"""Discrete paths against closed form: free field, image sources, occlusion, transmission (reference sheet 2.4)."""

import itertools

import numpy as np
import pytest
import torch

from avi_env.acoustics.air import AIR_DB_PER_METRE, air_absorption_db
from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.direct import direct_paths
from avi_env.acoustics.discrete import SLOTS, discrete_paths
from avi_env.acoustics.image_sources import MIRROR_LIMIT, image_source_paths
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.specular import specular_paths
from avi_env.acoustics.transmission import transmitted_paths
from avi_env.scene.bank import SceneBank
from avi_env.scene.mesh import scene_from_mesh, shoebox
from avi_env.scene.model import Material, Scene, SceneObject

SIZE = (6.0, 3.0, 5.0)
SOURCE = (1.5, 1.2, 1.3)
LISTENER = (4.4, 1.6, 3.3)
WALL = Material("wall", absorption=(0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4), scattering=0.1, transmission_loss=40.0)


def points(*rows: tuple[float, float, float]) -> torch.Tensor:
    """Positions as (B, 3) float64."""
    return torch.tensor(rows, dtype=torch.float64)


def index(count: int, scene: int = 0) -> torch.Tensor:
    """One scene's number for B environments."""
    return torch.full((count,), scene, dtype=torch.int64)


def air_gain(distance: float) -> np.ndarray:
    """What the air leaves of a pressure per octave."""
    return 10.0 ** (-AIR_DB_PER_METRE * distance / 20.0)


def slab_scene(walls: list[tuple[float, float]], materials: list[Material]) -> Scene:
    """Boxes 4 m wide and high, from x = start to x = start + thickness, one object and material each."""
    vertices, triangles, owner = [], [], []
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    for number, (start, thickness) in enumerate(walls):
        base = len(vertices)
        spans = ((start, start + thickness), (0.0, 4.0), (-2.0, 2.0))
        vertices += list(itertools.product(*spans))
        for a, b, c, d in faces:
            triangles += [(base + a, base + b, base + c), (base + a, base + c, base + d)]
            owner += [number, number]
    objects = tuple(SceneObject(i, "wall", -1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) for i in range(len(walls)))
    return Scene("slabs", np.array(vertices), np.array(triangles), np.array(owner), np.array(owner),
                 tuple(materials), objects)  # fmt: skip


def test_free_field_level_and_delay():
    """Direct sound is 1/d times air after d/c: 0.05 dB and 1 us (sheet test 2)."""
    bank = SceneBank([shoebox((40.0, 20.0, 40.0), material=WALL)])
    distance = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
    start = np.array([10.0, 9.0, 12.0])
    way = np.array([0.6, 0.1, 0.7]) / np.linalg.norm([0.6, 0.1, 0.7])
    source = torch.from_numpy(np.broadcast_to(start, (6, 3)).copy())
    listener = torch.from_numpy(start + distance[:, None] * way)
    paths = direct_paths(bank, index(6), source, listener)
    expected = -20.0 * np.log10(distance)[:, None] - AIR_DB_PER_METRE * distance[:, None]
    np.testing.assert_allclose(20.0 * np.log10(paths.gain[:, 0].numpy()), expected, rtol=0, atol=0.05)
    np.testing.assert_allclose(paths.delay[:, 0].numpy(), distance / SPEED_OF_SOUND, rtol=0, atol=1e-9)
    np.testing.assert_allclose(paths.direction[:, 0].numpy(), np.broadcast_to(-way, (6, 3)), rtol=0, atol=1e-6)


def test_air_absorption_iso_9613():
    """ISO 9613-1 at 20 C and 50 %: table of the reference sheet within 1 % (sheet test 19)."""
    table = np.array([0.44, 1.31, 2.73, 4.66, 9.89, 29.7, 105.0])
    np.testing.assert_allclose(air_absorption_db(BANDS_HZ) * 1000.0, table, rtol=0.01)


def test_air_absorption_rejects_what_the_standard_does_not_cover():
    """Humidity 0..1 instead of percent is an error that says so."""
    with pytest.raises(ValueError, match="percent"):
        air_absorption_db(1000.0, humidity=0.5)
    with pytest.raises(ValueError, match="temperature_c"):
        air_absorption_db(1000.0, temperature_c=293.0)


def allen_berkley(order: int) -> list[tuple[float, np.ndarray]]:
    """Delay and gain of all images of exactly this order: x = (1-2u) x_s + 2 l L per axis, order |2l-u| summed."""
    reflection = np.sqrt((1.0 - np.array(WALL.absorption)) * 0.9)
    found = []
    for u in itertools.product((0, 1), repeat=3):
        for cell in itertools.product(range(-order, order + 1), repeat=3):
            if sum(abs(2 * n - k) for n, k in zip(cell, u, strict=True)) != order:
                continue
            image = [(1 - 2 * k) * x + 2 * n * size for k, x, n, size in zip(u, SOURCE, cell, SIZE, strict=True)]
            distance = float(np.linalg.norm(np.array(image) - LISTENER))
            found.append((distance / SPEED_OF_SOUND, reflection**order / distance * air_gain(distance)))
    return sorted(found, key=lambda row: row[0])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_image_sources_of_a_shoebox(order):
    """Every arrival of Allen and Berkley's lattice, none more: 1 us and 0.1 dB (sheet test 3)."""
    scene = shoebox(SIZE, material=WALL)
    expected = [row for k in range(1, order + 1) for row in allen_berkley(k)]
    expected.sort(key=lambda row: (round(row[0], 6), row[1][0]))
    paths = specular_paths(scene, SOURCE, LISTENER, order)
    assert paths.delay.shape == (1, len(expected))
    ranked = np.lexsort([paths.gain[0, :, 0].numpy(), paths.delay[0].numpy().round(6)])
    np.testing.assert_allclose(paths.delay[0].numpy()[ranked], [row[0] for row in expected], rtol=0, atol=1e-6)
    level = 20.0 * np.log10(paths.gain[0].numpy()[ranked] / np.array([row[1] for row in expected]))
    np.testing.assert_allclose(level, 0.0, rtol=0, atol=0.1)


def test_batched_image_sources_agree_with_the_single_ones():
    """The batched first order equals the reference's, and no row depends on its batch."""
    scene = shoebox(SIZE, material=WALL)
    bank = SceneBank([shoebox((3.0, 2.5, 3.0)), scene])
    rng = np.random.default_rng(0)
    source, listener = (torch.from_numpy(0.2 + rng.random((8, 3)) * (np.array(SIZE) - 0.4)) for _ in range(2))
    batch = image_source_paths(bank, index(8, 1), source, listener)
    assert batch.delay.shape == (8, MIRROR_LIMIT)
    for row in range(8):
        alone = image_source_paths(bank, index(1, 1), source[row : row + 1], listener[row : row + 1])
        for one, many in zip(alone, batch, strict=True):
            np.testing.assert_array_equal(one[0].numpy(), many[row].numpy())
        single = specular_paths(scene, source[row], listener[row], 1)
        np.testing.assert_allclose(
            np.sort(batch.delay[row, batch.gain[row, :, 0] > 0].numpy()), np.sort(single.delay[0].numpy()), atol=1e-9
        )


def test_single_plate_reflection():
    """One large plate: one reflection, at its time, sqrt((1-a)(1-s))/d, from the mirror image (sheet test 4)."""
    plate = Material("plate", absorption=0.3, scattering=0.0, transmission_loss=60.0)
    corners = [(-50.0, 0.0, -50.0), (-50.0, 0.0, 50.0), (50.0, 0.0, 50.0), (50.0, 0.0, -50.0)]
    scene = scene_from_mesh(corners, [(0, 1, 2), (0, 2, 3)], materials=plate)
    paths = image_source_paths(SceneBank([scene]), index(1), points((0.0, 2.0, 0.0)), points((3.0, 1.0, 1.0)))
    heard = paths.gain[0, :, 0] > 0
    assert int(heard.sum()) == 1
    image = np.array([0.0, -2.0, 0.0]) - np.array([3.0, 1.0, 1.0])
    distance = np.linalg.norm(image)
    np.testing.assert_allclose(paths.delay[0, heard].numpy(), distance / SPEED_OF_SOUND, rtol=0, atol=1e-9)
    expected = np.sqrt(0.7) / distance * air_gain(distance)
    np.testing.assert_allclose(paths.gain[0, heard][0].numpy(), expected, rtol=1e-4)
    np.testing.assert_allclose(paths.direction[0, heard][0].numpy(), image / distance, rtol=0, atol=1e-5)


def test_reflection_ends_with_the_plate():
    """A listener beyond the edge of a small plate hears no mirror image of it."""
    corners = [(-1.0, 0.0, -1.0), (-1.0, 0.0, 1.0), (1.0, 0.0, 1.0), (1.0, 0.0, -1.0)]
    bank = SceneBank([scene_from_mesh(corners, [(0, 1, 2), (0, 2, 3)], materials=WALL)])
    listeners = points((1.5, 1.0, 0.0), (2.5, 1.0, 0.0))  # reflection points at x = 0.75 and 1.25
    heard = image_source_paths(bank, index(2), points((0.0, 1.0, 0.0), (0.0, 1.0, 0.0)), listeners).gain[..., 0] > 0
    assert heard.any(dim=1).tolist() == [True, False]


def test_reciprocity_of_exact_paths():
    """Swapping source and listener leaves delays and gains of direct and mirrored sound: 1e-5 (sheet test 9)."""
    bank = SceneBank([shoebox(SIZE, material=WALL)])
    one, two = points(SOURCE), points(LISTENER)
    for trace in (direct_paths, image_source_paths, transmitted_paths):
        there, back = trace(bank, index(1), one, two), trace(bank, index(1), two, one)
        for a, b in ((there.delay, back.delay), (there.gain.sum(-1), back.gain.sum(-1))):
            np.testing.assert_allclose(np.sort(a.numpy()), np.sort(b.numpy()), rtol=1e-5)
        # Sound leaves towards where the sound of the way back comes from.
        order, other = torch.argsort(there.delay[0]), torch.argsort(back.delay[0])
        np.testing.assert_allclose(there.departure[0, order].numpy(), back.direction[0, other].numpy(), atol=1e-6)


def test_occlusion_silences_the_direct_sound_only_behind_the_wall():
    """One wall between: direct exactly 0, transmitted not; beside it the other way round (sheet test 13)."""
    bank = SceneBank([slab_scene([(0.0, 0.12)], [WALL])])
    source, listener = points((-2.0, 1.0, 0.0), (-2.0, 1.0, 0.0)), points((2.0, 1.0, 0.0), (2.0, 1.0, 9.0))
    direct = direct_paths(bank, index(2), source, listener).gain.numpy()
    through = transmitted_paths(bank, index(2), source, listener).gain.numpy()
    assert np.all(direct[0] == 0.0)
    assert np.all(direct[1] > 0.0)
    assert np.all(through[0] > 0.0)
    assert np.all(through[1] == 0.0)


@pytest.mark.parametrize("thickness", [0.02, 0.12, 0.5])
def test_transmission_counts_a_slab_once(thickness):
    """The loss of a slab is its material's, whatever its thickness: 0.1 dB (sheet test 18)."""
    loss = (20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0)
    wall = Material("wall", absorption=0.2, transmission_loss=loss)
    bank = SceneBank([slab_scene([(0.0, thickness)], [wall])])
    paths = transmitted_paths(bank, index(1), points((-2.0, 1.0, 0.3)), points((2.0, 1.4, -0.4)))
    distance = float(np.linalg.norm([4.0, 0.4, -0.7]))
    level = 20.0 * np.log10(paths.gain[0, 0].numpy() * distance) + AIR_DB_PER_METRE * distance
    np.testing.assert_allclose(level, -np.array(loss), rtol=0, atol=0.1)


def test_transmission_of_stacked_walls_adds_in_db():
    """Two slabs and a single sheet: their losses add (sheet test 18)."""
    materials = [Material(f"m{k}", absorption=0.5, transmission_loss=loss) for k, loss in enumerate((10.0, 15.0, 7.0))]
    scene = slab_scene([(0.0, 0.12), (0.8, 0.12), (1.6, 0.1)], materials)
    single = np.ones(len(scene.triangles), dtype=bool)
    single[24:] = False  # of the third box only one face is left
    single[24:26] = True
    sheet = Scene("sheet", scene.vertices, scene.triangles[single], scene.triangle_material[single],
                  scene.triangle_object[single], scene.materials, scene.objects)  # fmt: skip
    for walls, expected in ((scene, 32.0), (sheet, 32.0)):
        paths = transmitted_paths(SceneBank([walls]), index(1), points((-2.0, 1.0, 0.0)), points((3.0, 1.0, 0.0)))
        level = 20.0 * np.log10(paths.gain[0, 0, 3].item() * 5.0) + AIR_DB_PER_METRE[3] * 5.0
        np.testing.assert_allclose(level, -expected, rtol=0, atol=0.1)


def test_walls_of_two_sided_faces_count_once():
    """Each face there twice, wound both ways, as scanned meshes have it: the loss is the wall's (sheet test 18)."""
    plain = slab_scene([(0.0, 0.12)], [Material("wall", absorption=0.2, transmission_loss=30.0)])
    triangles = np.concatenate([plain.triangles, plain.triangles[:, ::-1]])
    material, owner = np.tile(plain.triangle_material, 2), np.tile(plain.triangle_object, 2)
    twice = Scene("twice", plain.vertices, triangles, material, owner, plain.materials, plain.objects)
    paths = transmitted_paths(SceneBank([twice]), index(1), points((-2.0, 1.0, 0.3)), points((2.0, 1.0, 0.3)))
    level = 20.0 * np.log10(paths.gain[0, 0].numpy() * 4.0) + AIR_DB_PER_METRE * 4.0
    np.testing.assert_allclose(level, -30.0, rtol=0, atol=0.1)


def test_departure_of_higher_orders_is_the_way_back():
    """Orders 1 to 3: sound leaves towards where the sound of the way back comes from, at the same delay and gain."""
    scene = shoebox(SIZE, material=WALL)
    there, back = specular_paths(scene, SOURCE, LISTENER, 3), specular_paths(scene, LISTENER, SOURCE, 3)
    turned = Paths(back.delay, back.gain, back.departure, back.direction)
    same_paths(there, turned)


def test_no_place_gives_nan():
    """A source on the listener, in a corner, on a wall, beyond the walls; a scene without a triangle: finite paths."""
    box = shoebox(SIZE, material=WALL)
    void = Scene("void", box.vertices[:0], box.triangles[:0], box.triangle_material[:0], box.triangle_object[:0], ())
    bank = SceneBank([box, void])
    places = points(SOURCE, (0.0, 0.0, 0.0), (0.0, 1.5, 2.5), (1e4, 2.0, 1e4), (3.0, 1.5, 2.5))
    for scene in range(2):
        for place in places:
            paths = discrete_paths(bank, None, None, index(5, scene), places, place.expand(5, 3))
            assert all(bool(torch.isfinite(part).all()) for part in paths)
    silent = discrete_paths(bank, None, None, index(0), places[:0], places[:0])
    assert silent.gain.shape == (0, SLOTS, 7)


def subdivided(scene: Scene, steps: int) -> Scene:
    """The same surfaces, each triangle cut into steps x steps."""
    parts = []
    for a, b, c in scene.vertices[scene.triangles].astype(np.float64):
        u, v = (b - a) / steps, (c - a) / steps
        for i in range(steps):
            for j in range(steps - i):
                p = a + i * u + j * v
                parts.append((p, p + u, p + v))
                if i + j < steps - 1:
                    parts.append((p + u, p + u + v, p + v))
    vertices = np.array(parts).reshape(-1, 3)
    return scene_from_mesh(vertices, np.arange(len(vertices)).reshape(-1, 3), materials=WALL)


def same_paths(one: Paths, two: Paths) -> None:
    """Compares two sets of paths, whatever their order: 1e-7 s, 0.001 dB, 1e-5 of a direction."""
    order, other = (
        np.lexsort([p.direction[0, :, 0].numpy().round(3), p.delay[0].numpy().round(7)]) for p in (one, two)
    )
    np.testing.assert_allclose(one.delay[0, order].numpy(), two.delay[0, other].numpy(), rtol=0, atol=1e-7)
    np.testing.assert_allclose(one.gain[0, order].numpy(), two.gain[0, other].numpy(), rtol=1e-4)
    for name in ("direction", "departure"):
        first, second = getattr(one, name)[0, order].numpy(), getattr(two, name)[0, other].numpy()
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-5)


def test_subdivided_box_mirrors_like_a_plain_one():
    """The same box of 12 or of 12 288 triangles: identical mirror paths of orders 1 to 3 (sheet test 31)."""
    plain = shoebox(SIZE, material=WALL)
    fine = subdivided(plain, 32)
    assert len(fine.triangles) == 12 * 32**2
    same_paths(*(specular_paths(scene, SOURCE, LISTENER, 3) for scene in (plain, fine)))
    ends = index(1), points(SOURCE), points(LISTENER)
    same_paths(*(image_source_paths(SceneBank([scene]), *ends) for scene in (plain, fine)))


def test_windings_and_duplicate_faces_mirror_alike():
    """Every other triangle wound the other way, every third there twice: the same mirror paths (sheet test 30)."""
    plain = slab_scene([(0.0, 3.0), (5.0, 0.3), (-4.0, 0.2)], [WALL, WALL, WALL])
    flipped = plain.triangles.copy()
    flipped[::2] = flipped[::2, ::-1]
    twice = np.arange(0, len(flipped), 3)
    parts = (np.concatenate([row, row[twice]]) for row in (flipped, plain.triangle_material, plain.triangle_object))
    broken = Scene("broken", plain.vertices, *parts, plain.materials, plain.objects)
    source, listener = (3.6, 1.7, 0.4), (4.5, 2.2, -0.9)
    for order in (1, 2):
        one, two = (specular_paths(scene, source, listener, order) for scene in (plain, broken))
        assert one.delay.shape[1] >= 2
        same_paths(one, two)


def test_wrong_shapes_name_the_culprit():
    """A listener array that does not fit the scene indices is an error, never broadcast."""
    bank = SceneBank([shoebox(SIZE)])
    with pytest.raises(ValueError, match=r"scene_index must lie in 0\.\.0"):
        direct_paths(bank, index(1, 3), points(SOURCE), points(LISTENER))
    with pytest.raises(ValueError, match="Did you mean 'fresnel'"):
        discrete_paths(bank, None, None, index(1), points(SOURCE), points(LISTENER), occlusion="fresnell")
    with pytest.raises(ValueError, match="listener must have shape"):
        direct_paths(bank, index(2), points(SOURCE, SOURCE), points(LISTENER))
