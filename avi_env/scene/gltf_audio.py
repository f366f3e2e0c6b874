"""What sounds in a glTF file: the draft extension `KHR_audio_emitter` as `AudioEmitter`s.

Sound spreads here as physics says: of the distance models only the level at 1 m is taken.

Source: Khronos glTF extension KHR_audio_emitter, draft (repository KhronosGroup/glTF, extensions/2.0/Khronos).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.scene.findings import SceneWarning
from avi_env.scene.gltf import Gltf, data_uri
from avi_env.scene.gltf_parts import gltf_nodes
from avi_env.scene.model import AudioEmitter

__all__ = ["AUDIO_EXTENSION", "SOUND_CLASS", "gltf_emitters", "turned_upright"]

AUDIO_EXTENSION = "KHR_audio_emitter"

SOUND_CLASS = "avi_sound"
"""Key of a source's `extras` that names a sound class in place of audio data."""

_ROUND = 2.0 * math.pi
_MIME = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".flac": "audio/flac"}


def gltf_emitters(gltf: Gltf) -> tuple[AudioEmitter, ...]:
    """Returns the positional emitters of the file's nodes, one for each of their sources; clips as "data:" URIs.

    A global emitter has no place, so it is left out with a warning; an emitter or source of gain 0 is silent and left
    out too. Roll-off other than 1/distance is warned of.

    Raises:
        FileNotFoundError: a sound file is missing.
        ValueError: an entry is missing or makes no sense; the message names it.
    """
    with gltf.reading():
        extension = gltf.extensions.get(AUDIO_EXTENSION)
        return () if extension is None else _emitters(gltf, extension)


def _emitters(gltf: Gltf, extension: dict[str, Any]) -> tuple[AudioEmitter, ...]:
    reader = _Reader(gltf, extension)
    found: list[AudioEmitter] = []
    for index, matrix in gltf_nodes(gltf):
        use = gltf.rows("nodes")[index].get("extensions", {}).get(AUDIO_EXTENSION)
        if use is not None:
            found += reader.emitters(use.get("emitter"), f"nodes[{index}]", matrix)
    scenes = gltf.rows("scenes")
    for scene in scenes[gltf.table.get("scene", 0) :][:1]:
        for number in scene.get("extensions", {}).get(AUDIO_EXTENSION, {}).get("emitters", []):
            found += reader.emitters(number, "the scene", None)
    for note in reader.notes:
        warnings.warn(f"{gltf.path.name}: {note}", SceneWarning, stacklevel=6)
    return tuple(found)


def turned_upright(emitter: AudioEmitter) -> AudioEmitter:
    """Returns an emitter of a world that is +Z up with +Y ahead, in ours."""
    (x, y, z), rise = emitter.position, math.sin(emitter.pitch)
    east, south = (-math.cos(emitter.pitch) * f(emitter.yaw) for f in (math.sin, math.cos))
    yaw, pitch = _heading(np.array([east, south, -rise]))
    return replace(emitter, position=(x, z, -y), yaw=yaw, pitch=pitch)


