"""What memory environments take, and whether it grows: measured in a process of its own, one JSON object to stdout.

python -m avi_env.bench.speed_memory '{"steps": 2000, "device": "cpu"}'
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["watched_memory"]

_SAMPLES = 40
_MEGA = 1e6


def watched_memory(steps: int, count: int, device: str, scenes: str, size: int, seed: int) -> dict[str, Any]:
    """Returns what environments took in a process of their own, while they walked, stopped and began anew.

    Args:
        steps: number of steps.
        count: environments in the batch; 0 = the single one of `gym.make`.
        device: where they live.
        scenes: the scenes that they share.
        size: width of the images [pixels].
        seed: of walks and episodes.

    Returns:
        "step" and "resident_mb": curve of resident memory; "peak_mb"; "device_mb": device memory, 0 on the CPU;
        "resets"; "seconds".

    Raises:
        OSError: the process failed; the message holds its last words.
    """
    given = {"steps": steps, "count": count, "device": device, "scenes": scenes, "size": size, "seed": seed}
    command = [sys.executable, "-m", "avi_env.bench.speed_memory", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"measuring memory failed: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _watch(steps: int, count: int, device: str, scenes: str, size: int, seed: int) -> dict[str, Any]:
    from avi_env.bench.speed_steps import Walk
    from avi_env.bench.speed_timing import machine_device
    from avi_env.bench.variables import fresh_cache

    at, resident, resets, begin = [], [], 0, time.perf_counter()
    place = machine_device(device)
    free = _device_free(device)
    with fresh_cache():
        walk = Walk(count, place, seed, scenes=scenes, size=size)
        every = max(steps // _SAMPLES, 1)
        for step in range(steps + 1):
            if step % every == 0:
                at.append(step)
                resident.append(round(resident_mb(), 2))
            resets += int(np.count_nonzero(walk.ended()))
        taken = free - _device_free(device)
        walk.close()
    return {
        "step": at,
        "resident_mb": resident,
        "peak_mb": round(_peak_mb(), 2),
        "device_mb": round(taken / _MEGA, 2),
        "resets": resets,
        "seconds": round(time.perf_counter() - begin, 2),
    }


def resident_mb() -> float:
    """Returns the resident memory of this process [MB].

    Raises:
        OSError: there is no /proc (not Linux).
    """
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    import resource

    return pages * resource.getpagesize() / _MEGA


def _peak_mb() -> float:
    """Returns the greatest resident memory; getrusage would remember that of the process it was forked from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1024 / _MEGA
    raise OSError("/proc/self/status tells no VmHWM: resident memory is measured on Linux")


def _device_free(device: str) -> float:
    """Returns the free memory of a CUDA device [bytes], all libraries counted; 0 on the CPU."""
    if not device.startswith("cuda"):
        return 0.0
    import torch

    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return float(torch.cuda.mem_get_info()[0])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_watch(**json.loads(sys.argv[1]))) + "\n")
