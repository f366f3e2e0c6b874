"""The house generator: a pure function of the seed."""

from __future__ import annotations

from collections.abc import Sequence

from avi_env.scene.furniture import Look, Placed, make_look
from avi_env.scene.house_build import build_shell, emit_pieces, room_lights
from avi_env.scene.house_fill import Skeleton, furnish_house
from avi_env.scene.house_layout import choose_links, wall_posts, wall_runs
from avi_env.scene.house_openings import place_doors, place_front_door, place_windows
from avi_env.scene.house_plan import Plan, make_plan
from avi_env.scene.house_program import room_program
from avi_env.scene.house_stream import Stream
from avi_env.scene.model import Scene
from avi_env.scene.shapes import SceneBuilder

__all__ = ["HOUSE_VERSION", "generate_house"]

HOUSE_VERSION = 1
"""Changes whenever the same seed gives another house."""

_ATTEMPTS = 20


def generate_house(seed: int, rooms: int | Sequence[str] | None = None, furniture: bool = True) -> Scene:
    """Returns a furnished one-storey house: the same for the same arguments, on every machine.

    Rooms lie on a grid; walls are slabs of 12 cm; doors are true openings 0.85-1.0 m wide and 2.05 m high; every room
    can be reached by an agent of radius 0.2 m and height 1.5 m. At least five different objects can sound.

    Args:
        seed: any integer >= 0.
        rooms: a number of rooms (2-8), or their types ("living_room", "kitchen", ...); None draws them from the seed.
        furniture: False leaves the rooms empty (walls, doors, windows, lamps only).

    Raises:
        ValueError: a negative seed, too few or too many rooms, or an unknown room type.

    Source: floor plans after Lopes et al. (GAME-ON 2010); the order of steps after ProcTHOR (Deitke et al. 2022).
    """
    if seed < 0:
        raise ValueError(f"the seed of a house must be >= 0, not {seed}")
    types = room_program(Stream(seed, "program"), rooms)
    for attempt in range(_ATTEMPTS):
        scene = _try_house(seed, attempt, types, furniture)
        if scene is not None:
            return scene
    raise RuntimeError(
        f"house {seed} with rooms {', '.join(types)}: no valid layout in {_ATTEMPTS} attempts; take another seed"
    )


def _try_house(seed: int, attempt: int, types: tuple[str, ...], furniture: bool) -> Scene | None:
    try:
        plan = make_plan(Stream(seed, "plan", attempt), types)
    except RuntimeError:
        return None
    style = Stream(seed, "style", attempt)
    look = make_look(style)
    height = round(style.uniform(2.4, 3.0), 2)
    skeleton = _skeleton(seed, attempt, plan, height)
    pieces = furnish_house(seed, attempt, skeleton, look, furniture)
    if pieces is None:
        return None
    return _assemble(seed, types, skeleton, look, pieces)


def _skeleton(seed: int, attempt: int, plan: Plan, height: float) -> Skeleton:
    runs = wall_runs(plan)
    openings = Stream(seed, "openings", attempt)
    links = choose_links(Stream(seed, "links", attempt), plan, runs)
    doorways = place_doors(openings, runs, links)
    front = place_front_door(openings, plan, runs)
    windows = place_windows(openings, plan, runs, height)
    return Skeleton(plan, runs, doorways, front, windows, height)


def _assemble(seed: int, types: tuple[str, ...], skeleton: Skeleton, look: Look, pieces: list[Placed]) -> Scene:
    builder = SceneBuilder()
    posts = wall_posts(skeleton.plan, skeleton.runs)
    rooms, portals = build_shell(builder, Stream(seed, "surfaces"), skeleton, posts)
    emit_pieces(builder, pieces)
    meta = {"generator": "house", "version": HOUSE_VERSION, "seed": seed, "rooms": list(types)}
    lights = room_lights(Stream(seed, "lights"), pieces, rooms)
    return builder.build(f"house:{seed}", rooms, portals, lights, meta)
