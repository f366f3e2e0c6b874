"""The reverberant fields of many sources on a device: of places, of paths' nodes as sources move, of own echoes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from avi_env.acoustics.bake import bake_field
from avi_env.acoustics.echolocation import echo_field
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.field import SourceField
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.wavefront_bank import WavefrontBank
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Scene

__all__ = ["PREFETCH_NODES", "Heard", "Listeners", "SourceFields"]

PREFETCH_NODES = 16
"""Fields of a path of up to so many nodes (15 m) are baked when the source is set; those of a longer one on its way."""


class Listeners(NamedTuple):
    """Who hears each of F sources."""

    scene_index: torch.Tensor
    """Scene in the bank, shape (F,) int32."""
    ears: torch.Tensor
    """Centre of the head [m], shape (F, 3), world frame."""
    yaw: torch.Tensor
    """Heading [rad], shape (F,)."""
    clock: torch.Tensor
    """First sample of the step on the row's clock, shape (F,) int64."""


class Heard(NamedTuple):
    """A source and the scene in which it is heard."""

    emitter: Emitter
    scene: Scene


class SourceFields:
    """F places for sources, each with its own field and wavefront."""

    def __init__(self, count: int, device: torch.device, path_count: int, ear_height: float) -> None:
        self.wavefronts = WavefrontBank(count, device)
        """Of each source, or of the node of its path that is nearest."""
        # Rows [0, F) hold the field of a source, or of the node that it has passed; the others that of the next node.
        self._fields = FieldBank(2 * count, device)
        self._heard: list[Heard | None] = [None] * count
        self._node: dict[int, tuple[int, int]] = {}  # of moving sources: node passed, node of the wavefront
        self._way = torch.zeros(count, device=device)  # from that node to the next one, 0..1
        self._device, self._path_count, self._ear_height = device, path_count, ear_height

    def set_source(self, place: int, emitter: Emitter | None, scene: Scene) -> None:
        """Bakes what is heard of a source in a scene; of a moving one the nodes, if they are few."""
        self._heard[place] = None if emitter is None else Heard(emitter, scene)
        if emitter is not None and emitter.moves and len(emitter.node_places) <= PREFETCH_NODES:
            for node in range(len(emitter.node_places)):
                self._bake(Heard(emitter, scene), node)
        self._renew(place)

    def set_scene(self, place: int, scene: Scene) -> None:
        """Lets a source be heard in another scene: of a moving one only where it is, the rest on its way."""
        heard = self._heard[place]
        if heard is not None and heard.scene is not scene:
            self._heard[place] = Heard(heard.emitter, scene)
            self._renew(place)

    def _renew(self, place: int) -> None:
        """Puts what is heard of a source on the device; of a moving one `follow` does."""
        heard = self._heard[place]
        self._node.pop(place, None)
        self._way[place] = 0.0
        if heard is None or heard.emitter.with_listener:
            self.wavefronts.set_row(place, None)
        elif not heard.emitter.moves:
            field = self._bake(heard, 0)
            self._fields.set_row(place, field)
            self._fields.set_row(place + len(self._heard), field)
            self.wavefronts.set_row(place, field.wavefront)

    def follow(self, places: torch.Tensor, clock: torch.Tensor, sample_rate: int) -> None:
        """Puts the fields of the nodes around moving sources on the device, as they are at `clock`, shape (F,)."""
        for place, sample in zip(places.tolist(), clock.tolist(), strict=True):
            heard = self._heard[place]
            if heard is not None and heard.emitter.moves:
                node, way = heard.emitter.node_at(sample / sample_rate)
                self._enter(place, heard, node, node + int(way > 0.5))
                self._way[place] = way

    def sample(self, bank: SceneBank, places: torch.Tensor, listeners: Listeners, moving: bool) -> FieldSample:
        """Returns the baked fields at the listeners; `moving`: between two nodes of a path energies are mixed."""
        ears = listeners.ears

        def seen(cells: torch.Tensor) -> torch.Tensor:  # so that no sound leaks through thin walls
            return ~bank.occluded(listeners.scene_index, ears[:, None].expand_as(cells), cells)

        near = self._fields.lookup(ears, seen, places)
        if not moving:
            return near
        far = self._fields.lookup(ears, seen, places + len(self._heard))
        way = self._way[places]
        return FieldSample(*(_mixed(a, b, way) for a, b in zip(near, far, strict=True)))

    def echoes(self, places: torch.Tensor, listeners: Listeners) -> FieldSample:
        """Returns what comes back to listeners of their own sounds."""
        scenes = [heard.scene for heard in map(self._heard.__getitem__, places.tolist()) if heard is not None]
        return echo_field(scenes, listeners.ears, self._ear_height, str(self._device))

    def _bake(self, heard: Heard, node: int) -> SourceField:
        """Returns the field of a node of a source's path, from memory if it was baked before."""
        emitter = heard.emitter
        place = emitter.node_places[node] if emitter.moves else np.atleast_2d(emitter.position)[0]
        # Of a source that keeps its heading the pattern is traced; of others its power counts (`EmitterBank.power`).
        pattern = emitter.pattern if emitter.stays else "omni"
        return bake_field(
            heard.scene,
            place,
            path_count=self._path_count,
            ear_height=self._ear_height,
            directivity=pattern,
            yaw=float(np.ravel(emitter.yaw)[0]),
            device=str(self._device),
        )

    def _enter(self, place: int, heard: Heard, node: int, nearest: int) -> None:
        """Makes two neighbouring nodes those between which a source is."""
        held = self._node.get(place, (-1, -1))
        if held[0] != node:
            self._fields.set_row(place, self._bake(heard, node))
            self._fields.set_row(place + len(self._heard), self._bake(heard, node + 1))
        if held[1] != nearest:
            self.wavefronts.set_row(place, self._bake(heard, nearest).wavefront)
        self._node[place] = (node, nearest)


def _mixed(near: torch.Tensor, far: torch.Tensor, way: torch.Tensor) -> torch.Tensor:
    """Returns near + way (far - near), exactly `near` where `way` is 0."""
    share = way.reshape(-1, *[1] * (near.ndim - 1))
    return near * (1.0 - share) + far * share
