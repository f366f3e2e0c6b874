"""The house generator: a pure function of the seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import SupportsIndex

from avi_env.content import name_error
from avi_env.scene.furniture import Placed, make_look
from avi_env.scene.house_build import build_shell, emit_pieces, room_lights
from avi_env.scene.house_doors import hang_leaves, zone
from avi_env.scene.house_fill import Skeleton, furnish_house
from avi_env.scene.house_layout import linkable_pairs, room_areas, wall_posts, wall_runs
from avi_env.scene.house_links import choose_links
from avi_env.scene.house_openings import place_doors, place_front_door, place_windows
from avi_env.scene.house_plan import Plan, make_plan
from avi_env.scene.house_specs import SPLITS, HouseArguments, HouseSpec, choose_spec, house_name
from avi_env.scene.house_stream import Stream
from avi_env.scene.model import Scene
from avi_env.scene.shapes import SceneBuilder

__all__ = ["HOUSE_VERSION", "generate_house"]

HOUSE_VERSION = 2
"""Changes whenever the same seed gives another house."""

_ATTEMPTS = 20


def generate_house(
    seed: int,
    rooms: int | Sequence[str] | None = None,
    furniture: bool = True,
    split: str = "train",
    spec: str | None = None,
) -> Scene:
    """Returns a furnished one-storey house: the same for the same arguments, on every machine.

    Rooms lie on a grid; walls are slabs of 12 cm; doors are true openings 0.85-1.0 m wide and 2.05 m high, open, ajar
    or shut; every room can be reached by an agent of radius 0.2 m and height 1.5 m. At least five different objects
    can sound.

    Args:
        seed: any integer from 0 to 2**64 - 1.
        rooms: a number of rooms (1-10), or their types ("living_room", "kitchen", ...); None draws them from the seed.
        furniture: False leaves the rooms empty (walls, doors, windows, lamps only).
        split: "train", "val" or "test": layouts, looks and materials of each are its own.
        spec: name of a room specification of the pack "houses" ("two_bedrooms"), instead of `rooms`.

    Raises:
        ValueError: a seed out of range, too few or too many rooms, an unknown room type, split or specification, or
            rooms of which no house can be made.

    Source: floor plans after Lopes et al. (GAME-ON 2010); the order of steps after ProcTHOR (Deitke et al. 2022).
    """
    seed, rooms = index(seed), _wanted(rooms)
    if not 0 <= seed < 2**64:
        raise ValueError(f"the seed of a house must be >= 0 and below 2**64, not {seed}")
    if split not in SPLITS:
        raise name_error("split", split, SPLITS)
    name = house_name(HouseArguments(seed, rooms, split, spec))
    chosen = choose_spec(Stream(seed, "program", 0, split), rooms, split, spec)
    for attempt in range(_ATTEMPTS):
        scene = _try_house(name, seed, attempt, split, chosen, furniture)
        if scene is not None:
            return scene
    raise ValueError(
        f"{name} with rooms {', '.join(chosen.types)}: no valid layout in {_ATTEMPTS} attempts; take another seed, or "
        f"other rooms (a closet alone has no wall long enough for a front door)"
    )


def _wanted(rooms: int | Sequence[str] | None) -> int | tuple[str, ...] | None:
    if rooms is None or isinstance(rooms, SupportsIndex):
        return rooms if rooms is None else index(rooms)
    if isinstance(rooms, str) or not isinstance(rooms, Iterable):
        raise ValueError(f"rooms are a number or a list of types, as in ('living_room', 'bedroom'), not {rooms!r}")
    return tuple(str(kind) for kind in rooms)


def _try_house(name: str, seed: int, attempt: int, split: str, spec: HouseSpec, furniture: bool) -> Scene | None:
    style = Stream(seed, "style", attempt, split)
    look = make_look(style, split)
    try:
        plan = make_plan(Stream(seed, "plan", attempt, split), spec)
        skeleton = _skeleton(seed, attempt, split, plan, _ceiling_height(style))
    except RuntimeError:
        return None
    pieces = furnish_house(seed, attempt, skeleton, look, furniture)
    if pieces is None:
        return None
    return _assemble(name, seed, skeleton, pieces)


def _ceiling_height(stream: Stream) -> float:
    """Mostly 2.4-3.2 m, seldom up to 4.5 m: the mean of two draws cubed has ProcTHOR's skewed tail."""
    return round(2.4 + 2.1 * ((stream.random() + stream.random()) / 2) ** 3, 2)


def _skeleton(seed: int, attempt: int, split: str, plan: Plan, height: float) -> Skeleton:
    runs = wall_runs(plan)
    areas = room_areas(plan)
    openings = Stream(seed, "openings", attempt, split)
    links = choose_links(Stream(seed, "links", attempt, split), plan.spec, linkable_pairs(runs))
    doorways = place_doors(openings, runs, links, height)
    front = place_front_door(openings, plan.types, runs)
    windows = place_windows(openings, plan.types, areas, runs, height)
    taken = [zone(run, hole, run.side_of(max(run.low, run.high)), 0.4, 0.2) for run, hole in windows]
    taken.append(zone(*front, front[0].side_of(max(front[0].low, front[0].high)), 0.85, 0.08))
    spans = [0.0 if kind == "hallway" else area for kind, area in zip(plan.types, areas, strict=True)]
    doorways = hang_leaves(openings, doorways, runs, spans, taken)
    return Skeleton(plan, runs, doorways, front, windows, height, split)


def _assemble(name: str, seed: int, skeleton: Skeleton, pieces: list[Placed]) -> Scene:
    builder = SceneBuilder()
    split = skeleton.split
    posts = wall_posts(skeleton.plan, skeleton.runs)
    rooms, portals = build_shell(builder, Stream(seed, "surfaces", 0, split), skeleton, posts)
    emit_pieces(builder, pieces)
    spec = skeleton.plan.spec
    meta = {
        "generator": "house",
        "version": HOUSE_VERSION,
        "seed": seed,
        "split": split,
        "spec": spec.name,
        "rooms": list(spec.types),
    }
    lights = room_lights(Stream(seed, "lights", 0, split), pieces, rooms)
    return builder.build(name, rooms, portals, lights, meta)
