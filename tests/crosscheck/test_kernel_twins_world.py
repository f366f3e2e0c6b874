"""The kernels of rays, images and walkable grids against plain NumPy, on random inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_rays import brute_force, triangle_soup

from avi_env.navigation import GridBank, grid_from_mask, move
from avi_env.navigation.fields import lookup_fields
from avi_env.navigation.raster import clearance_raster, floor_raster, raster_over
from avi_env.scene import Material, generate_house, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.rays_warp import any_hit, closest_hit
from avi_env.vision.camera import Camera, camera_rays, view_basis
from avi_env.vision.fused import fused_images
from avi_env.vision.light_bake import bake_light
from avi_env.vision.primary import Primary
from avi_env.vision.primary_embree import trace_tiles
from avi_env.vision.render import render_views
from avi_env.vision.surfaces import encode_table


def turned(yaw: float, pitch: float) -> np.ndarray:
    """Rows right, up and forward of a view: the axes turned about X by the pitch, then about Y by the yaw."""
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    return (about_y @ about_x @ np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1.0]]).T).T


def test_camera_and_first_hits(device: str) -> None:
    """`_basis_kernel`, `_rays_kernel`, and the fused one without shading: every pixel by Moeller-Trumbore."""
    camera, rng = Camera(width=13, height=9, hfov=80.0, pitch=0.2), np.random.default_rng(0)
    scenes = [shoebox((4.0, 2.6, 3.0)), shoebox((2.0, 2.0, 5.0))]
    bank, index = SceneBank(scenes, device), np.array([0, 1, 0])
    yaw, eye = rng.uniform(-9, 9, 3).astype(np.float32), rng.uniform(0.3, 1.7, (3, 3)).astype(np.float32)
    basis = view_basis(torch.from_numpy(yaw).to(device), camera)
    place, which = torch.from_numpy(eye).to(device), torch.from_numpy(index).int().to(device)
    origins, directions = (t.cpu().numpy() for t in camera_rays(place, basis, camera))
    depth = torch.empty(3, 9, 13, 1, device=device)
    semantic = torch.empty(3, 9, 13, dtype=torch.int32, device=device)
    fused_images(bank, which, place, basis, camera, {"depth": depth, "semantic": semantic})
    half = np.tan(np.radians(40.0))
    for view in range(3):
        axes = turned(float(yaw[view]), 0.2)
        np.testing.assert_allclose(basis[view].cpu().numpy(), axes, rtol=0, atol=1e-6)
        across = (np.arange(13) + 0.5 - 6.5) / 6.5 * half
        down = (np.arange(9) + 0.5 - 4.5) / 6.5 * half
        rays = axes[2] + across[None, :, None] * axes[0] - down[:, None, None] * axes[1]
        np.testing.assert_allclose(directions[view], rays, rtol=0, atol=2e-6)
        np.testing.assert_array_equal(origins[view], np.broadcast_to(eye[view], (9, 13, 3)))
        scene = scenes[index[view]]
        distance, triangle, _, _ = brute_force(scene, np.tile(eye[view].astype(float), (117, 1)), rays.reshape(-1, 3))
        np.testing.assert_allclose(depth[view].cpu().numpy().ravel(), distance, rtol=0, atol=1e-4)
        np.testing.assert_array_equal(semantic[view].cpu().numpy().ravel(), scene.triangle_object[triangle])


@pytest.mark.parametrize("lanes", [16, 8, 4])
def test_first_hits_of_packets(lanes: int) -> None:
    """`_tiles_kernel`: packets of every width answer as Warp's single rays do; object ids are those of the scene."""
    camera, rng = Camera(width=22, height=13, hfov=100.0, pitch=-0.3), np.random.default_rng(4)
    scenes = [shoebox((4.0, 2.6, 3.0)), triangle_soup(400, 2)]
    bank, which = SceneBank(scenes), torch.tensor([1, 0, 1], dtype=torch.int32)
    place = torch.from_numpy(rng.uniform(0.4, 1.6, (3, 3)).astype(np.float32))
    basis = view_basis(torch.from_numpy(rng.uniform(-4, 4, 3).astype(np.float32)), camera)
    shape = (3, 13, 22)
    rays = [part.reshape(3, -1, 3).numpy() for part in camera_rays(place, basis, camera)]
    found = [closest_hit(scenes[scene], rays[0][k], rays[1][k]) for k, scene in enumerate(which.tolist())]
    expected = Primary(
        torch.from_numpy(np.stack([hits.distance for hits in found])).reshape(shape),
        torch.from_numpy(np.stack([hits.triangle for hits in found])).reshape(shape),
        torch.from_numpy(np.stack([hits.barycentric for hits in found])).reshape(*shape, 2),
    )
    actual = Primary(torch.empty(shape), torch.empty(shape, dtype=torch.int32), torch.empty((*shape, 2)))
    semantic, alone = torch.empty(shape, dtype=torch.int32), torch.full(shape, -7.0)
    trace_tiles(bank, (which, place, basis), camera, actual, semantic, (0, 12), lanes)
    hit = expected.triangle >= 0
    assert 0.2 < hit.float().mean() < 0.95
    assert (actual.triangle == expected.triangle).float().mean() > 0.998  # rays within rounding of an edge
    assert torch.equal(actual.depth == 0.0, actual.triangle < 0)
    hit &= actual.triangle == expected.triangle
    np.testing.assert_allclose(actual.depth[hit], expected.depth[hit], rtol=0, atol=1e-4)
    np.testing.assert_allclose(actual.barycentric[hit], expected.barycentric[hit], rtol=0, atol=1e-3)
    for view, scene in enumerate(which.tolist()):
        items = np.append(scenes[scene].triangle_object, -1)[actual.triangle[view].numpy()]
        np.testing.assert_array_equal(semantic[view].numpy(), items)
    nothing = torch.empty((0, 0, 0), dtype=torch.int32)
    depth_only = Primary(alone, nothing, torch.empty((0, 0, 0, 2)))
    trace_tiles(bank, (which, place, basis), camera, depth_only, nothing, (5, 9), lanes)  # from within the second view
    np.testing.assert_array_equal(alone.view(-1, 22)[17:30], actual.depth.view(-1, 22)[17:30])
    assert torch.all(alone.view(-1, 22)[:17] == -7.0)
    assert torch.all(alone.view(-1, 22)[30:] == -7.0)


