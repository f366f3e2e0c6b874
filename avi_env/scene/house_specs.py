"""Room specifications of houses: trees of zones and rooms, read from the content pack "houses"."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from avi_env.content import content_path, name_error
from avi_env.scene.house_program import MAX_ROOMS, MIN_ROOMS, ROOM_CELLS, ROOM_TYPES
from avi_env.scene.house_stream import Stream

__all__ = [
    "SPLITS",
    "HouseArguments",
    "HouseSpec",
    "RoomSpec",
    "ZoneSpec",
    "choose_spec",
    "house_arguments",
    "house_name",
    "house_names",
    "house_specs",
    "read_specs",
]

SPLITS = ("train", "val", "test")
"""Houses of one split share no layout with those of another; some specifications belong to one split only."""

_PACK = "houses"
_SCHEMA = 1
_HOUSE_KEYS = ("name", "weight", "splits", "links", "tree")
_ZONE_KEYS = ("zone", "ratio", "links", "avoid_doors", "rooms")
_ROOM_KEYS = ("room", "name", "ratio", "avoid_doors")


@dataclass(frozen=True)
class RoomSpec:
    """One room: a leaf of the tree."""

    name: str
    type: str
    number: int
    """Index of the room in the house."""
    ratio: float
    """Floor area in proportion to its siblings'."""
    avoid_doors: tuple[str, ...] = ()
    """Names of rooms and zones, and types, to which no door leads as long as another way is found."""


@dataclass(frozen=True)
class ZoneSpec:
    """Rooms and zones that lie together."""

    name: str
    ratio: float
    """Floor area in proportion to its siblings'."""
    children: tuple[RoomSpec | ZoneSpec, ...]
    links: tuple[tuple[str, str], ...] = ()
    """Pairs of children between which doors lead; empty = between any two."""
    avoid_doors: tuple[str, ...] = ()
    """As for each room in the zone."""

    def leaves(self) -> Iterator[tuple[RoomSpec, tuple[RoomSpec | ZoneSpec, ...]]]:
        """Yields each room with the nodes from this zone's child down to it."""
        for child in self.children:
            if isinstance(child, RoomSpec):
                yield child, (child,)
            else:
                for room, path in child.leaves():
                    yield room, (child, *path)


@dataclass(frozen=True)
class HouseSpec:
    """What a house consists of."""

    name: str
    tree: ZoneSpec
    weight: float = 1.0
    """How often it is drawn, in proportion to the others of as many rooms or of any number."""
    splits: tuple[str, ...] = SPLITS
    """Whose houses are built after it."""

    @cached_property
    def rooms(self) -> tuple[RoomSpec, ...]:
        """All rooms by number."""
        return tuple(sorted((room for room, _ in self.tree.leaves()), key=lambda room: room.number))

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Room types by number."""
        return tuple(room.type for room in self.rooms)


@lru_cache(maxsize=1)
def house_specs() -> tuple[HouseSpec, ...]:
    """Returns the specifications of the pack "houses"."""
    return read_specs(content_path("scenes", _PACK) / "scene.toml")


def read_specs(path: Path) -> tuple[HouseSpec, ...]:
    """Returns the specifications of a scene.toml.

    Raises:
        ValueError: no valid TOML, another schema, an unknown key, type, split or name, a tree without rooms or with too
            many, or two nodes or houses of one name; the message names the culprit.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not valid TOML: {error}") from error
    if table.get("schema") != _SCHEMA:
        raise ValueError(f"{path}: schema {table.get('schema')!r}, but this version reads {_SCHEMA}")
    specs = tuple(_house(row) for row in table.get("house", ()))
    names = [spec.name for spec in specs]
    if not specs or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{path}: {'houses of the same name: ' + ', '.join(twice) if twice else 'no [[house]] in it'}")
    return specs


