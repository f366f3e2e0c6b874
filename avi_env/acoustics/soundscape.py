"""What listeners hear of the sources around them: places, fields and clips of many rows, one call a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from avi_env.acoustics.bake import BAKE_PATHS
from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.binaural import response_fir
from avi_env.acoustics.clip_bank import ClipBank, PreparedClip
from avi_env.acoustics.convolution import block_samples, partition_count
from avi_env.acoustics.discrete import AROUND, MIRRORS, discrete_paths
from avi_env.acoustics.doppler import DopplerState, render_doppler, start_doppler
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.emitter_bank import EmitterBank
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, SourceField
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.paths import Paths, silent_paths
from avi_env.acoustics.source_fields import Listeners, SourceFields
from avi_env.acoustics.stream import StreamState, render_step, start_stream
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Scene
from avi_env.threads import run_rows

__all__ = ["RESPONSE_SECONDS", "PreparedSource", "ShiftedStream", "Soundscape"]

RESPONSE_SECONDS = 0.25
"""Length of the early impulse response: 100 ms of reflections after a path of up to 50 m [s]."""


class PreparedSource(NamedTuple):
    """What `set_source` needs of an emitter, made ready before."""

    clip: PreparedClip | None
    """None = silence."""
    field: SourceField | None
    """Of a source that stays where it is."""


_ROWS_A_THREAD = 8
"""Fewer rows are not worth a thread: what holds the interpreter lock takes as long as two or three of them."""


class ShiftedStream(NamedTuple):
    """The stream of a soundscape with Doppler shift."""

    stream: StreamState
    """Of all but the straight sound."""
    straight: DopplerState


class _Hearing(NamedTuple):
    """What F sources give to their listeners."""

    fir: torch.Tensor
    """Early response, shape (F, C, n); without the straight sound where that is shifted."""
    sample: FieldSample
    straight: Paths
    """Direct, or through walls."""


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
        doppler: bool = False,
    ) -> None:
        """Makes room for the sources; there is silence until `set_source`.

        Args:
            rows: number of rows N.
            sources: number of sources S of each row.
            receiver: the head; its sample rate is that of the sound.
            device: "cpu" or "cuda".
            path_count: sound paths of a bake.
            ear_height: height of the listeners' ears above the floor [m].
            doppler: whether motion, of sources and listeners, shifts the pitch of the straight sound.
        """
        self.receiver, self.sources, self._doppler = receiver, sources, doppler
        self.device = torch.device(device)
        self._emitters = EmitterBank(rows * sources, receiver.sample_rate, self.device)
        self._fields = SourceFields(rows * sources, self.device, path_count, ear_height)
        self.clips = ClipBank(rows, sources, receiver.sample_rate, self.device, receiver=receiver)
        """What the sources play."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self._emitters.emitters) // self.sources

    def prepare_source(self, scene: Scene, emitter: Emitter | None) -> PreparedSource:
        """Bakes and reverberates what will be heard of an emitter in a scene; may run in any thread.

        Raises:
            ValueError: a clip of another sample rate, or a place outside the scene or inside something solid.
        """
        if emitter is None:
            return PreparedSource(None, None)
        return PreparedSource(self.clips.prepare(emitter.clip), self._fields.prepare(emitter, scene))

    def memory(self) -> dict[str, int]:
        """Returns the size of the clips and of each table of baked sound on the device [bytes]."""
        return {"clips": self.clips.nbytes, **self._fields.memory()}

    def set_source(
        self, row: int, source: int, scene: Scene, emitter: Emitter | None, prepared: PreparedSource | None = None
    ) -> None:
        """Makes an emitter what a row hears as its source number `source`; None is silence.

        `prepared` is what `prepare_source` made of the two; it is made here if not given.

        Raises:
            IndexError: no such row or source.
            ValueError: a clip of another sample rate, or a place outside the scene or inside something solid.
        """
        if not (0 <= row < self.rows and 0 <= source < self.sources):
            raise IndexError(f"row {row}, source {source} is outside this soundscape of {self.rows} x {self.sources}")
        flat = row * self.sources + source
        ready = self.prepare_source(scene, emitter) if prepared is None else prepared
        self.clips.set_clip(row, ready.clip, source)
        self._emitters.set_emitter(flat, emitter)
        self._fields.set_source(flat, emitter, scene, ready.field)

    def set_scene(self, row: int, scene: Scene) -> None:
        """Lets a row hear its sources in another scene from now on: a door has moved.

        The next step fades from the old sound into the new one. Fields of a scene heard before come from memory.
        """
        for flat in range(row * self.sources, (row + 1) * self.sources):
            self._fields.set_scene(flat, scene)

    def source_positions(self, rows: torch.Tensor, clock: torch.Tensor) -> torch.Tensor:
        """Returns where the sources of some rows are [m], shape (R, S, 3), world frame.

        Args:
            rows: shape (R,) int64.
            clock: sample on each row's clock, shape (R,) int64.
        """
        pose = self._emitters.poses(self._flat(rows), clock.repeat_interleave(self.sources))
        return pose[:, :3].float().reshape(len(rows), self.sources, 3)

    def start(self, rows: torch.Tensor) -> StreamState | ShiftedStream:
        """Returns the audio stream of some rows before any sound."""
        clips = self.clips.select(rows)
        stream = start_stream(clips, round(RESPONSE_SECONDS * self.receiver.sample_rate))
        return ShiftedStream(stream, start_doppler(clips)) if self._doppler else stream

    def listen(
        self,
        bank: SceneBank,
        stream: StreamState | ShiftedStream,
        rows: torch.Tensor,
        scene_index: torch.Tensor,
        ears: torch.Tensor,
        yaw: torch.Tensor,
        clock: torch.Tensor,
        count: int,
    ) -> tuple[torch.Tensor, StreamState | ShiftedStream]:
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
        threads = min(torch.get_num_threads(), len(rows) // _ROWS_A_THREAD) if self.device.type == "cpu" else 1
        if threads < 2 or self._enters_fields:
            return self._listen(bank, stream, rows, scene_index, ears, yaw, clock, count)
        heard: dict[int, tuple[torch.Tensor, StreamState | ShiftedStream]] = {}

        def listen(first: int, last: int) -> None:  # each row is computed by itself: cuts do not matter
            own, where, place, turn, now = (part[first:last] for part in (rows, scene_index, ears, yaw, clock))
            heard[first] = self._listen(bank, _cut(stream, first, last), own, where, place, turn, now, count)

        run_rows(listen, len(rows), threads)
        audio, streams = zip(*(heard[first] for first in sorted(heard)), strict=True)
        return torch.cat(audio), _joined(streams)

    @property
    def _enters_fields(self) -> bool:
        """Whether `listen` enters fields of moving sources or own echoes on the way, which one thread must do."""
        traits = self._emitters.traits
        return traits.moving or traits.with_listener

    def _listen(
        self,
        bank: SceneBank,
        stream: StreamState | ShiftedStream,
        rows: torch.Tensor,
        scene_index: torch.Tensor,
        ears: torch.Tensor,
        yaw: torch.Tensor,
        clock: torch.Tensor,
        count: int,
    ) -> tuple[torch.Tensor, StreamState | ShiftedStream]:
        """Does what `listen` does, on one thread."""
        shape, clips = (len(rows), self.sources), self.clips.select(rows)
        shifted = isinstance(stream, ShiftedStream)
        listeners = Listeners(scene_index, ears, yaw, clock + count if shifted else clock)
        fir, sample, straight = self._hearing(bank, rows, listeners, shifted)
        fir, late = (part.reshape(*shape, *part.shape[1:]) for part in (fir, sample.late))
        arrival = sample.first_arrival.reshape(shape)
        playback = self._emitters.playback(self._flat(rows).reshape(shape), (clock + count - 1)[:, None].expand(shape))
        if not isinstance(stream, ShiftedStream):
            return render_step(stream, clips, playback, clock, fir, late, arrival, count)
        audio, plain = render_step(stream.stream, clips, playback, clock, fir, late, arrival, count)
        turned = yaw.repeat_interleave(self.sources)
        direct, state = render_doppler(stream.straight, clips, playback, clock, straight, turned, self.receiver, count)
        return audio + direct, ShiftedStream(plain, state)

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
        fir, sample, _ = self._hearing(bank, rows, Listeners(scene_index, ears, yaw, clock), False)
        length = round(RESPONSE_SECONDS * self.receiver.sample_rate)  # zeros follow
        return fir.reshape(len(rows), self.sources, *fir.shape[1:])[..., :length], sample

    def _hearing(self, bank: SceneBank, rows: torch.Tensor, listeners: Listeners, shifted: bool) -> _Hearing:
        """Returns what all sources of some rows give to their listeners; silence where there is no source."""
        flat = self._flat(rows)
        present = self._emitters.present(flat)
        if self.sources > 1 or present is not None:
            chosen = torch.arange(len(flat), device=flat.device) if present is None else present
            listeners = Listeners(*(tensor[chosen // self.sources] for tensor in listeners))
        if present is None:
            return self._present_hearing(bank, flat, listeners, shifted)
        count = len(flat)
        if not len(present):
            return self._silence(count)
        fir, sample, straight = self._present_hearing(bank, flat[present], listeners, shifted)
        return _Hearing(
            _spread(fir, present, count),
            FieldSample(*(_spread(part, present, count) for part in sample)),
            Paths(*(_spread(part, present, count) for part in straight)),
        )

    def _present_hearing(self, bank: SceneBank, flat: torch.Tensor, listeners: Listeners, shifted: bool) -> _Hearing:
        """Returns what F sources give to F listeners."""
        length = round(RESPONSE_SECONDS * self.receiver.sample_rate)
        if self._emitters.traits.moving:
            if shifted:
                listeners = listeners._replace(clock=self._emitted(flat, listeners))
            self._fields.follow(flat, listeners.clock, self.receiver.sample_rate)
        paths = self._paths(bank, flat, listeners)
        straight = Paths(*(part[:, :AROUND] for part in paths))
        if shifted:
            straight = straight._replace(gain=straight.gain.clone())
            paths.gain[:, :AROUND] = 0.0
        sample = self._field_sample(bank, flat, listeners)
        room = partition_count(length, self.receiver.sample_rate) * block_samples(self.receiver.sample_rate)
        return _Hearing(response_fir(paths, sample, listeners.yaw, self.receiver, length, room), sample, straight)

    def _silence(self, count: int) -> _Hearing:
        """Returns what rows without any source hear."""

        def nothing(*shape: int) -> torch.Tensor:
            return torch.zeros(count, *shape, device=self.device)

        length = round(RESPONSE_SECONDS * self.receiver.sample_rate)
        sample = FieldSample(
            nothing(EARLY_BINS, BAND_COUNT, 4),
            nothing(len(DECAY_TIMES), BAND_COUNT),
            torch.zeros(count, device=self.device),
        )
        return _Hearing(nothing(self.receiver.channel_count, length), sample, silent_paths(count, AROUND, self.device))

    def _emitted(self, flat: torch.Tensor, listeners: Listeners) -> torch.Tensor:
        """Returns when the straight sound was made that arrives at `clock` [samples], shape (F,), float64."""
        arrival, ears = listeners.clock.double(), listeners.ears.double()
        emitted = arrival
        for _ in range(3):  # each round leaves a fraction v / c of the error
            x, y, z = (self._emitters.poses(flat, emitted)[:, :3] - ears).square().unbind(dim=1)
            # Not a norm: how torch sums depends on the number of rows.
            emitted = arrival - torch.sqrt(x + y + z) * (self.receiver.sample_rate / SPEED_OF_SOUND)
        return emitted

    def _paths(self, bank: SceneBank, flat: torch.Tensor, listeners: Listeners) -> Paths:
        """Returns the discrete paths, exact from where the sources are now, as loud as they are in each direction."""
        pose = self._emitters.poses(flat, listeners.clock)
        source, heading, ears = pose[:, :3], pose[:, 3], listeners.ears.double()
        own = self._emitters.own(flat)
        if len(own):
            source[own], heading[own] = ears[own], heading[own] + listeners.yaw[own]
        paths = discrete_paths(bank, self._fields.wavefronts, flat, listeners.scene_index, source, ears)
        if len(own):  # a listener does not hear its own sound, but what comes back
            paths.gain[own, :MIRRORS] = 0.0
        return self._emitters.aimed(flat, heading, paths)

    def _field_sample(self, bank: SceneBank, flat: torch.Tensor, listeners: Listeners) -> FieldSample:
        """Returns the fields at the listeners: baked ones, and what comes back of a listener's own sound."""
        traits = self._emitters.traits
        own = self._emitters.own(flat)
        if not len(own):
            sample = self._fields.sample(bank, flat, listeners)
        else:
            echoes = self._fields.echoes(flat[own], Listeners(*(tensor[own] for tensor in listeners)))
            parts = [_spread(part, own, len(flat)) for part in echoes]
            rest = torch.tensor(sorted({*range(len(flat))} - {*own.tolist()}), dtype=torch.int64, device=flat.device)
            if len(rest):
                others = Listeners(*(tensor[rest] for tensor in listeners))
                baked = self._fields.sample(bank, flat[rest], others)
                parts = [part + _spread(more, rest, len(flat)) for part, more in zip(parts, baked, strict=True)]
            sample = FieldSample(*parts)
        if not traits.directional:
            return sample
        power = self._emitters.power(flat)
        return sample._replace(early=sample.early * power[:, None, :, None], late=sample.late * power[:, None])

    def _flat(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the numbers of the sources of some rows, shape (R S,) int64."""
        if self.sources == 1:
            return rows
        return (rows[:, None] * self.sources + torch.arange(self.sources, device=rows.device)).reshape(-1)


def _spread(part: torch.Tensor, index: torch.Tensor, count: int) -> torch.Tensor:
    """Returns rows put into their places among `count`, the others zero."""
    whole = part.new_zeros(count, *part.shape[1:])
    whole[index] = part
    return whole


def _cut(state: Any, first: int, last: int) -> Any:
    """Returns some rows of a tensor, or of a tuple of such."""
    if isinstance(state, torch.Tensor):
        return state[first:last]
    return type(state)(*(_cut(part, first, last) for part in state))


def _joined(states: Sequence[Any]) -> Any:
    """Returns what `_cut` cut."""
    if isinstance(states[0], torch.Tensor):
        return torch.cat(list(states))
    return type(states[0])(*(_joined(parts) for parts in zip(*states, strict=True)))
