"""Judges of answers in words: what matches exactly is right; a named judge says what another wording is worth."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from avi_env.content import name_error
from avi_env.tasks.questions.question import answer_is_right, normalised

__all__ = ["JUDGES", "Judge", "RulesJudge", "Verdict", "judged", "make_judge"]

JUDGES = ("rules", "chat")
BEST, WORST = 5, 1
"""Scores, as OpenEQA has them."""

_SAME = (
    ("bathroom", "washroom", "restroom"),
    ("fridge", "refrigerator"),
    ("hallway", "hall", "corridor"),
    ("living room", "lounge", "sitting room"),
    ("no", "nope"),
    ("phone", "telephone"),
    ("sofa", "couch"),
    ("stove", "cooker", "hob"),
    ("study", "home office", "office"),
    ("tap", "faucet"),
    ("television", "tv"),
    ("vacuum cleaner", "hoover"),
    ("wardrobe", "closet"),
    ("yes", "yeah", "yep"),
)
"""Words for the same thing; the first stands for all."""

_DENIALS = {"cannot", "either", "neither", "never", "no", "nor", "not", "or", "t", "without"}  # t: of "isn't"


class Verdict(NamedTuple):
    """What an answer is worth."""

    score: int | None
    """From 1 (wrong) to 5 (right); None = the judge did not say."""
    reply: str = ""
    """What a model replied."""
    answered_by: str = ""
    """The model as the endpoint names it."""


class Judge(Protocol):
    """Scores answers that are not right word by word."""

    @property
    def identity(self) -> dict[str, str]:
        """What its scores belong to: `name`; of a model also `model` and `prompt_sha256`."""
        ...

    def score(self, question: str, given: str, answers: Sequence[str], options: Sequence[str]) -> Verdict:
        """Returns what an answer is worth.

        Args:
            question: the question.
            given: the answer.
            answers: every right wording.
            options: what could be chosen from; empty = the question is open.
        """
        ...


class RulesJudge:
    """No model: right is who says a right answer, by a synonym too, denies nothing, and names no other option."""

    identity = {"name": "rules"}  # noqa: RUF012  (nobody writes to it)

    def score(self, question: str, given: str, answers: Sequence[str], options: Sequence[str]) -> Verdict:
        """Returns 5 or 1; see `Judge`."""
        said = _canonical(given)
        right = [_canonical(answer) for answer in answers]
        if set(right) <= {"yes", "no"}:
            return Verdict(BEST if said.split()[:1] in [[answer] for answer in right] else WORST)
        wrong = [other for other in map(_canonical, options) if not any(_within(other, answer) for answer in right)]
        meant = [answer for answer in right if _within(answer, said)]
        denied = (set(re.findall(r"[a-z]+", given.lower())) & _DENIALS) - {
            w for answer in right for w in answer.split()
        }
        others = any(_within(other, said) for other in wrong)
        return Verdict(BEST if meant and not denied and not others else WORST)


def make_judge(name: str, base_url: str = "", model: str = "") -> Judge:
    """Returns a judge.

    Args:
        name: one of `JUDGES`.
        base_url: of the judge "chat": its endpoint; "" = the environment variable AVI_JUDGE_BASE_URL.
        model: of the judge "chat": its model; "" = the environment variable AVI_JUDGE_MODEL.

    Raises:
        ValueError: no such judge, or one without endpoint or model; the message names the remedy.
        ImportError: the extra is not installed; the message has the pip command.
    """
    if name == "rules":
        return RulesJudge()
    if name == "chat":
        from avi_env.bench.judge_chat import ChatJudge

        return ChatJudge(base_url, model)
    raise name_error("judge", name, JUDGES)


def judged(record: Mapping[str, Any], judge: Judge) -> dict[str, Any]:
    """Returns a record with its answer scored, if it has one in words and the right one is known.

    `measures.correctness` is (score - 1) / 4, whose mean is OpenEQA's C; `judge` says who gave the score: "exact" where
    the answer is right word by word or number by number, or where there is none.

    Raises:
        ConnectionError: the judge's endpoint cannot be reached or fails.
        ValueError: it refuses the model or the key.

    Source: Majumdar et al. 2024, "OpenEQA", CVPR, eq. 1.
    """
    answers = tuple(record.get("expected", ()))
    if not answers or "answer" not in record or not record["measures"]:
        return dict(record)
    given = str(record["answer"])
    by = {"name": "exact"}
    if answer_is_right(given, answers):
        verdict = Verdict(BEST)
    elif not given.strip():
        verdict = Verdict(WORST)
    else:
        by = judge.identity
        verdict = judge.score(str(record["question"]), given, answers, tuple(record.get("options", ())))
    told = {**by, "score": verdict.score, "reply": verdict.reply, "answered_by": verdict.answered_by}
    correctness = None if verdict.score is None else (verdict.score - WORST) / (BEST - WORST)
    return {
        **record,
        "measures": {**record["measures"], "correctness": correctness},
        "judge": {key: value for key, value in told.items() if value != ""},
    }


def _canonical(text: str) -> str:
    """Returns a text in its plainest form, one word for each thing."""
    plain = " ".join(re.sub(r"[^a-z]+", " ", text.lower()).split())
    for first, *others in _SAME:
        plain = re.sub(rf"\b(?:{'|'.join(others)})\b", first, plain)
    return normalised(plain)


def _within(part: str, whole: str) -> bool:
    """Says whether words occur in others, in their order."""
    return bool(part) and f" {part} " in f" {whole} "