def between_samples(grid: np.ndarray, u: float, v: float, samples: np.ndarray) -> np.ndarray:
    """Bilinear mean of a triangle's light samples: a lattice of (a + 1) x (b + 1) over the rectangle it halves."""
    weights = (1.0 - u - v, u, v)
    first = grid[3] % 3  # the corner of the right angle; the two others span the rectangle
    along = np.array([weights[(first + 1) % 3], weights[(first + 2) % 3]])
    along = np.clip(1.0 - along if grid[3] >= 3 else along, 0.0, 1.0)
    lattice = samples[grid[0] : grid[0] + (grid[1] + 1) * (grid[2] + 1)].reshape(grid[1] + 1, grid[2] + 1, 3)
    place = along * grid[1:3]
    low = np.minimum(place.astype(int), np.maximum(grid[1:3] - 1, 0))
    high = np.minimum(low + 1, grid[1:3])
    s, t = place - low
    near = lattice[low[0], low[1]] * (1 - s) + lattice[high[0], low[1]] * s
    return near * (1 - t) + (lattice[low[0], high[1]] * (1 - s) + lattice[high[0], high[1]] * s) * t


def test_shading_of_a_plain_room(device: str) -> None:
    """`_lamps_kernel`, `_color_kernel`, the fused one: light, gloss and tone of a room without pattern, 1 step.

    Irradiance of a lamp: cos / (r^2 + 0.15) times its colour; Schlick's reflection; the tone table in steps of 1/2047.
    """
    camera, grey = Camera(width=15, height=11, hfov=90.0), Material("grey", color=(0.5, 0.4, 0.3), roughness=0.4)
    scene = shoebox((4.0, 2.6, 3.0), grey)
    bank, eye = SceneBank([scene], device), np.array([[1.2, 1.3, 1.9]], dtype=np.float32)
    place, which = torch.from_numpy(eye).to(device), torch.zeros(1, dtype=torch.int32, device=device)
    yaw = torch.tensor([0.7], device=device)
    basis = view_basis(yaw, camera)
    rays = camera_rays(place, basis, camera)[1].cpu().numpy().reshape(-1, 3).astype(float)
    distance, triangle, u, v = brute_force(scene, np.tile(eye[0].astype(float), (165, 1)), rays)
    bake, gloss = bake_light(scene), (1.0 - grey.roughness) ** 2
    corners = scene.vertices[scene.triangles].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    expected = np.zeros((165, 3))
    for pixel, ray in enumerate(rays):
        normal = normals[triangle[pixel]]
        point = eye[0] + distance[pixel] * ray + 2e-3 * normal
        light = between_samples(bake.grid[triangle[pixel]], u[pixel], v[pixel], bake.ambient * bake.exposure)
        for lamp in bake.lamps:
            away = lamp[:3] - point
            square = float(away @ away)
            light = light + lamp[3:6] * bake.exposure * max(float(away @ normal), 0.0) / square**0.5 / (square + 0.15)
        grazing = 1.0 - abs(float(ray @ normal)) / float(np.linalg.norm(ray))
        linear = np.array(grey.color) * light + gloss * (0.04 + 0.96 * grazing**5) * light
        expected[pixel] = encode_table()[(np.sqrt(np.clip(0.25 * linear, 0.0, 1.0)) * 2047 + 0.5).astype(int)]
    assert 30.0 < expected.mean() < 240.0
    for backend in ("embree", "warp") if device == "cpu" else ("warp",):
        actual = render_views(bank, which, place, yaw, camera, ("rgb",), "shadows", backend)["rgb"]
        np.testing.assert_allclose(actual.cpu().numpy().reshape(-1, 3).astype(float), expected, rtol=0, atol=1.0)


