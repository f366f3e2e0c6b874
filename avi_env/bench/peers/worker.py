"""A contestant's process: `python -m avi_env.bench.peers.worker MODULE`."""

from __future__ import annotations

import os
import sys

from avi_env.bench.peers.protocol import serve


def main() -> None:
    """Serves on this process's own standard input and output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["AVI_CACHE"] = "off"  # what is timed is made, not read
    serve(sys.argv[1], requests, answers)
    answers.flush()
    os._exit(0)  # some libraries crash while they let go of their contexts; there is nothing left to lose


if __name__ == "__main__":
    main()
