"""`KHR_audio_emitter`: read from glTF, kept on save, and heard."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf_samples import GltfWriter, square_file

from avi_env.acoustics import render_soundscape, scene_emitters
from avi_env.acoustics.directivity import cone_directivity
from avi_env.scene import AudioEmitter, SceneWarning, load_scene, save_scene, shoebox
from avi_env.scene.gltf import open_gltf
from avi_env.scene.gltf_audio import gltf_emitters, turned_upright

_HALF = np.sqrt(0.5)
_CONE = {"shapeType": "cone", "coneInnerAngle": 1.0, "coneOuterAngle": 2.0, "coneOuterGain": 0.1}


def _wav(seconds: float = 0.5) -> bytes:
    import soundfile

    out = io.BytesIO()
    noise = np.random.default_rng(0).normal(0.0, 0.1, round(16000 * seconds))
    soundfile.write(out, noise, 16000, format="WAV")
    return out.getvalue()


def _file(folder: Path, **extension: Any) -> GltfWriter:
    """A radio that looks along +X at (1, 1, 2), with two sources: one inside the file, one beside it."""
    (folder / "hum one.wav").write_bytes(_wav())
    writer = square_file()
    table = {
        "audio": [{"bufferView": writer.view(_wav()), "mimeType": "audio/wav"}, {"uri": "hum%20one.wav"}],
        "sources": [{"audio": 0, "gain": 0.5, "loop": True, "name": "talk"}, {"audio": 1, "name": "hum"}],
        "emitters": [
            {"name": "radio", "type": "positional", "gain": 2.0, "sources": [0, 1], "positional": _CONE},
            {"name": "phone", "type": "positional", "sources": [2]},
        ],
    }
    table["sources"].append({"loop": True, "extras": {"avi_sound": "phone"}})
    writer.table["extensionsUsed"] = ["KHR_audio_emitter"]
    writer.table["extensions"] = {"KHR_audio_emitter": {**table, **extension}}
    turn = [0, -_HALF, 0, _HALF]  # -Z becomes +X
    use = {"KHR_audio_emitter": {"emitter": 0}}
    writer.table["nodes"] += [
        {"translation": [1, 0, 0], "children": [2]},
        {"translation": [0, 1, 2], "rotation": turn, "extensions": use},
        {"translation": [3, 1, 1], "extensions": {"KHR_audio_emitter": {"emitter": 1}}},
    ]
    writer.table["scenes"] = [{"nodes": [0, 1, 3]}]
    return writer


def test_emitters_are_read(tmp_path: Path) -> None:
    """Place and heading come from the node's chain, gains multiply, cones and loops are kept, clips are enclosed."""
    path = _file(tmp_path).save_glb(tmp_path / "s.glb")
    talk, hum, phone = gltf_emitters(open_gltf(path))
    assert [e.name for e in (talk, hum, phone)] == ["radio_talk", "radio_hum", "phone"]
    np.testing.assert_allclose([talk.position, phone.position], [(1, 1, 2), (3, 1, 1)], atol=1e-6)
    np.testing.assert_allclose([talk.yaw, talk.pitch, phone.yaw], [-np.pi / 2, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose([talk.gain_db, hum.gain_db], [0.0, 20 * np.log10(2.0)], atol=1e-9)
    assert (talk.inner_angle, talk.outer_angle, talk.outer_gain) == (1.0, 2.0, 0.1)
    assert phone.inner_angle == pytest.approx(2 * np.pi)
    assert (talk.loop, hum.loop) == (True, False)
    assert talk.clip == hum.clip
    assert talk.clip.startswith("data:audio/wav;base64,")
    assert phone.clip == "phone"


def test_emitters_turn_with_their_world() -> None:
    """A world that is +Z up: what looked ahead (+Y) there looks ahead (-Z) here, what looked up looks up."""
    ahead = AudioEmitter("e", (1.0, 2.0, 3.0), pitch=np.pi / 2)
    turned = turned_upright(ahead)
    np.testing.assert_allclose([*turned.position, turned.yaw, turned.pitch], [1.0, 3.0, -2.0, 0.0, 0.0], atol=1e-9)
    up = turned_upright(AudioEmitter("e", (0.0, 0.0, 0.0), yaw=np.pi))
    np.testing.assert_allclose(up.pitch, np.pi / 2, atol=1e-9)
    east = turned_upright(AudioEmitter("e", (0.0, 0.0, 0.0), yaw=-np.pi / 2))
    np.testing.assert_allclose([east.yaw, east.pitch], [-np.pi / 2, 0.0], atol=1e-9)


def test_emitters_survive_saving_and_become_sources(tmp_path: Path) -> None:
    """A saved scene keeps its emitters; clips within the file and sound classes become sources."""
    path = _file(tmp_path).save_glb(tmp_path / "s.glb")
    room = replace(shoebox((4.0, 3.0, 4.0)), emitters=gltf_emitters(open_gltf(path)))
    (tmp_path / "hum one.wav").unlink()
    again = load_scene(save_scene(room, tmp_path / "room.glb"))
    assert again.digest == room.digest
    talk, hum, phone = scene_emitters(again, spl_db=60.0)
    assert talk.clip.spl_db == 60.0
    assert [e.clip.name.partition("/")[0] for e in (talk, hum, phone)] == ["radio_talk", "radio_hum", "phone"]
    assert (talk.schedule.count, hum.schedule.count) == (None, 1)
    assert hum.schedule.on == pytest.approx(hum.clip.seconds)


def test_a_cone_is_heard(tmp_path: Path) -> None:
    """The radio is about 20 dB louder before its cone than behind it, and on the side where it stands."""
    path = _file(tmp_path).save_glb(tmp_path / "s.glb")
    radio = gltf_emitters(open_gltf(path))[0]
    room = shoebox((8.0, 3.0, 4.0), material="anechoic")
    middle = replace(room, emitters=(replace(radio, position=(4.0, 1.25, 2.0)),))
    (source,) = scene_emitters(middle)
    level = {}
    for side, x in (("ahead", 5.5), ("behind", 2.5)):
        # Facing -Z, the source lies to the left of who stands ahead of it.
        heard = render_soundscape(middle, [source], np.tile([x, 1.25, 2.0], (8, 1)), path_count=64)
        left, right = 10 * np.log10(np.square(heard[:, 1600:].astype(np.float64)).mean(axis=1))
        level[side] = max(left, right)
        assert (left > right) == (side == "ahead")
    assert 8.0 < level["ahead"] - level["behind"] < 25.0


def test_cone_directivity_follows_the_web_audio_rule() -> None:
    """1 within, the outer gain beyond, linear between; a raised axis points up."""
    table = cone_directivity(np.radians(60.0), np.radians(120.0), 0.2)
    gain = np.sqrt(table.energy[9, :19, 3])  # elevation 0, azimuth 0..180
    np.testing.assert_allclose(gain[[0, 3, 6, 18]], [1.0, 1.0, 0.2, 0.2], atol=1e-6)
    np.testing.assert_allclose(gain[[4, 5]], [1.0 - 0.8 / 3, 1.0 - 1.6 / 3], atol=1e-6)
    up = cone_directivity(1.0, 1.5, 0.0, np.pi / 2)
    assert up.energy[18].min() == 1.0
    assert up.energy[9].max() == 0.0
    assert up.power.max() < 0.2


def _emitter(**fields: Any) -> dict[str, Any]:
    return {"emitters": [{"type": "positional", "sources": [0], **fields}] * 2}


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        ({"emitters": []}, r"nodes\[2\] refers to emitters\[0\] of KHR_audio_emitter, but there are 0"),
        ({"audio": []}, r"sources\[0\] refers to audio\[0\]"),
        ({"sources": []}, r"emitters\[0\] refers to sources\[0\]"),
        (_emitter(type="ambient"), "type 'ambient': it must be 'global' or 'positional'"),
        (_emitter(gain=-1.0), "gain -0.5: gains are factors"),
        (_emitter(positional={"refDistance": 0}), "refDistance 0: it must be > 0"),
        (_emitter(positional={"shapeType": "cube"}), "shape 'cube': use omnidirectional or cone"),
    ],
)
def test_damaged_extensions_are_explained(extension: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Errors name the file and the entry."""
    path = _file(tmp_path, **extension).save_glb(tmp_path / "s.glb")
    with pytest.raises(ValueError, match=rf"s\.glb.*{message}"):
        gltf_emitters(open_gltf(path))


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    """Global emitters and other roll-offs are warned of; missing files and unknown classes are named."""
    writer = _file(tmp_path, **_emitter(positional={"distanceModel": "linear"}))
    with pytest.warns(SceneWarning, match="distance model 'linear'.*spreads as 1/distance"):
        assert len(gltf_emitters(open_gltf(writer.save_glb(tmp_path / "s.glb")))) == 2
    writer = _file(tmp_path, **_emitter(type="global"))
    with pytest.warns(SceneWarning, match="is global, it has no place: left out"):
        assert gltf_emitters(open_gltf(writer.save_glb(tmp_path / "s.glb"))) == ()
    path = _file(tmp_path).save_glb(tmp_path / "s.glb")
    (tmp_path / "hum one.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"audio\[1\] refers to 'hum%20one.wav'"):
        gltf_emitters(open_gltf(path))
    box = shoebox((2.0, 2.0, 2.0))
    for clip, message in (("phon", "emitter 'e'.*Did you mean"), ("none.wav", "emitter 'e'.*no sound file")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            scene_emitters(replace(box, emitters=(AudioEmitter("e", (1.0, 1.0, 1.0), clip=clip),)))