def clipped(polygon: np.ndarray, height: float, above: bool) -> np.ndarray:
    """The part of a polygon (n, 3) above or below a height (Sutherland and Hodgman 1974)."""
    side = (polygon[:, 1] - height) * (1.0 if above else -1.0)
    kept = []
    for k in range(len(polygon)):
        p, q, a, b = polygon[k], polygon[(k + 1) % len(polygon)], side[k], side[(k + 1) % len(polygon)]
        if a >= 0:
            kept.append(p)
        if (a > 0 > b) or (a < 0 < b):
            kept.append(p + a / (a - b) * (q - p))
    return np.array(kept).reshape(-1, 3)


def flat_distance(point: np.ndarray, polygon: np.ndarray) -> float:
    """Distance in (x, z) from a convex polygon seen from above, 0 inside."""
    a, b = polygon[:, [0, 2]] - point, np.roll(polygon, -1, axis=0)[:, [0, 2]] - point
    edge = b - a
    share = np.clip(-(a * edge).sum(axis=1) / np.maximum((edge**2).sum(axis=1), 1e-18), 0.0, 1.0)
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    area = abs(cross.sum())
    if area > 1e-9 and (np.all(cross >= 0) or np.all(cross <= 0)):
        return 0.0
    return float(np.linalg.norm(a + share[:, None] * edge, axis=1).min())


def test_rasters() -> None:
    """`_clearance`, `_floor`: distances to clipped triangles 1e-4 m, heights over columns 1e-4 m."""
    rng = np.random.default_rng(1)
    corners = rng.uniform(-1.0, 1.0, (25, 1, 3)) + 0.5 * rng.standard_normal((25, 3, 3))
    corners[:5, :, 1] = rng.uniform(-0.5, 0.5, (5, 1))  # level ones
    corners[5:8, :, 0] = rng.uniform(-0.5, 0.5, (3, 1))  # upright ones
    vertices, triangles = corners.reshape(-1, 3).astype(np.float32), np.arange(75).reshape(-1, 3)
    corners = vertices.reshape(-1, 3, 3).astype(float)
    raster, band, reach = raster_over(np.array([-1.0, -1.0]), np.array([1.0, 1.0]), 0.19, margin=0.0), (-0.3, 0.4), 0.5
    actual = clearance_raster(vertices, triangles, raster, band, reach)
    height = floor_raster(vertices, triangles, raster, band)
    parts = [clipped(clipped(c, band[0], True), band[1], False) for c in corners]
    for i, j in np.ndindex(raster.shape):
        point = np.array(raster.origin) + raster.spacing * np.array([i, j])
        nearest = min(flat_distance(point, part) for part in parts if len(part))
        np.testing.assert_allclose(actual[i, j], min(nearest, reach), rtol=0, atol=1e-4)
        over = [-np.inf]
        for a, b, c in corners:
            edges = np.array([b - a, c - a])[:, [0, 2]].T
            if abs(np.linalg.det(edges)) > 1e-9:
                v, w = np.linalg.solve(edges, point - a[[0, 2]])
                y = a[1] + v * (b - a)[1] + w * (c - a)[1]
                if min(v, w, 1.0 - v - w) >= 0.0 and band[0] <= y <= band[1]:
                    over.append(y)
        np.testing.assert_allclose(height[i, j], max(over), rtol=0, atol=1e-4)


