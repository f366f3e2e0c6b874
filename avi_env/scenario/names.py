"""Names of a scenario file: which object, room, door or source of a house each of them means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from avi_env.content import name_error
from avi_env.scenario.moment import AGENT, EntityKind
from avi_env.scene import Scene

__all__ = ["Entity", "Names"]

_NEITHER = frozenset({"door", "wall", "floor", "ceiling"})
"""Categories of objects without names: doors are named by their portals, the others are rooms' shells."""


@dataclass(frozen=True)
class Entity:
    """What a name stands for."""

    name: str
    """In full."""
    kind: EntityKind
    id: int = -1
    """Of the object, of the room, of the door's portal; -1 for a source and the agent."""


class Names:
    """The entities of a house by name.

    An object is its category and its number among those of that category, by id and from 1 on ("phone_1"); a room is
    its type and number alike ("kitchen_1"). A door is "door_" and the id of its portal, or the two rooms that it joins
    ("kitchen_1/hallway_1", in either order). Where there is only one of a kind, its name alone will do ("kitchen").
    """

    def __init__(self, scene: Scene, sources: Iterable[str] = (), declared: Mapping[str, int] | None = None) -> None:
        """Reads a house.

        Args:
            scene: the house.
            sources: names of the file's sources.
            declared: objects that the file has put into the house, by the name it gives them: their ids.

        Raises:
            ValueError: a source or a declared object has the name of something else.
        """
        own = dict(declared or {})
        self._full: dict[str, Entity] = {AGENT: Entity(AGENT, "agent")}
        self._short: dict[str, list[str]] = defaultdict(list)
        rooms = {room.id: self._numbered(room.type, "room", room.id) for room in scene.rooms}
        for obj in scene.objects:
            if obj.category not in _NEITHER and obj.id not in own.values():
                self._numbered(obj.category, "object", obj.id)
        for portal in scene.portals:
            entity = Entity(f"door_{portal.id}", "door", portal.id)
            self._full[entity.name] = entity
            first, second = (rooms.get(side, "outside") for side in portal.rooms)
            for pair in (f"{first}/{second}", f"{second}/{first}"):
                self._short[pair].append(entity.name)
        for name, number in own.items():
            self._declare(Entity(name, "object", number))
        for name in sources:
            self._declare(Entity(name, "source"))

    def entity(self, name: str, kinds: tuple[EntityKind, ...] = ()) -> Entity:
        """Returns what a name means.

        Args:
            name: in full or short.
            kinds: what it may be; anything if empty.

        Raises:
            ValueError: nothing has the name, several things have it, or it is of another kind.
        """
        found = self._full.get(name)
        if found is None and "/" in name:
            name = "/".join(self._only(side) for side in name.split("/"))
        if found is None:
            meant = self._short.get(name, [])
            if len(meant) > 1:
                raise ValueError(f"{name!r} may be {' or '.join(meant)}: say which")
            if not meant:
                raise name_error(_words(kinds), name, self._offered(kinds))
            found = self._full[meant[0]]
        if kinds and found.kind not in kinds:
            raise ValueError(f"{name!r} is {_article(found.kind)}, but {_words(kinds)} is needed here")
        return found

    def of_kind(self, kind: EntityKind) -> tuple[Entity, ...]:
        """Returns all entities of a kind."""
        return tuple(entity for entity in self._full.values() if entity.kind == kind)

    def of_id(self, kind: EntityKind, number: int) -> Entity | None:
        """Returns the entity of a kind with an id, None if it has no name."""
        return next((e for e in self._full.values() if (e.kind, e.id) == (kind, number)), None)

    def _numbered(self, base: str, kind: EntityKind, number: int) -> str:
        known = self._short[base]
        entity = Entity(f"{base}_{len(known) + 1}", kind, number)
        known.append(entity.name)
        self._full[entity.name] = entity
        return entity.name

    def _declare(self, entity: Entity) -> None:
        present = self._full.get(entity.name)
        if present is not None:
            raise ValueError(
                f"the {entity.kind} {entity.name!r} has the name of {_article(present.kind)}: give it another one"
            )
        self._full[entity.name] = entity

    def _only(self, name: str) -> str:
        """Returns the full name of the only thing that a short name means, else the name."""
        meant = self._short.get(name, [])
        return meant[0] if len(meant) == 1 else name

    def _offered(self, kinds: tuple[EntityKind, ...]) -> list[str]:
        return [name for name, entity in self._full.items() if not kinds or entity.kind in kinds]


def _words(kinds: tuple[EntityKind, ...]) -> str:
    return " or ".join(sorted(kinds)) if kinds else "name"


def _article(kind: EntityKind) -> str:
    return f"{'an' if kind[0] in 'ao' else 'a'} {kind}" if kind != "agent" else "the agent"
