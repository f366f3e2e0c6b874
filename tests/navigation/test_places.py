"""Many points snap to a grid at once as they do one by one."""

import numpy as np

from avi_env.navigation import walkable_grid
from avi_env.navigation.points import snap_place, snap_places
from avi_env.scene import load_scene


def test_places_of_many_points_are_those_of_each():
    """Points that are walkable, beside furniture, outside; with height and without; single points too."""
    scene = load_scene("house:3")
    grid = walkable_grid(scene)
    centers = np.array([obj.center for obj in scene.objects])
    points = np.concatenate([centers, centers + np.random.default_rng(0).normal(0.0, 3.0, centers.shape)])
    for given in (points, points[:, [0, 2]], points[:1], points[0]):
        found = snap_places(grid, given)
        alone = [snap_place(grid, point) for point in np.atleast_2d(given)]
        assert [place.layer for place in found] == [place.layer for place in alone]
        np.testing.assert_array_equal([place.xz for place in found], [place.xz for place in alone])
