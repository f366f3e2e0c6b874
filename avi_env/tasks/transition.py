"""One step of many agents in one launch: action, motion, distance, reward, ends, measures, clocks."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return"

from __future__ import annotations

import math
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import NamedTuple

import torch
import warp as wp

from avi_env.navigation import GridBank
from avi_env.navigation.grid_device import GridArrays, advance, column_of, lookup, row_at
from avi_env.scene.draws import ACTUATION, draw_state, normals
from avi_env.scene.launches import launch
from avi_env.tasks.audio_visual_qa import ANSWER
from avi_env.tasks.sound_localization import AZIMUTHS, MOVES, RANGE_MAX, RANGE_MIN, RANGES
from avi_env.tasks.task import ANSWERS, NavRules

__all__ = [
    "COUNTS",
    "ESTIMATES",
    "FLAGS",
    "NUMBERS",
    "PLACES",
    "SLOTS",
    "Columns",
    "Rules",
    "Transition",
    "empty_columns",
]

wp.set_module_options({"enable_backward": False})

PLACES = ("position", "start_position", "goal", "ears", "source", "heard")
"""Rows of `Columns.places` [m], world frame; "heard" is where the goal's source was at the last observation."""
ESTIMATES = ("azimuth_error", "range_error", "er20", "f20", "le_cd", "lr_cd", "relative_distance_error", "seld")
"""How good estimates of one source are: errors of the last one [degrees, 1]; then, over all so far, the measures of
`avi_env.tasks.measures_seld`, but that the relative distance error is 0, not NaN, until a class was right."""
NUMBERS = (
    *("yaw", "start_yaw", "distance", "start_distance", "path_length", "reward", "spl", "soft_spl", "sna"),
    *ESTIMATES,
)
"""Rows of `Columns.numbers` [rad, m]."""
SLOTS = ("scene_index", "home_index", "heard_index")
"""Rows of `Columns.slots`."""
COUNTS = ("seat", "oracle_actions", "step_count", "clock", "sound_clock", "key", "answer")
"""Rows of `Columns.counts`; "answer" is the right class or option, -1 = none."""
FLAGS = ("collided", "success", "ended", "terminated", "truncated", "answered")
"""Rows of `Columns.flags`."""

_STOP = wp.constant(0)
_FORWARD = wp.constant(1)
_LEFT = wp.constant(2)
_RIGHT = wp.constant(3)

_POSITION, _START, _GOAL, _EARS, _SOURCE, _HEARD = (wp.constant(k) for k in range(6))
_YAW, _START_YAW, _DISTANCE, _START_DISTANCE, _PATH_LENGTH = (wp.constant(k) for k in range(5))
_REWARD, _SPL, _SOFT_SPL, _SNA = (wp.constant(k) for k in range(5, 9))
_AZIMUTH_ERROR, _RANGE_ERROR, _ER20, _F20, _LE_CD, _LR_CD, _RDE, _SELD = (wp.constant(k) for k in range(9, 17))
_SCENE, _HOME = (wp.constant(k) for k in range(2))
_SEAT, _ORACLE, _STEPS, _CLOCK, _SOUND_CLOCK, _KEY, _ANSWER = (wp.constant(k) for k in range(7))
_COLLIDED, _SUCCESS, _ENDED, _TERMINATED, _TRUNCATED, _ANSWERED = (wp.constant(k) for k in range(6))

_BY_ESTIMATES, _BY_OPTIONS = (wp.constant(ANSWERS.index(name)) for name in ("estimates", "options"))
_MOVES, _AZIMUTHS, _RANGES = wp.constant(MOVES), wp.constant(AZIMUTHS), wp.constant(RANGES)
_NEAREST = wp.constant(RANGE_MIN)  # [m]
_RANGE_STEP = wp.constant(math.log(RANGE_MAX / RANGE_MIN) / (RANGES - 1))  # of the logarithm
_FIRST_OPTION = wp.constant(ANSWER)


class Columns(NamedTuple):
    """What changes about N agents, one column an agent."""

    places: torch.Tensor
    """Shape (6, N, 3), float32: `PLACES`."""
    numbers: torch.Tensor
    """Shape (17, N), float32: `NUMBERS`."""
    slots: torch.Tensor
    """Shape (3, N), int32: `SLOTS`."""
    counts: torch.Tensor
    """Shape (7, N), int64: `COUNTS`; the key is what the episode's noise is drawn by."""
    flags: torch.Tensor
    """Shape (6, N), bool: `FLAGS`."""


