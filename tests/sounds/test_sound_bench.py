"""What `avi sounds` does: tables, files, playing, the sheet, the check of the classes, the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from avi_env.bench import sounds as bench_sounds
from avi_env.bench.sound_classes import GOAL, judge_sounds, learn_sounds
from avi_env.bench.sound_sheet import show_sounds
from avi_env.bench.sounds import all_variants, list_sounds, play_sound, render_sounds
from avi_env.bench.sounds_page import committed_sound_report, rendered_sound_page
from avi_env.cli import main
from avi_env.sounds import make_clip, sound_classes, sound_split, sound_variants

PAGE = Path(__file__).parents[2] / "docs" / "sounds.md"


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table and its JSON have each variant with family, level, emitters and splits."""
    assert list_sounds(("phone", "canary/song"), json=tmp_path / "sounds.json") == 0
    rows = json.loads((tmp_path / "sounds.json").read_text())
    assert [row["name"] for row in rows] == [*(f"phone/{v}" for v in sound_variants("phone")), "canary/song"]
    assert rows[0]["family"] == "tonal"
    assert rows[0]["emitters"] == ["phone"]
    assert (rows[-1]["split"], rows[-1]["class_split"]) == ("train", "test")
    printed = capsys.readouterr().out
    assert "marimba" in printed
    assert all_variants(()) == tuple(f"{n}/{v}" for n in sound_classes() for v in sound_variants(n))


def test_render_and_list_a_folder(tmp_path: Path) -> None:
    """Rendered sounds are class folders, which are a library again."""
    assert render_sounds(("doorbell", "alarm_clock/travel"), tmp_path / "wav", sample_rate=16000) == 0
    samples, rate = soundfile.read(tmp_path / "wav" / "doorbell" / "fourth.wav", dtype="float32")
    assert rate == 16000
    np.testing.assert_array_equal(samples, make_clip("doorbell/fourth").samples)
    assert list_sounds((str(tmp_path / "wav"),), json=tmp_path / "sounds.json") == 0
    rows = json.loads((tmp_path / "sounds.json").read_text())
    assert [row["variant"] for row in rows] == [
        "travel.wav",
        "ding_dong.wav",
        "fourth.wav",
        "small.wav",
        "three_tone.wav",
    ]


def test_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Playing into a file loops the sound at half of full scale; without a player the message says what to do."""
    assert play_sound("alarm_clock", output=tmp_path / "alarm.wav", seconds=4.0) == 0
    samples, rate = soundfile.read(tmp_path / "alarm.wav")
    assert len(samples) == 4 * rate
    np.testing.assert_allclose(np.abs(samples).max(), 0.5, rtol=1e-6)
    monkeypatch.setattr(bench_sounds.shutil, "which", lambda program: None)
    with pytest.raises(ValueError, match=r"none of afplay, .* is installed to play sounds: give --output FILE\.wav"):
        play_sound("alarm_clock")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["play", "phone", "--seconds", "nan"], "--seconds must be above 0, not nan"),
        (["check", "--seeds", "0"], "--seeds must be at least 1, not 0"),
        (["check", "--learned-seeds", "0"], "--learned-seeds must be at least 1, not 0"),
        (["render", "phone", "--output", __file__], f"cannot write to {__file__}"),
    ],
)
def test_what_cannot_be_done_names_the_option(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and a message, before any work."""
    assert main(["sounds", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_sheet(tmp_path: Path) -> None:
    """Each sound has a tile: the tone of a smoke alarm is bright at its pitch and dark elsewhere."""
    assert show_sounds(("smoke_alarm", "doorbell"), tmp_path / "sheet.png") == 0
    picture = np.array(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int).sum(axis=2)
    tile = picture[40:144, 12:244]
    column = tile[:, 5]  # within the first beep
    row = int(np.argmax(column))
    pitch = 8000.0 * (80.0 / 8000.0) ** (row / 103)
    assert 2900 < pitch < 3350
    assert np.median(column) < 0.2 * column[row]


def test_unheard_variants_are_told_apart() -> None:
    """Taught two clips of each heard variant of every fourth class, it names 9 of 10 unheard ones rightly."""
    kinds = sound_classes()[1::4]
    verdicts = judge_sounds(learn_sounds(2, kinds), [s for s in sound_split("unheard") if s[0] in kinds], 1)
    assert verdicts.total() >= 20
    assert verdicts.accuracy() >= GOAL, verdicts.confusions


def test_the_committed_report_reaches_the_goal() -> None:
    """The full check, as committed, names 90 % of unheard variants rightly over all classes that there are."""
    found = committed_sound_report()["results"]
    assert found["accuracy"] >= GOAL
    assert found["classes"] == len(sound_classes())
    assert found["unheard_sounds"] == len(sound_split("unheard"))


def test_the_page_is_as_the_table_is() -> None:
    """docs/sounds.md holds the regions that `rendered_sound_page` writes; `make docs` writes them again."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == rendered_sound_page(page, committed_sound_report())
