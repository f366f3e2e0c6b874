"""The batched core behind both Gymnasium shells: step and observe, one line a stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.spectrogram import spectrogram
from avi_env.envs.actions import ActionReader
from avi_env.envs.columns import Tables, cloned, empty_tables, first_tables, rows_of, state_of, table_bytes, with_rows
from avi_env.envs.config import IMAGES, TEXTS, EnvConfig
from avi_env.envs.ended import EndedRows
from avi_env.envs.happenings import follow_sources, rest_sounds, turn_doors
from avi_env.envs.hearing import begin_sound, hear
from avi_env.envs.seats import Arrival, Seats
from avi_env.envs.snapshot import RowEpisode, Snapshot
from avi_env.envs.spaces import AUDIO_LIMIT
from avi_env.envs.variants import Variant
from avi_env.envs.world import World
from avi_env.scene import Scene
from avi_env.state import State
from avi_env.tasks import Episode
from avi_env.tasks.audio_visual_qa import OPTION_BYTES, QUESTION_BYTES
from avi_env.tasks.questions.question import MOST_OPTIONS
from avi_env.tasks.transition import COUNTS, ESTIMATES, FLAGS, NUMBERS, PLACES, SLOTS, Columns, Rules, Transition
from avi_env.vision import Camera, render_views
from avi_env.vision.sensor_noise import add_depth_noise, add_image_noise

__all__ = ["EnvBatch", "measures"]

_EYES, _YAW, _SCENE = PLACES.index("ears"), NUMBERS.index("yaw"), SLOTS.index("scene_index")
_FEET, _HEARD = PLACES.index("position"), SLOTS.index("heard_index")
_ENDED, _SEAT = FLAGS.index("ended"), COUNTS.index("seat")
_CLOCK, _KEY = COUNTS.index("clock"), COUNTS.index("key")
_MEASURES = {
    "stop": ("success", "spl", "soft_spl", "sna", "distance_to_goal", "path_length", "collided"),
    "estimates": ("success", *ESTIMATES, "distance_to_goal", "path_length", "collided"),
    "options": ("success", "answered", "distance_to_goal", "path_length", "collided"),
}
"""What is measured, by how the task is answered: flags, and numbers by their own name."""

_ROWS_PER_ARRIVAL = 32  # as many rows let one prepared episode in at each step: a few more than end on average


class EnvBatch:
    """N environments: a world, what changes about the agents, and the episodes being played."""

    def __init__(self, config: EnvConfig, num_envs: int, *, max_steps: int = 0, next_step: bool = False) -> None:
        """Makes the world of N environments.

        Args:
            config: everything about them.
            num_envs: N.
            max_steps: actions after which an episode is cut; 0 = never.
            next_step: whether a row whose episode has ended ignores its next action and begins another one instead.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self.config = config
        self.num_envs = num_envs
        self.world = World(config, num_envs)
        self.device = self.world.bank.device
        self.seats = Seats(self.world, num_envs)
        self.camera = Camera(config.width, config.height, config.hfov)
        rules = Rules(
            replace(config.played.rules, success_distance=config.success_distance),
            config.forward,
            math.radians(config.turn_deg),
            config.eye_height,
            config.step_samples,
            config.lead_samples,
            max_steps,
            next_step,
            config.played.answers,
            actuation_noise=config.actuation_noise,
        )
        self._actions = ActionReader(config, num_envs, self.device)
        self._advance = Transition(rules, self.device)
        self._clock = np.zeros(num_envs, dtype=np.int64)  # the agents', kept here too: doors must not wait for a device
        self._tables: Tables | None = None
        self._starts: Tables | None = None
        self._ended = EndedRows(num_envs, self.device)
        self._next_step = next_step

    @property
    def tables(self) -> Tables:
        """What changes about the agents, at present.

        Raises:
            RuntimeError: before the first reset, or after `close`.
        """
        self._check_open()
        if self._tables is None:
            raise RuntimeError("call reset() before the first step")
        return self._tables

    @property
    def state(self) -> State:
        """The present state. Its tensors are never written to again: they may be kept."""
        return state_of(self.tables)

    def amend(self, tables: Tables) -> None:
        """Puts other agents in the place of the present ones: for what is changed between two steps."""
        self._check_open()
        self._tables = tables

    def seconds(self, row: int) -> float:
        """Returns the time of a row since its first observation [s]."""
        return float(self._clock[row] * self.config.step_seconds)

    @property
    def seeds(self) -> list[int | None]:
        """The seed of each row, None before the first."""
        return self.seats.seeds

    def seed(self, seeds: Sequence[int | None]) -> None:
        """Gives each row a seed and starts its episodes anew; None leaves a row's stream as it is."""
        self._check_open()
        self.seats.seed(seeds)

    @property
    def episodes(self) -> list[Episode]:
        """The episode that each row plays: privileged."""
        return [prepared.episode for prepared in self.seats.playing if prepared is not None]

    def asked(self, row: int) -> dict[str, Any]:
        """Returns the text of a row's question and its options, nothing in tasks without."""
        question = self.episodes[row].question if self.config.played.answers == "options" else None
        return {} if question is None else {"question": question.text, "options": question.options}

    def scene(self, row: int) -> Scene:
        """Returns the scene in which a row plays, its doors as they are without any event."""
        prepared = self.seats.playing[row]
        if prepared is None:
            raise RuntimeError("call reset() before asking for a scene")
        return prepared.scene

    @property
    def ended(self) -> npt.NDArray[np.bool_]:
        """Which rows' episodes have ended with the last step, shape (N,); on a GPU, to ask is to wait for it."""
        return self._ended.read()

    def reset(self, rows: Sequence[int], given: Mapping[int, Episode], *, in_step: bool = False) -> None:
        """Begins the next episode in some rows, or a given one; `in_step` counts it as a wait if it is not ready."""
        self._check_open()
        if self._tables is None and len(rows) != self.num_envs:
            raise RuntimeError("the first reset must reset every environment")
        self._install(self.seats.needed(rows, given, in_step=in_step))
        self._begin(rows, given)

    def step(self, actions: Any) -> Columns:
        """Turns doors, moves, measures, listens, and begins episodes in rows that had ended before, if those are idle.

        Returns:
            What it came to, also of rows that have begun another episode since.

        Raises:
            Exception: what went wrong where the next episode of a row was made ready.
        """
        tables, action = self.tables, self._actions(actions)
        ended = np.flatnonzero(self.ended).tolist() if self._next_step else []
        self._prepare(ended)
        self._clock += 1
        if self.world.eventful:
            tables = turn_doors(self.world, tables, self.seats.seats, self._seconds)
            tables = follow_sources(self.world, tables, self.seats.seats, self._seconds)
            rest_sounds(self.world, self.seats.seats, self._seconds)
        columns = self._advance(self.world.grids, self.world.goals.fields, action, tables.columns)
        self._tables = hear(self.world, tables._replace(columns=columns))
        self._ended.send(columns.flags[_ENDED])
        self._begin(ended, {})
        return columns

    def observe(
        self, rows: Sequence[int] | None = None, out: Mapping[str, torch.Tensor] | None = None
    ) -> dict[str, torch.Tensor]:
        """Returns the observations of the sensors that are on.

        Args:
            rows: of which rows; all if not given.
            out: tensors, one a sensor, into which they are written; new memory if not given.
        """
        tables = self.tables if rows is None else rows_of(self.tables, torch.tensor(rows, device=self.device))
        seen = {**self._see(tables, out), **self._hear(tables, out)}
        if "pose" in self.config.sensors:
            seen["pose"] = pose_from_start(state_of(tables))
        if "goal" in self.config.sensors:
            seen["goal"] = goal_from_agent(state_of(tables))
        if "target" in self.config.sensors:
            seen["target"] = tables.target.clone()
        seen |= {name: _text(tables.text, name) for name in TEXTS if name in self.config.sensors}
        if out is None:
            return {name: seen[name] for name in self.config.sensors_in_order}
        return {name: _written(out[name], seen[name]) for name in self.config.sensors_in_order}

    def info(self) -> dict[str, torch.Tensor]:
        """Returns the measures of every row so far, shape (N,): views of the state."""
        return measures(self.tables.columns.numbers, self.tables.columns.flags, self.config.played.answers)

    def semantic_categories(self, row: int) -> tuple[str, ...]:
        """Category of each object id in the scene of a row."""
        props = self.world.variant(int(self.seats.seats[row])).props
        return (*(item.category for item in self.scene(row).objects), *(prop.category for prop in props))

    def vary(self, row: int, variant: Variant) -> bool:
        """Shows a row another variant of its scene from now on: it is seen and walked into at once.

        Returns:
            Whether it is so; False = something would then be where the agent stands, so that nothing has changed.
        """
        tables = self.tables
        feet = tables.columns.places[_FEET, row].cpu().numpy().astype(np.float64)
        shown = self.world.vary(int(self.seats.seats[row]), variant, feet)
        if shown is not None:
            slots = tables.columns.slots.clone()
            slots[_SCENE, row], slots[_HEARD, row] = shown
            self._tables = tables._replace(columns=tables.columns._replace(slots=slots))
        return shown is not None

    def picture(self, row: int, size: int) -> npt.NDArray[np.uint8]:
        """Returns what the agent of a row sees, with shadows, shape (size, size, 3)."""
        state, chosen = self.state, slice(row, row + 1)
        eye, camera = self.tables.columns.places[_EYES, chosen], Camera(size, size, self.config.hfov)
        view = render_views(
            self.world.bank, state.scene_index[chosen], eye, state.yaw[chosen], camera, ("rgb",), quality="shadows"
        )
        picture: npt.NDArray[np.uint8] = view["rgb"][0].cpu().numpy()
        return picture

    def memory(self) -> dict[str, int]:
        """Returns the size of the tables on the device [bytes], by name; "total" is the sum of all."""
        agents = sum(table_bytes(tables) for tables in (self._tables, self._starts) if tables is not None)
        sizes = {**self.world.memory(), "agents": agents}
        return {**sizes, "total": sum(sizes.values())}

    def snapshot(self) -> Snapshot:
        """Returns all that later steps depend on."""
        tables, rows = cloned(self.tables), []
        for row, (prepared, seat) in enumerate(zip(self.seats.playing, self.seats.seats.tolist(), strict=True)):
            assert prepared is not None, "there is a state, so that every row plays"
            state = self.world.taken(seat)
            rows.append(RowEpisode(prepared.episode, prepared, self.seats.seeds[row], self.seats.index[row], state))
        return Snapshot(self.config, tables, self._clock.copy(), self.ended, tuple(rows))

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot of a batch of the same configuration and number of rows, of any process.

        Raises:
            ValueError: it is of another one.
        """
        self._check_open()
        if snapshot.config != self.config or len(snapshot.rows) != self.num_envs:
            raise ValueError("a snapshot belongs to one configuration and number of rows: make the environment alike")
        seats = [self.seats.free_seat(row) for row in range(self.num_envs)]
        ready = self.seats.made_ready(snapshot.rows)
        slots = [
            self.world.resume(seat, prepared, moment.state)
            for seat, prepared, moment in zip(seats, ready, snapshot.rows, strict=True)
        ]
        tables = cloned(snapshot.tables, self.device)
        tables.columns.slots.copy_(torch.tensor(slots, dtype=torch.int32).T)
        tables.columns.counts[_SEAT] = torch.tensor(seats, device=self.device)
        for row, (prepared, moment) in enumerate(zip(ready, snapshot.rows, strict=True)):
            self.seats.resume(row, prepared, moment.seed, moment.index)
        self._tables, self._clock = tables, snapshot.clock.copy()
        self._starts = empty_tables(tables, self.num_envs) if self._starts is None else self._starts
        self._ended.send(tables.columns.flags[_ENDED])

    def close(self) -> None:
        """Lets go of the episodes and of all tables on the device."""
        if "world" in self.__dict__:
            self.seats.close()
            self._tables = self._starts = None
            del self.world, self.seats, self._advance

    def _check_open(self) -> None:
        if "world" not in self.__dict__:
            raise RuntimeError("this environment is closed: make another one")

    @property
    def _seconds(self) -> npt.NDArray[np.float64]:
        """Time of each row since its first observation [s], shape (N,)."""
        return np.asarray(self._clock * self.config.step_seconds, dtype=np.float64)

    def _see(self, tables: Tables, out: Mapping[str, torch.Tensor] | None) -> dict[str, torch.Tensor]:
        """Returns the images that are asked for."""
        config, wanted = self.config, tuple(name for name in IMAGES if name in self.config.sensors)
        if not wanted:
            return {}
        places, numbers, slots, counts, _ = tables.columns
        images = None if out is None else {name: out[name] for name in wanted}
        view = (slots[_SCENE], places[_EYES], numbers[_YAW], self.camera, wanted)
        seen = render_views(self.world.bank, *view, quality=config.quality, out=images)
        whose = counts[_KEY], counts[_CLOCK]
        if "rgb" in seen and config.image_noise > 0.0:
            add_image_noise(seen["rgb"], *whose, config.image_noise)
        if "depth" in seen and config.depth_noise > 0.0:
            add_depth_noise(seen["depth"], *whose, config.depth_noise)
        if "depth" in seen:
            seen["depth"].clamp_(max=config.depth_max)
        return seen

    def _hear(self, tables: Tables, out: Mapping[str, torch.Tensor] | None) -> dict[str, torch.Tensor]:
        """Returns the last sound at the ears, and its spectrogram, as far as they are asked for."""
        if not self.config.listens:
            return {}
        buffer = None if out is None else out.get("audio")
        heard = {"audio": torch.clamp(tables.audio, -AUDIO_LIMIT, AUDIO_LIMIT, out=buffer)}
        if "spectrogram" in self.config.sensors:
            heard["spectrogram"] = spectrogram(heard["audio"], self.config.sample_rate)
        return heard

    def _prepare(self, ended: Sequence[int]) -> None:
        """Installs the episodes that rows begin now and some that they will begin later, and orders what is missing."""
        limit = -(-self.num_envs // _ROWS_PER_ARRIVAL)
        if ended:
            self._install(self.seats.needed(ended, {}, in_step=True))
        self._install(self.seats.arrivals(limit))
        if self.config.prefetch:
            self.seats.order_missing()

    def _install(self, arrivals: list[Arrival]) -> None:
        """Puts episodes into the free seats of their rows, and the agents to their starts, where they listen."""
        if not arrivals:
            return
        seats = [self.seats.free_seat(arrival.row) for arrival in arrivals]
        slots = [self.world.install(seat, one.prepared) for seat, one in zip(seats, arrivals, strict=True)]
        starts = begin_sound(self.world, first_tables(self.world, arrivals, seats, slots))
        if self._starts is None:
            self._starts = empty_tables(starts, self.num_envs)
        rows = torch.tensor([arrival.row for arrival in arrivals], device=self.device)
        self._starts = with_rows(self._starts, starts, rows)
        self.seats.install(arrivals)

    def _begin(self, rows: Sequence[int], given: Mapping[int, Episode]) -> None:
        """Lets rows play the episodes in their free seats."""
        if not rows:
            return
        assert self._starts is not None, "episodes are installed before they begin"
        chosen = torch.tensor(rows, device=self.device)
        before = self._starts if self._tables is None else self._tables
        self._tables = with_rows(before, rows_of(self._starts, chosen), chosen)
        self.seats.begin(rows, given)
        self._clock[rows] = 0
        self._ended.clear(rows)


def _written(buffer: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Returns a buffer with a value in it, which may be there already."""
    return buffer if value is buffer else buffer.copy_(value)


