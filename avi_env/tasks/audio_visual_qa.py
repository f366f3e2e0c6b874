"""Explore a house by eye and ear, then answer a question about it.

Task: A question is asked about what can be seen and heard in the house, with two to eight options. The agent walks
about (1 forward, 2 left, 3 right) and answers with one of the options (4 + its index), or gives up (0); both end the
episode.

Randomisation: The seed draws the house (of `scenes`), a question of one of the families of
`avi_env.tasks.questions.question_families()`, each alike likely, and an episode in which one of the options, each alike
likely, is the right one: what sounds where and when, which doors turn, where the agent starts.

Success: Answering with the right option. `info["answered"]` tells whether there was an answer.

Reward: -0.01 a step, plus 10 for the right answer.

Observations: `rgb`, `depth`, `audio`, `spectrogram`; `question` (256 bytes of UTF-8, padded with zeros) and `options`
(8 rows of 64 bytes, those beyond the last option empty), which `avi_env.tasks.audio_visual_qa.decoded_text` reads. The
`info` of a reset has both as text.

Source: Das et al. 2018, arXiv 1711.11543 (embodied question answering); Majumdar et al. 2024, OpenEQA, CVPR.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.tasks.questions.question import MOST_OPTIONS, Question
from avi_env.tasks.task import NavRules, Task

__all__ = ["ANSWER", "OPTION_BYTES", "QUESTION_BYTES", "TASK", "TEXT_BYTES", "decoded_text", "encoded_question"]

ANSWER = 4
"""Action of the answer with the first option."""

QUESTION_BYTES, OPTION_BYTES = 256, 64
"""Room for the question's text and for each of `MOST_OPTIONS` options."""

TEXT_BYTES = QUESTION_BYTES + MOST_OPTIONS * OPTION_BYTES
"""Room for both."""

TASK = Task(
    name="AudioVisualQA",
    summary="Explore a house by eye and ear, then answer a question about it.",
    answers="options",
    rules=NavRules(progress_weight=0.0),
    defaults={
        "distractors": 3,
        "sensors": ("rgb", "depth", "audio", "spectrogram", "question", "options"),
    },
)


def encoded_question(question: Question) -> npt.NDArray[np.uint8]:
    """Returns a question's text and then its options as bytes of UTF-8, padded with zeros, shape (`TEXT_BYTES`,).

    Raises:
        ValueError: it has no options, or a text does not fit.
    """
    if not question.options:
        raise ValueError(f"question {question.text!r} has no options to choose from")
    texts = [(question.text, QUESTION_BYTES), *((option, OPTION_BYTES) for option in question.options)]
    for text, room in texts:
        if len(text.encode()) > room:
            raise ValueError(f"{text!r} is longer than {room} bytes: the observation has no room for it")
    filled = b"".join(text.encode().ljust(room, b"\0") for text, room in texts)
    return np.frombuffer(filled.ljust(TEXT_BYTES, b"\0"), dtype=np.uint8)


def decoded_text(observed: npt.NDArray[np.uint8]) -> str | tuple[str, ...]:
    """Returns the text of an observed `question`, shape (256,), or the texts of `options`, shape (8, 64)."""
    rows = tuple(bytes(row).rstrip(b"\0").decode() for row in np.atleast_2d(observed))
    return rows[0] if observed.ndim == 1 else tuple(row for row in rows if row)
