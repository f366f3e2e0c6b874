"""Two evaluations of the same episodes, paired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avi_env.bench.statistics import clustered_mean, mean_interval, sign_test

__all__ = ["compare"]

Record = dict[str, Any]
Key = tuple[str, str, str, int]

_SHOWN = 5  # episodes named in an error


def compare(a: Sequence[Record], b: Sequence[Record]) -> dict[str, Any]:
    """Returns the paired comparison of two evaluations, JSON-serialisable.

    Every measure's difference is that of an episode's means over seeds, its interval the bootstrap over episodes. Rates
    have the exact sign test over episodes, too: with one seed, McNemar's.

    Args:
        a: records of one evaluation.
        b: of the other.

    Raises:
        ValueError: they are of different suites, splits, episodes or seeds; or nothing can be compared.
    """
    left, right = _by_key(a), _by_key(b)
    _check_pairs(left, right)
    pairs = [(left[key], right[key]) for key in sorted(left)]
    sound = [pair for pair in pairs if pair[0]["measures"] and pair[1]["measures"]]
    if not sound:
        raise ValueError("no episode has measures in both evaluations: each ended with an error in one of them")
    names = sorted(set.intersection(*({*one["measures"]} & {*other["measures"]} for one, other in sound)))
    first, second = pairs[0]
    return {
        "suite": first["suite"],
        "split": first["split"],
        "a": first["agent"],
        "b": second["agent"],
        "pairs": len(sound),
        "episodes": len({one["episode_id"] for one, _ in sound}),
        "left_out": sorted({one["episode_id"] for one, other in pairs if not (one["measures"] and other["measures"])}),
        "measures": {name: _difference(sound, name) for name in names},
    }


def _difference(pairs: Sequence[tuple[Record, Record]], name: str) -> dict[str, Any]:
    """Returns a measure's means in both, its difference and the p-value of a rate."""
    known = [(one, other) for one, other in pairs if None not in (one["measures"][name], other["measures"][name])]
    if not known:
        return {"a": None, "b": None, "difference": None, "p": None}
    clusters = [one["episode_id"] for one, _ in known]
    sides = [[pair[side]["measures"][name] for pair in known] for side in (0, 1)]
    by_episode: dict[str, list[float]] = {}
    for cluster, x, y in zip(clusters, *sides, strict=True):
        by_episode.setdefault(cluster, []).append(float(y) - float(x))
    differences = np.array([np.mean(values) for values in by_episode.values()])
    rate = all(isinstance(value, bool) for side in sides for value in side)
    return {
        "a": clustered_mean(sides[0], clusters).to_json(),
        "b": clustered_mean(sides[1], clusters).to_json(),
        "difference": mean_interval(differences).to_json(),
        "p": sign_test(differences) if rate else None,
    }


def _by_key(records: Sequence[Record]) -> dict[Key, Record]:
    return {(r["suite"], r["split"], r["episode_id"], r["seed"]): r for r in records}


def _check_pairs(left: dict[Key, Record], right: dict[Key, Record]) -> None:
    """Finds out whether two evaluations played the same."""
    if not left or not right:
        raise ValueError("an evaluation without any episode cannot be compared")
    suites = [sorted({f"{suite} {split}" for suite, split, _, _ in side}) for side in (left, right)]
    if suites[0] != suites[1]:
        raise ValueError(f"A is of {', '.join(suites[0])}, B of {', '.join(suites[1])}: compare what played the same")
    digests = [{record["arguments"]["episodes_sha256"] for record in side.values()} for side in (left, right)]
    if digests[0] != digests[1]:
        raise ValueError("A and B played different versions of the suite's episodes: evaluate one of them again")
    for mine, other, name in ((left, right, "B"), (right, left, "A")):
        missing = [f"{episode} (seed {seed})" for _, _, episode, seed in sorted(mine.keys() - other.keys())]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise ValueError(
                f"{name} lacks {len(missing)} episodes of the other: {', '.join(missing[:_SHOWN])}{more}; "
                f"give both evaluations the same --episodes and --seeds, or finish one with --resume"
            )
