"""When a source sounds: once, for good, or on and off."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Emissions of `on` seconds each, the first at `start`, with `off` seconds of silence between them."""

    start: float = 0.0
    """Time of the first emission on the episode's clock [s]."""
    on: float = float("inf")
    """Length of each emission [s]; the clip begins anew with each."""
    off: float = 0.0
    """Silence between the end of an emission and the next one [s]."""
    count: int | None = None
    """Number of emissions; None = no end."""

    def __post_init__(self) -> None:
        if not self.on > 0.0 or not self.off >= 0.0 or not abs(self.start) < float("inf"):
            raise ValueError(f"a schedule needs a finite start, on > 0 and off >= 0, not {self}")
        if self.count is not None and self.count < 1:
            raise ValueError(f"a schedule needs a count of at least 1 or None, not {self.count}")
