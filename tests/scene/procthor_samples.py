"""A ProcTHOR house of three rooms, written by hand, for tests."""

from __future__ import annotations

from typing import Any

HEIGHT = 2.5
RINGS = {  # room: floor outline (x, z) in Unity's axes; the living room is an L of 24 - 4 = 20 m2
    "room|2": [(0, 0), (0, 4), (4, 4), (4, 2), (6, 2), (6, 0)],
    "room|3": [(4, 2), (4, 4), (6, 4), (6, 2)],
    "room|4": [(6, 0), (6, 2), (6, 4), (9, 4), (9, 0)],
}
TYPES = {"room|2": "LivingRoom", "room|3": "Bathroom", "room|4": "Bedroom"}
AREAS = {"living_room": 20.0, "bathroom": 4.0, "bedroom": 12.0}


def point(x: float, y: float, z: float) -> dict[str, float]:
    """A vector as the files write it."""
    return {"x": x, "y": y, "z": z}


def wall_id(room: str, ends: tuple[tuple[float, float], tuple[float, float]]) -> str:
    """The name of a wall."""
    (x0, z0), (x1, z1) = ends
    return f"wall|{room.split('|')[1]}|{min(x0, x1):.2f}|{min(z0, z1):.2f}|{max(x0, x1):.2f}|{max(z0, z1):.2f}"


def wall(room: str, ends: tuple[tuple[float, float], tuple[float, float]], material: str) -> dict[str, Any]:
    """One side of a wall."""
    corners = [point(x, y, z) for y in (0, HEIGHT) for x, z in ends]
    surface = {"name": material, "color": {"r": 0.9, "g": 0.8, "b": 0.7}}
    return {"id": wall_id(room, ends), "roomId": room, "polygon": corners, "material": surface}


def hole(kind: str, rooms: tuple[str, str], walls: tuple[str, str], span: Any, **more: Any) -> dict[str, Any]:
    """A door or window."""
    (x0, x1), (y0, y1) = span
    corners = [point(x0, y0, 0), point(x1, y1, 0)]
    names = {"room0": rooms[0], "room1": rooms[1], "wall0": walls[0], "wall1": walls[1]}
    number = "|".join(room.split("|")[1] for room in rooms)
    return {"id": f"{kind}|{number}", "holePolygon": corners, **names, **more}


def house() -> dict[str, Any]:
    """Living room with a bathroom (shut door) and a bedroom (open door), a front door and a window."""
    materials = {"room|2": "PureWhite", "room|3": "BathroomTile", "room|4": "OrangeDrywall"}
    walls = []
    for room, ring in RINGS.items():
        for ends in zip(ring, [*ring[1:], ring[0]], strict=True):
            walls.append(wall(room, ends, materials[room]))
    outer = ((0, 0), (0, 4))
    exterior = wall("room|2", outer, "BrickWall")
    exterior |= {"id": wall_id("room|exterior", outer), "polygon": exterior["polygon"][::-1], "roomId": "exterior"}
    floors = {"room|2": "OakPlanks", "room|3": "WhiteTile", "room|4": "BedroomCarpet"}
    rooms = [
        {
            "id": room,
            "roomType": TYPES[room],
            "floorPolygon": [point(x, 0, z) for x, z in ring],
            "floorMaterial": {"name": floors[room]},
            "children": [],
            "ceilings": [],
        }
        for room, ring in RINGS.items()
    ]
    side = ((4, 2), (6, 2))
    east = {"room|2": ((6, 2), (6, 0)), "room|4": ((6, 0), (6, 2))}
    doors = [
        hole(
            "door",
            ("room|2", "room|4"),
            (wall_id("room|2", east["room|2"]), wall_id("room|4", east["room|4"])),
            ((0.5, 1.5), (0, 2.1)),
            assetId="Doorway_1",
            openable=True,
            openness=1,
        ),
        hole(
            "door",
            ("room|2", "room|3"),
            (wall_id("room|2", side), wall_id("room|3", side)),
            ((0.4, 1.4), (0, 2.1)),
            assetId="Doorway_2",
            openable=True,
            openness=0,
        ),
        hole(
            "door",
            ("room|2", "room|2"),
            (wall_id("room|2", outer), exterior["id"]),
            ((0.5, 1.5), (0, 2.1)),
            assetId="Doorway_3",
            openable=False,
            openness=0,
        ),
    ]
    north = ((6, 4), (9, 4))
    window = hole(
        "window",
        ("room|4", "room|4"),
        (wall_id("room|4", north), wall_id("room|exterior", north)),
        ((1, 2), (0.9, 2.0)),
        assetId="Window_Fixed_36x48",
    )
    bed = {"id": "Bed|4|0", "assetId": "Bed_1", "position": point(8.0, 0.3, 3.4), "rotation": point(0, 270, 0)}
    mug = {"id": "Mug|2|1|0", "assetId": "Mug_1", "position": point(1, 0.8, 3), "rotation": point(0, 0, 0)}
    table = {"id": "DiningTable|2|1", "assetId": "Dining_Table_1", "position": point(1, 0.37, 3), "kinematic": True}
    table |= {"rotation": point(0, 0, 0), "children": [mug]}
    lights = [
        {"id": "DirectionalLight", "type": "directional", "position": point(0, 1, 0), "intensity": 0.35},
        {"id": "light_4", "type": "point", "position": point(7.5, 2.3, 2), "intensity": 0.75, "range": 15},
    ]
    lights[1]["rgb"] = {"r": 1.0, "g": 0.855, "b": 0.722}
    return {
        "rooms": rooms,
        "walls": [*walls, exterior],
        "doors": doors,
        "windows": [window],
        "objects": [bed, table],
        "proceduralParameters": {"lights": lights, "ceilingMaterial": {"name": "PureWhite"}, "skyboxId": "Sky1"},
        "metadata": {"schema": "1.0.0"},
    }
