"""World: what the environments of one batch share on the device. Changes when episodes come and doors turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.soundscape import Soundscape
from avi_env.envs.config import EnvConfig
from avi_env.envs.doors import DoorRows, SeatDoors
from avi_env.envs.emitters import source_count
from avi_env.envs.goals import GoalRows
from avi_env.envs.noise import NoiseChange, NoiseRows
from avi_env.envs.prepare import DOOR_GAP, EpisodeMaker, Prepared
from avi_env.envs.seat_sounds import SeatSounds, SoundRows
from avi_env.envs.variants import PLAIN, Variant, forget_variant, heard_scene, seen_scene
from avi_env.navigation import GridBank
from avi_env.scene import Scene, with_doors
from avi_env.scene.bank import SceneBank

__all__ = ["SEATS", "SeatState", "Shown", "World"]

SEATS = 2
"""Of each row: one plays an episode, the other holds the next one."""

_SPARE_SCENES = 8
"""Scenes beyond `bank_scenes` that stay although nobody is in them: doors that have turned turn back."""


class Shown(NamedTuple):
    """Slots of the scenes in which an agent is."""

    seen: int
    """What it sees and walks in."""
    heard: int
    """By which its sound is computed."""


class SeatState(NamedTuple):
    """How an episode has gone on: what is not told by it and the agents' state."""

    doors: SeatDoors | None = None
    variant: Variant = PLAIN
    sounds: SeatSounds | None = None
    noise: NoiseChange | None = None


