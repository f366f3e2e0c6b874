"""Recordings for the ear: small stereo files of what an agent would hear, and what is measured in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.whole_file import whole_file

if TYPE_CHECKING:
    from avi_env.scene import Scene

__all__ = ["RECORDINGS", "Recording", "closing_door", "cues", "told", "walk_to_phone", "write_opus"]

FloatArray = npt.NDArray[np.floating[Any]]
Progress = Callable[[int, int], None]

SAMPLE_RATE = 48000
"""[Hz]"""

_HOUSE = "house:4:2"
_STEP_SECONDS = 0.05
_EAR_HEIGHT = 1.25  # [m]
_BIT_RATE = 128_000
_STRAIGHT = [0, 2, 3]  # slots of discrete paths: straight, around, over; not what comes through the wall
_WINDOW = 0.2  # [s] over which cues are measured

_WALK_START = (1.0, 0.0, 2.2)  # in the bedroom
_WALK_PAUSE, _WALK_SPEED = 1.5, 0.8  # [s] at either end, [m/s]
_WALK_STOP = 1.0  # [m] before the phone
_RING = (1.4, 0.6)  # [s] rings and pauses: it rings in the doorway
_TURN_RATE = math.radians(100.0)  # [rad/s]
_LOOK_AHEAD = 0.5  # [m] along the way, where the head turns to

_DOOR = 0  # portal between bedroom and living room
_SHUT_AT, _OPEN_AT, _DOOR_SECONDS, _DOOR_LENGTH = 3.5, 7.0, 0.6, 10.0  # [s]
_DOOR_LISTENER, _DOOR_SOURCE = (3.3, _EAR_HEIGHT, 1.2), (6.5, 1.3, 3.0)  # in the bedroom; in the living room


class Recording(NamedTuple):
    """A piece of binaural sound and the moments to listen for."""

    audio: npt.NDArray[np.float32]
    """Linear pressure (1.0 RMS = 94 dB SPL), row 0 = left ear, shape (2, n)."""
    marks: dict[str, float]
    """Moments by name [s]."""
    responses: dict[str, list[float]]
    """At places on the way: time [s], ITD [s] and ILD [dB] of the sound that comes straight or bends; may be empty."""


def walk_to_phone(progress: Progress | None = None) -> Recording:
    """Returns what is heard on the way from a bedroom through a doorway to a phone that rings in the living room."""
    from avi_env.acoustics.emitter import Emitter
    from avi_env.acoustics.soundscape_render import render_soundscape
    from avi_env.navigation import shortest_path
    from avi_env.scene import emission_point, emitting_objects, load_scene
    from avi_env.sounds import make_clip
    from avi_env.sounds.schedule import Schedule

    scene = load_scene(_HOUSE)
    phone = emission_point(emitting_objects(scene, "phone")[0])
    corners = shortest_path(scene, _WALK_START, phone).astype(np.float64)
    places, yaw = _walk(corners, phone)
    clip = make_clip("phone", seed=0, sample_rate=SAMPLE_RATE)
    emitter = Emitter(clip, phone.astype(np.float32), schedule=Schedule(on=_RING[0], off=_RING[1]))
    audio = render_soundscape(scene, [emitter], places, yaw, step_seconds=_STEP_SECONDS, progress=progress)
    portal = next(p for p in scene.portals if p.id == _DOOR)
    inside = int(np.argmin(np.linalg.norm((places - np.array(portal.center))[:, [0, 2]], axis=1)))
    return Recording(audio, {"in the doorway": inside * _STEP_SECONDS}, _first_sounds(scene, phone, places, yaw))


def closing_door(progress: Progress | None = None) -> Recording:
    """Returns voices heard from the next room while the door between falls shut, and opens again."""
    from avi_env.acoustics.emitter import Emitter
    from avi_env.acoustics.soundscape_render import render_soundscape
    from avi_env.scene import load_scene
    from avi_env.scene.doors import scene_doors, with_doors
    from avi_env.sounds import make_clip

    whole = load_scene(_HOUSE)
    # The other doors are shut from the start: else the sound would come the long way round.
    scene = with_doors(whole, {door.portal: 0.0 for door in scene_doors(whole) if door.portal != _DOOR})
    steps = round(_DOOR_SECONDS / _STEP_SECONDS / 3)
    moves = []
    for begin, ways in ((_SHUT_AT, (0.66, 0.33, 0.0)), (_OPEN_AT, (0.33, 0.66, 1.0))):
        moves += [(begin + (k + 1) * steps * _STEP_SECONDS, {_DOOR: way}) for k, way in enumerate(ways)]
    emitter = Emitter(
        make_clip("speech_babble", seed=0, sample_rate=SAMPLE_RATE), np.array(_DOOR_SOURCE, dtype=np.float32)
    )
    places = np.tile(_DOOR_LISTENER, (round(_DOOR_LENGTH / _STEP_SECONDS), 1))
    audio = render_soundscape(
        scene, [emitter], places, math.pi, step_seconds=_STEP_SECONDS, doors=moves, progress=progress
    )
    return Recording(audio, {"shut": _SHUT_AT + _DOOR_SECONDS, "open again": _OPEN_AT + _DOOR_SECONDS}, {})


def _walk(corners: FloatArray, goal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns head positions (T, 3) and headings (T,) of a walk along corners at an even pace, eyes ahead."""
    legs = np.linalg.norm(np.diff(corners[:, [0, 2]], axis=0), axis=1)
    so_far = np.concatenate([[0.0], np.cumsum(legs)])
    length = so_far[-1] - max(_WALK_STOP - float(np.hypot(*(corners[-1] - goal)[[0, 2]])), 0.0)
    count = round(length / _WALK_SPEED / _STEP_SECONDS)
    pause = round(_WALK_PAUSE / _STEP_SECONDS)
    at = np.concatenate([np.zeros(pause), np.linspace(0.0, length, count), np.full(pause, length)])
    flat, ahead = (
        np.column_stack([np.interp(way, so_far, corners[:, axis]) for axis in (0, 2)])
        for way in (at, np.minimum(at + _LOOK_AHEAD, so_far[-1]))
    )
    ahead[at >= length - _LOOK_AHEAD] = goal[[0, 2]]
    wanted = np.unwrap(np.arctan2(-(ahead - flat)[:, 0], -(ahead - flat)[:, 1]))
    yaw = np.empty(len(at))
    yaw[0] = wanted[0]
    most = _TURN_RATE * _STEP_SECONDS
    for step in range(1, len(at)):
        yaw[step] = yaw[step - 1] + np.clip(wanted[step] - yaw[step - 1], -most, most)
    return np.column_stack([flat[:, 0], np.full(len(at), corners[0, 1] + _EAR_HEIGHT), flat[:, 1]]), yaw


