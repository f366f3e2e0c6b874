"""`avi bench acoustics` and `avi scenes acoustics`: what they write, that it holds, and that the pages tell it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.bench.acoustics_page import committed_report, rendered_page
from avi_env.bench.acoustics_rows import JNDS, Row, clarity_db, histogram_t30, worst_row
from avi_env.bench.acoustics_suite import PARTS
from avi_env.bench.audibility import chosen_source
from avi_env.bench.recordings import Recording, cues, write_opus
from avi_env.cli import main
from avi_env.scene import Room, load_scene
from avi_env.scene.outline import in_room

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("pyroomacoustics")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a quick run."""
    path = tmp_path_factory.mktemp("bench") / "acoustics.json"
    main(["bench", "acoustics", "--quick", "--json", str(path)])
    report: dict[str, Any] = json.loads(path.read_text())
    return report


@pytest.mark.parametrize("which", ["quick", "committed"])
def test_report_has_the_form_of_a_benchmark(which: str, request: pytest.FixtureRequest) -> None:
    """Spec and results as design.md section 8 names them; every number finite; all parts there."""
    report = request.getfixturevalue("quick") if which == "quick" else committed_report()
    assert {"commit", "dirty", "versions", "device", "seeds", "arguments"} <= set(report["spec"])
    assert {row["part"] for row in report["results"]} == set(PARTS)
    for row in report["results"]:
        assert {"name", "value", "unit", "peer", "peer_value", "ratio"} <= set(row)
        for name in ("value", "peer_value", "ratio", "deviation", "jnds"):
            assert row[name] is None or math.isfinite(row[name]), f"{row['name']}: {name}"
        if row["jnds"] is not None:
            assert_allclose(row["jnds"], abs(row["deviation"]) / JNDS[row["quantity"]].size, rtol=1e-9)
    assert len({(row["part"], row["name"]) for row in report["results"]}) == len(report["results"])


def test_theory_holds_in_a_quick_run(quick: dict[str, Any]) -> None:
    """Every closed form is met within its limit, also with a quarter of the paths."""
    rows = [row for row in quick["results"] if row["part"] == "theory"]
    assert len(rows) > 25
    assert [row["name"] for row in rows if row["within"] is False] == []


def test_exact_parts_agree_with_the_other_simulator(quick: dict[str, Any]) -> None:
    """Mirror paths are the same set as pyroomacoustics', to 0.01 us and 1e-4 dB."""
    rows = {row["name"]: row for row in quick["results"] if row["part"] == "crosscheck"}
    for room in ("shoebox, order 1-3", "L-shaped room, order 1-2"):
        assert rows[f"{room}, mirror paths"]["deviation"] == 0.0
        assert abs(rows[f"{room}, delay"]["deviation"]) < 0.01
        assert abs(rows[f"{room}, level"]["deviation"]) < 1e-4


def test_committed_report_is_within_its_limits() -> None:
    """What the pages show holds: theory, crosscheck and baked fields, in a run that was not quick.

    One miss is known and told in docs/acoustics.md: T30 of the baked field where rooms ring unlike each other.
    """
    report = committed_report()
    assert report["spec"]["arguments"]["pairs"] * len(report["spec"]["arguments"]["houses"]) == 100
    missed = [row["name"] for row in report["results"] if row["part"] != "cost" and row["within"] is False]
    assert missed in ([], ["T30, median error"])


@pytest.mark.parametrize("page", ["README.md", "docs/acoustics.md"])
def test_pages_tell_what_was_measured(page: str) -> None:
    """The tables in the pages are those of the committed JSON: `make docs` would change nothing."""
    text = (ROOT / page).read_text()
    assert "<!-- acoustics: " in text
    assert rendered_page(text, committed_report()) == text


def test_an_unknown_region_is_named() -> None:
    """A misspelt region is an error with the nearest name."""
    with pytest.raises(ValueError, match="Did you mean 'theory'"):
        rendered_page("<!-- acoustics: theorie -->\n<!-- end -->", {"results": []})


def test_rows_measure_in_just_noticeable_differences() -> None:
    """T30 counts in shares of the peer's, level in dB; the worst of several is the one that is furthest off."""
    assert_allclose(Row("t", 1.05, "s", "p", 1.0, "T30").jnds, 1.0, rtol=1e-9)
    assert_allclose(Row("l", -3.0, "dB", "p", -1.0, "level").jnds, 2.0, rtol=1e-12)
    row = worst_row("w", np.array([1.0, 2.0, 3.0]), np.array([1.1, 2.5, 3.0]), "dB", "p", quantity="level", limit=0.4)
    assert (row.value, row.peer_value, row.within) == (2.0, 2.5, False)
    assert Row("c", 5.0, "ms", at_most=4.0).within is False
    with pytest.raises(ValueError, match="not finite"):
        Row("n", float("nan"), "dB")


