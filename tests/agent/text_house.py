"""A house in words: rooms, one sounding object, skills that succeed or fail by a seeded draw.

Exercises planners end to end without the simulator: what they are told has the form of the real observation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avi_env.agents.offer import offered_skills
from avi_env.agents.protocol import (
    Answer,
    HeardSound,
    Invalid,
    Planner,
    PlannerObservation,
    RoomSeen,
    SeenObject,
    SkillCall,
    SkillResult,
)
from avi_env.tasks.questions import answer_is_right

ROOMS = ("hallway", "kitchen", "living_room", "bedroom", "bathroom", "office", "dining_room", "laundry_room")
SOURCES = {
    "phone": ("phone", "ringing phone"),
    "alarm_clock": ("alarm_clock", "alarm clock"),
    "dripping_tap": ("sink", "dripping tap"),
    "kettle": ("kettle", "whistling kettle"),
    "smoke_alarm": ("smoke_alarm", "smoke alarm"),
    "dog_bark": ("dog", "barking dog"),
    "vacuum_cleaner": ("vacuum_cleaner", "vacuum cleaner"),
    "music_box": ("music_box", "music box"),
    "washing_machine": ("washing_machine", "washing machine"),
}
FURNITURE = {
    "hallway": ("shelf", "door"),
    "kitchen": ("table", "fridge", "oven"),
    "living_room": ("sofa", "television", "plant"),
    "bedroom": ("bed", "wardrobe"),
    "bathroom": ("toilet", "bathtub"),
    "office": ("desk", "chair", "bookshelf"),
    "dining_room": ("table", "chair"),
    "laundry_room": ("shelf", "basket"),
}


@dataclass
class TextHouse:
    """One episode; rooms lie on a line, so that a walk of n rooms takes n tries at most."""

    seed: int
    ask: str = "which_room"
    history: list[SkillResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = self.rng = np.random.default_rng(self.seed)
        self.rooms = [f"{r}_{i}" for i, r in enumerate(rng.permutation(ROOMS)[: rng.integers(3, 7)])]
        self.sound = str(rng.choice(list(SOURCES)))
        self.place = int(rng.integers(0, len(self.rooms)))
        self.here = int((self.place + rng.integers(1, len(self.rooms))) % len(self.rooms))
        self.known = {self.here}
        self.visited = {self.here}
        self.looked: set[int] = set()
        self.listened = False
        self.at_source = False
        self.steps_left = 400
        self.calls_left = 20
        spoken = SOURCES[self.sound][1]
        self.instruction = (
            f"Which room is the {spoken} in?" if self.ask == "which_room" else f"Find the {spoken} and stop there."
        )

    def observation(self) -> PlannerObservation:
        """Returns what the agent knows now."""
        away = abs(self.place - self.here)
        level = 75.0 - 12.0 * away
        heard = ()
        if self.listened and level > 25.0:
            azimuth = 10.0 if away == 0 else float(np.sign(self.place - self.here) * 80.0)
            heard = (
                HeardSound("sound_1", self.sound, azimuth, level, max(0.3, 0.9 - 0.15 * away), True, 1.0 + 4.0 * away),
            )
        return PlannerObservation(
            instruction=self.instruction,
            time_s=float(400 - self.steps_left) * 0.25,
            room=self.rooms[self.here],
            heard=heard,
            seen=tuple(self._seen()),
            rooms=tuple(
                RoomSeen(
                    self.rooms[i], self.rooms[i].rpartition("_")[0], 0.9 if i in self.looked else 0.3, i in self.visited
                )
                for i in sorted(self.known)
            ),
            frontiers=len(self.rooms) - len(self.visited),
            explored_m2=12.0 * len(self.visited),
            steps_left=self.steps_left,
            calls_left=self.calls_left,
            last=self.history[-1] if self.history else None,
        )

    def _seen(self) -> list[SeenObject]:
        things = []
        for i in sorted(self.looked):
            room, here = self.rooms[i], i == self.here
            for j, kind in enumerate(FURNITURE[room.rpartition("_")[0]]):
                things.append(
                    SeenObject(f"{kind}_{10 * i + j}", kind, room, 2.0 + j + 5.0 * abs(i - self.here), 20.0 * j, here)
                )
            if i == self.place:
                kind = SOURCES[self.sound][0]
                near = 0.8 if self.at_source else 3.0 + 5.0 * abs(i - self.here)
                things.append(
                    SeenObject(f"{kind}_99", kind, room, near, 15.0, here, "sound_1" if self.listened else "")
                )
        return things

    def execute(self, call: SkillCall) -> SkillResult:
        """Carries out a call, with a seeded chance of failure."""
        lucky = self.rng.random() < 0.8
        before = self.here
        ok = getattr(self, f"_{call.name}")(call, lucky)
        steps = 12 * abs(self.here - before) + (4 if call.name == "listen" else 12)
        self.steps_left -= steps
        self.calls_left -= 1
        code = "ok" if ok else "unreachable" if call.name != "go_to_sound" else "lost_sound"
        result = SkillResult(
            call, "success" if ok else "failed", code, "", steps, 0.25 * steps, 4.0 * abs(self.here - before)
        )
        self.history.append(result)
        return result

    def _enter(self, room: int) -> None:
        self.here = room
        self.at_source = False
        self.known |= {room}
        self.visited |= {room}
        if self.rng.random() < 0.5:
            self.looked |= {room}

    def _listen(self, call: SkillCall, lucky: bool) -> bool:
        self.listened = True
        return True

    def _look_around(self, call: SkillCall, lucky: bool) -> bool:
        self.listened = True
        self.looked |= {self.here}
        self.known |= {i for i in (self.here - 1, self.here + 1) if 0 <= i < len(self.rooms)}
        return True

    def _explore(self, call: SkillCall, lucky: bool) -> bool:
        new = [i for i in range(len(self.rooms)) if i not in self.visited]
        if new:
            self._enter(min(new, key=lambda i: abs(i - self.here)))
        return bool(new)

    def _go_to_sound(self, call: SkillCall, lucky: bool) -> bool:
        if self.here != self.place:
            self._enter(self.here + int(np.sign(self.place - self.here)) if not lucky else self.place)
        return self.here == self.place and lucky

    def _go_to_object(self, call: SkillCall, lucky: bool) -> bool:
        target = next(o for o in self._seen() if o.name == call.arguments["object"])
        room = self.rooms.index(target.room)
        if room != self.here:
            self._enter(room)
        self.at_source = lucky and target.name.endswith("_99")
        return lucky

    def _go_to_room(self, call: SkillCall, lucky: bool) -> bool:
        room = self.rooms.index(str(call.arguments["room"]))
        if lucky:
            self._enter(room)
        return lucky

    def run(self, planner: Planner) -> dict[str, object]:
        """Plays the episode and returns its measures."""
        planner.reset()
        said = ""
        while self.calls_left > 0 and self.steps_left > 0:
            seen = self.observation()
            decision = planner.plan(seen, offered_skills(seen), tuple(self.history))
            if isinstance(decision, Answer):
                said = decision.text
                break
            if isinstance(decision, Invalid):
                self.calls_left -= 1
                if decision.final:
                    break
                continue
            if decision.name == "stop":
                break
            self.execute(decision)
        truth = self.rooms[self.place]
        return {
            "right": answer_is_right(said, (truth,)),
            "there": self.here == self.place,
            "said": said,
            "truth": truth,
            "calls": [r.call.to_text() for r in self.history],
        }
