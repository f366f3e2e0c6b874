"""What an agent hears of a baked field, as an explicit response: the field read at one place, early and late."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.early import early_fir
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BIN_SECONDS, EARLY_BINS, EARLY_SECONDS, SourceField
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, late_noise
from avi_env.acoustics.path_tracer import Echogram
from avi_env.scene.model import Scene

__all__ = ["field_echogram", "field_response", "field_sample"]

FloatArray = npt.NDArray[np.float64]

_DECAY = 6.0 * np.log(10.0)


def field_sample(scene: Scene, field: SourceField, listener: FloatArray) -> FieldSample:
    """Returns a baked field at a listener, between the cells that it sees, as the environment does; B = 1."""
    bank = FieldBank(1)
    bank.set_row(0, field)
    place = torch.as_tensor(listener, dtype=torch.float32)[None]
    index = torch.zeros(1, dtype=torch.int64)

    def seen(centers: torch.Tensor) -> torch.Tensor:
        return ~scene_bank(scene).occluded(index, place[:, None].expand_as(centers), centers)

    return bank.lookup(place, seen)


def field_echogram(sample: FieldSample, seconds: float) -> Echogram:
    """Returns a sample as energy per 5 ms bin from the first arrival on."""
    bins = max(int(np.ceil(seconds / EARLY_BIN_SECONDS)), EARLY_BINS)
    energy = np.zeros((bins, BAND_COUNT, 4))
    energy[:EARLY_BINS] = sample.early[0].double().numpy()
    edge = np.arange(bins - EARLY_BINS + 1)[:, None] * EARLY_BIN_SECONDS
    remaining = np.exp(-_DECAY * edge / np.array(DECAY_TIMES)) @ sample.late[0].double().numpy()
    energy[EARLY_BINS:, :, 0] = remaining[:-1] - remaining[1:]
    return Echogram(EARLY_BIN_SECONDS, energy)


def field_response(sample: FieldSample, yaw: float, head: Hrtf, length: int, seed: int) -> FloatArray:
    """Returns a sample at both ears with the very noise that the environment's sound has, shape (2, length)."""
    turn = torch.tensor([yaw], dtype=torch.float32)
    response = early_fir(sample, turn, head, length, seed=seed)[0].double().numpy()
    rate = head.sample_rate
    begin = int(np.floor(float(sample.first_arrival[0]) * rate)) + round((EARLY_SECONDS - LATE_LEAD_SECONDS) * rate)
    gain = np.sqrt(sample.late[0].double().numpy())
    for slope in np.flatnonzero(gain.any(axis=1)):
        noise = np.tensordot(gain[slope], late_noise(int(slope), rate, seed), axes=1)
        count = max(min(noise.shape[1], length - begin), 0)
        response[:, begin : begin + count] += noise[:, :count]
    return response
