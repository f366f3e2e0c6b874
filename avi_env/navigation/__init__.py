"""Where agents can walk, how far it is, and how they get there."""

from avi_env.navigation.any_angle import AnyAngle, AnyAngleMap, any_angle_field
from avi_env.navigation.fields import distance_field, distance_fields, field_lookup
from avi_env.navigation.follower import ShortestPathFollower
from avi_env.navigation.geodesic import geodesic_distance, shortest_path
from avi_env.navigation.goal_paths import GoalPaths, goal_paths
from avi_env.navigation.grid import NavigationError, WalkableGrid, grid_from_mask, walkable_grid
from avi_env.navigation.grid_bank import GridBank
from avi_env.navigation.grid_files import grid_path, load_grid, save_grid
from avi_env.navigation.motion import Motion, move
from avi_env.navigation.points import Place, on_floor, random_point, random_points, snap_place, snap_point

__all__ = [
    "AnyAngle",
    "AnyAngleMap",
    "GoalPaths",
    "GridBank",
    "Motion",
    "NavigationError",
    "Place",
    "ShortestPathFollower",
    "WalkableGrid",
    "any_angle_field",
    "distance_field",
    "distance_fields",
    "field_lookup",
    "geodesic_distance",
    "goal_paths",
    "grid_from_mask",
    "grid_path",
    "load_grid",
    "move",
    "on_floor",
    "random_point",
    "random_points",
    "save_grid",
    "shortest_path",
    "snap_place",
    "snap_point",
    "walkable_grid",
]
