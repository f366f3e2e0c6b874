"""The shell of a house as triangles: wall slabs with holes, posts, floors, ceilings.

Faces are cut along the lines of all holes of their run, so no T-junction lies inside a face; walls dip 2 cm below the
floor and above the ceiling, and floors and ceilings run on beneath the walls, so no ray finds a seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from avi_env.scene.house_layout import WALL, Post, Run
from avi_env.scene.house_plan import Plan
from avi_env.scene.shapes import SceneBuilder, shape_row

__all__ = ["Shell", "add_floors", "add_walls", "room_cells"]

_DIP = 0.02  # how far walls run below the floor and above the ceiling [m]
_HALF = WALL / 2
_BASEBOARD = (0.075, 0.012)  # height and thickness [m]


@dataclass(frozen=True)
class Shell:
    """Material indices of the building; lists are by room."""

    walls: Sequence[int]
    floors: Sequence[int]
    ceilings: Sequence[int]
    facade: int
    trim: int

    def wall(self, room: int) -> int:
        """Returns the material of a wall's side that faces a room, or the facade."""
        return self.facade if room < 0 else self.walls[room]


def room_cells(plan: Plan, room: int) -> list[tuple[float, float, float, float]]:
    """Returns the grid cells of a room as (x0, z0, x1, z1) [m]."""
    nx, nz = plan.owner.shape
    return [
        (plan.xs[i], plan.zs[j], plan.xs[i + 1], plan.zs[j + 1])
        for i in range(nx)
        for j in range(nz)
        if plan.owner[i, j] == room
    ]


def add_floors(builder: SceneBuilder, plan: Plan, height: float, shell: Shell) -> None:
    """Adds one floor and one ceiling object a room, one quad a grid cell."""
    for room in range(len(plan.types)):
        cells = room_cells(plan, room)
        x0, z0 = min(c[0] for c in cells), min(c[1] for c in cells)
        x1, z1 = max(c[2] for c in cells), max(c[3] for c in cells)
        middle, size = ((x0 + x1) / 2, (z0 + z1) / 2), (x1 - x0, z1 - z0)
        floor = builder.add_object("floor", room, (middle[0], 0.0, middle[1]), (size[0], 0.0, size[1]))
        ceiling = builder.add_object("ceiling", room, (middle[0], height, middle[1]), (size[0], 0.0, size[1]))
        for a, b, c, d in cells:
            builder.add_quad(((a, 0.0, b), (a, 0.0, d), (c, 0.0, d), (c, 0.0, b)), shell.floors[room], floor)
            top = ((a, height, b), (c, height, b), (c, height, d), (a, height, d))
            builder.add_quad(top, shell.ceilings[room], ceiling)


def add_walls(builder: SceneBuilder, runs: list[Run], posts: list[Post], height: float, shell: Shell) -> None:
    """Adds all wall runs (one object each), their posts and baseboards."""
    owner_of_node: dict[tuple[int, int], Run] = {}
    for run in runs:
        center = run.point((run.s0 + run.s1) / 2, height / 2, 0.0)
        room = max(run.low, run.high) if run.outer else -1
        yaw = 0.0 if run.axis == 0 else 1.570796
        run.object_id = builder.add_object("wall", room, center, (run.length + WALL, height, WALL), yaw)
        _add_faces(builder, run, height, shell)
        _add_reveals(builder, run, shell)
        _add_baseboards(builder, run, shell)
        for node in run.nodes:
            owner_of_node.setdefault(node, run)
    for post in posts:
        _add_post(builder, post, height, shell, owner_of_node[post.node].object_id)


def _add_faces(builder: SceneBuilder, run: Run, height: float, shell: Shell) -> None:
    along = sorted({run.s0, run.s1, *(s for h in run.holes for s in (h.s0, h.s1))})
    up = sorted({-_DIP, height + _DIP, *(y for h in run.holes for y in (h.y0, h.y1) if y > 0)})
    for a, b in pairwise(along):
        for low, high in pairwise(up):
            middle, level = (a + b) / 2, (low + high) / 2
            if any(h.s0 < middle < h.s1 and (h.y0 <= 0.0 or h.y0 < level) and level < h.y1 for h in run.holes):
                continue
            _add_rectangle(builder, run, (a, b), (low, high), -1, shell.wall(run.low))
            _add_rectangle(builder, run, (a, b), (low, high), 1, shell.wall(run.high))


