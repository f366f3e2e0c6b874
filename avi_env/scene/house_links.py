"""Which rooms are linked, and by what: a tree by the specification, and more links for loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from avi_env.scene.house_board import Board
from avi_env.scene.house_program import DEAD_ENDS, link_cost, opens_wide
from avi_env.scene.house_specs import HouseSpec
from avi_env.scene.house_stream import Stream

__all__ = ["Link", "Pair", "Tree", "adjacent_rooms", "choose_links", "ideal_cost", "pair_costs", "tree_of_links"]

Pair = tuple[int, int]
"""Two room numbers, the smaller first."""

_UNLINKED, _AVOIDED = 4.0, 6.0  # price of a door that the specification does not want
_PASSAGE = {"bathroom": 9.0, "laundry": 6.0, "closet": 9.0, "bedroom": 1.2, "office": 0.6}  # of leading on elsewhere
_OPENNESS_NEEDED = (0.64, 0.95)  # of a door ajar that one must get through: 58 degrees at the least
_OPENNESS = (0.12, 0.95)


class Link(NamedTuple):
    """A way between two rooms."""

    rooms: Pair
    kind: str
    """"door" (with a leaf), "doorway" (frame without a leaf), "opening" (wide), "open" (no wall between the rooms)."""
    openness: float = 1.0
    """Of a leaf: 0 shut .. 1 open."""
    needed: bool = True
    """Whether it is part of the tree by which all rooms are reached."""


class Tree(NamedTuple):
    """Links by which every room can be reached."""

    pairs: tuple[Pair, ...]
    cost: float


def adjacent_rooms(board: Board, rooms: Sequence[int]) -> list[Pair]:
    """Returns the pairs of rooms with a wall in common, in a fixed order."""
    around = [board.around(region) for region in rooms]
    return [(a, b) for a in range(len(rooms)) for b in range(a + 1, len(rooms)) if around[a] & rooms[b]]


@lru_cache(maxsize=256)
def pair_costs(spec: HouseSpec) -> Mapping[Pair, float]:
    """Returns how unlikely a door is for each pair of rooms: by their types, zones and what they avoid."""
    paths = {room.number: path for room, path in spec.tree.leaves()}
    costs = {}
    for a in paths:
        for b in paths:
            if a >= b:
                continue
            cost = link_cost(spec.types[a], spec.types[b])
            zone, k = spec.tree, 0
            while paths[a][k] is paths[b][k]:
                zone, k = paths[a][k], k + 1  # type: ignore[assignment]  # rooms differ, so what they share are zones
            names = {paths[a][k].name, paths[b][k].name}
            if zone.links and not any(set(link) == names for link in zone.links):
                cost += _UNLINKED
            known = [{node.name for node in paths[r]} | {spec.types[r]} for r in (a, b)]
            avoids = [{name for node in paths[r] for name in node.avoid_doors} for r in (a, b)]
            if avoids[0] & known[1] or avoids[1] & known[0]:
                cost += _AVOIDED
            costs[a, b] = cost
    return costs


def tree_of_links(spec: HouseSpec, pairs: Mapping[Pair, float]) -> Tree | None:
    """Returns a cheap tree over all rooms in which bathrooms, laundries and closets lead nowhere, if that can be.

    Args:
        spec: the house.
        pairs: what may be linked, each with something added to its price.

    Returns:
        The tree with its price, passages through private rooms included; None if the rooms cannot be joined.
    """
    types, costs = spec.types, pair_costs(spec)
    price = {pair: costs[pair] + extra for pair, extra in pairs.items()}
    dead = [kind in DEAD_ENDS for kind in types]
    order = sorted(price, key=lambda pair: (dead[pair[0]] + dead[pair[1]], price[pair]))
    group, tree = list(range(len(types))), []
    for a, b in order:
        if dead[a] or dead[b]:
            continue
        if group[a] != group[b]:
            tree.append((a, b))
            group = _merged(group, a, b)
    for room in range(len(types)):
        if dead[room]:
            own = [pair for pair in order if room in pair and not (dead[pair[0]] and dead[pair[1]])]
            if own:
                a, b = min(own, key=lambda pair: price[pair])
                tree.append((a, b))
                group = _merged(group, a, b)
    for a, b in sorted(price, key=lambda pair: price[pair]):
        if group[a] != group[b]:
            tree.append((a, b))
            group = _merged(group, a, b)
    if len(set(group)) > 1:
        return None
    degree = [sum(room in pair for pair in tree) for room in range(len(types))]
    passages = sum(_PASSAGE.get(kind, 0.0) * (degree[room] - 1) for room, kind in enumerate(types) if degree[room] > 1)
    return Tree(tuple(tree), sum(costs[pair] for pair in tree) + passages)


@lru_cache(maxsize=256)
def ideal_cost(spec: HouseSpec) -> float:
    """Returns the price of the tree if all rooms had walls in common: no plan can do better."""
    tree = tree_of_links(spec, dict.fromkeys(pair_costs(spec), 0.0))
    return 0.0 if tree is None else tree.cost


def _merged(group: list[int], a: int, b: int) -> list[int]:
    return [group[a] if g == group[b] else g for g in group]


def choose_links(stream: Stream, spec: HouseSpec, pairs: Iterable[Pair]) -> list[Link]:
    """Returns the links of a house: a tree that can be walked through, and more that may be shut.

    Args:
        stream: source of chance.
        spec: the house.
        pairs: rooms with a wall in common that a door fits into.

    Raises:
        RuntimeError: the rooms cannot be joined.
    """
    types, costs = spec.types, pair_costs(spec)
    jitter = {pair: stream.uniform(0.0, 0.6) for pair in pairs}
    tree = tree_of_links(spec, jitter)
    if tree is None:
        raise RuntimeError(f"the rooms of {spec.name or 'the house'} cannot be joined")
    links = [_link(stream, types, pair, True) for pair in tree.pairs]
    degree = [sum(room in pair for pair in tree.pairs) for room in range(len(types))]
    rest = sorted((pair for pair in jitter if pair not in tree.pairs), key=lambda pair: costs[pair] + jitter[pair])
    extra = 0
    for pair in rest:
        wish = 0.65 if costs[pair] < 1.0 else 0.4 if costs[pair] < 2.0 else 0.1 if costs[pair] < 4.0 else 0.0
        wish = 0.9 if extra == 0 and costs[pair] < 2.5 else wish
        private = any(types[room] in DEAD_ENDS for room in pair)
        if not stream.chance(wish * (0.2 if private else 1.0)) or max(degree[room] for room in pair) > 4:
            continue
        links.append(_link(stream, types, pair, False))
        extra += 1
        for room in pair:
            degree[room] += 1
    return links


def _link(stream: Stream, types: Sequence[str], pair: Pair, needed: bool) -> Link:
    a, b = types[pair[0]], types[pair[1]]
    if opens_wide(a, b) and stream.chance(0.55):
        halls = "hallway" in (a, b)
        return Link(pair, "opening" if halls or stream.chance(0.5) else "open", 1.0, needed)
    private = {"bathroom", "bedroom", "laundry", "closet"}
    if not private & {a, b} and stream.chance(0.2):
        return Link(pair, "doorway", 1.0, needed)
    state = stream.random()
    if needed:
        openness = 1.0 if state < 0.7 else round(stream.uniform(*_OPENNESS_NEEDED), 2)
    else:
        openness = 1.0 if state < 0.35 else round(stream.uniform(*_OPENNESS), 2) if state < 0.65 else 0.0
    return Link(pair, "door", openness, needed)
