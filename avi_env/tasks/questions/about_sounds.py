"""Questions about what sounds where."""

from __future__ import annotations

from avi_env.tasks.questions.places import RoomFacts
from avi_env.tasks.questions.question import Evidence
from avi_env.tasks.questions.staging import QUESTION_SOURCES, Draft, Role, Stage, Staging, phrase

__all__ = [
    "how_many_sounds",
    "in_how_many_rooms",
    "is_room_loud",
    "is_there",
    "what_sounds_here",
    "what_sounds_in_room",
    "which_room",
]

_MOST_ROOMS = 5  # options of a question for a room


def heard(*sources: int) -> tuple[Evidence, ...]:
    """Evidence that sources are to be heard."""
    return tuple(Evidence("hearing", source=number) for number in sources)


def is_there(stage: Stage) -> Draft | None:
    """Is there a barking dog in the house?"""
    asked, *others = stage.portable(3)
    rooms = stage.rooms(2, named=False)
    if rooms is None:
        return None
    stagings = []
    for first in (asked, others[0]):
        roles = (stage.role(first, rooms[0]), stage.role(others[1], rooms[1]))
        stagings.append(Staging(roles, heard(0) if first == asked else stage.silence()))
    return Draft(f"Is there {phrase(asked, 'a')} in the house?", ("yes", "no"), tuple(stagings))


def is_room_loud(stage: Stage) -> Draft | None:
    """Is anything making a sound in the kitchen?"""
    rooms = stage.rooms(1)
    others = stage.rooms(1, named=False, but=(rooms[0].id,)) if rooms else None
    if rooms is None or others is None:
        return None
    a, b = stage.portable(2)
    inside = Staging((stage.role(a, rooms[0]), stage.role(b, others[0])), heard(0))
    outside = Staging((stage.role(a, others[0]), stage.role(b, others[0])), stage.silence(rooms))
    return Draft(f"Is anything making a sound in {rooms[0].name}?", ("yes", "no"), (inside, outside))


def how_many_sounds(stage: Stage) -> Draft | None:
    """How many different things make a sound in the house?"""
    counts = range(1, QUESTION_SOURCES + 1)
    rooms = stage.rooms(1, named=False)
    if rooms is None:
        return None
    stagings = []
    for count in counts:
        roles = tuple(stage.role(sound, stage.pick(stage.survey.rooms)) for sound in stage.portable(count))
        stagings.append(Staging(roles, (*heard(*range(count)), *stage.silence())))
    text = "How many different things make a sound in the house?"
    return Draft(text, tuple(str(count) for count in counts), tuple(stagings))


def in_how_many_rooms(stage: Stage) -> Draft | None:
    """In how many rooms is there a crying baby?"""
    rooms = stage.rooms(QUESTION_SOURCES - 1, named=False)
    if rooms is None:
        return None
    asked, other = stage.portable(2)
    stagings = []
    for count in range(QUESTION_SOURCES):
        found = tuple(stage.role(asked, room) for room in rooms[:count])
        # Something else sounds, too, so that silence does not tell.
        decoy = stage.role(other, stage.pick(stage.survey.rooms))
        evidence = (*heard(*range(count)), *stage.silence())
        stagings.append(Staging((*found, decoy), evidence, answerable=count > 0))
    counts = tuple(str(count) for count in range(QUESTION_SOURCES))
    return Draft(f"In how many rooms is there {phrase(asked, 'a')}?", counts, tuple(stagings))


def which_room(stage: Stage) -> Draft | None:
    """Which room is the ringing phone in?"""
    rooms = stage.rooms(3) and stage.rooms(min(_MOST_ROOMS, sum(bool(room.name) for room in stage.survey.rooms)))
    if not rooms:
        return None
    asked, *others = stage.portable(3)
    stagings = []
    for room in rooms:
        decoy = stage.role(others[0], stage.pick(stage.survey.rooms))
        stagings.append(Staging((stage.role(asked, room), decoy), (Evidence("hearing", 0, room=room.id),)))
    stagings.append(_nowhere(stage, others))
    options = (*(room.name for room in rooms), f"there is no {phrase(asked, '').strip()}")
    return Draft(f"Which room is {phrase(asked)} in?", options, tuple(stagings))


def _nowhere(stage: Stage, others: list[str]) -> Staging:
    """Other things sound than the one that is asked for."""
    roles = tuple(stage.role(sound, stage.pick(stage.survey.rooms)) for sound in others[:2])
    return Staging(roles, stage.silence(), answerable=False)


def what_sounds_in_room(stage: Stage) -> Draft | None:
    """What makes a sound in the kitchen?"""
    rooms = stage.rooms(1)
    return (rooms and _what_sounds(stage, rooms[0], f"What makes a sound in {rooms[0].name}?")) or None


def what_sounds_here(stage: Stage) -> Draft | None:
    """What makes a sound in the room where you start?"""
    room = stage.start_room
    return _what_sounds(stage, room, "What makes a sound in the room where you start?") if room else None


def _what_sounds(stage: Stage, room: RoomFacts, text: str) -> Draft | None:
    """One of three things that sound is in the room, or none."""
    elsewhere = [other for other in stage.survey.rooms if other.id != room.id]
    if not elsewhere:
        return None
    kinds = stage.portable(3)
    stagings = []
    for chosen in (0, 1, 2, None):
        roles: list[Role] = []
        for number, kind in enumerate(kinds):
            roles.append(stage.role(kind, room if number == chosen else stage.pick(elsewhere)))
        evidence = stage.silence([room]) if chosen is None else (Evidence("hearing", chosen, room=room.id),)
        stagings.append(Staging(tuple(roles), evidence, answerable=chosen is not None))
    return Draft(text, (*(phrase(kind) for kind in kinds), "nothing sounds there"), tuple(stagings))