def _text(text: torch.Tensor, name: str) -> torch.Tensor:
    """Returns the observed "question", shape (N, 256), or "options", shape (N, 8, 64), uint8."""
    if name == "question":
        return text[:, :QUESTION_BYTES].clone()
    return text[:, QUESTION_BYTES:].reshape(len(text), MOST_OPTIONS, OPTION_BYTES).clone()


def measures(numbers: Any, flags: Any, answers: str) -> dict[str, Any]:
    """Returns the measures of every row so far, by name, of two tables of `Columns`: rows of them.

    Args:
        numbers: `NUMBERS`.
        flags: `FLAGS`.
        answers: one of `avi_env.tasks.task.ANSWERS`, which says what is measured.
    """
    return {
        name: flags[FLAGS.index(name)]
        if name in FLAGS
        else numbers[NUMBERS.index("distance" if name == "distance_to_goal" else name)]
        for name in _MEASURES[answers]
    }


def pose_from_start(state: State) -> torch.Tensor:
    """Returns (x, y, z, yaw) in the episode's start frame, shape (N, 4): the start is the origin and looks along -Z."""
    shift = state.position - state.start_position
    cosine, sine = torch.cos(state.start_yaw), torch.sin(state.start_yaw)
    x = cosine * shift[:, 0] - sine * shift[:, 2]
    z = sine * shift[:, 0] + cosine * shift[:, 2]
    turned = state.yaw - state.start_yaw
    return torch.stack([x, shift[:, 1], z, torch.atan2(torch.sin(turned), torch.cos(turned))], dim=1)


def goal_from_agent(state: State) -> torch.Tensor:
    """Returns straight distance [m] and azimuth [rad], counter-clockwise from ahead, to the goal, shape (N, 2)."""
    shift = state.goal - state.position
    heading = torch.atan2(-shift[:, 0], -shift[:, 2]) - state.yaw
    azimuth = torch.atan2(torch.sin(heading), torch.cos(heading))
    return torch.stack([torch.hypot(shift[:, 0], shift[:, 2]), azimuth], dim=1)