def test_field_lookup(device: str) -> None:
    """`_lookup_fields`: bilinear between the centres of four known columns, 1e-5."""
    rng = np.random.default_rng(2)
    fields = rng.uniform(0.0, 9.0, (3, 12, 15)).astype(np.float32)
    row, origin = rng.integers(0, 3, 200), rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    inside = rng.uniform(0.0, (11.0, 14.0), (200, 2))
    position = np.zeros((200, 3), dtype=np.float32)
    position[:, [0, 2]] = origin + 0.05 * inside
    tensors = (torch.from_numpy(a).to(device) for a in (fields, row.astype(np.int32), origin))
    actual = lookup_fields(*tensors, 0.05, torch.from_numpy(position).to(device)).cpu().numpy()
    u = (position[:, [0, 2]].astype(float) - origin) / 0.05
    i = np.clip(np.floor(u).astype(int), 0, (10, 13))
    s, t = (u - i).T
    corner = [fields[row, i[:, 0] + a, i[:, 1] + b] for a in (0, 1) for b in (0, 1)]
    expected = (1 - s) * ((1 - t) * corner[0] + t * corner[1]) + s * ((1 - t) * corner[2] + t * corner[3])
    np.testing.assert_allclose(actual, expected, rtol=0, atol=9.0 * 2e-5)  # columns in 32 bits: 1e-6 of 15


def test_walk_on_free_ground(device: str) -> None:
    """`_move`: an arc in steps of half a column; along a straight wall, less what goes into it."""
    free = np.ones((80, 80), dtype=bool)
    free[:, :10] = False
    grid = grid_from_mask(free)
    walks, rng = GridBank([grid], device), np.random.default_rng(3)
    count = 200
    start = np.zeros((count, 3), dtype=np.float32)
    start[:, [0, 2]] = np.array(grid.origin) + 0.05 * rng.uniform((20, 30), (60, 70), (count, 2))
    yaw, turn = rng.uniform(-3, 3, count).astype(np.float32), rng.uniform(-0.5, 0.5, count).astype(np.float32)
    forward = rng.uniform(-0.3, 0.4, count).astype(np.float32)
    tensors = (torch.from_numpy(a).to(device) for a in (start, yaw, forward, turn))
    moved = move(walks, torch.zeros(count, dtype=torch.int32, device=device), *tensors)
    for row in range(count):
        steps = int(np.ceil(abs(float(forward[row])) / 0.025))
        heading = float(yaw[row]) + float(turn[row]) * (np.arange(steps) + 0.5) / max(steps, 1)
        step = float(forward[row]) / max(steps, 1)
        end = start[row, [0, 2]] - step * np.array([np.sin(heading).sum(), np.cos(heading).sum()])
        np.testing.assert_allclose(moved.position[row, [0, 2]].cpu().numpy(), end, rtol=0, atol=2e-6)
        assert not bool(moved.collided[row])
        folded = np.angle(np.exp(1j * (float(yaw[row]) + float(turn[row]))))
        np.testing.assert_allclose(np.exp(1j * float(moved.yaw[row])), np.exp(1j * folded), rtol=0, atol=1e-6)
    # Obliquely into the wall at z = 9.5 columns, 8 steps of half a column: x goes on as before.
    start = torch.tensor([[2.0, 0.0, 0.05 * 9.7]], dtype=torch.float32, device=device)
    yaw, forward = torch.tensor([0.6], device=device), torch.tensor([0.2], device=device)
    end = move(walks, torch.zeros(1, dtype=torch.int32, device=device), start, yaw, forward, 0.0 * yaw)
    np.testing.assert_allclose(float(end.position[0, 0]), 2.0 - 0.2 * np.sin(0.6), rtol=0, atol=1e-5)
    assert 0.05 * 9.5 <= float(end.position[0, 2]) <= 0.05 * 9.7 + 1e-6
    assert bool(end.collided[0])


def test_walls_of_a_house_are_met_where_they_are() -> None:
    """`_closest_hit_kernel`, `_any_hit_kernel` in a real mesh: 150 rays of a furnished house by brute force."""
    house, rng = generate_house(1, rooms=2), np.random.default_rng(4)
    lamp = np.array(house.lights[0].position) - [0.0, 1.0, 0.0]
    direction = rng.standard_normal((150, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    origin = np.tile(lamp, (150, 1)).astype(np.float32)
    distance, triangle, _, _ = brute_force(house, origin.astype(float), direction.astype(np.float32).astype(float))
    hits = closest_hit(house, origin, direction.astype(np.float32))
    same = hits.triangle == triangle  # coplanar faces and rays through edges may name either of two
    assert same.mean() > 0.98
    np.testing.assert_allclose(hits.distance, distance, rtol=0, atol=1e-4)
    segment = direction.astype(np.float32) * rng.uniform(0.5, 4.0, (150, 1)).astype(np.float32)
    np.testing.assert_array_equal(any_hit(house, origin, segment), distance < np.linalg.norm(segment, axis=1))