def _first_sounds(scene: Scene, source: FloatArray, places: FloatArray, yaw: FloatArray) -> dict[str, list[float]]:
    """Returns delay and level between the ears of the straight sound, or of that which bends, at places of a way."""
    import torch

    from avi_env.acoustics.binaural import paths_to_fir
    from avi_env.acoustics.discrete import discrete_paths
    from avi_env.acoustics.hrtf import load_hrtf
    from avi_env.acoustics.image_sources import scene_bank
    from avi_env.acoustics.metrics import interaural_delay
    from avi_env.acoustics.paths import Paths
    from avi_env.acoustics.wavefront import wavefront_field
    from avi_env.acoustics.wavefront_bank import WavefrontBank

    every = slice(None, None, round(_WINDOW / _STEP_SECONDS))
    ears, turn = torch.from_numpy(places[every]), torch.from_numpy(yaw[every]).float()
    rows, waves = torch.zeros(len(ears), dtype=torch.int64), WavefrontBank(1)
    waves.set_row(0, wavefront_field(scene, source, ear_height=_EAR_HEIGHT))
    ends = torch.from_numpy(source).expand(len(ears), 3), ears
    paths = discrete_paths(scene_bank(scene), waves, rows, rows, *ends)
    straight = Paths(*(part[:, _STRAIGHT].contiguous() for part in paths))
    sound = paths_to_fir(straight, turn, load_hrtf("kemar", SAMPLE_RATE), SAMPLE_RATE // 10).double().numpy()
    energy = np.sum(sound**2, axis=2)
    return {
        "time_s": [round(k * _WINDOW, 2) for k in range(len(sound))],
        "itd_s": [round(interaural_delay(pair, SAMPLE_RATE), 7) for pair in sound],
        "ild_db": [round(float(v), 2) for v in 10.0 * np.log10(energy[:, 0] / energy[:, 1])],
    }


RECORDINGS: dict[str, Callable[[Progress | None], Recording]] = {
    "walk_to_phone.ogg": walk_to_phone,
    "closing_door.ogg": closing_door,
}
"""Files and who makes them."""


def cues(recording: Recording, sample_rate: int = SAMPLE_RATE) -> dict[str, Any]:
    """Returns what the ears get over time, JSON-serialisable: level of both and of three octaves [dB SPL], ILD [dB].

    The ILD is positive for a sound on the left; null in silence.
    """
    from avi_env.acoustics.metrics import octave_filter

    size = round(_WINDOW * sample_rate)
    audio = recording.audio.astype(np.float64)
    octaves = {
        f"octave_{hz}_db": octave_filter(audio, band, sample_rate) for hz, band in ((250, 1), (1000, 3), (4000, 5))
    }
    rows: dict[str, list[float | None]] = {"level_db": [], "ild_db": [], **{name: [] for name in octaves}}
    for begin in range(0, audio.shape[1] - size + 1, size):
        piece = audio[:, begin : begin + size]
        energy = np.mean(piece**2, axis=1)
        heard = float(energy.sum()) > 1e-9
        rows["level_db"].append(_decibels(energy.sum()))
        rows["ild_db"].append(
            round(float(10.0 * np.log10(energy[0] / energy[1])), 2) if heard and energy.min() > 0.0 else None
        )
        for name, octave in octaves.items():
            rows[name].append(_decibels(np.mean(octave[:, begin : begin + size] ** 2, axis=1).sum()))
    return {"window_s": _WINDOW, "marks": recording.marks, "responses": recording.responses, **rows}


def _decibels(energy: float) -> float | None:
    return round(float(94.0 + 10.0 * np.log10(energy)), 2) if energy > 1e-12 else None


def write_opus(path: Path, audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> float:
    """Writes stereo sound as Ogg Opus, 1 dB below full scale; returns what full scale stands for [dB SPL].

    The file is a function of its input: the same sound makes the same bytes with the same encoder.

    Raises:
        ValueError: another shape, or NaN.
        OSError: the folder is closed or the disk is full.
    """
    import av

    if audio.ndim != 2 or audio.shape[0] != 2 or not np.all(np.isfinite(audio)):
        raise ValueError(f"audio must be finite and have shape (2, n), left ear first, not {audio.shape}")
    gain = 10.0 ** (-1.0 / 20.0) / max(float(np.abs(audio).max()), 1e-9)
    full_scale = 94.0 - 20.0 * math.log10(gain)
    with whole_file(path) as part, av.open(str(part), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        container.metadata["comment"] = f"binaural, use headphones; full scale = {full_scale:.1f} dB SPL"
        track: Any = container.add_stream("libopus", rate=sample_rate, layout="stereo", options={"flags": "+bitexact"})
        track.bit_rate = _BIT_RATE
        samples = np.ascontiguousarray((audio * gain).T.reshape(1, -1), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return full_scale


def told(cues_by_name: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns for each recording its link, what to listen for, and what is measured in it, from its cues."""
    return [
        (f"[{name}](recordings/{name})", *words(cues_by_name[name]))
        for name, words in _WORDS.items()
        if name in cues_by_name
    ]


def _walk_words(heard: dict[str, Any]) -> tuple[str, str]:
    door, window = heard["marks"]["in the doorway"], heard["window_s"]
    before, after = _loud(heard, "level_db", 0.0, door - 1.0), _loud(heard, "level_db", door + 0.5, None)
    first = heard["responses"]
    time = np.array(first["time_s"])
    itd, ild = 1e6 * np.array(first["itd_s"]), np.array(first["ild_db"])
    moments = {"start": 0, "door": int(np.argmin(np.abs(time - door))), "end": len(time) - 1}
    side, sign = ("left", 1.0) if itd[moments["door"]] > 0.0 else ("right", -1.0)
    sweep = ", ".join(
        f"{sign * itd[at]:.0f} us and {sign * ild[at]:.1f} dB {where}"
        for where, at in zip(("at the start", "in the doorway", "at the end"), moments.values(), strict=True)
    )
    return (
        "From the bedroom the phone is a reverberant sound that comes from the open door. In the doorway "
        f"({door:.1f} s) it gets clear and sits at the {side} ear; as the head turns to it, it moves to the middle.",
        f"Rings of {before:.0f} dB SPL in the bedroom, {after:.0f} dB after the door (both ears, loudest "
        f"{window:g} s). Lead of the {side} ear in the straight or bent sound: {sweep}.",
    )


def _door_words(heard: dict[str, Any]) -> tuple[str, str]:
    shut, again = heard["marks"]["shut"], heard["marks"]["open again"]
    falls = []
    for octave in ("250", "1000", "4000"):
        name = f"octave_{octave}_db"
        spans = ((0.0, shut - _DOOR_SECONDS), (shut + 0.4, again - _DOOR_SECONDS))
        wide, closed = (_mean_level(heard, name, *span) for span in spans)
        falls.append(f"{wide - closed:.0f} dB at {octave} Hz")
    return (
        f"Voices in the next room. At {shut:.1f} s the door is shut: they fall, and lose their consonants most. At "
        f"{again:.1f} s it is open again.",
        f"The shut door takes {', '.join(falls[:-1])} and {falls[-1]}.",
    )


def _span(heard: dict[str, Any], name: str, begin: float, end: float | None) -> FloatArray:
    """Returns the values of a cue in the windows that lie between two moments [s]."""
    window = heard["window_s"]
    values = heard[name][math.ceil(begin / window) : None if end is None else math.floor(end / window)]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _loud(heard: dict[str, Any], name: str, begin: float, end: float | None) -> float:
    return float(np.nanmax(_span(heard, name, begin, end)))


def _mean_level(heard: dict[str, Any], name: str, begin: float, end: float | None) -> float:
    """Returns the level of the mean energy [dB]."""
    return float(10.0 * np.log10(np.nanmean(10.0 ** (_span(heard, name, begin, end) / 10.0))))


_WORDS: dict[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "walk_to_phone.ogg": _walk_words,
    "closing_door.ogg": _door_words,
}
