"""What of this installation works: versions, devices, planners, the embedded model's checksum."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from avi_env.bench.spec import versions
from avi_env.content import content_names, name_error

__all__ = ["Check", "run_checks"]


class Check(NamedTuple):
    """One line of `avi doctor`."""

    name: str
    ok: bool
    detail: str


def run_checks(required: tuple[str, ...] = ()) -> list[Check]:
    """Returns every check, in order.

    Args:
        required: names of checks the caller will insist on.

    Raises:
        ValueError: a required name that is no check, with the nearest one.
    """
    for name in required:
        if name not in _CHECKS:
            raise name_error("check", name, _CHECKS)
    return [_run(name, check) for name, check in _CHECKS.items()]


def _run(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except Exception as error:  # a doctor reports every illness, of whatever kind
        return Check(name, False, f"{type(error).__name__}: {error}")


def _packages() -> str:
    return ", ".join(f"{name} {version}" for name, version in versions().items())


def _content() -> str:
    kinds = ("agents", "benchmarks", "policies", "scenes")
    return "; ".join(f"{kind}: {', '.join(content_names(kind)) or 'none'}" for kind in kinds)


def _cpu() -> str:
    from avi_env.scene import shoebox
    from avi_env.scene.rays import closest_hit

    hits = closest_hit(shoebox((4.0, 3.0, 4.0)), [[2.0, 1.0, 2.0]], [[1.0, 0.0, 0.0]])
    return f"Embree: a wall 2 m away is {float(hits.distance[0]):.3f} m away"


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("no CUDA device: everything runs on the CPU")
    return torch.cuda.get_device_name(0)


def _hrtf() -> str:
    from avi_env.acoustics.hrtf import load_hrtf

    return f"MIT KEMAR, {len(load_hrtf('kemar').directions)} directions"


def _video() -> str:
    import av

    for codec in ("libx264", "aac"):
        av.Codec(codec, "w")
    return f"PyAV {av.__version__} with H.264 and AAC"


def _rules() -> str:
    from avi_env.agents.load import load_planner

    return f"planner {load_planner('rules').name!r}, deterministic"


def _scoring() -> str:
    import xllamacpp

    from avi_env.agents.embedded_model import find_model

    return f"{find_model().name}, sha256 as expected, xllamacpp {getattr(xllamacpp, '__version__', '')}".rstrip()


def _chat() -> str:
    import pydantic_ai

    return f"pydantic-ai {pydantic_ai.__version__}; set AVI_LLM_BASE_URL, AVI_LLM_MODEL and AVI_LLM_API_KEY"


_CHECKS: dict[str, Callable[[], str]] = {
    "packages": _packages,
    "content": _content,
    "cpu": _cpu,
    "cuda": _cuda,
    "hrtf": _hrtf,
    "video": _video,
    "rules": _rules,
    "scoring": _scoring,
    "chat": _chat,
}
