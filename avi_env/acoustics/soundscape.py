"""What listeners hear of the sources around them: places, fields and clips of many rows, one call a step."""

from __future__ import annotations

import numpy as np
import torch

from avi_env.acoustics.bake import BAKE_PATHS, bake_field
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.direct import direct_paths
from avi_env.acoustics.early import early_fir
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.emitter_bank import EmitterBank
from avi_env.acoustics.field import SourceField
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.image_sources import image_source_paths
from avi_env.acoustics.paths import Paths, join_paths
from avi_env.acoustics.stream import StreamState, render_step, start_stream
from avi_env.acoustics.transmission import transmitted_paths
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Scene

__all__ = ["PREFETCH_NODES", "RESPONSE_SECONDS", "Soundscape"]

RESPONSE_SECONDS = 0.25
"""Length of the early impulse response: 100 ms of reflections after a path of up to 50 m [s]."""

PREFETCH_NODES = 16
"""Fields of a path of up to so many nodes (15 m) are baked when the source is set; those of a longer one on its way."""


class Soundscape:
    """The sources of N rows (environments), S in each: their places, baked fields, wavefronts and clips on a device.

    Everything but `listen` happens between steps. A row does not depend on the others, bit for bit.
    """

    def __init__(
        self,
        rows: int,
        sources: int,
        receiver: Hrtf,
        *,
        device: str | torch.device = "cpu",
        path_count: int = BAKE_PATHS,
        ear_height: float = 1.25,
    ) -> None:
        """Makes room for the sources; there is silence until `set_source`.

        Args:
            rows: number of rows N.
            sources: number of sources S of each row.
            receiver: the head; its sample rate is that of the sound.
            device: "cpu" or "cuda".
            path_count: sound paths of a bake.
            ear_height: height of the listeners' ears above the floor [m].
        """
        self.receiver, self.sources = receiver, sources
        self.device = torch.device(device)
        self._path_count, self._ear_height = path_count, ear_height
        self._emitters = EmitterBank(rows * sources, receiver.sample_rate, self.device)
        self._scenes: list[Scene | None] = [None] * (rows * sources)
        self._node: dict[int, tuple[int, int]] = {}  # of moving sources: node passed, node of the wavefront
        self.clips = ClipBank(rows, sources, receiver.sample_rate, self.device)
        """What the sources play."""
        # Rows [0, N S) hold the field of a source, or of the node that it has passed; the others that of the next node.
        self._fields = FieldBank(2 * rows * sources, self.device)
        self._wavefronts = WavefrontBank(rows * sources, self.device)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self._scenes) // self.sources

    def set_source(self, row: int, source: int, scene: Scene, emitter: Emitter | None) -> None:
        """Makes an emitter what a row hears as its source number `source`; None is silence.

        Raises:
            IndexError: no such row or source.
            ValueError: a clip of another sample rate, or a place outside the scene or inside something solid.
        """
        if not (0 <= row < self.rows and 0 <= source < self.sources):
            raise IndexError(f"row {row}, source {source} is outside this soundscape of {self.rows} x {self.sources}")
        flat = row * self.sources + source
        self.clips.set_clip(row, None if emitter is None else emitter.clip, source)
        self._emitters.set_emitter(flat, emitter)
        self._scenes[flat] = scene
        if emitter is not None:
            self._set_fields(flat, emitter, scene)

    def set_scene(self, row: int, scene: Scene) -> None:
        """Lets a row hear its sources in another scene from now on: a door has moved.

        The next step fades from the old sound into the new one. Fields of a scene heard before come from memory.
        """
        for flat in range(row * self.sources, (row + 1) * self.sources):
            emitter = self._emitters.emitters[flat]
            if emitter is not None and self._scenes[flat] is not scene:
                self._scenes[flat] = scene
                self._set_fields(flat, emitter, scene)

    def source_positions(self, rows: torch.Tensor, clock: torch.Tensor) -> torch.Tensor:
        """Returns where the sources of some rows are [m], shape (R, S, 3), world frame.

        Args:
            rows: shape (R,) int64.
            clock: sample on each row's clock, shape (R,) int64.
        """
        pose = self._emitters.poses(self._flat(rows), clock.repeat_interleave(self.sources))
        return pose[:, :3].float().reshape(len(rows), self.sources, 3)

    def start(self, rows: torch.Tensor) -> StreamState:
        """Returns the audio stream of some rows before any sound."""
        return start_stream(self.clips.select(rows), round(RESPONSE_SECONDS * self.receiver.sample_rate))

    def listen(
        self,
        bank: SceneBank,
        stream: StreamState,
        rows: torch.Tensor,
        scene_index: torch.Tensor,
        ears: torch.Tensor,
        yaw: torch.Tensor,
        clock: torch.Tensor,
        count: int,
    ) -> tuple[torch.Tensor, StreamState]:
        """Returns what some rows hear during one step, shape (R, C, count), and the stream for the next one.

        Args:
            bank: the scenes.
            stream: of the previous step.
            rows: the rows that listen, shape (R,) int64.
            scene_index: their scenes in the bank, shape (R,) int32: those that their sources were set in.
            ears: centres of their heads [m], shape (R, 3), world frame.
            yaw: their headings [rad], shape (R,).
            clock: first sample of the step on each row's clock, shape (R,) int64.
            count: samples of the step.
        """
        fir, sample = self.responses(bank, rows, scene_index, ears, yaw, clock)
        shape = (len(rows), self.sources)
        playback = self._emitters.playback(self._flat(rows).reshape(shape), (clock + count - 1)[:, None].expand(shape))
        late, arrival = sample.late.reshape(*shape, *sample.late.shape[1:]), sample.first_arrival.reshape(shape)
        return render_step(stream, self.clips.select(rows), playback, clock, fir, late, arrival, count)

    def responses(
        self,
        bank: SceneBank,
        rows: torch.Tensor,
        scene_index: torch.Tensor,
        ears: torch.Tensor,
        yaw: torch.Tensor,
        clock: torch.Tensor,
    ) -> tuple[torch.Tensor, FieldSample]:
        """Returns the early impulse responses, (R, S, C, n), and the fields, R S of them; arguments as for `listen`."""
        flat = self._flat(rows)
        each = (scene_index, ears, yaw, clock)
        present = self._emitters.present(flat)
        if self.sources > 1 or present is not None:
            chosen = torch.arange(len(flat), device=flat.device) if present is None else present
            each = tuple(tensor[chosen // self.sources] for tensor in each)  # type: ignore[assignment]
        fir, sample = self._heard(bank, flat if present is None else flat[present], *each)
        if present is not None:
            fir, *parts = (_spread(part, present, len(flat)) for part in (fir, *sample))
            sample = FieldSample(*parts)
        return fir.reshape(len(rows), self.sources, *fir.shape[1:]), sample

    def _heard(
        self,
        bank: SceneBank,
        flat: torch.Tensor,
        scene_index: torch.Tensor,
        ears: torch.Tensor,
        yaw: torch.Tensor,
        clock: torch.Tensor,
    ) -> tuple[torch.Tensor, FieldSample]:
        """Returns the early responses (F, C, n) and fields of F sources, each heard by its own listener."""
        length = round(RESPONSE_SECONDS * self.receiver.sample_rate)
        further = self._follow(flat, clock)
        pose = self._emitters.poses(flat, clock)
        paths = self._paths(bank, flat, scene_index, pose, ears)
        sample = self._field_sample(bank, flat, scene_index, ears, further)
        fir = paths_to_fir(paths, yaw, self.receiver, length) + early_fir(sample, yaw, self.receiver, length)
        return fir, sample

    def _paths(
        self, bank: SceneBank, flat: torch.Tensor, scene_index: torch.Tensor, pose: torch.Tensor, ears: torch.Tensor
    ) -> Paths:
        """Returns the discrete paths, exact from where the sources are now, as loud as they are in each direction."""
        source = pose[:, :3].float()
        blocked = bank.occluded(scene_index, source, ears)
        paths = join_paths(
            direct_paths(bank, scene_index, source, ears, blocked=blocked),
            transmitted_paths(bank, scene_index, source, ears, blocked=blocked),
            diffracted_paths(self._wavefronts, flat, source, ears, blocked),
            image_source_paths(bank, scene_index, source, ears),
        )
        return self._emitters.aimed(flat, pose[:, 3], paths)

    def _field_sample(
        self,
        bank: SceneBank,
        flat: torch.Tensor,
        scene_index: torch.Tensor,
        ears: torch.Tensor,
        further: torch.Tensor | None,
    ) -> FieldSample:
        """Returns the fields at the listeners; between two nodes of a path their energies are mixed."""

        def seen(cells: torch.Tensor) -> torch.Tensor:  # so that no sound leaks through thin walls
            return ~bank.occluded(scene_index, ears[:, None].expand_as(cells), cells)

        sample = self._fields.lookup(ears, seen, flat)
        if further is not None:
            following = self._fields.lookup(ears, seen, flat + len(self._scenes))
            sample = FieldSample(*(_mixed(near, far, further) for near, far in zip(sample, following, strict=True)))
        if not self._emitters.any_directional:
            return sample
        power = self._emitters.power(flat)
        return sample._replace(early=sample.early * power[:, None, :, None], late=sample.late * power[:, None])

    def _flat(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the numbers of the sources of some rows, shape (R S,) int64."""
        if self.sources == 1:
            return rows
        return (rows[:, None] * self.sources + torch.arange(self.sources, device=rows.device)).reshape(-1)

    def _set_fields(self, flat: int, emitter: Emitter, scene: Scene) -> None:
        """Bakes what is heard of a source and puts it on the device; of a moving one as `_follow` asks for it."""
        self._node.pop(flat, None)
        places = emitter.node_places
        if emitter.moves:
            for node in range(len(places) if len(places) <= PREFETCH_NODES else 0):
                self._bake(scene, emitter, node)
            return
        field = self._bake(scene, emitter, 0)
        self._fields.set_row(flat, field)
        self._fields.set_row(flat + len(self._scenes), field)
        self._wavefronts.set_row(flat, field.wavefront)

    def _bake(self, scene: Scene, emitter: Emitter, node: int) -> SourceField:
        """Returns the field of a node of a source's path, from memory if it was baked before."""
        place = emitter.node_places[node] if emitter.moves else np.atleast_2d(emitter.position)[0]
        return bake_field(
            scene, place, path_count=self._path_count, ear_height=self._ear_height, device=str(self.device)
        )

    def _follow(self, flat: torch.Tensor, clock: torch.Tensor) -> torch.Tensor | None:
        """Puts the fields around each moving source on the device; returns the way to the next node, (F,), 0..1."""
        if not self._emitters.any_moves:
            return None
        way = np.zeros(len(flat), dtype=np.float32)
        for i, (number, time) in enumerate(zip(flat.tolist(), clock.tolist(), strict=True)):
            emitter, scene = self._emitters.emitters[number], self._scenes[number]
            if emitter is not None and scene is not None and emitter.moves:
                node, way[i] = emitter.node_at(time / self.receiver.sample_rate)
                self._enter(number, emitter, scene, node, node + int(way[i] > 0.5))
        return torch.from_numpy(way).to(self.device)

    def _enter(self, flat: int, emitter: Emitter, scene: Scene, node: int, nearest: int) -> None:
        """Makes two neighbouring nodes those between which a source is."""
        held = self._node.get(flat, (-1, -1))
        if held[0] != node:
            self._fields.set_row(flat, self._bake(scene, emitter, node))
            self._fields.set_row(flat + len(self._scenes), self._bake(scene, emitter, node + 1))
        if held[1] != nearest:
            self._wavefronts.set_row(flat, self._bake(scene, emitter, nearest).wavefront)
        self._node[flat] = (node, nearest)


def _spread(part: torch.Tensor, index: torch.Tensor, count: int) -> torch.Tensor:
    """Returns rows put into their places among `count`, the others zero."""
    whole = part.new_zeros(count, *part.shape[1:])
    whole[index] = part
    return whole


def _mixed(near: torch.Tensor, far: torch.Tensor, way: torch.Tensor) -> torch.Tensor:
    """Returns near + way (far - near), exactly `near` where `way` is 0."""
    share = way.reshape(-1, *[1] * (near.ndim - 1))
    return near * (1.0 - share) + far * share
