"""What an agent hears of a baked field, as an explicit response: the field read at listeners, early and late."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.early import early_directions, early_response
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BIN_SECONDS, EARLY_BINS, SourceField
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.late import late_begin
from avi_env.acoustics.layouts import Layout, direction_filters, late_lines
from avi_env.acoustics.path_tracer import Echogram
from avi_env.scene.model import Scene
from avi_env.scene.rays import occluded

__all__ = ["field_echogram", "field_response", "field_sample"]

FloatArray = npt.NDArray[np.float64]

_WITNESSES = 256  # cells one of which must see a listener: those within some 4 m
_DECAY = 6.0 * np.log(10.0)


def field_sample(scene: Scene, field: SourceField, listener: FloatArray, device: str = "cpu") -> FieldSample:
    """Returns a baked field at listeners, between the cells that they see, as the environment does; B = L.

    Args:
        scene: the scene.
        field: baked in it.
        listener: positions [m], world frame, shape (3,) or (L, 3).
        device: "cpu" or "cuda".

    Raises:
        ValueError: a listener whom no place of the field sees: outside the scene's air, or shut in.
    """
    for place in np.atleast_2d(listener):
        _check_seen(scene, field, place)
    bank, scenes = FieldBank(1, device), scene_bank(scene, device)
    bank.set_row(0, field)
    place = torch.as_tensor(np.atleast_2d(listener), dtype=torch.float32, device=bank.device)
    index = torch.zeros(len(place), dtype=torch.int64, device=bank.device)

    def seen(centers: torch.Tensor) -> torch.Tensor:
        return ~scenes.occluded(index, place[:, None].expand_as(centers), centers)

    return bank.lookup(place, seen, rows=index)


def _check_seen(scene: Scene, field: SourceField, listener: FloatArray) -> None:
    """The nearest cell would speak for a listener that none sees: in a closed building's notch, the room inside."""
    near = np.argsort(np.linalg.norm(field.cells - listener, axis=1), kind="stable")
    for few in (near[:8], near[8:_WITNESSES]):
        if not occluded(scene, np.broadcast_to(listener, (len(few), 3)), field.cells[few]).all():
            return
    count = min(len(near), _WITNESSES)
    raise ValueError(
        f"listener {np.round(listener, 3).tolist()} is seen from none of the {count} places nearest to it where the "
        f"field in scene {scene.name!r} is known: it is outside, or shut in; move it, or take mode='traced'"
    )


def field_echogram(sample: FieldSample, seconds: float) -> Echogram:
    """Returns a sample as energy per 5 ms bin from the first arrival on."""
    bins = max(int(np.ceil(seconds / EARLY_BIN_SECONDS)), EARLY_BINS)
    energy = np.zeros((bins, BAND_COUNT, 4))
    energy[:EARLY_BINS] = sample.early[0].double().numpy()
    edge = np.arange(bins - EARLY_BINS + 1)[:, None] * EARLY_BIN_SECONDS
    remaining = np.exp(-_DECAY * edge / np.array(DECAY_TIMES)) @ sample.late[0].double().numpy()
    energy[EARLY_BINS:, :, 0] = remaining[:-1] - remaining[1:]
    return Echogram(EARLY_BIN_SECONDS, energy)


def field_response(sample: FieldSample, yaw: torch.Tensor, layout: Layout, length: int, seed: int) -> torch.Tensor:
    """Returns samples on the channels of a layout with the very noise of the environment, shape (B, C, length).

    Args:
        sample: the field where B listeners stand.
        yaw: of the listeners [rad], shape (B,).
        layout: the channels.
        length: [samples].
        seed: of the noise.
    """
    device, rate = sample.early.device, layout.sample_rate
    directions = early_directions(str(device)).expand(len(yaw), -1, -1)
    response = early_response(sample, *direction_filters(layout, directions, yaw), rate, length, seed=seed)
    begin = late_begin(sample.first_arrival, rate)
    gain = sample.late.clamp(min=0.0).sqrt()
    tail = torch.zeros_like(response)
    for slope in torch.nonzero(gain.amax(dim=(0, 2)) > 0.0)[:, 0].tolist():
        lines = torch.tensor(late_lines(layout, slope, seed)[..., :length], device=device)
        noise = gain[:, slope] @ lines.reshape(BAND_COUNT, -1)
        tail[..., : lines.shape[-1]] += noise.reshape(*tail.shape[:2], -1)
    for row, start in enumerate(begin.clamp(0, length).tolist()):
        response[row, :, start:] += tail[row, :, : length - start]
    return response