def choose_spec(stream: Stream, rooms: int | Sequence[str] | None, split: str, name: str | None = None) -> HouseSpec:
    """Returns the specification of a house: as asked, or drawn from the stream among those of the split.

    Args:
        stream: source of chance.
        rooms: a number of rooms (1-10), their types, or None: any number.
        split: "train", "val" or "test".
        name: a specification of the pack; then `rooms` must be None.

    Raises:
        ValueError: too few or too many rooms, an unknown type or name, or both rooms and a name.
    """
    if name is not None:
        if rooms is not None:
            raise ValueError(f"a house has either rooms ({rooms!r}) or a spec ({name!r}), not both")
        named = {spec.name: spec for spec in house_specs()}
        if name not in named:
            raise name_error("house spec", name, named)
        return named[name]
    if rooms is not None and not isinstance(rooms, int):
        return _spec_of_types(tuple(rooms))
    if rooms is not None:
        _check_count(rooms)
    fitting = [s for s in house_specs() if split in s.splits and rooms in (None, len(s.rooms))]
    return stream.pick_weighted(fitting, [s.weight for s in fitting])


class HouseArguments(NamedTuple):
    """What a house's name says: the arguments of `generate_house`."""

    seed: int
    rooms: int | tuple[str, ...] | None
    split: str
    spec: str | None


def house_arguments(name: str) -> HouseArguments:
    """Returns what a house's name stands for.

    "house:7" is seed 7 of the training split, "house:val:7" of validation, "house:test:7:5" of test with 5 rooms,
    "house:7:two_bedrooms" follows a specification, "house:7:living_room+bedroom" has rooms of these types.

    Raises:
        ValueError: no such form.
    """
    match = re.fullmatch(r"house:(?:([a-z]+):)?(\d+)(?::(?:(\d+)|([a-z0-9_]+(?:\+[a-z_]+)*)))?", name)
    if match is None:
        raise ValueError(
            f"scene {name!r}: write 'house:SEED', 'house:SPLIT:SEED' or 'house:SPLIT:SEED:ROOMS', as in 'house:7', "
            f"'house:val:7' or 'house:7:5'; ROOMS is a number, a specification or types joined by '+'"
        )
    split, seed, count, text = match.groups()
    if split is not None and split not in SPLITS:
        raise name_error("split", split, SPLITS)
    types = tuple((text or "").split("+"))
    listed = len(types) > 1 or types[0] in ROOM_TYPES
    rooms = int(count) if count is not None else types if listed else None
    return HouseArguments(int(seed), rooms, split or "train", None if listed else text)


def house_name(arguments: HouseArguments) -> str:
    """Returns the name by which `load_scene` makes the same house again."""
    seed, rooms, split, spec = arguments
    parts = ["house", *([] if split == "train" else [split]), str(seed)]
    if spec is not None:
        parts.append(spec)
    elif rooms is not None:
        parts.append(str(rooms) if isinstance(rooms, int) else "+".join(rooms))
    return ":".join(parts)


def house_names(spec: str) -> list[str]:
    """Returns the names of the houses that a set stands for.

    "houses:64" stands for house:0 ... house:63, "houses:val:20" for house:val:0 ... house:val:19, "houses:test:100-163"
    for house:test:100 ... house:test:163.

    Raises:
        ValueError: no such form.
    """
    match = re.fullmatch(r"houses:(?:([a-z]+):)?(\d+)(?:-(\d+))?", spec)
    if match is None:
        raise ValueError(
            f"scenes {spec!r}: write 'houses:COUNT' or 'houses:FIRST-LAST', with a split before them if it is not the "
            f"training split, as in 'houses:64' or 'houses:val:100-163'"
        )
    if match[1] is not None and match[1] not in SPLITS:
        raise name_error("split", match[1], SPLITS)
    first, last = (0, int(match[2])) if match[3] is None else (int(match[2]), int(match[3]) + 1)
    prefix = "house:" if match[1] in (None, "train") else f"house:{match[1]}:"
    return [f"{prefix}{seed}" for seed in range(first, last)]


def _check_count(count: int) -> None:
    if not MIN_ROOMS <= count <= MAX_ROOMS:
        raise ValueError(f"a house has {MIN_ROOMS} to {MAX_ROOMS} rooms, not {count}")


_LIVING = frozenset({"living_room", "kitchen", "dining_room"})


