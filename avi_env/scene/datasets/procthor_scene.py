"""ProcTHOR houses as scenes: closed rooms with walls, doors, windows, furniture and lights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.annotation import category_name, room_of_point
from avi_env.scene.datasets.categories import MaterialChoice, category_materials, category_words, default_material
from avi_env.scene.datasets.frames import box_of_points
from avi_env.scene.datasets.procthor import House, HouseHole, HouseRoom, HouseWall, Surface, read_procthor
from avi_env.scene.datasets.procthor_objects import Furnisher, asset_sizes
from avi_env.scene.datasets.shell import HALF_WALL, Edge, Hole, RoomShell, inner_corners, room_shell
from avi_env.scene.health import require_healthy
from avi_env.scene.materials import material as find_material
from avi_env.scene.materials import tinted
from avi_env.scene.mesh_parts import MeshPart, scene_from_parts
from avi_env.scene.model import Light, Material, Portal, Room, Scene, SceneObject
from avi_env.scene.shapes import Point
from avi_env.sounds.classes import sounds_of_object

__all__ = ["load_procthor"]

FloatArray = npt.NDArray[np.float64]

_NEAR = 0.02  # [m] within which corners of walls and rooms are the same
_LEAF = 0.04  # thickness of a door's leaf [m]
_PANE = 0.02
_OVERLAP = 0.002  # [m] by which panes and shut leaves reach into their frames
_HINGE = 0.03  # [m] from a jamb to the middle of a leaf that stands open
_BRIGHTNESS = 3.0
"""Our intensity for each unit of Unity's: a lamp of 0.75 then lights a room of 8 m2 as ours do."""

_FLOORS = (("carpet", "carpet"), ("rug", "carpet"), ("marble", "marble"), ("tile", "ceramic_tile"),
           ("ceramic", "ceramic_tile"), ("concrete", "concrete"), ("brick", "brick"))  # fmt: skip
_WALLS = (("drywall", "plasterboard"), ("brick", "brick"), ("tile", "ceramic_tile"), ("concrete", "concrete"),
          ("wallpaper", "wallpaper"), ("wood", "painted_wood"), ("panel", "painted_wood"))  # fmt: skip


def load_procthor(
    path: str | Path, number: int | None = None, materials: MaterialChoice = None, assets: str | Path | None = None
) -> Scene:
    """Returns a ProcTHOR house as a closed scene.

    Rooms keep the outlines of the file, so their areas are exact; walls become 10 cm thick about these lines. Doors
    have leaves as open as the file says, doors outside are shut, windows are panes. Objects are pieces of furniture of
    their type, or boxes; their sizes are not in the file, so without `assets` they are typical ones, and what stands
    on the floor gets the height that its middle tells.

    Args:
        path: a .json, .json.gz, .jsonl or .jsonl.gz.
        number: which line of a .jsonl, from 0.
        materials: see `MaterialChoice`; categories floor, ceiling, wall, door, window and those of the objects.
        assets: AI2-THOR's asset-database.json, for the true sizes of objects.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is malformed; the message names the entry.
    """
    house = read_procthor(Path(path), number)
    sizes = asset_sizes(Path(assets)) if assets is not None else {}
    builder = _Builder(house, materials)
    portals = builder.add_shell()
    furnisher = Furnisher(sizes)
    for item in house.objects:
        room = room_of_point(builder.rooms, (float(item.center[0]), float(item.center[1]), float(item.center[2])))
        made = furnisher.make(item, builder.inner_outline(room) if room >= 0 else None)
        number_of = builder.add_object(made.category, room, made.center, made.size, item.yaw, made.emits)
        builder.keys.append(item.id)
        builder.parts += [builder.part(p.vertices, p.triangles, p.material, number_of) for p in made.parts]
    furnisher.warn(house.name)
    lights = [_light(light.position, light.color, light.intensity, builder.rooms) for light in house.lights]
    scene = scene_from_parts(
        house.name,
        builder.finished(materials),
        objects=builder.objects,
        rooms=builder.rooms,
        portals=portals,
        lights=lights,
        meta={"generator": "dataset", "dataset": "ProcTHOR", "object_keys": builder.keys},
        file=Path(path),
    )
    require_healthy(scene)
    return scene


