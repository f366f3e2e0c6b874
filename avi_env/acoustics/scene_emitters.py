"""What a scene's file says that sounds, as sound sources."""

from __future__ import annotations

import base64
import binascii
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from avi_env.acoustics.directivity import Directivity, cone_directivity, load_directivity
from avi_env.acoustics.emitter import Emitter
from avi_env.scene.mesh_parts import scene_file
from avi_env.scene.model import AudioEmitter, Scene
from avi_env.sounds import Clip, Schedule, clip_from_file, make_clip, sound_classes

__all__ = ["scene_emitters"]

_ENDINGS = {"audio/mpeg": ".mp3", "audio/ogg": ".ogg", "audio/flac": ".flac"}


def scene_emitters(scene: Scene, spl_db: float = 65.0, sample_rate: int = 16000) -> tuple[Emitter, ...]:
    """Returns a sound source for each of `scene.emitters`.

    Args:
        scene: the scene; relative paths of clips count from its file's folder.
        spl_db: level at 1 m of a sound file at gain 1 [dB SPL]: files say nothing of levels. The default is loud
            speech. A sound class has its own level.
        sample_rate: [Hz].

    Raises:
        FileNotFoundError: a clip's file is missing.
        ValueError: a clip is neither a sound file nor a sound class; the message names the emitter.
    """
    return tuple(_emitter(scene, item, spl_db, sample_rate) for item in scene.emitters)


def _emitter(scene: Scene, item: AudioEmitter, spl_db: float, sample_rate: int) -> Emitter:
    try:
        clip = _clip(scene, item.clip, spl_db, sample_rate)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"emitter {item.name!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"emitter {item.name!r}: {error}") from error
    return Emitter(
        replace(clip, name=item.name) if item.clip.startswith("data:") else clip,
        item.position,  # type: ignore[arg-type]
        yaw=item.yaw,
        directivity=_directivity(item.inner_angle, item.outer_angle, item.outer_gain, item.pitch),
        schedule=Schedule() if item.loop else Schedule(on=clip.seconds, count=1),
        gain_db=item.gain_db,
    )


@lru_cache(maxsize=64)
def _directivity(inner: float, outer: float, outer_gain: float, pitch: float) -> Directivity:
    if inner >= 6.2831 or outer_gain == 1.0:
        return load_directivity("omni")
    return cone_directivity(inner, outer, outer_gain, pitch)


def _clip(scene: Scene, text: str, spl_db: float, sample_rate: int) -> Clip:
    if text.startswith("data:"):
        head, _, body = text.partition(",")
        try:
            content = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise ValueError(f"its clip is a damaged data URI ({error}): load the scene's file again") from error
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"clip{_ENDINGS.get(head.removeprefix('data:').partition(';')[0], '.wav')}"
            path.write_bytes(content)
            return clip_from_file(path, spl_db, sample_rate)
    if text in sound_classes() or not Path(text).suffix:
        return make_clip(text, 0, sample_rate)
    home = scene_file(scene)
    return clip_from_file(Path(text) if home is None else home.parent / text, spl_db, sample_rate)