def _spec_of_types(types: tuple[str, ...]) -> HouseSpec:
    """A tree for rooms given by type: living rooms in one zone, the others in a second, hallways between them."""
    for kind in types:
        if kind not in ROOM_CELLS:
            raise name_error("room type", kind, ROOM_TYPES)
    _check_count(len(types))
    rooms = [RoomSpec(f"{kind}_{k}", kind, k, ROOM_CELLS[kind]) for k, kind in enumerate(types)]
    halls = tuple(room for room in rooms if room.type == "hallway")
    groups = {
        "living": tuple(room for room in rooms if room.type in _LIVING),
        "private": tuple(room for room in rooms if room.type not in _LIVING and room.type != "hallway"),
    }
    if len(types) <= 4 or not all(len(group) > 1 for group in groups.values()):
        return HouseSpec("", ZoneSpec("house", 1.0, tuple(rooms)))
    zones = tuple(ZoneSpec(name, sum(r.ratio for r in group), group) for name, group in groups.items())
    return HouseSpec("", ZoneSpec("house", 1.0, (*halls, *zones)))


def _house(row: Mapping[str, Any]) -> HouseSpec:
    where = f"house {row.get('name', '?')!r}"
    _check_keys(row, _HOUSE_KEYS, where)
    if "name" not in row or "tree" not in row:
        raise ValueError(f"{where}: it needs a name and a tree")
    splits = tuple(row.get("splits", SPLITS))
    for split in splits:
        if split not in SPLITS:
            raise ValueError(f"{where}: {name_error('split', str(split), SPLITS)}")
    root = {"zone": "house", "rooms": row["tree"], "links": row.get("links", ())}
    spec = HouseSpec(str(row["name"]), _zone(root, where, iter(range(1000))), float(row.get("weight", 1.0)), splits)
    if not MIN_ROOMS <= len(spec.rooms) <= MAX_ROOMS or spec.weight <= 0.0:
        raise ValueError(
            f"{where}: {len(spec.rooms)} rooms of weight {spec.weight:g}; a house has {MIN_ROOMS} to {MAX_ROOMS} rooms "
            f"and a weight above 0"
        )
    _check_names(spec, where)
    return spec


def _zone(row: Mapping[str, Any], where: str, numbers: Iterator[int]) -> ZoneSpec:
    _check_keys(row, _ZONE_KEYS, where)
    children = tuple(_node(child, where, numbers) for child in row.get("rooms", ()))
    if not children:
        raise ValueError(f"{where}: zone {row['zone']!r} has no rooms")
    names = [child.name for child in children]
    for link in row.get("links", ()):
        for name in link:
            if name not in names:
                raise ValueError(f"{where}: {name_error('child', str(name), names)} Links name children of their zone.")
    usual = sum(ROOM_CELLS[room.type] for child in children for room in _rooms(child))
    links = tuple((str(a), str(b)) for a, b in row.get("links", ()))
    return ZoneSpec(
        str(row["zone"]), _ratio(row, usual, where), children, links, tuple(map(str, row.get("avoid_doors", ())))
    )


def _node(row: Mapping[str, Any], where: str, numbers: Iterator[int]) -> RoomSpec | ZoneSpec:
    if "zone" in row:
        return _zone(row, where, numbers)
    _check_keys(row, _ROOM_KEYS, where)
    kind = str(row.get("room", ""))
    if kind not in ROOM_CELLS:
        raise ValueError(f"{where}: {name_error('room type', kind, ROOM_TYPES)}")
    ratio = _ratio(row, ROOM_CELLS[kind], where)
    avoid = tuple(map(str, row.get("avoid_doors", ())))
    return RoomSpec(str(row.get("name", kind)), kind, next(numbers), ratio, avoid)


def _rooms(node: RoomSpec | ZoneSpec) -> tuple[RoomSpec, ...]:
    return (node,) if isinstance(node, RoomSpec) else tuple(room for room, _ in node.leaves())


def _ratio(row: Mapping[str, Any], usual: float, where: str) -> float:
    ratio = float(row.get("ratio", usual))
    if not ratio > 0.0:
        raise ValueError(f"{where}: the ratio of {row.get('name', row.get('room', row.get('zone')))!r} must be > 0")
    return ratio


def _check_keys(row: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in row:
        if key not in known:
            raise ValueError(f"{where}: {name_error('key', key, known)}")


def _check_names(spec: HouseSpec, where: str) -> None:
    """Names are unique, and `avoid_doors` speaks of something in the house."""
    nodes = {id(node): node for _, path in spec.tree.leaves() for node in path}.values()
    names = [node.name for node in nodes]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{where}: two rooms or zones named {name!r}: give one of them another name")
    known = {*names, *spec.types}
    for node in nodes:
        for name in node.avoid_doors:
            if name not in known:
                raise ValueError(f"{where}: {name_error('room or zone', name, known)}")