def test_decay_and_clarity_of_an_exponential() -> None:
    """exp(-13.8155 t / T): T30 = T within 0.1 %, C50 = 10 log10(e^(13.8155 te / T) - 1) within 0.05 dB."""
    time = (np.arange(4000) + 0.5) * 0.001
    energy = np.exp(-13.8155 * time / 0.7)
    assert_allclose(histogram_t30(energy, 0.001), 0.7, rtol=1e-3)
    assert_allclose(clarity_db(energy, time), 10 * np.log10(np.exp(13.8155 * 0.05 / 0.7) - 1), rtol=0, atol=0.05)
    assert math.isnan(histogram_t30(np.array([1.0, 0.0]), 0.01))


def test_unknown_part(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt part suggests the nearest."""
    assert main(["bench", "acoustics", "--parts", "theorie"]) == 2
    assert "Did you mean 'theory'" in capsys.readouterr().err


def test_without_the_other_simulator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for, the missing peer is an error that names the pip command; else its part is left out, and said so."""
    monkeypatch.setattr("avi_env.bench.acoustics_crosscheck.is_installed", lambda: False)
    assert main(["bench", "acoustics", "--parts", "crosscheck"]) == 2
    assert 'pip install "avi-env[bench]"' in capsys.readouterr().err


def test_suites_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`avi bench` alone says which suites there are."""
    assert main(["bench"]) == 0
    assert "bench acoustics" in capsys.readouterr().out


def test_audibility_of_a_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each room gets level, T30, C50 and DRR; the source's room is the loudest; the map is drawn."""
    scene, table = load_scene("house:7"), tmp_path / "rooms.json"
    phone = next(o for o in scene.objects if "phone" in o.emits)
    given = ["scenes", "acoustics", "house:7", "--source", phone.name, "--output", str(tmp_path), "--json", str(table)]
    assert main(given) == 0
    found = json.loads(table.read_text())
    assert [row["room"] for row in found["rooms"]] == [room.name for room in scene.rooms]
    level = {row["room"]: row["level_db_spl"] for row in found["rooms"]}
    assert max(level, key=lambda room: level[room]) == next(r.name for r in scene.rooms if r.id == phone.room)
    for row in found["rooms"]:
        assert 0.1 < row["t30_s"]["mid"] < 3.0
        assert len(row["c50_db"]["octaves"]) == len(row["drr_db"]["octaves"]) == 7
    assert (tmp_path / "audibility.png").stat().st_size > 10_000
    assert phone.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fone_1"], "Did you mean 'phone_"),
        (["1", "2", "up"], "x y z in metres"),
        (["1", "2"], "x y z in metres"),
        (["90", "1", "90"], "outside scene"),
    ],
)
def test_bad_sources_are_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A source that is no object, no place or outside is an error with the remedy."""
    assert main(["scenes", "acoustics", "house:7", "--source", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_level_of_a_source_is_its_class() -> None:
    """Octave energies add up to the class's level at 1 m; pink noise is 80 dB."""
    scene = load_scene("house:7")
    assert_allclose(chosen_source(scene, ("2", "1", "7")).level_db, 80.0, atol=1e-9)
    assert_allclose(chosen_source(scene, ("2", "1", "7"), "kettle").level_db, 72.0, atol=0.5)


def test_points_in_a_room_that_is_not_convex() -> None:
    """An L-shaped floor holds the points of both arms and not those of the notch."""
    room = Room(0, "living_room", ((0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (2.0, 2.0), (2.0, 4.0), (0.0, 4.0)))
    points = np.array([[3.0, 1.0, 1.0], [1.0, 1.0, 3.0], [3.0, 1.0, 3.0], [-0.1, 1.0, 1.0], [1.0, 3.0, 1.0]])
    assert in_room(room, points).tolist() == [True, True, False, False, False]


def test_cues_and_file_of_a_recording(tmp_path: Path) -> None:
    """A tone on the left, 6 dB louder there: level and ILD as made; silence is null; the file repeats bit for bit."""
    tone = 0.1 * np.sqrt(2.0) * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    audio = np.concatenate([np.stack([tone, 0.5 * tone]), np.zeros((2, 24000))], axis=1).astype(np.float32)
    heard = cues(Recording(audio, {}, {}))
    assert_allclose(heard["level_db"][2], 94 + 20 * np.log10(0.1) + 10 * np.log10(1.25), atol=0.05)
    assert_allclose(heard["ild_db"][2], 6.02, atol=0.05)
    assert_allclose(heard["octave_1000_db"][2], heard["level_db"][2], atol=0.1)
    assert heard["ild_db"][-1] is None
    full_scale = write_opus(tmp_path / "one.ogg", audio)
    write_opus(tmp_path / "two.ogg", audio)
    assert_allclose(full_scale, 94 + 20 * np.log10(0.1 * np.sqrt(2)) + 1.0, atol=0.05)
    assert (tmp_path / "one.ogg").read_bytes() == (tmp_path / "two.ogg").read_bytes()


@pytest.mark.parametrize("name", ["walk_to_phone.ogg", "closing_door.ogg"])
def test_committed_recordings_are_small_and_stereo(name: str) -> None:
    """Ten seconds of stereo at 48 kHz in less than 300 kB each."""
    import soundfile

    path = ROOT / "docs" / "recordings" / name
    facts = soundfile.info(path)
    assert path.stat().st_size < 300_000
    assert (facts.channels, facts.samplerate) == (2, 48000)
    assert 8.0 < facts.duration < 12.0