class _Reader:
    """Reads emitters, each clip once, and remembers what it left out."""

    def __init__(self, gltf: Gltf, extension: dict[str, Any]) -> None:
        self.gltf, self.extension = gltf, extension
        self.notes: list[str] = []
        self._clips: dict[int, str] = {}

    def emitters(self, index: Any, user: str, matrix: npt.NDArray[np.float64] | None) -> list[AudioEmitter]:
        """Returns an emitter at a node, once for each of its sources."""
        row = self._row("emitters", index, user)
        name = str(row.get("name") or f"emitter_{index}")
        kind = row.get("type")
        if kind not in ("global", "positional"):
            raise self.gltf.error(f"emitters[{index}] has the type {kind!r}: it must be 'global' or 'positional'")
        if kind == "global" or matrix is None:
            self.notes.append(f"emitter {name!r} is global, it has no place: left out; make it positional at a node")
            return []
        shape = row.get("positional", {})
        inner, outer, beyond = self._cone(name, shape)
        axis = -matrix[:3, 2]  # a node looks along its own -Z
        yaw, pitch = _heading(axis / max(float(np.linalg.norm(axis)), 1e-12))
        x, y, z = matrix[:3, 3].tolist()
        found = []
        for number in row.get("sources", []):
            source = self._row("sources", number, f"emitters[{index}]")
            gain = float(row.get("gain", 1.0)) * float(source.get("gain", 1.0))
            if not (math.isfinite(gain) and gain >= 0.0):
                raise self.gltf.error(f"emitter {name!r} has the gain {gain:g}: gains are factors >= 0")
            if gain == 0.0:
                continue
            found.append(
                AudioEmitter(
                    name if len(row["sources"]) == 1 else f"{name}_{source.get('name') or number}",
                    (x, y, z),
                    yaw,
                    20.0 * math.log10(gain) + self._level_at_1m(name, shape),
                    inner,
                    outer,
                    beyond,
                    self._clip(source, number),
                    bool(source.get("loop", False)),
                    pitch=pitch,
                )
            )
        return found

    def _cone(self, name: str, shape: dict[str, Any]) -> tuple[float, float, float]:
        # Drafts before `shapeType` gave the angles alone.
        angles = [float(shape.get(key, _ROUND)) for key in ("coneInnerAngle", "coneOuterAngle")]
        if shape.get("shapeType", "cone") == "omnidirectional":
            return _ROUND, _ROUND, 0.0
        if shape.get("shapeType", "cone") != "cone":
            raise self.gltf.error(f"emitter {name!r} has the shape {shape['shapeType']!r}: use omnidirectional or cone")
        inner, outer = (min(max(angle, 0.0), _ROUND) for angle in angles)
        beyond = min(max(float(shape.get("coneOuterGain", 0.0)), 0.0), 1.0)
        return min(inner, outer), outer, beyond

    def _level_at_1m(self, name: str, shape: dict[str, Any]) -> float:
        """Level [dB] that 1/distance has at 1 m, if it meets the file's model far away."""
        model = shape.get("distanceModel", "inverse")
        near, roll = float(shape.get("refDistance", 1.0)), float(shape.get("rolloffFactor", 1.0))
        if not near > 0.0:
            raise self.gltf.error(f"emitter {name!r} has the refDistance {near:g}: it must be > 0")
        if model not in ("inverse", "exponential") or roll != 1.0:
            self.notes.append(
                f"emitter {name!r} has the distance model {model!r} with roll-off {roll:g}: sound spreads as 1/distance"
            )
        return 20.0 * math.log10(near)

    def _clip(self, source: dict[str, Any], number: int) -> str:
        name = source.get("extras", {}).get(SOUND_CLASS) if isinstance(source.get("extras"), dict) else None
        if name:
            return str(name)
        index: Any = source.get("audio")
        row = self._row("audio", index, f"sources[{number}]")
        if index not in self._clips:
            user = f"audio[{index}]"
            if "bufferView" in row:
                content, mime = bytes(self.gltf.view(row["bufferView"], user)), str(row.get("mimeType", "audio/wav"))
            else:
                uri = str(row.get("uri", ""))
                content = self.gltf.linked(uri, user)
                known = uri.partition(";")[0].removeprefix("data:") if uri.startswith("data:") else ""
                mime = known or _MIME.get(uri[uri.rfind(".") :].lower(), "audio/wav")
            self._clips[index] = data_uri(content, mime)
        return self._clips[index]

    def _row(self, kind: str, index: Any, user: str) -> dict[str, Any]:
        rows = self.extension.get(kind, [])
        if not isinstance(index, int) or not 0 <= index < len(rows):
            raise self.gltf.error(
                f"{user} refers to {kind}[{index}] of {AUDIO_EXTENSION}, but there are {len(rows)}: export it again"
            )
        found: dict[str, Any] = rows[index]
        return found


def _heading(axis: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Returns yaw and pitch [rad] of a direction."""
    pitch = math.asin(min(max(float(axis[1]), -1.0), 1.0))
    yaw = math.atan2(-float(axis[0]), -float(axis[2])) if math.hypot(axis[0], axis[2]) > 1e-6 else 0.0
    return yaw, pitch
