"""What an evaluation comes to: means with intervals, of all episodes and of kinds of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from avi_env.bench.statistics import clustered_mean

__all__ = ["breakdown", "error_list", "measure_means", "summarise"]

Record = dict[str, Any]


def summarise(records: Sequence[Record], spec: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary of an evaluation, JSON-serialisable.

    Args:
        records: of one suite, split and agent.
        spec: what it was made with.
    """
    first = records[0]
    return {
        "suite": first["suite"],
        "split": first["split"],
        "agent": first["agent"],
        "episodes": len({record["episode_id"] for record in records}),
        "seeds": len({record["seed"] for record in records}),
        "measures": measure_means(records),
        "breakdown": breakdown(records),
        "errors": error_list(records),
        "spec": spec,
    }


def measure_means(records: Iterable[Record]) -> dict[str, Any]:
    """Returns mean and 95 % interval of every measure over the records that have it; the seeds of an episode are one.

    An episode that ended with an error of the agent counts with what it had reached; one that was lost with its
    worker, or that could not be played, has no measures.
    """
    values: dict[str, list[float | bool]] = {}
    clusters: dict[str, list[str]] = {}
    for record in records:
        for name, value in record["measures"].items():
            if value is not None:
                values.setdefault(name, []).append(value)
                clusters.setdefault(name, []).append(record["episode_id"])
    return {name: clustered_mean(values[name], clusters[name]).to_json() for name in sorted(values)}


def breakdown(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Returns episodes and measures by each tag's values, and by thirds of the geodesic distance from start to goal."""
    found = {}
    for tag in sorted({tag for record in records for tag in record["tags"]}):
        found[tag] = _by(records, lambda record, tag=tag: record["tags"].get(tag))  # type: ignore[misc]
    distances = {r["episode_id"]: r["geodesic_distance"] for r in records if (r["geodesic_distance"] or 0.0) > 0.0}
    if len(distances) >= 3:
        bounds = np.quantile(list(distances.values()), [1 / 3, 2 / 3])
        names = (f"near (< {bounds[0]:.1f} m)", "middle", f"far (> {bounds[1]:.1f} m)")

        def third(record: Record) -> str | None:
            distance = distances.get(record["episode_id"])
            return None if distance is None else names[int(np.searchsorted(bounds, distance))]

        grouped = _by(records, third)
        found["distance"] = {name: grouped[name] for name in names if name in grouped}
    return found


def error_list(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Returns the errors, by episode and seed."""
    failed = [record for record in records if record["error"] is not None]
    failed.sort(key=lambda record: (record["episode_id"], record["seed"]))
    return [{"episode_id": r["episode_id"], "seed": r["seed"], **r["error"]} for r in failed]


def _by(records: Sequence[Record], kind: Callable[[Record], str | None]) -> dict[str, Any]:
    """Returns episodes and measures of each kind of record."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        name = kind(record)
        if name is not None:
            groups.setdefault(name, []).append(record)
    return {
        name: {"episodes": len({r["episode_id"] for r in group}), "measures": measure_means(group)}
        for name, group in sorted(groups.items())
    }