@dataclass(frozen=True)
class Rules:
    """What actions do, what ends an episode and what it is worth."""

    task: NavRules
    forward: float
    """Length of a forward action [m]."""
    turn: float
    """Angle of a turn action [rad]."""
    eye_height: float
    """Height of the ears above the feet [m]."""
    step_samples: int
    """Samples of sound of a step."""
    lead_samples: int
    """Samples heard before the first step."""
    max_steps: int = 0
    """Actions after which an episode is cut; 0 = never."""
    ended_are_idle: bool = True
    """Whether a row whose episode has ended ignores its action until it is reset."""
    answers: str = "stop"
    """How agents answer: one of `avi_env.tasks.task.ANSWERS`."""
    actuation_noise: float = 0.0
    """Standard deviation of how far an action goes, as a share of what it should."""


def empty_columns(count: int, device: torch.device) -> Columns:
    """Returns columns for a number of agents, of any content."""
    return Columns(
        torch.empty(len(PLACES), count, 3, device=device),
        torch.empty(len(NUMBERS), count, device=device),
        torch.empty(len(SLOTS), count, dtype=torch.int32, device=device),
        torch.empty(len(COUNTS), count, dtype=torch.int64, device=device),
        torch.empty(len(FLAGS), count, dtype=torch.bool, device=device),
    )


@wp.struct
class _Ground:
    """Where agents walk, and by which rules."""

    grids: GridArrays
    forward: wp.float32
    turn: wp.float32
    actuation_noise: wp.float32
    eye_height: wp.float32
    success_distance: wp.float32
    step_penalty: wp.float32
    progress_weight: wp.float32
    success_reward: wp.float32
    azimuth_tolerance: wp.float32
    range_reward: wp.float32
    answers: wp.int32
    step_samples: wp.int64
    lead_samples: wp.int64
    max_steps: wp.int64
    ended_are_idle: wp.bool


@wp.func
def _floor_at(grids: GridArrays, row: int, x: float, z: float, otherwise: float) -> float:
    """Height of the floor under a place; that of before where there is none."""
    c = column_of(grids, row, x, z)
    if c[0] >= 0 and c[1] >= 0 and c[0] < grids.free.shape[1] and c[1] < grids.free.shape[2]:
        floor = grids.floor_y[row, c[0], c[1]]
        if wp.isfinite(floor):
            return floor
    return otherwise


@wp.func
def _goal_distance(grids: GridArrays, field: wp.array3d[wp.float32], home: int, p: wp.vec3) -> float:
    """Distance from a place to the goal, by the field of a seat, a slice a layer."""
    first = grids.first[home]
    layer = wp.int32(0)
    if field.shape[0] > 1:
        layer = row_at(grids, home, p[0], p[1], p[2]) - first
    return lookup(field, layer, grids.origin[first], grids.cell, p[0], p[2])


@wp.func
def _shares(key: wp.int64, clock: wp.int64, spread: float) -> wp.vec2:
    """How far a step and a turn go re what they should: normal about 1, never backwards."""
    drawn = normals(draw_state(key, clock, ACTUATION, 0))
    return wp.vec2(wp.max(1.0 + spread * drawn[0], 0.0), wp.max(1.0 + spread * drawn[1], 0.0))


@wp.func
def _measure(b: int, numbers: wp.array2d[wp.float32], flags: wp.array2d[wp.bool], counts: wp.array2d[wp.int64]) -> None:
    """Writes the measures of `avi_env.tasks.measures`."""
    start = numbers[_START_DISTANCE, b]
    efficiency = start / wp.max(wp.max(start, numbers[_PATH_LENGTH, b]), 1.0e-6)
    progress = wp.max(1.0 - numbers[_DISTANCE, b] / wp.max(start, 1.0e-6), 0.0)
    best = float(counts[_ORACLE, b])
    count = float(counts[_STEPS, b])
    numbers[_SPL, b] = wp.where(flags[_SUCCESS, b], efficiency, 0.0)
    numbers[_SOFT_SPL, b] = progress * efficiency
    numbers[_SNA, b] = wp.where(flags[_SUCCESS, b], best / wp.max(wp.max(best, count), 1.0), 0.0)


@wp.func
def _motion(ground: _Ground, act: int, key: wp.int64, clock: wp.int64) -> wp.vec2:
    """How far an action goes forward and turns left [m, rad]."""
    motion = wp.vec2(
        wp.where(act == _FORWARD, ground.forward, 0.0),
        wp.where(act == _LEFT, ground.turn, wp.where(act == _RIGHT, -ground.turn, 0.0)),
    )
    if ground.actuation_noise > 0.0:
        motion = wp.cw_mul(motion, _shares(key, clock, ground.actuation_noise))
    return motion


