"""From layout and placed pieces to rooms, portals, lights and triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from avi_env.scene.furniture import Paint, Placed
from avi_env.scene.house_doors import Doorway
from avi_env.scene.house_fill import Skeleton
from avi_env.scene.house_layout import Post, room_outline
from avi_env.scene.house_stream import Stream
from avi_env.scene.house_surfaces import HouseSurfaces, choose_surfaces
from avi_env.scene.house_walls import Shell, add_floors, add_walls
from avi_env.scene.model import Light, Portal, Room
from avi_env.scene.shapes import SHAPES, SceneBuilder

__all__ = ["build_shell", "emit_pieces", "room_lights"]

Array = npt.NDArray[np.float64]

_TONES = ((1.0, 0.78, 0.55), (1.0, 0.86, 0.68), (1.0, 0.93, 0.82), (1.0, 0.97, 0.94), (0.93, 0.96, 1.0))
"""Colours of lamps, from about 2700 K to 6500 K."""

_TONE_WEIGHTS = (1.5, 3.0, 3.0, 1.5, 0.7)


def build_shell(
    builder: SceneBuilder, stream: Stream, skeleton: Skeleton, posts: list[Post]
) -> tuple[list[Room], list[Portal]]:
    """Adds floors, ceilings and walls, and returns the rooms and the portals between them."""
    plan = skeleton.plan
    shell = _shell(builder, choose_surfaces(stream, plan.types, skeleton.split))
    add_floors(builder, plan, skeleton.height, shell)
    add_walls(builder, skeleton.runs, posts, skeleton.height, shell)
    rooms = [Room(k, kind, room_outline(plan, k), 0.0, skeleton.height) for k, kind in enumerate(plan.types)]
    return rooms, [_portal(k, d) for k, d in enumerate(skeleton.doorways)]


def _shell(builder: SceneBuilder, surfaces: HouseSurfaces) -> Shell:
    walls, floors, ceilings = (
        [_index(builder, paint) for paint in row] for row in (surfaces.walls, surfaces.floors, surfaces.ceilings)
    )
    return Shell(walls, floors, ceilings, _index(builder, surfaces.facade), _index(builder, surfaces.trim))


def _index(builder: SceneBuilder, paint: Paint) -> int:
    return builder.add_material(paint.material, paint.color, paint.pattern)


def _portal(number: int, doorway: Doorway) -> Portal:
    """The normal points from the first room to the second."""
    run, hole = doorway.run, doorway.hole
    center = run.point((hole.s0 + hole.s1) / 2, (hole.y0 + hole.y1) / 2, 0.0)
    kind = "opening" if doorway.link.kind == "open" else doorway.link.kind
    x, y, z = (round(v, 6) for v in center)
    return Portal(
        id=number,
        rooms=(run.high, run.low),
        center=(x, y, z),
        width=round(hole.s1 - hole.s0, 6),
        height=round(hole.y1 - hole.y0, 6),
        yaw=0.0 if run.axis == 0 else 1.570796,
        openness=doorway.openness,
        kind=kind,
    )


def emit_pieces(builder: SceneBuilder, pieces: Sequence[Placed]) -> None:
    """Adds every placed piece as one object with its shapes."""
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in SHAPES}
    owners: dict[str, list[tuple[int, int]]] = {name: [] for name in SHAPES}
    places: dict[str, list[int]] = {name: [] for name in SHAPES}
    index: dict[Paint, int] = {}
    for k, placed in enumerate(pieces):
        piece = placed.piece
        number = builder.add_object(piece.category, placed.room, placed.center, piece.size, placed.yaw, piece.emits)
        last: Paint | None = None
        material = -1
        for shape, row, paint in piece.parts:
            if paint is not last:
                last = paint
                found = index.get(paint)
                material = index[paint] = _index(builder, paint) if found is None else found
            rows[shape].append(row)
            owners[shape].append((material, number))
            places[shape].append(k)
    stands = np.array([(*p.position, *p.turned, p.yaw) for p in pieces])
    for shape in SHAPES:
        if rows[shape]:
            builder.add_shapes(shape, _placed_rows(np.array(rows[shape]), stands[places[shape]]), owners[shape])


def _placed_rows(rows: Array, stands: Array) -> Array:
    """Shapes carried from their pieces' frames to the world, as `Placed.rows`.

    Args:
        rows: shapes in their pieces' frames, shape (n, 10).
        stands: position [m], cosine and sine of the yaw, and the yaw [rad] of the piece of each, shape (n, 6).
    """
    x0, y0, z0, c, s, yaw = stands.T
    made = rows.copy()
    made[:, 0] = x0 + rows[:, 0] * c + rows[:, 2] * s
    made[:, 1] = y0 + rows[:, 1]
    made[:, 2] = z0 + rows[:, 2] * c - rows[:, 0] * s
    made[:, 6] = rows[:, 6] + yaw
    return made


def room_lights(stream: Stream, pieces: Sequence[Placed], rooms: Sequence[Room]) -> list[Light]:
    """One light under every ceiling lamp, and over some standing lamps; each room has its tone and strength."""
    usual = stream.pick_weighted(_TONES, _TONE_WEIGHTS)
    tones = [usual if stream.chance(0.6) else stream.pick_weighted(_TONES, _TONE_WEIGHTS) for _ in rooms]
    strengths = [stream.uniform(0.75, 1.3) for _ in rooms]
    counts = {room.id: sum(p.piece.category == "ceiling_lamp" and p.room == room.id for p in pieces) for room in rooms}
    lights = []
    for placed in pieces:
        kind, room = placed.piece.category, placed.room
        if kind not in ("ceiling_lamp", "floor_lamp"):
            continue
        hangs = kind == "ceiling_lamp"
        if not hangs and not stream.chance(0.5):
            continue
        x, y, z = placed.center
        share = placed.piece.size[1] / 2
        at = y - share - 0.25 if hangs else min(y + share + 0.12, rooms[room].height - 0.1)
        # 0.11 a square metre lights a floor 2.5 m below evenly; higher ceilings take the square of the distance.
        strength = (1.4 + 0.11 * _area(rooms[room]) / max(1, counts[room])) * max(1.0, rooms[room].height / 2.7) ** 2
        strength = round((strength if hangs else 0.7) * strengths[room] * stream.uniform(0.9, 1.1), 4)
        color = tuple(round(c * stream.uniform(0.97, 1.0), 4) for c in tones[room])
        lights.append(Light((round(x, 6), round(at, 6), round(z, 6)), (color[0], color[1], color[2]), strength, room))
    return lights


def _area(room: Room) -> float:
    p = room.polygon
    return 0.5 * abs(sum(p[k - 1][0] * p[k][1] - p[k][0] * p[k - 1][1] for k in range(len(p))))
