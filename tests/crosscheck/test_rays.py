"""The ray query against itself and against a NumPy twin: Embree, Warp and Moeller-Trumbore in double precision."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.scene import Material, Scene, SceneObject, embree, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.rays import BACKENDS, closest_hit, occluded


def triangle_soup(count: int, seed: int) -> Scene:
    """Returns random triangles in a 10 m cube."""
    rng = np.random.default_rng(seed)
    vertices = (rng.uniform(-5, 5, (count, 1, 3)) + 0.5 * rng.normal(size=(count, 3, 3))).reshape(-1, 3)
    index = np.zeros(count)
    item = SceneObject(0, "soup", -1, (0.0, 0.0, 0.0), (10.0, 10.0, 10.0))
    return Scene("soup", vertices, np.arange(3 * count).reshape(-1, 3), index, index, (Material("any"),), (item,))


def random_rays(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns origins in the cube and directions of unit length."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3))
    return rng.uniform(-5, 5, (count, 3)), directions / np.linalg.norm(directions, axis=1, keepdims=True)


def brute_force(scene: Scene, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns distance, triangle, u, v by Moeller and Trumbore (1997) over all pairs, in double precision."""
    a, b, c = (scene.vertices[scene.triangles[:, k]].astype(np.float64) for k in range(3))
    e1, e2 = b - a, c - a
    p = np.cross(directions[:, None], e2[None])
    determinant = np.einsum("tj,ntj->nt", e1, p)
    s = origins[:, None] - a[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.einsum("ntj,ntj->nt", s, p) / determinant
        q = np.cross(s, e1[None])
        v = np.einsum("nj,ntj->nt", directions, q) / determinant
        t = np.einsum("tj,ntj->nt", e2, q) / determinant
    t = np.where((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0), t, np.inf)
    best = t.argmin(axis=1)
    rows = np.arange(len(origins))
    distance = t[rows, best]
    return distance, np.where(np.isfinite(distance), best, -1), u[rows, best], v[rows, best]


@pytest.mark.parametrize("backend", BACKENDS)
def test_closest_hit_equals_brute_force(backend: str) -> None:
    """Distance, triangle and barycentrics equal a double-precision search over all triangles."""
    scene, (origins, directions) = triangle_soup(300, 1), random_rays(500, 2)
    hits = closest_hit(scene, origins, directions, backend=backend)
    distance, triangle, u, v = brute_force(scene, origins.astype(np.float32), directions.astype(np.float32))
    assert_array_equal(hits.triangle, triangle)
    hit = triangle >= 0
    assert 0.2 < hit.mean() < 0.8
    # Rounding: coordinates below 8 m carry 24 bits, about 5e-7 m; a grazing ray multiplies it by up to 1/cos.
    assert_allclose(hits.distance[hit], distance[hit], rtol=0, atol=1e-4)
    assert_allclose(hits.barycentric[hit], np.stack([u, v], axis=1)[hit], rtol=0, atol=1e-3)
    assert np.all(np.isinf(hits.distance[~hit]))


def test_embree_equals_warp() -> None:
    """Both backends name the same triangles, but for rays that pass within rounding of an edge."""
    scene, (origins, directions) = triangle_soup(3000, 3), random_rays(20_000, 4)
    one, two = (closest_hit(scene, origins, directions, backend=backend) for backend in BACKENDS)
    same = one.triangle == two.triangle
    assert same.mean() > 0.9995
    hit = same & (one.triangle >= 0)
    assert_allclose(one.distance[hit], two.distance[hit], rtol=0, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_occlusion_equals_brute_force_and_is_symmetric(backend: str) -> None:
    """A segment is blocked where the search finds a hit before its end, and as well from the other end."""
    scene, (origins, directions) = triangle_soup(300, 5), random_rays(500, 6)
    targets = origins + 2.0 * directions
    blocked = occluded(scene, origins, targets, backend=backend)
    distance, *_ = brute_force(scene, origins + 1e-3 * directions, directions)
    sure = np.abs(distance - 1.998) > 1e-4
    assert_array_equal(blocked[sure], (distance < 1.998)[sure])
    assert_array_equal(occluded(scene, targets, origins, backend=backend), blocked)


@pytest.mark.parametrize("backend", BACKENDS)
def test_points_on_a_surface_do_not_occlude_themselves(backend: str) -> None:
    """A source on the floor is visible from within the room, and hidden from below the floor."""
    scene = shoebox((4.0, 3.0, 5.0))
    on_floor = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    others = np.array([[2.0, 1.5, 2.0], [2.0, -1.0, 2.0], [1.0, 0.0, 1.0]])
    assert_array_equal(occluded(scene, on_floor, others, backend=backend), [False, False, False])
    below = on_floor - np.array([0.0, 0.1, 0.0])
    assert_array_equal(occluded(scene, below, others, backend=backend), [True, False, False])


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_rays_and_no_triangles(backend: str) -> None:
    """Nothing asked gives nothing, and an empty scene is free space."""
    none = np.zeros((0, 3))
    assert closest_hit(shoebox((1, 1, 1)), none, none, backend=backend).distance.shape == (0,)
    assert occluded(shoebox((1, 1, 1)), none, none, backend=backend).shape == (0,)
    empty = Scene("empty", none, none, np.zeros(0), np.zeros(0), (Material("any"),))
    hits = closest_hit(empty, *random_rays(3, 0), backend=backend)
    assert_array_equal(hits.triangle, [-1, -1, -1])
    assert not occluded(empty, *random_rays(3, 0), backend=backend).any()


def test_seams_let_no_ray_through() -> None:
    """Rays at the vertices and along the edges of a closed box end on it: sound does not leak."""
    box = shoebox((4.0, 3.0, 5.0))
    rng = np.random.default_rng(12)
    eye = rng.uniform(1.0, 2.5, (40, 1, 3))
    corners = box.vertices[box.triangles]
    weights = rng.dirichlet(np.ones(2), 30)
    along = np.concatenate([np.einsum("sk,tkj->tsj", weights, corners[:, [a, (a + 1) % 3]]) for a in range(3)])
    targets = np.concatenate([along.reshape(-1, 3), corners.reshape(-1, 3)])
    origins = np.broadcast_to(eye, (40, len(targets), 3)).reshape(-1, 3)
    directions = (targets[None] - eye).reshape(-1, 3)
    hits = closest_hit(box, origins, directions)
    assert np.all(hits.triangle >= 0)
    assert_allclose(hits.distance, 1.0, rtol=0, atol=1e-5)
    assert occluded(box, origins, origins + 2.0 * directions, margin=0.0).all()


def test_an_answer_does_not_depend_on_other_rays() -> None:
    """Many rays on several threads, one by one, and in another order: the same bits."""
    scene, (origins, directions) = triangle_soup(2000, 13), random_rays(9000, 14)
    together = closest_hit(scene, origins, directions)
    blocked = occluded(scene, origins, origins + 2.0 * directions)
    order = np.random.default_rng(15).permutation(9000)
    for rows in (order, order[:50], order[:1]):
        some = closest_hit(scene, origins[rows], directions[rows])
        for one, all_ in zip(some, together, strict=True):
            assert_array_equal(one, all_[rows])
        assert_array_equal(occluded(scene, origins[rows], origins[rows] + 2.0 * directions[rows]), blocked[rows])


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel, or with one that carries no library, the error names the remedy."""
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(ImportError, match="pip install"):
        embree._library_file()

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(ImportError, match="not installed"):
        embree._library_file()


def test_wrong_shapes_and_names_are_told() -> None:
    """Shapes that do not match and unknown backends give errors that say so."""
    scene = shoebox((1, 1, 1))
    with pytest.raises(ValueError, match=r"shape \(N, 3\)"):
        closest_hit(scene, np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="Did you mean 'embree'"):
        occluded(scene, np.zeros((1, 3)), np.ones((1, 3)), backend="embre")


def test_bank_answers_as_each_scene_alone(device: str) -> None:
    """A mixed batch in a bank gives, ray by ray, what the ray's own scene gives."""
    scenes = (triangle_soup(200, 7), shoebox((4.0, 3.0, 5.0)), triangle_soup(400, 8))
    bank = SceneBank(scenes, device)
    rng = np.random.default_rng(9)
    index = torch.from_numpy(rng.integers(0, 3, 40))
    origins, directions = (torch.from_numpy(a.reshape(40, 5, 3)).float() for a in random_rays(200, 10))
    distance, triangle, barycentric = (t.cpu() for t in bank.closest_hit(index, origins, directions))
    blocked = bank.occluded(index, origins, origins + directions).cpu()
    assert distance.shape == (40, 5)
    assert barycentric.shape == (40, 5, 2)
    for row, scene in enumerate(index.tolist()):
        hits = closest_hit(scenes[scene], origins[row], directions[row])
        assert_array_equal(triangle[row], hits.triangle)
        assert_allclose(distance[row], hits.distance, rtol=1e-5, atol=1e-5)
        assert_array_equal(blocked[row], occluded(scenes[scene], origins[row], origins[row] + directions[row]))


def test_bank_tables_line_up() -> None:
    """Row offset + triangle of each table is the scene's own entry."""
    scenes = (shoebox((4.0, 3.0, 5.0), material="brick"), triangle_soup(9, 1))
    bank = SceneBank(scenes)
    start = bank.triangle_offset.tolist()
    assert start == [0, 12]
    assert bank.material_offset.tolist() == [0, 3]
    assert bank.triangle_material.tolist() == [0] * 12 + [3] * 9
    assert_array_equal(bank.triangle_object[:12], scenes[0].triangle_object)
    assert_allclose(bank.triangle_normal.norm(dim=1), 1.0, rtol=1e-6)
    assert_allclose(bank.absorption[0], scenes[0].materials[0].absorption, rtol=1e-6)


def test_bank_rejects_bad_rows_and_devices() -> None:
    """A scene that is not there, no scene at all and a device that is not there are told."""
    bank = SceneBank((shoebox((1, 1, 1)),))
    ray = torch.zeros(1, 3)
    with pytest.raises(ValueError, match="scene_index"):
        bank.occluded(torch.tensor([1]), ray, ray)
    with pytest.raises(ValueError, match="at least one scene"):
        SceneBank(())
    with pytest.raises(ValueError, match="available"):
        SceneBank((shoebox((1, 1, 1)),), "tpu")