@wp.func
def _keep(
    b: int,
    places: wp.array2d[wp.vec3],
    numbers: wp.array2d[wp.float32],
    counts: wp.array2d[wp.int64],
    places_out: wp.array2d[wp.vec3],
    numbers_out: wp.array2d[wp.float32],
    counts_out: wp.array2d[wp.int64],
) -> None:
    """Copies what a step does not change."""
    places_out[_START, b] = places[_START, b]
    places_out[_GOAL, b] = places[_GOAL, b]
    places_out[_SOURCE, b] = places[_SOURCE, b]
    places_out[_HEARD, b] = places[_SOURCE, b]
    numbers_out[_START_YAW, b] = numbers[_START_YAW, b]
    numbers_out[_START_DISTANCE, b] = numbers[_START_DISTANCE, b]
    counts_out[_SEAT, b] = counts[_SEAT, b]
    counts_out[_ORACLE, b] = counts[_ORACLE, b]
    counts_out[_KEY, b] = counts[_KEY, b]
    counts_out[_ANSWER, b] = counts[_ANSWER, b]
    for k in range(_AZIMUTH_ERROR, _SELD + 1):
        numbers_out[k, b] = numbers[k, b]


@wp.func
def _estimate(
    ground: _Ground,
    code: int,
    count: float,
    shift: wp.vec3,
    yaw: float,
    answer: int,
    b: int,
    out: wp.array2d[wp.float32],
) -> float:
    """Judges an estimate, writes its measures over those before, and returns what it is worth, 0 = it is wrong.

    Args:
        ground: the rules.
        code: (class, distance, azimuth, move) as digits of one number.
        count: estimates so far, this one included.
        shift: from the ears to the source [m].
        yaw: heading of the head [rad].
        answer: the right class.
        b: the agent.
        out: `NUMBERS`, which holds the measures before.
    """
    digits = code / _MOVES
    azimuth = float(digits % _AZIMUTHS)
    away = _NEAREST * wp.exp(float((digits / _AZIMUTHS) % _RANGES) * _RANGE_STEP)
    named = digits / (_AZIMUTHS * _RANGES) == answer
    apart = azimuth - wp.degrees(wp.atan2(-shift[0], -shift[2]) - yaw)
    apart = wp.abs(apart - 360.0 * wp.round(apart / 360.0))
    wrong = wp.abs(away - wp.length(shift)) / wp.max(wp.length(shift), 1.0e-6)
    right = named and apart <= ground.azimuth_tolerance
    before = wp.round(out[_LR_CD, b] * (count - 1.0))  # estimates of the right class
    now = before + wp.where(named, 1.0, 0.0)
    hits = wp.round((1.0 - out[_ER20, b]) * (count - 1.0)) + wp.where(right, 1.0, 0.0)
    if named:
        out[_LE_CD, b] = (wp.where(before > 0.0, out[_LE_CD, b] * before, 0.0) + apart) / now
        out[_RDE, b] = (wp.where(before > 0.0, out[_RDE, b] * before, 0.0) + wrong) / now
    out[_LR_CD, b] = now / count
    out[_F20, b] = 2.0 * hits / (count + now)
    out[_ER20, b] = 1.0 - hits / count
    out[_SELD, b] = 0.25 * (out[_ER20, b] - out[_F20, b] + out[_LE_CD, b] / 180.0 - out[_LR_CD, b] + 2.0)
    out[_AZIMUTH_ERROR, b] = apart
    out[_RANGE_ERROR, b] = wrong
    return wp.where(right, ground.success_reward + ground.range_reward * wp.max(1.0 - wrong, 0.0), 0.0)


