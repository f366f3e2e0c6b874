"""Tables of light and of sound that follow the scenes of a bank as they come and go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import zip_longest
from typing import TYPE_CHECKING

from avi_env.scene.model import Scene

if TYPE_CHECKING:
    from avi_env.scene.bank import SceneBank

__all__ = ["SlotFollower"]


class SlotFollower(ABC):
    """Tables that hold something for each scene of a bank; `SceneBank.attached` makes one and keeps it up to date."""

    stamps: tuple[int, ...]
    """Those of the bank when last followed."""

    def __init__(self, bank: SceneBank) -> None:
        """Makes empty tables for a bank; a follower does not hold the bank, which holds it."""
        self.stamps = ()

    @property
    @abstractmethod
    def nbytes(self) -> dict[str, int]:
        """Size of each table [bytes]."""

    @abstractmethod
    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Enters the scene that has come into a slot."""

    @abstractmethod
    def drop(self, slot: int) -> None:
        """Frees what the scene owned that has left a slot."""

    @abstractmethod
    def renew(self, bank: SceneBank) -> None:
        """Renews what points at tables, after all scenes have come and gone."""

    def follow(self, bank: SceneBank) -> None:
        """Catches up with the scenes that have come and gone since the last call."""
        changed = [
            (slot, before, now)
            for slot, (before, now) in enumerate(zip_longest(self.stamps, bank.stamps, fillvalue=0))
            if before != now
        ]
        for slot, before, _ in changed:
            if before:
                self.drop(slot)
        for slot, _, now in changed:
            if now:
                self.put(bank, slot, bank.scene(slot))
        self.renew(bank)
        self.stamps = bank.stamps
