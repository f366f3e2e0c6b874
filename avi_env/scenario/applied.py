"""What came of an event of the timeline."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Applied"]


class Applied(NamedTuple):
    """What has happened."""

    what: str
    """In words."""
    place: npt.NDArray[np.float64] | None
    """Where [m], shape (3,), world frame; None = nowhere in particular."""