@wp.kernel
def _step(
    ground: _Ground,
    fields: wp.array4d[wp.float32],
    action: wp.array[wp.int64],
    places: wp.array2d[wp.vec3],
    numbers: wp.array2d[wp.float32],
    slots: wp.array2d[wp.int32],
    counts: wp.array2d[wp.int64],
    flags: wp.array2d[wp.bool],
    places_out: wp.array2d[wp.vec3],
    numbers_out: wp.array2d[wp.float32],
    counts_out: wp.array2d[wp.int64],
    flags_out: wp.array2d[wp.bool],
) -> None:
    b = wp.tid()
    grids = ground.grids
    idle = flags[_ENDED, b] and ground.ended_are_idle
    code = wp.where(idle, -1, int(action[b]))
    act = wp.where(ground.answers == _BY_ESTIMATES and not idle, code % _MOVES, code)
    p = places[_POSITION, b]
    yaw = numbers[_YAW, b]
    motion = _motion(ground, act, counts[_KEY, b], counts[_CLOCK, b])
    forward = motion[0]
    turn = motion[1]
    row = row_at(grids, slots[_SCENE, b], p[0], p[1], p[2])
    end = advance(grids, row, p[0], p[2], yaw, forward, turn)
    q = wp.vec3(end[0], _floor_at(grids, int(end[3]), end[0], end[1], p[1]), end[1])
    heading = yaw + turn
    distance = _goal_distance(grids, fields[int(counts[_SEAT, b])], slots[_HOME, b], q)
    steps = counts[_STEPS, b] + wp.where(idle, wp.int64(0), wp.int64(1))
    clock = counts[_CLOCK, b] + wp.int64(1)
    answered = ground.answers == _BY_OPTIONS and act >= _FIRST_OPTION
    stopped = act == _STOP or answered
    success = stopped and distance < ground.success_distance
    if ground.answers == _BY_OPTIONS:
        success = answered and wp.int64(act - _FIRST_OPTION) == counts[_ANSWER, b]
    cut = not stopped and not idle and ground.max_steps > wp.int64(0) and steps >= ground.max_steps
    reward = ground.progress_weight * (numbers[_DISTANCE, b] - distance) - ground.step_penalty
    _keep(b, places, numbers, counts, places_out, numbers_out, counts_out)
    bonus = wp.where(success, ground.success_reward, 0.0)
    if ground.answers == _BY_ESTIMATES and not idle:
        heard = places[_HEARD, b] - places[_EARS, b]
        bonus = _estimate(ground, code, float(steps), heard, yaw, int(counts[_ANSWER, b]), b, numbers_out)
        success = bonus > 0.0
    places_out[_POSITION, b] = q
    places_out[_EARS, b] = q + wp.vec3(0.0, ground.eye_height, 0.0)
    numbers_out[_YAW, b] = heading - 2.0 * wp.pi * wp.ceil((heading - wp.pi) / (2.0 * wp.pi))
    numbers_out[_DISTANCE, b] = distance
    numbers_out[_PATH_LENGTH, b] = numbers[_PATH_LENGTH, b] + wp.length(q - p)
    counts_out[_STEPS, b] = steps
    counts_out[_CLOCK, b] = clock
    counts_out[_SOUND_CLOCK, b] = ground.lead_samples + (clock - wp.int64(1)) * ground.step_samples
    flags_out[_COLLIDED, b] = end[2] > 0.5
    flags_out[_SUCCESS, b] = success
    flags_out[_ENDED, b] = stopped or cut
    flags_out[_TERMINATED, b] = stopped
    flags_out[_TRUNCATED, b] = cut
    flags_out[_ANSWERED, b] = answered
    numbers_out[_REWARD, b] = wp.where(idle, 0.0, reward + bonus)
    _measure(b, numbers_out, flags_out, counts_out)


class Transition:
    """The launch of a step, by rules that stay."""

    def __init__(self, rules: Rules, device: torch.device) -> None:
        self._rules, self._device = rules, device
        self._ground: _Ground | None = None
        self._arrays: GridArrays | None = None

    def __call__(self, grids: GridBank, fields: torch.Tensor, action: torch.Tensor, before: Columns) -> Columns:
        """Returns the columns after a step, in new memory but for the slots.

        Args:
            grids: where agents walk.
            fields: distances to the goals of all seats [m], shape (seats, depth, nx, nz), float32.
            action: 0 stop, 1 forward, 2 left, 3 right, shape (N,), int64; from 4 on the options; or, for estimates,
                class, distance, azimuth and that number as digits of one.
            before: the columns before it.

        Raises:
            ValueError: shapes that do not fit together.
        """
        count = before.numbers.shape[1]
        if action.shape != (count,) or action.dtype != torch.int64:
            raise ValueError(f"actions must have shape ({count},), int64, not {tuple(action.shape)} {action.dtype}")
        if fields.ndim != 4 or fields.dtype != torch.float32:
            raise ValueError(f"fields must have shape (seats, depth, nx, nz), float32, not {tuple(fields.shape)}")
        after = empty_columns(count, self._device)._replace(slots=before.slots)
        if self._arrays is not grids.arrays:
            self._arrays, self._ground = grids.arrays, _ground(self._rules, grids.arrays)
        written = (after.places, after.numbers, after.counts, after.flags)
        launch(_step, (count,), [self._ground, fields, action, *before, *written], self._device)
        return after


def _ground(rules: Rules, arrays: GridArrays) -> _Ground:
    ground, task = _Ground(), rules.task
    ground.grids = arrays
    for name in ("forward", "turn", "eye_height", "step_samples", "lead_samples", "max_steps", "ended_are_idle"):
        setattr(ground, name, getattr(rules, name))
    ground.actuation_noise = rules.actuation_noise
    ground.answers = ANSWERS.index(rules.answers)
    for name in (field.name for field in fields_of(task)):
        setattr(ground, name, getattr(task, name))
    return ground
