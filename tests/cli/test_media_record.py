"""The record of an episode and the report of it."""

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from avi_env.bench.episode_file import EpisodeRecord, SkillRecord, load_episode, save_episode, split_timing
from avi_env.bench.report import report_html, write_report
from avi_env.bench.video import VideoFacts


def record(**changes) -> EpisodeRecord:
    """An episode with something in every field."""
    plain = EpisodeRecord(
        environment="avi_env/AudioNav-v0",
        scene="house:3",
        scene_digest="ab12",
        seed=1,
        settings={"sample_rate": 16000, "sensors": ("rgb", "audio")},
        episode={"sound": "phone", "start_position": np.array([0.1, 0.0, np.float32(0.3)])},
        planner={"name": "rules", "usage": {"requests": 0}},
        actions=np.array([1, 1, 2, 0]),
        question="Which room is the ringing phone in?",
        answer="kitchen",
        expected_answer="kitchen",
        answer_right=True,
        success=True,
        end="answer",
        skills=[SkillRecord("go_to_sound", {"sound": "sound_1"}, "loud", "success", "ok", "arrived", 0, 3, 0.75, 0.5)],
        transcript=[{"turn": 1, "kind": "prompt", "text": "You hear ..."}, {"turn": 1, "kind": "reply", "text": "go"}],
        trajectory=[(0.1, 0.0, 0.3, 1 / 3), (0.2, 0.0, 0.3, 1 / 3)],
        measures={"spl": np.float64(0.1) + 0.2, "success": np.bool_(True), "sna": float("nan"), "steps": 4},
        spec={"versions": {"numpy": "2"}, "device": "cpu"},
        timing={"started": "2026-01-01T00:00:00Z", "seconds": 12.5},
    )
    return dataclasses.replace(plain, **changes)


def test_file_holds_every_bit(tmp_path):
    """What is loaded equals what was saved, floats to the last bit, and saves to the same bytes again."""
    save_episode(tmp_path / "episode.json", record())
    loaded = load_episode(tmp_path / "episode.json")
    assert loaded == record()
    assert loaded.measures["spl"] == 0.1 + 0.2
    assert loaded.episode["start_position"][2] == float(np.float32(0.3))
    assert loaded.skills[0].arguments == {"sound": "sound_1"}
    save_episode(tmp_path / "again.json", loaded)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "episode.json").read_bytes()


def test_values_become_plain_and_undefined_numbers_null():
    """Arrays, NumPy numbers and tuples are plain JSON in the record; NaN is None."""
    made = record()
    assert made.actions == [1, 1, 2, 0]
    assert made.measures["success"] is True
    assert made.measures["sna"] is None
    assert json.loads(made.to_json())["measures"]["sna"] is None
    assert made.settings["sensors"] == ["rgb", "audio"]
    with pytest.raises(TypeError, match=r"settings\.callback"):
        record(settings={"callback": print})


def test_timing_is_the_only_part_that_may_differ():
    """Two runs at different times compare equal without `timing`, and unequal when an action differs."""
    later = record(timing={"started": "2027", "seconds": 1.0})
    assert later != record()
    assert later.comparable() == record().comparable()
    assert record(actions=[1, 1, 3, 0]).comparable() != record().comparable()
    rest, seconds = split_timing([{"turn": 1, "text": "a", "seconds": 0.25}, {"turn": 2, "text": "b"}])
    assert rest == [{"turn": 1, "text": "a"}, {"turn": 2, "text": "b"}]
    assert seconds == [0.25, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(acton=1), "Did you mean 'actions'"),
        (lambda d: d.pop("actions"), "'actions' is missing"),
        (lambda d: d["skills"][0].update(stats="x"), "skill 0.*Did you mean 'status'"),
        (lambda d: d.update(schema_version=99), "schema version 99"),
        (lambda d: d.pop("schema_version"), "schema version None"),
        (lambda d: d.update(skills=3), "skills must be a list"),
    ],
)
def test_strange_files_are_refused(tmp_path, change, message):
    """Unknown and missing keys and other versions are errors that name them."""
    data = record().to_dict()
    change(data)
    (tmp_path / "episode.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message):
        load_episode(tmp_path / "episode.json")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe\x00"])
def test_what_is_no_record_is_refused(tmp_path, content):
    """Broken JSON, other JSON and binary files are no episode files."""
    (tmp_path / "episode.json").write_bytes(content)
    with pytest.raises(ValueError, match="is no episode file"):
        load_episode(tmp_path / "episode.json")


class Page(HTMLParser):
    """Collects tags, attributes and text; insists that tags nest."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_report_is_self_contained(tmp_path):
    """The page embeds video and map, asks for nothing else and nests well; the facts are on it."""
    image = np.zeros((20, 30, 3), np.uint8)
    facts = VideoFacts(8, 2.0, 0.5, 100.0, ("h264", "aac"))
    write_report(tmp_path / "report.html", record(), b"\x00\x01video", image, facts)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    sources = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert len(sources) == 2
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?://|url\(|@import", text)
    video = next(source for source in sources if source.startswith("data:video/mp4"))
    assert base64.b64decode(video.split(",")[1]) == b"\x00\x01video"
    for words in ("success", "kitchen", "go_to_sound", "You hear ...", "spl", "numpy", "100.0 dB SPL", "house:3"):
        assert words in page.words


def test_what_a_model_says_stays_text():
    """Tags, quotes and ends of scripts in questions, answers, names and replies are shown, not obeyed."""
    evil = "</pre><script>alert('x')</script><img src=//evil.example/x onerror=1>\"'&amp;"
    spoiled = record(
        question=evil, answer=evil, scene=evil, end=evil, expected_answer=evil,
        planner={"name": evil, evil: evil}, measures={evil: evil}, settings={evil: {evil: [evil]}},
        skills=[SkillRecord(evil, {evil: evil}, evil, evil, evil, evil)],
        transcript=[{"turn": evil, "kind": evil, "text": evil, "detail": {evil: evil}}],
    )  # fmt: skip
    text = report_html(spoiled)
    page = Page(text)
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.tags}
    assert "img" not in {tag for tag, _ in page.tags}
    assert evil in page.words
    assert "default-src 'none'" in text


def test_failure_and_missing_parts_are_said_plainly():
    """A failed run without video, answer or transcript says failure and leaves the parts out."""
    page = Page(report_html(record(success=False, answer="", answer_right=False, skills=(), transcript=())))
    assert "failure" in page.words
    assert "no answer" in page.words
    assert not {"video", "img"} & {tag for tag, _ in page.tags}


def test_record_does_not_change_what_it_was_made_of():
    """Making a record copies: the caller's arrays and mappings stay as they were."""
    actions = np.array([1, 2])
    settings = {"a": (1, 2)}
    made = record(actions=actions, settings=settings)
    made.settings["a"].append(3)
    assert settings == {"a": (1, 2)}
    assert_array_equal(actions, [1, 2])