def _add_rectangle(
    builder: SceneBuilder,
    run: Run,
    along: tuple[float, float],
    up: tuple[float, float],
    side: int,
    material: int,
) -> None:
    n = side * _HALF
    corners = [run.point(along[i], up[j], n) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    # (along, up) x = X x Y = +Z on runs along X, but Z x Y = -X on runs along Z.
    if (side > 0) != (run.axis == 0):
        corners.reverse()
    builder.add_quad(corners, material, run.object_id)


def _add_reveals(builder: SceneBuilder, run: Run, shell: Shell) -> None:
    """The inner faces of holes: two jambs, the head, and the sill of a window."""
    for hole in run.holes:
        low, high = (hole.y0 if hole.y0 > 0 else -_DIP), hole.y1
        material = shell.wall(run.low) if hole.kind == "open" else shell.trim
        p = run.point
        quads = [
            [p(hole.s0, low, _HALF), p(hole.s0, low, -_HALF), p(hole.s0, high, -_HALF), p(hole.s0, high, _HALF)],
            [p(hole.s1, low, -_HALF), p(hole.s1, low, _HALF), p(hole.s1, high, _HALF), p(hole.s1, high, -_HALF)],
        ]
        if hole.kind != "open":  # there the ceiling runs on
            quads.append(
                [p(hole.s0, high, -_HALF), p(hole.s1, high, -_HALF), p(hole.s1, high, _HALF), p(hole.s0, high, _HALF)]
            )
        if hole.y0 > 0:
            quads.append(
                [p(hole.s0, low, _HALF), p(hole.s1, low, _HALF), p(hole.s1, low, -_HALF), p(hole.s0, low, -_HALF)]
            )
        for corners in quads:
            builder.add_quad(corners if run.axis == 0 else corners[::-1], material, run.object_id)


def _add_baseboards(builder: SceneBuilder, run: Run, shell: Shell) -> None:
    tall, thick = _BASEBOARD
    doors = sorted((h.s0 - 0.07, h.s1 + 0.07) for h in run.holes if h.y0 <= 0)
    for side, room in ((-1, run.low), (1, run.high)):
        if room < 0:
            continue
        start = run.s0
        for a, b in [*doors, (run.s1, run.s1)]:
            if a - start > 0.02:
                center = run.point((start + a) / 2, tall / 2, side * (_HALF + thick / 2))
                size = (a - start, tall, thick) if run.axis == 0 else (thick, tall, a - start)
                builder.add_shape("box", shape_row(center, size), shell.trim, run.object_id)
            start = b


def _add_post(builder: SceneBuilder, post: Post, height: float, shell: Shell, object_id: int) -> None:
    low, high = -_DIP, height + _DIP
    for dx, dz, room in post.faces:
        x, z = post.x + dx * _HALF, post.z + dz * _HALF
        # The face's horizontal direction t is such that t x up points outwards.
        tx, tz = dz * _HALF, -dx * _HALF
        corners = ((x - tx, low, z - tz), (x + tx, low, z + tz), (x + tx, high, z + tz), (x - tx, high, z - tz))
        builder.add_quad(corners, shell.wall(room), object_id)
        if room >= 0:
            _add_post_board(builder, post, (dx, dz), shell.trim, object_id)


def _add_post_board(builder: SceneBuilder, post: Post, face: tuple[int, int], trim: int, object_id: int) -> None:
    """The baseboard of a post's face; at an outer corner it runs on to meet the one of the next face."""
    tall, thick = _BASEBOARD
    dx, dz = face
    visible = {(a, b) for a, b, _ in post.faces}
    low = -_HALF - (thick if (-abs(dz), -abs(dx)) in visible else 0.0)
    high = _HALF + (thick if (abs(dz), abs(dx)) in visible else 0.0)
    along, length, out = (low + high) / 2, high - low, _HALF + thick / 2
    center = (post.x + dx * out + abs(dz) * along, tall / 2, post.z + dz * out + abs(dx) * along)
    builder.add_shape("box", shape_row(center, (length, tall, thick) if dz else (thick, tall, length)), trim, object_id)