def _light(position: FloatArray, color: tuple[float, float, float], intensity: float, rooms: Sequence[Room]) -> Light:
    x, y, z = (round(float(v), 6) for v in position)
    return Light((x, y, z), color, round(_BRIGHTNESS * intensity, 4), room_of_point(rooms, (x, y, z)))


class _Builder:
    """Gathers the triangles and objects of one house."""

    def __init__(self, house: House, materials: MaterialChoice) -> None:
        self.house = house
        self.objects: list[SceneObject] = []
        self.keys: list[str] = []
        self.parts: list[MeshPart] = []
        self.edges = {room.id: _edges(room, house.walls) for room in house.rooms}
        self.number = {room.id: k for k, room in enumerate(house.rooms)}
        self.top = {room.id: _top(room, house.walls) for room in house.rooms}
        self.rooms = [self._room(room) for room in house.rooms]

    def _room(self, room: HouseRoom) -> Room:
        outline = tuple((round(float(x), 6), round(float(z), 6)) for x, z in room.ring)
        height = round(self.top[room.id] - room.floor_y, 6)
        return Room(self.number[room.id], category_name(room.type), outline, room.floor_y, height)

    def inner_outline(self, room: int) -> FloatArray:
        """The inner faces of a room's walls, (x, z) [m], shape (n, 2)."""
        return np.stack(inner_corners(self.edges[self.house.rooms[room].id]))

    def add_object(
        self, category: str, room: int, center: Point, size: Point, yaw: float = 0.0, emits: tuple[str, ...] = ()
    ) -> int:
        """Adds an object and returns its id."""
        self.objects.append(SceneObject(len(self.objects), category, room, center, size, yaw, emits))
        return len(self.objects) - 1

    def part(self, vertices: FloatArray, triangles: npt.NDArray[Any], material: Material, number: int) -> MeshPart:
        """A piece of the mesh that belongs to an object."""
        name = self.objects[number].category
        return MeshPart(name, vertices, triangles, material=material, object=number, label=name)

    def finished(self, materials: MaterialChoice) -> list[MeshPart]:
        """The parts, with the materials that a user chose by category in place of the house's own."""
        if materials is None:
            return self.parts
        names = {o.category for o in self.objects}
        chosen = category_materials(names, materials, self.house.name)
        kept = set(materials) if isinstance(materials, dict) else names
        return [
            p._replace(material=chosen[self.objects[p.object].category])
            if self.objects[p.object].category in kept
            else p
            for p in self.parts
        ]

    def add_shell(self) -> list[Portal]:
        """Adds rooms with doors and windows and returns the portals."""
        portals: list[Portal] = []
        leaves: list[tuple[HouseHole, Edge, Hole]] = []
        for hole in self.house.holes:
            edge, found = self._cut(hole)
            if hole.rooms[0] != hole.rooms[1] and not hole.window:
                portals.append(self._portal(len(portals), hole, edge, found))
            leaves.append((hole, edge, found))
        portals += self._open_walls(len(portals))
        for room in self.house.rooms:
            try:
                faces = room_shell(self.edges[room.id], room.floor_y, self.top[room.id])
            except ValueError as error:
                raise ValueError(f"{self.house.name}: the floor of {room.id!r} is no outline: {error}") from error
            self._add_room(room, faces)
        for hole, edge, found in leaves:
            self._add_leaf(hole, edge, found)
        return portals

    def _cut(self, hole: HouseHole) -> tuple[Edge, Hole]:
        """Cuts a hole into the edges of both rooms and returns that of the first room."""
        wall = next(w for w in self.house.walls if w.id == hole.walls[0])
        along = (wall.end - wall.start) / np.linalg.norm(wall.end - wall.start)
        ends = [wall.start + s * along for s in hole.span]
        both = [self._edge_at(hole, room, (ends[0] + ends[1]) / 2) for room in dict.fromkeys(hole.rooms)]
        spans = [_span(edge, ends) for edge in both]
        # The narrower of what both rooms' walls leave room for, the same on both sides.
        low = max(min(s) for s in _common(both, spans))
        high = min(max(s) for s in _common(both, spans))
        if high - low < 0.1:
            raise ValueError(f"{self.house.name}: {hole.id!r} lies outside its wall {hole.walls[0]!r}")
        top = min(hole.high + wall.low, *(self.top[room] for room in hole.rooms))
        made = []
        for edge in both:
            turned = float(edge.along @ both[0].along) < 0
            shift = float((both[0].start - edge.start) @ edge.along)
            span = (shift - high, shift - low) if turned else (shift + low, shift + high)
            made.append(Hole(span[0], span[1], hole.low + wall.low, top))
            edge.holes.append(made[-1])
        return both[0], made[0]

    def _edge_at(self, hole: HouseHole, room: str, place: FloatArray) -> Edge:
        for edge in self.edges[room]:
            s = float((place - edge.start) @ edge.along)
            if abs(float((place - edge.start) @ edge.inwards)) < _NEAR and -_NEAR < s < edge.length + _NEAR:
                return edge
        x, z = place.tolist()
        raise ValueError(f"{self.house.name}: {hole.id!r} at ({x:.2f}, {z:.2f}) m lies on no wall of the room {room!r}")

    def _open_walls(self, first: int) -> list[Portal]:
        """Opens the edges of walls said to be empty, on both sides, and returns a portal for each."""
        portals: list[Portal] = []
        for wall in (w for w in self.house.walls if w.empty and w.room in self.edges):
            middle = (wall.start + wall.end) / 2
            here = _on_edge(self.edges[wall.room], middle)
            others = ((r.id, _on_edge(self.edges[r.id], middle)) for r in self.house.rooms if r.id != wall.room)
            other, there = next(((name, edge) for name, edge in others if edge is not None), ("", None))
            if here is None or there is None or any(h.full for h in here.holes):
                continue
            top = min(self.top[wall.room], self.top[other])
            for edge in (here, there):
                edge.holes = [Hole(0.0, edge.length, wall.low, top, full=True)]
            pair = (self.number[wall.room], self.number[other])
            portals.append(_opening(first + len(portals), pair, here, here.holes[0], 1.0, "opening"))
        return portals

    def _portal(self, number: int, hole: HouseHole, edge: Edge, found: Hole) -> Portal:
        rooms = (self.number[hole.rooms[0]], self.number[hole.rooms[1]])
        frame = "frame" in hole.asset.lower() or not hole.asset
        return _opening(number, rooms, edge, found, 1.0 if frame else hole.openness, "doorway" if frame else "door")

    def _add_room(self, room: HouseRoom, faces: RoomShell) -> None:
        number, box = self.number[room.id], box_of_points(_raised_ring(room, self.top[room.id]))
        (x, _, z), (wide, _, deep) = box.center, box.size
        floor = self.add_object("floor", number, (x, room.floor_y, z), (wide, 0.0, deep))
        ceiling = self.add_object("ceiling", number, (x, self.top[room.id], z), (wide, 0.0, deep))
        self.keys += [room.id, f"{room.id}|ceiling"]
        self.parts.append(self._soup(faces.floor, _floor_material(room.surface), floor))
        self.parts.append(self._soup(faces.ceiling, _colored("ceiling_plasterboard", self.house.ceiling), ceiling))
        for index, edge in enumerate(self.edges[room.id]):
            wall = _wall_of(edge, room, self.house.walls)
            name = wall.id if wall else f"{room.id}|{index}"
            kinds = (
                ("wall", name, faces.walls, _wall_material(wall)),
                ("door_frame", f"{name}|linings", faces.linings, find_material("painted_wood")),
            )
            for category, key, indexed, made_of in kinds:
                quads = [quad for k, quad in indexed if k == index]
                if quads:
                    self.parts.append(self._soup(quads, made_of, self._slab(category, room, edge, quads)))
                    self.keys.append(key)

    def _slab(self, category: str, room: HouseRoom, edge: Edge, quads: Sequence[FloatArray]) -> int:
        """Adds the object whose faces stand in half a wall: its box lies between an edge's outline and face."""
        points = np.concatenate(quads)
        along = (points[:, [0, 2]] - edge.start) @ edge.along
        low, high = along.min(), along.max()
        bottom, top = max(points[:, 1].min(), room.floor_y), min(points[:, 1].max(), self.top[room.id])
        middle = edge.start + (low + high) / 2 * edge.along + HALF_WALL / 2 * edge.inwards
        center = (float(middle[0]), float(bottom + top) / 2, float(middle[1]))
        size = (float(high - low), float(top - bottom), HALF_WALL)
        return self.add_object(category, self.number[room.id], center, size, _yaw_along(edge.along))

    def _soup(self, faces: Sequence[FloatArray], material: Material, number: int) -> MeshPart:
        """Triangles and quads as one part."""
        order = {3: [[0, 1, 2]], 4: [[0, 1, 2], [0, 2, 3]]}
        starts = np.cumsum([0, *(len(f) for f in faces)])
        triangles = np.concatenate([np.array(order[len(f)]) + k for f, k in zip(faces, starts, strict=False)])
        return self.part(np.concatenate(faces), triangles, material, number)

    def _add_leaf(self, hole: HouseHole, edge: Edge, found: Hole) -> None:
        """A pane, or the leaf or leaves of a door; door frames have none."""
        frame = not hole.window and ("frame" in hole.asset.lower() or not hole.asset)
        outside = hole.rooms[0] == hole.rooms[1]
        if frame and not outside:
            return
        height = found.high - found.low + 2 * _OVERLAP
        y = (found.low + found.high) / 2
        if hole.window or outside or hole.openness == 0.0:
            category = "window" if hole.window else "front_door" if outside else "door"
            middle = edge.start + (found.start + found.end) / 2 * edge.along
            size = (found.end - found.start + 2 * _OVERLAP, height, _PANE if hole.window else _LEAF)
            self._box(hole.id, category, middle, y, size, _yaw_along(-edge.along))  # its front looks into the room
            return
        double = "double" in hole.asset.lower()
        width = (found.end - found.start) / (2 if double else 1)
        wall = next(w for w in self.house.walls if w.id == hole.walls[0])
        run = (wall.end - wall.start) / np.linalg.norm(wall.end - wall.start)
        swing = np.array([run[1], -run[0]])  # Unity: doors open to the left of their first wall
        for jamb, inwards in ((found.start, edge.along), (found.end, -edge.along))[: 2 if double else 1]:
            turn = hole.openness * math.pi / 2
            way = math.cos(turn) * inwards + math.sin(turn) * swing
            hinge = edge.start + jamb * edge.along + _HINGE * inwards + (HALF_WALL + _HINGE) * math.sin(turn) * swing
            middle = hinge + (width - 2 * _HINGE) / 2 * way
            self._box(hole.id, "door", middle, y, (width - 2 * _HINGE, height - 0.02, _LEAF), _yaw_along(way))

    def _box(self, key: str, category: str, middle: FloatArray, y: float, size: Point, yaw: float) -> None:
        cos, sin = math.cos(yaw), math.sin(yaw)
        corners = np.array([[a, b, c] for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (-0.5, 0.5)]) * size
        turned = np.stack(
            [corners[:, 0] * cos + corners[:, 2] * sin, corners[:, 1], corners[:, 2] * cos - corners[:, 0] * sin], 1
        )
        center = (float(middle[0]), y, float(middle[1]))
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
        room = room_of_point(self.rooms, center)
        words = "_".join(category_words(category))
        number = self.add_object(category, room, center, size, yaw, sounds_of_object(words))
        self.keys.append(key)
        name = {"window": "glass"}.get(category, "wood_door")
        self.parts.append(self.part(turned + center, triangles, find_material(name), number))


