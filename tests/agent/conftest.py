"""How recorded requests are matched: by what is asked, not by how a client version spells the rest."""

from __future__ import annotations

import json
from typing import Any


def pytest_recording_configure(config: Any, vcr: Any) -> None:
    """Adds the matcher "asked": the same model, messages and skills."""
    vcr.register_matcher("asked", _same_question)


def _same_question(first: Any, second: Any) -> None:
    assert _asked(first) == _asked(second)


def _asked(request: Any) -> Any:
    body = json.loads(request.body)
    tools = [(t["function"]["name"], t["function"]["parameters"]) for t in body.get("tools", ())]
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return body["model"], body["messages"], tools, schema
