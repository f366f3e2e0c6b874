"""What a planner sees and says: observation in, one skill call or answer out. No planner lives here.

Angles in this file are for people and language models: azimuth in degrees clockwise as seen from above, 0 = straight
ahead, 90 = right, -90 = left, 180 = behind. Positions are (x, z) [m] in the episode's start frame (start = origin, the
first view looks along -z).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args, runtime_checkable

from avi_env.content import name_error
from avi_env.sounds import sounds_of_object

__all__ = [
    "RESULT_CODES",
    "Answer",
    "Argument",
    "HeardSound",
    "HeardSpeech",
    "Invalid",
    "Planner",
    "PlannerObservation",
    "RoomSeen",
    "SeenObject",
    "SkillCall",
    "SkillResult",
    "SkillSpec",
    "Status",
    "TranscriptLog",
    "Usage",
    "direction_words",
    "loudness_words",
]

Status = Literal["success", "failed", "timeout", "interrupted", "invalid"]

RESULT_CODES = (
    "ok",
    "unreachable",
    "unknown_entity",
    "lost_sound",
    "collided",
    "budget",
    "preempted",
    "nothing_left",
    "bad_call",
)
"""Closed list of `SkillResult.code`."""

_SECTORS = ("ahead", "ahead-right", "right", "behind-right", "behind", "behind-left", "left", "ahead-left")
_MAX_SOUNDS, _MAX_OBJECTS, _MAX_ROOMS = 8, 20, 12  # what the text lists, best first: keeps it under 1200 tokens
_MAX_SPEECH, _MAX_WORDS = 4, 160  # latest utterances the text lists, and letters of each


def direction_words(azimuth_deg: float) -> str:
    """Returns the eighth of the compass a clockwise azimuth [deg] falls in: "ahead", "ahead-right", "right"..."""
    return _SECTORS[round((azimuth_deg % 360.0) / 45.0) % 8]


def loudness_words(level_db: float) -> str:
    """Returns a word for a level at the ears [dB SPL]."""
    bounds = ((30.0, "faint"), (45.0, "quiet"), (60.0, "clear"), (72.0, "loud"))
    return next((word for limit, word in bounds if level_db < limit), "very loud")


@dataclass(frozen=True)
class HeardSound:
    """A sound the agent hears or has heard, as its own perception tracks it."""

    track: str
    """Short id, stable while the sound is followed: "sound_1"."""
    sound_class: str
    """Best guess of the class ("phone"), "unknown" when unsure."""
    azimuth_deg: float
    """Direction relative to where the agent looks now [deg], clockwise."""
    level_db: float
    """Level at the ears when last heard [dB SPL]."""
    confidence: float
    """Confidence in class and direction, 0..1."""
    still_on: bool
    """Whether it sounds now."""
    distance_m: float | None = None
    """Guess of the distance [m], None = no idea."""
    room: str = ""
    """Guess of the room it comes from (a `RoomSeen.name`), "" = no idea."""
    last_heard_s: float | None = None
    """Time it was last heard [s]."""

    @property
    def direction(self) -> str:
        """The azimuth in words."""
        return direction_words(self.azimuth_deg)


@dataclass(frozen=True)
class HeardSpeech:
    """Something that was said near enough to be understood."""

    t: float
    """Time at which its last word was heard [s]."""
    azimuth_deg: float
    """Direction it came from, relative to where the agent looks now [deg], clockwise."""
    text: str
    level_db: float
    """Highest level at the ears while it was said [dB SPL]."""
    from_user: bool = False
    """Whether the agent knows the voice as that of its user, whose orders count."""

    @property
    def direction(self) -> str:
        """The azimuth in words."""
        return direction_words(self.azimuth_deg)


@dataclass(frozen=True)
class SeenObject:
    """An object the agent has seen, now or before."""

    name: str
    """Short name, unique in the episode: "phone_12"."""
    category: str
    room: str
    """Guess of the room it stands in (a `RoomSeen.name`), "" = no idea."""
    distance_m: float
    azimuth_deg: float
    in_view: bool = True
    """Whether it is in the picture now, not only remembered."""
    track: str = ""
    """Id of the heard sound that seems to come from it, "" = none."""


@dataclass(frozen=True)
class RoomSeen:
    """A room the agent knows of."""

    name: str
    """Short name, unique in the episode: "kitchen_1"."""
    type: str
    """Guess of its type: "kitchen"; "unknown" when unsure."""
    explored: float = 0.0
    """Share of the room that has been seen, 0..1."""
    visited: bool = False
    distance_m: float | None = None
    """Way to it [m], None = no idea."""
    private: bool = False
    """Whether the instruction forbids to enter it."""


@dataclass(frozen=True)
class SkillCall:
    """One call of a skill."""

    name: str
    arguments: Mapping[str, str | float] = field(default_factory=dict)
    reason: str = ""

    def to_text(self) -> str:
        """Returns the call as one would write it: `go_to_room(room=kitchen_1)`."""
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.arguments.items())})"


@dataclass(frozen=True)
class Answer:
    """The final answer; it ends the episode where the agent stands."""

    text: str
    confidence: float = 1.0
    """0..1."""
    reason: str = ""


@dataclass(frozen=True)
class Invalid:
    """The planner gave no usable call, also when asked again: the turn ends, nothing is executed in its place."""

    reply: str
    """The last bad reply, shortened."""
    reason: str
    """Why it was refused."""
    final: bool = False
    """The planner cannot go on (a cap on calls, tokens or time is reached, a script has ended): end the episode."""


@dataclass(frozen=True)
class SkillResult:
    """What came of a call."""

    call: SkillCall
    status: Status
    code: str = "ok"
    """One of `RESULT_CODES`."""
    message: str = ""
    steps: int = 0
    """Environment steps it took."""
    sim_seconds: float = 0.0
    path_m: float = 0.0

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise name_error("status of a skill", self.status, get_args(Status))
        if self.code not in RESULT_CODES:
            raise name_error("code of a skill's result", self.code, RESULT_CODES)

    def to_text(self) -> str:
        """Returns one line: call, status, why, cost."""
        why = f" [{self.code}]" if self.code != "ok" else ""
        said = f": {self.message}" if self.message else ""
        return f"{self.call.to_text()} -> {self.status}{why}{said} ({self.steps} steps, {self.path_m:.1f} m)"


@dataclass(frozen=True)
class Argument:
    """One argument of a skill: one of `choices`, or a number in [low, high], or free text when neither is given."""

    name: str
    description: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    required: bool = True


@dataclass(frozen=True)
class SkillSpec:
    """A skill as offered this turn: its argument choices name only what the agent knows now."""

    name: str
    description: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class PlannerObservation:
    """Everything a planner is told. Built from the agent's own perception, never from the simulator's truth."""

    instruction: str
    """The question to answer or the order to carry out."""
    time_s: float = 0.0
    room: str = ""
    """Guess of the room the agent stands in (a `RoomSeen.name`), "" = no idea."""
    position: tuple[float, float] = (0.0, 0.0)
    """(x, z) [m], start frame."""
    heading_deg: float = 0.0
    """Clockwise from the first view [deg]."""
    heard: tuple[HeardSound, ...] = ()
    seen: tuple[SeenObject, ...] = ()
    rooms: tuple[RoomSeen, ...] = ()
    frontiers: int = 0
    """Places left where the known map ends."""
    explored_m2: float = 0.0
    steps_left: int = 500
    calls_left: int = 25
    last: SkillResult | None = None
    speech: tuple[HeardSpeech, ...] = ()
    """All that was said and understood, oldest first."""
    alarm: str = ""
    """Class of the alarm that the agent has heard, "" = none."""
    can_talk: bool = False
    """Whether the agent can `say` something: there are people in the house."""

    def to_text(self) -> str:
        """Returns the observation as compact text, at most about 1200 tokens."""
        lines = [
            f"Task: {self.instruction}",
            f"Time {self.time_s:.1f} s. You are in {self.room or 'an unknown room'} at x={self.position[0]:.1f} "
            f"z={self.position[1]:.1f}, heading {self.heading_deg:.0f} deg. "
            f"Left: {self.steps_left} steps, {self.calls_left} calls.",
            f"Map: {self.explored_m2:.0f} m2 explored, {self.frontiers} unexplored edges.",
            "Rooms: " + ("; ".join(_room_text(r) for r in self.rooms[:_MAX_ROOMS]) or "none known"),
            "Heard: " + ("; ".join(_sound_text(s) for s in self._loudest()) or "nothing"),
            "Seen: " + ("; ".join(_object_text(o) for o in self.ranked_objects()[:_MAX_OBJECTS]) or "nothing of note"),
        ]
        if self.speech:
            lines.insert(5, "Said: " + "; ".join(_speech_text(s) for s in self.speech[-_MAX_SPEECH:]))
        if self.alarm:
            lines.insert(1, f"ALARM: a {self.alarm.replace('_', ' ')} has gone off in the house.")
        if self.last is not None:
            lines.append(f"Last: {self.last.to_text()}")
        return "\n".join(lines)

    def _loudest(self) -> list[HeardSound]:
        return sorted(self.heard, key=lambda s: (not s.still_on, -s.level_db, s.track))[:_MAX_SOUNDS]

    def ranked_objects(self) -> tuple[SeenObject, ...]:
        """Returns the seen objects, those first that matter most.

        First what seems to be a sound's source, then what the task names or what can make a sound, then what is in
        view, each by distance.
        """
        words = self.instruction.lower()

        def matters(thing: SeenObject) -> bool:
            return thing.category.replace("_", " ") in words or bool(sounds_of_object(thing.category))

        order = sorted(self.seen, key=lambda o: (not o.track, not matters(o), not o.in_view, o.distance_m, o.name))
        return tuple(order)


def _room_text(room: RoomSeen) -> str:
    way = f", {room.distance_m:.0f} m away" if room.distance_m is not None else ""
    kind = f" ({room.type})" if not room.name.startswith(room.type) else ""
    way += ", must not be entered" if room.private else ""
    return f"{room.name}{kind} {room.explored:.0%} explored{', visited' if room.visited else ''}{way}"


def _sound_text(sound: HeardSound) -> str:
    far = f", about {sound.distance_m:.0f} m" if sound.distance_m is not None else ""
    room = f", probably in {sound.room}" if sound.room else ""
    on = "" if sound.still_on else ", silent now"
    return (
        f"{sound.track} {sound.sound_class} {sound.direction} ({sound.azimuth_deg:+.0f} deg){far}, "
        f"{loudness_words(sound.level_db)} {sound.level_db:.0f} dB, {sound.confidence:.0%} sure{room}{on}"
    )


def _speech_text(speech: HeardSpeech) -> str:
    who = "your user" if speech.from_user else "a voice that is not your user's"
    words = " ".join(speech.text.split())[:_MAX_WORDS]
    return f'at {speech.t:.1f} s {who} {speech.direction} ({speech.azimuth_deg:+.0f} deg): "{words}"'


def _object_text(thing: SeenObject) -> str:
    place = f" in {thing.room}" if thing.room else ""
    source = f", source of {thing.track}" if thing.track else ""
    view = "" if thing.in_view else " (remembered)"
    return f"{thing.name}{place} {thing.distance_m:.1f} m {direction_words(thing.azimuth_deg)}{source}{view}"


@dataclass(frozen=True)
class Usage:
    """What planning has cost so far."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    invalid_replies: int = 0
    seconds: float = 0.0
    """Wall-clock time spent in the model [s]; not part of any reproducible record."""

    def __add__(self, other: Usage) -> Usage:
        """Adds up two bills."""
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.invalid_replies + other.invalid_replies,
            self.seconds + other.seconds,
        )


class TranscriptLog(Protocol):
    """A log of every prompt and reply; `avi_env.agents.transcript.Transcript` is the one in use."""

    def records(self) -> list[dict[str, object]]:
        """Returns the entries as JSON-serialisable dictionaries, oldest first."""
        ...


@runtime_checkable
class Planner(Protocol):
    """Chooses the next skill. One instance plans one episode at a time; `reset` starts the next."""

    @property
    def name(self) -> str:
        """Name that is printed and logged, with the model where there is one."""
        ...

    @property
    def usage(self) -> Usage:
        """What planning has cost since `reset`."""
        ...

    @property
    def transcript(self) -> TranscriptLog:
        """Every prompt and reply since `reset`."""
        ...

    def reset(self) -> None:
        """Forgets the episode: conversation, usage and transcript."""
        ...

    def plan(
        self,
        observation: PlannerObservation,
        skills: tuple[SkillSpec, ...],
        history: tuple[SkillResult, ...],
    ) -> SkillCall | Answer | Invalid:
        """Returns the next call, the final answer, or `Invalid` after two bad replies; never a random action.

        `skills` are those offered this turn (`avi_env.agents.offer.offered_skills`); `history` holds the results of
        all calls of this episode, oldest first, the last one included.
        """
        ...
