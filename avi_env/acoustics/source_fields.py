"""The reverberant fields of many sources on a device: of places, of nodes as sources move, of own echoes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bake import BakeRequest, bake_fields
from avi_env.acoustics.echolocation import echo_field
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.field import SourceField
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.field_store import prepare_field
from avi_env.acoustics.sight import cells_in_sight
from avi_env.acoustics.source_nodes import NODE_LIMIT, Node, nodes_around, path_nodes
from avi_env.acoustics.wavefront_bank import WavefrontBank, prepare_wavefront
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Scene

Place = tuple[float, float, float]

__all__ = ["PREFETCH_NODES", "Heard", "Listeners", "SourceFields"]

PREFETCH_NODES = 16
"""Fields of a path of up to so many nodes are baked when the source is set; those of a longer one on its way."""


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
        """Of each source, or of the node of its path that counts most."""
        # Four rows for each place: the nodes around a moving source; the first is the field of one that stays.
        self._fields = FieldBank(NODE_LIMIT * count, device, silent=True)
        self._heard: list[Heard | None] = [None] * count
        self._nodes: dict[int, list[Place]] = {}  # of moving sources: what is on the device
        self._share = torch.zeros(count, NODE_LIMIT, device=device)
        self._device, self._path_count, self._ear_height = device, path_count, ear_height

    def prepare(self, emitter: Emitter, scene: Scene) -> SourceField | None:
        """Bakes what is heard of a source in a scene, of a moving one the nodes, if they are few; in any thread.

        Returns:
            The field of a source that stays where it is.
        """
        heard = Heard(emitter, scene)
        if emitter.with_listener:
            return None
        if not emitter.moves:
            return self._ready(self._bake(heard, emitter.place_at(0.0)))
        nodes = path_nodes(scene, emitter)
        for field in self._bakes(heard, nodes) if len(nodes) <= PREFETCH_NODES else ():
            self._ready(field)
        return None

    def set_source(self, place: int, emitter: Emitter | None, scene: Scene, field: SourceField | None = None) -> None:
        """Lets a source be heard in a scene; `field` as `prepare` returned it, which is done here if not given."""
        self._heard[place] = None if emitter is None else Heard(emitter, scene)
        if emitter is not None and field is None:
            field = self.prepare(emitter, scene)
        self._renew(place, field)

    def set_scene(self, place: int, scene: Scene) -> None:
        """Lets a source be heard in another scene: of a moving one only where it is, the rest on its way."""
        heard = self._heard[place]
        if heard is not None and heard.scene is not scene:
            self._heard[place] = Heard(heard.emitter, scene)
            self._renew(place)

    def _renew(self, place: int, baked: SourceField | None = None) -> None:
        """Puts what is heard of a source on the device; of a moving one `follow` does."""
        heard = self._heard[place]
        self._nodes.pop(place, None)
        field = None
        if heard is not None and not heard.emitter.with_listener:
            if heard.emitter.moves:
                return
            field = baked or self._bake(heard, heard.emitter.place_at(0.0))
        self.wavefronts.set_row(place, None if field is None else field.wavefront)
        for node in range(NODE_LIMIT):
            self._fields.set_row(NODE_LIMIT * place + node, field if node == 0 else None)

    def follow(self, places: torch.Tensor, clock: torch.Tensor, sample_rate: int) -> None:
        """Puts the fields of the nodes around moving sources on the device, as they are at `clock`, shape (F,)."""
        for place, sample in zip(places.tolist(), clock.tolist(), strict=True):
            heard = self._heard[place]
            if heard is not None and heard.emitter.moves:
                self._enter(place, heard, nodes_around(heard.scene, heard.emitter, sample / sample_rate))

    def sample(self, bank: SceneBank, places: torch.Tensor, listeners: Listeners) -> FieldSample:
        """Returns the baked fields at the listeners; of moving sources the fields of the nodes around are mixed."""
        found = self._lookup(bank, NODE_LIMIT * places, listeners)
        moving = [i for i, place in enumerate(places.tolist()) if place in self._nodes] if self._nodes else []
        if not moving:
            return found
        which = torch.tensor(moving, dtype=torch.int64, device=places.device)
        share, further = self._share[places[which]], NODE_LIMIT - 1
        rows = (NODE_LIMIT * places[which])[:, None] + torch.arange(1, NODE_LIMIT, device=places.device)
        those = Listeners(*(tensor[which].repeat_interleave(further, dim=0) for tensor in listeners))
        others = self._lookup(bank, rows.reshape(-1), those)
        for part, other in zip(found, others, strict=True):
            mixed = part[which] * _beside(share[:, 0], part)
            nodes = other.reshape(len(which), further, *other.shape[1:])
            for node in range(further):  # one by one: how torch sums depends on the number of rows
                mixed = mixed + nodes[:, node] * _beside(share[:, node + 1], part)
            part[which] = mixed
        return found

    def _lookup(self, bank: SceneBank, rows: torch.Tensor, listeners: Listeners) -> FieldSample:
        def seen(cells: torch.Tensor) -> torch.Tensor:  # so that no sound leaks through thin walls
            return cells_in_sight(bank, listeners.scene_index, listeners.ears, cells)

        return self._fields.lookup(listeners.ears, seen, rows)

    def echoes(self, places: torch.Tensor, listeners: Listeners) -> FieldSample:
        """Returns what comes back to listeners of their own sounds."""
        scenes = [heard.scene for heard in map(self._heard.__getitem__, places.tolist()) if heard is not None]
        return echo_field(scenes, listeners.ears, self._ear_height, str(self._device))

    def _bake(self, heard: Heard, place: npt.ArrayLike) -> SourceField:
        """Returns the field of a source at a place, from memory if it was baked before."""
        return self._bakes(heard, [place])[0]

    def _bakes(self, heard: Heard, places: Sequence[npt.ArrayLike]) -> list[SourceField]:
        """Returns the fields of a source at some places; on a GPU they are traced together."""
        emitter = heard.emitter
        # Of a source that keeps its heading the pattern is traced; of others its power counts (`EmitterBank.power`).
        pattern = emitter.pattern if emitter.stays else "omni"
        requests = [
            BakeRequest(
                heard.scene,
                place,
                path_count=self._path_count,
                ear_height=self._ear_height,
                directivity=pattern,
                yaw=float(np.ravel(emitter.yaw)[0]),
            )
            for place in places
        ]
        return bake_fields(requests, device=str(self._device), threads=1)  # a step may be waiting for the threads

    def _ready(self, field: SourceField) -> SourceField:
        """Computes what the device's tables take of a field, which is returned."""
        if not self._fields.holds(field):
            prepare_field(field, self._device)
        if not self.wavefronts.holds(field.wavefront):
            prepare_wavefront(field.wavefront, self._device)
        return field

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes]."""
        banks = {"fields": self._fields.memory(), "wavefronts": self.wavefronts.memory()}
        return {f"{bank}.{name}": size for bank, tables in banks.items() for name, size in tables.items()}

    def _enter(self, place: int, heard: Heard, nodes: list[Node]) -> None:
        """Makes some nodes those around a moving source."""
        share = torch.zeros(NODE_LIMIT)
        share[: len(nodes)] = torch.tensor([node.share for node in nodes])
        self._share[place] = share.to(self._device)
        # Rows without a node repeat the first one, with no share.
        wanted = [node.place for node in nodes] + [nodes[0].place] * (NODE_LIMIT - len(nodes))
        held = self._nodes.get(place, [])
        for row, node in enumerate(wanted):
            if held[row : row + 1] != [node]:
                self._fields.set_row(NODE_LIMIT * place + row, self._bake(heard, node))
        nearest = max(nodes, key=lambda node: node.share).place
        if held[NODE_LIMIT:] != [nearest]:
            self.wavefronts.set_row(place, self._bake(heard, nearest).wavefront)
        self._nodes[place] = [*wanted, nearest]


def _beside(share: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Returns shares (F,) with as many axes as a part of F samples."""
    return share.reshape(-1, *[1] * (part.ndim - 1))