def _edges(room: HouseRoom, walls: Sequence[HouseWall]) -> list[Edge]:
    """The outline of a room, cut where its walls begin and end."""
    corners = []
    ends = [p for w in walls if w.room == room.id for p in (w.start, w.end)]
    for start, end in zip(room.ring, np.roll(room.ring, -1, axis=0), strict=True):
        edge = Edge(start, end)
        along = {0.0: start}
        for point in ends:
            s, off = float((point - start) @ edge.along), float((point - start) @ edge.inwards)
            if abs(off) < _NEAR and _NEAR < s < edge.length - _NEAR and min(abs(s - k) for k in along) > _NEAR:
                along[s] = start + s * edge.along
        corners += [along[s] for s in sorted(along)]
    return [Edge(a, b) for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)]


def _top(room: HouseRoom, walls: Sequence[HouseWall]) -> float:
    heights = [w.high for w in walls if w.room == room.id] or [w.high for w in walls]
    return round(min(heights), 6)


def _on_edge(edges: Sequence[Edge], place: FloatArray) -> Edge | None:
    for edge in edges:
        s, off = float((place - edge.start) @ edge.along), float((place - edge.start) @ edge.inwards)
        if abs(off) < _NEAR and 0.0 < s < edge.length:
            return edge
    return None


