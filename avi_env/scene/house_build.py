"""From layout and placed pieces to rooms, portals, lights and triangles."""

from __future__ import annotations

from collections.abc import Sequence

from avi_env.scene.furniture import Color, Paint, Placed
from avi_env.scene.house_doors import Doorway
from avi_env.scene.house_fill import Skeleton
from avi_env.scene.house_layout import Post, room_outline
from avi_env.scene.house_stream import Stream
from avi_env.scene.house_walls import Shell, add_floors, add_walls
from avi_env.scene.model import Light, Portal, Room
from avi_env.scene.shapes import SceneBuilder

__all__ = ["build_shell", "emit_pieces", "room_lights"]

_WALL_COLORS: tuple[Color, ...] = (
    (0.66, 0.62, 0.54),
    (0.50, 0.55, 0.50),
    (0.42, 0.52, 0.58),
    (0.62, 0.48, 0.34),
    (0.38, 0.46, 0.36),
    (0.58, 0.38, 0.31),
    (0.70, 0.69, 0.66),
    (0.34, 0.38, 0.46),
    (0.66, 0.56, 0.32),
    (0.55, 0.48, 0.52),
)
_WOOD_FLOORS: tuple[Color, ...] = (
    (0.40, 0.23, 0.12),
    (0.50, 0.33, 0.19),
    (0.26, 0.14, 0.07),
    (0.56, 0.43, 0.29),
    (0.33, 0.25, 0.18),
)
_TILES: tuple[Color, ...] = (
    (0.74, 0.76, 0.76),
    (0.42, 0.44, 0.45),
    (0.62, 0.55, 0.46),
    (0.50, 0.58, 0.60),
    (0.22, 0.23, 0.25),
)
_CARPETS: tuple[Color, ...] = ((0.45, 0.40, 0.34), (0.30, 0.31, 0.34), (0.36, 0.28, 0.24), (0.26, 0.32, 0.30))
_FACADES = (Paint("brick"), Paint("plaster", (0.72, 0.68, 0.58)), Paint("brick", (0.50, 0.36, 0.26)))


def build_shell(
    builder: SceneBuilder, stream: Stream, skeleton: Skeleton, posts: list[Post]
) -> tuple[list[Room], list[Portal]]:
    """Adds floors, ceilings and walls, and returns the rooms and the portals between them."""
    plan = skeleton.plan
    shell = _choose_surfaces(builder, stream, plan.types)
    add_floors(builder, plan, skeleton.height, shell)
    add_walls(builder, skeleton.runs, posts, skeleton.height, shell)
    rooms = [Room(k, kind, room_outline(plan, k), 0.0, skeleton.height) for k, kind in enumerate(plan.types)]
    return rooms, [_portal(k, d) for k, d in enumerate(skeleton.doorways)]


def _choose_surfaces(builder: SceneBuilder, stream: Stream, types: Sequence[str]) -> Shell:
    """One wood floor and one wall colour run through the house; wet rooms are tiled, some rooms differ."""
    common_wall = stream.pick(_WALL_COLORS)
    common_floor = Paint(stream.pick(("wood_floor", "parquet")), stream.pick(_WOOD_FLOORS))
    wall_material = stream.pick(("plaster", "plaster", "plasterboard"))
    walls, floors, ceilings = [], [], []
    for kind in types:
        wall = Paint(wall_material, common_wall if stream.chance(0.4) else stream.pick(_WALL_COLORS))
        floor = common_floor
        if kind in ("bathroom", "laundry"):
            floor = Paint("ceramic_tile", stream.pick(_TILES))
            wall = Paint("ceramic_tile", stream.pick(_TILES[:2])) if stream.chance(0.6) else wall
        elif kind == "kitchen" and stream.chance(0.6):
            floor = Paint(stream.pick(("ceramic_tile", "linoleum")), stream.pick(_TILES))
        elif kind in ("bedroom", "office") and stream.chance(0.5):
            floor = Paint(stream.pick(("carpet", "carpet_thin")), stream.pick(_CARPETS))
        elif kind in ("bedroom", "dining_room") and stream.chance(0.25):
            wall = Paint("wallpaper", stream.pick(_WALL_COLORS))
        walls.append(_index(builder, wall))
        floors.append(_index(builder, floor))
        ceilings.append(_index(builder, Paint("ceiling_plasterboard")))
    facade = _index(builder, stream.pick(_FACADES))
    return Shell(walls, floors, ceilings, facade, _index(builder, Paint("painted_wood")))


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
    index: dict[Paint, int] = {}
    for placed in pieces:
        piece = placed.piece
        number = builder.add_object(piece.category, placed.room, placed.center, piece.size, placed.yaw, piece.emits)
        for (shape, _, paint), row in zip(piece.parts, placed.rows, strict=True):
            if paint not in index:
                index[paint] = _index(builder, paint)
            builder.add_shape(shape, row, index[paint], number)


def room_lights(stream: Stream, pieces: Sequence[Placed], rooms: Sequence[Room]) -> list[Light]:
    """One light under every ceiling lamp, of slightly different colour and strength."""
    lights = []
    counts = {room.id: sum(p.piece.category == "ceiling_lamp" and p.room == room.id for p in pieces) for room in rooms}
    for placed in pieces:
        if placed.piece.category != "ceiling_lamp":
            continue
        x, y, z = placed.center
        below = y - placed.piece.size[1] / 2 - 0.25
        area = _area(rooms[placed.room]) / counts[placed.room]
        warmth = stream.uniform(0.0, 1.0)
        color = (1.0, round(0.97 - 0.06 * warmth, 4), round(0.92 - 0.16 * warmth, 4))
        strength = round((1.4 + 0.11 * area) * stream.uniform(0.85, 1.15), 4)
        lights.append(Light((round(x, 6), round(below, 6), round(z, 6)), color, strength, placed.room))
    return lights


def _area(room: Room) -> float:
    p = room.polygon
    return 0.5 * abs(sum(p[k - 1][0] * p[k][1] - p[k][0] * p[k - 1][1] for k in range(len(p))))
