"""Answers in words, scored: exactly, by rules, or by a model behind an endpoint, which here replies as prepared."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.bench.judge import RulesJudge, judged, make_judge
from avi_env.cli import main
from avi_env.tasks.measures_answers import eqa_correctness
from avi_env.tasks.questions import answer_is_right

pytestmark = pytest.mark.block_network(allowed_hosts=["127.0.0.1"])

ASK = "Which room is the ringing phone in?"
ROOMS = ("the hallway", "the living room", "the kitchen")


def record(answer: str, *expected: str, **more: Any) -> dict[str, Any]:
    """A planner's record."""
    return {"question": ASK, "answer": answer, "expected": list(expected), "measures": {"success": True}, **more}


class Endpoint(ThreadingHTTPServer):
    """A model that says what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        server.keys.append(self.headers["Authorization"])
        reply = server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": "judge-2026-11"}
        body = json.dumps({**head, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A fake endpoint on this machine; no settings come from the environment."""
    pytest.importorskip("pydantic_ai")
    for name in ("BASE_URL", "MODEL", "API_KEY"):
        monkeypatch.delenv(f"AVI_JUDGE_{name}", raising=False)
        monkeypatch.setenv(f"AVI_LLM_{name}", "of-another-service")
    with Endpoint() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("given", "answer", "right"),
    [
        ("2", "2", True),
        ("There are two rooms.", "2", True),
        ("3", "2", False),
        ("2 or 3", "2", False),
        ("", "2", False),
        ("It is in the Living Room 2.", "living room", True),
        ("the hall", "the kitchen", False),
    ],
)
def test_exact_match(given: str, answer: str, right: bool) -> None:
    """Numbers are compared as numbers, words without case and articles."""
    assert answer_is_right(given, (answer,)) is right


@pytest.mark.parametrize(
    ("given", "answers", "score"),
    [
        ("I think it rings in the lounge.", ("the living room",), 5),
        ("In the corridor, on a table.", ("the hallway",), 5),
        ("the corridor or the kitchen", ("the hallway",), 1),
        ("It is not in the kitchen.", ("the kitchen",), 1),
        ("I do not know.", ("the kitchen",), 1),
        ("Yes, there is a sofa.", ("yes",), 5),
        ("No, there isn't.", ("no",), 5),
        ("No, there isn't.", ("yes",), 1),
    ],
)
def test_rules(given: str, answers: tuple[str, ...], score: int) -> None:
    """A right answer within others' words, by a synonym; but no denial, and no second option."""
    options = ROOMS if answers[0] in ROOMS else ("yes", "no")
    assert RulesJudge().score(ASK, given, answers, options).score == score


def test_what_is_exactly_right_needs_no_judge() -> None:
    """Nor does who says nothing; records without words or truth stay as they are; C is OpenEQA's formula."""
    scored = [
        judged(record(answer, "the kitchen", options=list(ROOMS)), RulesJudge())
        for answer in ("Kitchen", "", "beside the sink of the kitchen", "the living room")
    ]
    assert [one["judge"]["name"] for one in scored] == ["exact", "exact", "rules", "rules"]
    assert [one["judge"]["score"] for one in scored] == [5, 1, 5, 1]
    found = np.mean([one["measures"]["correctness"] for one in scored])
    assert_allclose(found, eqa_correctness([5, 1, 5, 1]) / 100, rtol=1e-12, atol=0)
    for plain in ({"measures": {"success": True}}, record("somewhere"), {**record("a", "b"), "measures": {}}):
        assert judged(plain, RulesJudge()) == plain


def test_a_model_marks(endpoint: Endpoint) -> None:
    """Its mark, name and prompt are kept; the key of another service is not sent."""
    endpoint.replies = ["Mark: 4"]
    judge = make_judge("chat", endpoint.url, "judge")
    scored = judged(record("near the oven, I guess", "the kitchen"), judge)
    assert scored["measures"]["correctness"] == 0.75
    told = scored["judge"]
    assert (told["name"], told["model"], told["answered_by"]) == ("chat", "judge", "judge-2026-11")
    assert len(told["prompt_sha256"]) == 64
    assert told["reply"] == "Mark: 4"
    text = json.dumps(endpoint.asked[0]["messages"])
    assert all(part in text for part in (ASK, "the kitchen", "near the oven, I guess", "from 1 to 5"))
    assert endpoint.asked[0]["temperature"] == 0.0
    assert "of-another-service" not in endpoint.keys[0]


def test_a_model_that_says_no_mark_is_asked_again(endpoint: Endpoint) -> None:
    """Then the answer has no score, which is told and has no part in the mean."""
    judge = make_judge("chat", endpoint.url, "judge")
    endpoint.replies = ["Well.", "2"]
    assert judge.score(ASK, "upstairs", ("the kitchen",), ()).score == 2
    endpoint.replies = ["3 or 4", "I cannot say"]
    scored = judged(record("upstairs", "the kitchen"), judge)
    assert (scored["measures"]["correctness"], scored["judge"]["score"]) == (None, None)
    assert scored["judge"]["reply"] == "I cannot say"


def test_settings_of_the_judge(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own environment variables; what is missing, wrong or not installed is named."""
    with pytest.raises(ValueError, match=r"the judge 'chat' needs the setting base_url: .*AVI_JUDGE_BASE_URL.*'rules'"):
        make_judge("chat")
    with pytest.raises(ValueError, match="Did you mean 'rules'"):
        make_judge("rule")
    monkeypatch.setenv("AVI_JUDGE_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ConnectionError, match="AVI_JUDGE_BASE_URL"):
        make_judge("chat", model="judge").score(ASK, "a", ("b",), ())
    monkeypatch.setitem(__import__("sys").modules, "pydantic_ai", None)
    with pytest.raises(ImportError, match=r"the judge 'chat' needs pydantic-ai: pip install"):
        make_judge("chat", model="judge")


def test_an_evaluation_with_a_judge(endpoint: Endpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The judge is told with the results; with another one they do not go on; step agents have no words to score."""
    endpoint.replies = ["2"]
    given = ["house_questions", "--workers", "0", "--episodes", "1", "--steps", "3", "--calls", "2"]
    chat = ["--judge", "chat", "--judge-url", endpoint.url, "--judge-model", "judge", "--output", str(tmp_path)]
    assert main(["evaluate", *given, *chat]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["measures"]["correctness"]["mean"] in (0.0, 0.25, 1.0)
    assert summary["spec"]["arguments"]["judge"]["model"] == "judge"
    (line,) = (tmp_path / "results.jsonl").read_text().splitlines()
    assert json.loads(line)["judge"]["score"] in (1, 2, 5)
    assert main(["evaluate", *given, "--judge", "rules", "--output", str(tmp_path), "--resume"]) == 2
    assert "other arguments (judge:" in capsys.readouterr().err
    assert main(["evaluate", "av_qa", "--agent", "random", "--judge", "rules"]) == 2
    assert "answers in words" in capsys.readouterr().err