class World:
    """Scenes with their walkable grids, and per seat: goal distances, doors and what sounds.

    Scenes come when an episode is about to happen in them, and with doors turned when they first stand so; all are
    shared by every row. Those that no seat needs leave again, least recently used first.
    """

    def __init__(self, config: EnvConfig, num_envs: int) -> None:
        self.config = config
        self.maker = EpisodeMaker(config)
        seats = SEATS * num_envs
        first = self.maker.scene(self.maker.names[0])
        self.bank = SceneBank([first], config.device)
        self.grids = GridBank([self.maker.walkable(first)], config.device)
        self._slots: dict[int, int] = {id(first): 0}  # scene -> slot, least recently used first
        self._used: list[tuple[int, ...]] = [()] * seats
        self._uses: Counter[int] = Counter()
        self._prepared: list[Prepared | None] = [None] * seats
        self.goals = GoalRows(seats, self.bank.device)
        self.doors = DoorRows(config.agent_radius + DOOR_GAP)
        self.first_variant = PLAIN
        """How the scenes of episodes are that are installed from now on."""
        self._variants = [PLAIN] * seats
        receiver = load_hrtf(config.hrtf, config.sample_rate)
        self.noise = NoiseRows(receiver, config.noise_level, self.bank.device, config.listens)
        self.soundscape = Soundscape(
            seats,
            source_count(config),
            receiver,
            device=self.bank.device,
            path_count=config.bake_paths,
            ear_height=config.eye_height,
            doppler=config.doppler,
        )
        self.sounds = SoundRows(self.soundscape, config.listens)

    @property
    def eventful(self) -> bool:
        """Whether a door may turn, or anything walks, in any seat."""
        return self.doors.any or self.goals.any or self.sounds.any

    def scene(self, slot: int) -> Scene:
        """Returns the scene in a slot of the bank."""
        return self.bank.scene(slot)

    def install(self, seat: int, prepared: Prepared, variant: Variant | None = None) -> tuple[int, int, int]:
        """Puts an episode into a seat: goal distances, doors and sounds.

        Args:
            seat: which one.
            prepared: the episode.
            variant: of its scene; `first_variant` if not given.

        Returns:
            The slot of its scene with the doors as they stand, that of the scene as it is without any event, and that
            of the scene by which it sounds.

        Raises:
            ValueError: something of the first variant stands where the agent starts.
        """
        self._prepared[seat] = prepared
        self._variants[seat] = self.first_variant if variant is None else variant
        home = self._slot(prepared.scene)
        self._use(seat, home)
        self.goals.begin(seat, prepared)
        self.sounds.forget(seat)
        self.noise.put_back(seat, None)
        self.doors.begin(seat, prepared.scene, prepared.episode.door_events)
        ready = prepared.sources[: len(prepared.emitters)]
        for source, (emitter, made) in enumerate(zip(prepared.emitters, ready, strict=True)):
            self.soundscape.set_source(seat, source, prepared.scene, emitter, made)
        shown, feet = Shown(home, home), np.array(prepared.episode.start_position, dtype=np.float64)
        if prepared.episode.door_events:
            shown = self.turn_doors(seat, 0.0, feet)
        elif self._variants[seat] != PLAIN:
            scene = prepared.scene
            if variant is None and not self._is_free(seat, scene, feet):
                raise ValueError(
                    f"something stands where the agent starts, at {feet.round(2).tolist()}: move one of the two"
                )
            shown = self._show(seat, scene)
        return shown.seen, home, shown.heard

    def turn_doors(self, seat: int, seconds: float, feet: npt.NDArray[np.float64]) -> Shown:
        """Turns the doors of a seat that are due and free, and returns its scenes from now on.

        Args:
            seat: whose.
            seconds: its time since the first observation [s].
            feet: (x, y, z) of its agent [m], shape (3,).
        """
        openness = self.doors.turn(seat, seconds, feet[[0, 2]])
        scene = self._turned(seat, openness)
        if self._is_free(seat, scene, feet):
            self.doors.settle(seat, openness)
        else:  # shut in where nobody can stand: the doors wait
            scene = self._turned(seat, self.doors.openness(seat))
        return self._show(seat, scene)

    def vary(self, seat: int, variant: Variant, feet: npt.NDArray[np.float64]) -> Shown | None:
        """Puts another variant of its scene into a seat and returns its scenes from now on.

        None = nothing has changed, because something would then be where the agent stands; arguments as for
        `turn_doors`.
        """
        before, self._variants[seat] = self._variants[seat], variant
        scene = self._turned(seat, self.doors.openness(seat))
        if variant.poses != before.poses and not self._is_free(seat, scene, feet):
            self._variants[seat] = before
            return None
        return self._show(seat, scene)

    def variant(self, seat: int) -> Variant:
        """Returns the variant of its scene that a seat plays in."""
        return self._variants[seat]

    def taken(self, seat: int) -> SeatState:
        """Returns how a seat's episode has gone on so far."""
        sounds, noise = self.sounds.taken(seat), self.noise.taken(seat)
        return SeatState(self.doors.taken(seat), self._variants[seat], sounds, noise)

    def resume(self, seat: int, prepared: Prepared, state: SeatState) -> tuple[int, int, int]:
        """Puts an episode into a seat as it was when `taken` returned its state; returns slots as `install` does."""
        _, home, _ = self.install(seat, prepared, state.variant)
        self.doors.put_back(seat, state.doors)
        scene = self._turned(seat, self.doors.openness(seat))
        shown = self._show(seat, scene)
        self.noise.put_back(seat, state.noise)
        self.sounds.put_back(seat, state.sounds, heard_scene(scene, state.variant))
        for which, walk in state.sounds.walks.items() if state.sounds is not None else ():
            self.goals.send(seat, prepared, which, walk)
        return shown.seen, home, shown.heard

    def memory(self) -> dict[str, int]:
        """Returns the memory of what is shared, and of the goals' distances [bytes]."""
        scenes = {f"scenes.{name}": size for name, size in self.bank.memory().items()}
        return {
            **scenes,
            "grids": self.grids.nbytes,
            "goal_fields": self.goals.fields.nbytes,
            **self.soundscape.memory(),
            **({"ambience": self.noise.nbytes} if self.noise.nbytes else {}),
        }

    def playing(self, seat: int) -> Prepared:
        """Returns the episode that is in a seat."""
        prepared = self._prepared[seat]
        assert prepared is not None, "doors turn where an episode is"
        return prepared

    def _turned(self, seat: int, openness: Mapping[int, float]) -> Scene:
        scene = self.playing(seat).scene
        standing = {portal.id: portal.openness for portal in scene.portals}
        return with_doors(scene, {k: v for k, v in openness.items() if v != standing[k]})

    def _is_free(self, seat: int, scene: Scene, feet: npt.NDArray[np.float64]) -> bool:
        """Whether an agent may stand at a place of a scene in the variant of its seat."""
        return bool(self.maker.walkable(seen_scene(scene, self._variants[seat])).is_free(feet))

    def _show(self, seat: int, scene: Scene) -> Shown:
        """Lets a seat be in a scene, doors as they stand there, and in its variant of it."""
        heard = heard_scene(scene, self._variants[seat])
        slot = self._slot(heard)
        self._use(seat, self._slot(self.playing(seat).scene), slot)  # so that it stays while the next one comes
        seen = self._slot(seen_scene(scene, self._variants[seat]))
        self._use(seat, *self._used[seat], seen)
        if self.config.listens:
            self.soundscape.set_scene(seat, heard)
        return Shown(seen, slot)

    def _slot(self, scene: Scene) -> int:
        """Returns the slot of a scene, which enters the bank where it was not in it."""
        slot = self._slots.pop(id(scene), None)
        if slot is None:
            self._make_room()
            slot = self.bank.put(scene)
            held = self.grids.put(self.maker.walkable(scene))
            assert held == slot, "scenes and their grids come and go together"
        self._slots[id(scene)] = slot
        return slot

    def _use(self, seat: int, *slots: int) -> None:
        """Notes which slots a seat needs from now on."""
        self._uses.update(slots)
        self._uses.subtract(self._used[seat])
        self._used[seat] = slots

    def _make_room(self) -> None:
        """Lets scenes go that no seat needs, least recently used first, as long as there are too many."""
        limit = self.config.bank_scenes + _SPARE_SCENES
        for key, slot in [(key, slot) for key, slot in self._slots.items() if not self._uses[slot]]:
            if len(self._slots) < limit:
                return
            scene = self.bank.scene(slot)
            self.bank.drop(slot)
            self.grids.drop(slot)
            del self._slots[key], self._uses[slot]
            self.maker.forget(scene)
            forget_variant(scene)
