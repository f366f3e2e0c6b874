"""Settings of a chat model's endpoint, the endpoint itself, and its failures in words that name the setting."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from avi_env.content import name_error

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

__all__ = [
    "ChatSettings",
    "EndpointUser",
    "endpoint_error",
    "endpoint_model",
    "filled_in",
    "request_settings",
    "require_library",
]

_INSTALL = 'pip install "avi-env[llm]"'
_NO_KEY = (
    "no-key"  # what local servers are sent; never the key of another service that happens to be in the environment
)
_ENVIRONMENT = ("base_url", "model", "api_key")
"""Settings that environment variables may hold."""
_MODES = ("tools", "json")


class EndpointUser(NamedTuple):
    """Who asks an endpoint: its messages name it, its settings come from its own environment variables."""

    name: str = "the chat planner"
    prefix: str = "AVI_LLM"
    """Of the environment variables."""
    instead: str = "for a planner without an endpoint choose 'scoring' or 'rules'"
    """What can be done without an endpoint."""

    def variable(self, setting: str) -> str:
        """Returns the environment variable of a setting."""
        return f"{self.prefix}_{setting.upper()}"


PLANNER = EndpointUser()


@dataclass(frozen=True)
class ChatSettings:
    """Endpoint, model and caps. Empty settings are read from the environment variable in brackets."""

    base_url: str = ""
    """Address of the OpenAI-compatible endpoint, such as http://localhost:8080/v1 [AVI_LLM_BASE_URL]."""
    model: str = ""
    """Name of the model there [AVI_LLM_MODEL]."""
    api_key: str = field(default="", repr=False)
    """Key; local servers need none [AVI_LLM_API_KEY]. Never logged."""
    mode: str = "tools"
    """"tools" for hosted models, "json" for small local ones."""
    temperature: float = 0.0
    """Below 0 = not sent (some reasoning models refuse it)."""
    seed: int = 0
    """Below 0 = not sent."""
    max_reply_tokens: int = 400
    """Length of one reply at most."""
    window: int = 6
    """Turns of the conversation that are sent again."""
    timeout_s: float = 120.0
    """Longest wait for one reply [s]."""
    max_requests: int = 80
    """Requests an episode, the second tries included."""
    max_tokens: int = 300_000
    """Prompt and reply tokens an episode."""
    max_sim_seconds: float = 900.0
    """Simulated time after which the planner is not asked any more [s]."""

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise name_error("mode of the chat planner", self.mode, _MODES)


def filled_in(settings: ChatSettings, user: EndpointUser = PLANNER) -> ChatSettings:
    """Returns the settings with what is empty taken from the environment variables."""
    found = {k: str(getattr(settings, k) or os.environ.get(user.variable(k), "")) for k in _ENVIRONMENT}
    return dataclasses.replace(settings, base_url=found["base_url"], model=found["model"], api_key=found["api_key"])


def endpoint_model(settings: ChatSettings, user: EndpointUser = PLANNER) -> Model:
    """Returns the endpoint's model; nothing is sent yet.

    Raises:
        ValueError: base_url or model is missing or no address; the message names the setting.
        ImportError: the extra is not installed.
    """
    for name in ("base_url", "model"):
        if not getattr(settings, name):
            raise ValueError(
                f"{user.name} needs the setting {name}: set the environment variable {user.variable(name)} "
                f"(or give {name}=...); {user.instead}"
            )
    if not settings.base_url.startswith(("http://", "https://")):
        raise ValueError(f"setting base_url ({user.variable('base_url')}): {settings.base_url!r} is no http(s) address")
    require_library(user)
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=settings.base_url, api_key=settings.api_key or _NO_KEY)
    return OpenAIChatModel(settings.model, provider=provider)


def require_library(user: EndpointUser = PLANNER) -> None:
    """Raises an ImportError with the pip command when pydantic-ai or its OpenAI part is missing."""
    try:
        import openai  # noqa: F401
        import pydantic_ai  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{user.name} needs pydantic-ai: {_INSTALL}") from error


def request_settings(settings: ChatSettings) -> ModelSettings:
    """Returns what goes with every request."""
    from pydantic_ai.settings import ModelSettings

    chosen = ModelSettings(max_tokens=settings.max_reply_tokens, timeout=settings.timeout_s)
    if settings.temperature >= 0.0:
        chosen["temperature"] = settings.temperature
    if settings.seed >= 0:
        chosen["seed"] = settings.seed
    if settings.mode == "tools":
        chosen["parallel_tool_calls"] = False
    return chosen


def endpoint_error(settings: ChatSettings, error: Exception, user: EndpointUser = PLANNER) -> Exception:
    """Returns a failure of the endpoint as an error that names the setting to look at."""
    where = settings.base_url or "the model"
    status = getattr(error, "status_code", None)
    url, model, key = (user.variable(setting) for setting in _ENVIRONMENT)
    said = " ".join(str(getattr(error, "body", None) or error).split())[:300]
    if status in (401, 403):
        return ValueError(f"{where} refuses the key: check the setting api_key ({key}). It says: {said}")
    if status == 404:
        return ValueError(
            f"{where} has no model {settings.model!r}: check the settings model ({model}) and base_url "
            f"({url}; it usually ends in /v1). It says: {said}"
        )
    if status is not None and status < 500 and status != 429:
        return ValueError(f"{where} refuses the request (status {status}), model {settings.model!r}: {said}")
    if status is not None:
        return ConnectionError(f"{where} fails or is overloaded (status {status}): {said}")
    return ConnectionError(
        f"cannot reach a language model at {where}: is it running, is the setting base_url ({url}) right? {said}"
    )