def _wall_of(edge: Edge, room: HouseRoom, walls: Sequence[HouseWall]) -> HouseWall | None:
    middle = (edge.start + edge.end) / 2
    return next((w for w in walls if w.room == room.id and _on_edge([Edge(w.start, w.end)], middle)), None)


def _span(edge: Edge, ends: Sequence[FloatArray]) -> tuple[float, float]:
    """Where a hole lies along an edge, kept off the corners, where the inner face of a wall is shorter."""
    low, high = sorted(float((p - edge.start) @ edge.along) for p in ends)
    margin = HALF_WALL + 1e-3
    return max(low, margin), min(high, edge.length - margin)


def _common(edges: Sequence[Edge], spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The spans of all edges along the first one."""
    first = edges[0]
    return [
        tuple(sorted(float((edge.start + s * edge.along - first.start) @ first.along) for s in span))  # type: ignore[misc]
        for edge, span in zip(edges, spans, strict=True)
    ]


def _opening(number: int, rooms: tuple[int, int], edge: Edge, hole: Hole, openness: float, kind: str) -> Portal:
    middle = edge.start + (hole.start + hole.end) / 2 * edge.along
    center = (round(float(middle[0]), 6), round((hole.low + hole.high) / 2, 6), round(float(middle[1]), 6))
    yaw = math.atan2(edge.inwards[0], edge.inwards[1])  # the normal, (-sin, -cos), leads out of the first room
    width, height = round(hole.end - hole.start, 6), round(hole.high - hole.low, 6)
    return Portal(number, rooms, center, width, height, round(yaw, 6) + 0.0, openness, kind)


def _yaw_along(along: FloatArray) -> float:
    """Yaw of a box whose own x lies along a direction (x, z)."""
    return round(math.atan2(-along[1], along[0]), 6) + 0.0


def _raised_ring(room: HouseRoom, top: float) -> FloatArray:
    flat = np.stack([room.ring[:, 0], np.full(len(room.ring), room.floor_y), room.ring[:, 1]], axis=1)
    return np.concatenate([flat, flat + np.array([0.0, top - room.floor_y, 0.0])])


def _floor_material(surface: Surface) -> Material:
    words = surface.name.lower()
    return _colored(next((m for word, m in _FLOORS if word in words), "parquet"), surface)


def _wall_material(wall: HouseWall | None) -> Material:
    surface = wall.surface if wall is not None else Surface()
    words = surface.name.lower()
    name = next((m for word, m in _WALLS if word in words), None) or default_material(surface.name) or "plaster"
    return _colored(name, surface)


def _colored(name: str, surface: Surface) -> Material:
    return find_material(name) if surface.color is None else tinted(name, surface.color)
