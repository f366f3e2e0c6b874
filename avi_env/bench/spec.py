"""What a result was made with: commit, versions, device, arguments. A number without it is not a result."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import avi_env

__all__ = ["commit_of", "machine_facts", "run_spec"]

_PACKAGES = (
    "avi-env",
    "embreex",
    "gymnasium",
    "numpy",
    "scipy",
    "torch",
    "warp-lang",
    "pydantic-ai-slim",
    "pyroomacoustics",
    "xllamacpp",
)


def run_spec(device: str, seeds: list[int], arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns commit, dirty flag, package versions, device, seeds and arguments of a run, JSON-serialisable."""
    commit, dirty = commit_of(Path(avi_env.__file__).resolve().parent.parent)
    return {
        "commit": commit,
        "dirty": dirty,
        "versions": {"python": platform.python_version(), **versions()},
        "device": device_name(device),
        "seeds": seeds,
        "arguments": arguments,
    }


def versions() -> dict[str, str]:
    """Returns the installed versions of the packages that results depend on."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device_name(device: str) -> str:
    """Returns what the device is called: "cpu" with its architecture, or the GPU's name."""
    if device.startswith("cuda"):
        import torch

        return f"{device}: {torch.cuda.get_device_name(device)}"
    return f"cpu: {platform.machine()} {platform.system()}"


def commit_of(folder: Path) -> tuple[str, bool]:
    """Returns a clone's commit and whether what decides results differs from it; ("", False) if it is no clone."""
    if not (folder / ".git").exists():
        return "", False
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        # What decides a result; a file that the run itself leaves in the clone does not make it dirty.
        changed = ["git", "status", "--porcelain", "--", "avi_env", "agents", "policies", "scenes", "pyproject.toml"]
        status = subprocess.run(changed, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return head.stdout.strip(), bool(status.stdout.strip())


def machine_facts() -> dict[str, Any]:
    """Returns what times depend on: processor, cores this process may use, threads it was told to, what else ran."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # another operating system, another architecture
        processor = platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = round(os.getloadavg()[1], 1) if hasattr(os, "getloadavg") else None  # mean of five minutes
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return {"processor": processor, "cores": cores, "omp_num_threads": threads, "load_average": load}
