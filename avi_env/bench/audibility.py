"""`avi scenes acoustics`: how a scene sounds from one source: a table of its rooms and a map of levels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tyro

from avi_env.content import name_error
from avi_env.scene.outline import in_room, outline_area

if TYPE_CHECKING:
    from avi_env.acoustics.field import SourceField
    from avi_env.scene import Scene

__all__ = ["AudibilitySettings", "Places", "SourceSound", "chosen_source", "heard_at", "room_rows", "show_audibility"]

FloatArray = npt.NDArray[np.floating[Any]]

_PINK_DB = 80.0  # [dB SPL at 1 m] of a source that is no object: a loud voice
_BIN_SECONDS = 0.005
_SECONDS = 2.5  # of the decay curves
_EARLY_BINS = 10  # 50 ms
_MIDDLE = (2, 3)  # 500 Hz and 1 kHz: the mid band of ISO 3382-1
_CHUNK = 2048  # places computed at a time


@dataclass(frozen=True)
class AudibilitySettings:
    """Prints level, reverberation, clarity and direct share in each room for one source; draws an audibility map."""

    scene: Annotated[str, tyro.conf.Positional] = "house:7"
    """Scene name or path."""
    source: tuple[str, ...] = ()
    """x y z [m], or the name of an object; none = an object that sounds, or the middle of the largest room."""
    sound: str = ""
    """Sound class whose level and spectrum the source has; none = the object's first, or pink noise of 80 dB."""
    seed: int = 0
    """Seed of paths and sound."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: Path | None = None
    """Folder for audibility.png."""
    json: Path | None = None
    """File for the table, per octave."""


class SourceSound(NamedTuple):
    """A source: where it is and how loud at 1 m."""

    name: str
    position: tuple[float, float, float]
    sound: str
    octave_energy: FloatArray
    """Mean-square pressure at 1 m per octave, shape (7,), 1 = 94 dB SPL."""

    @property
    def level_db(self) -> float:
        """Level at 1 m [dB SPL]."""
        return float(94.0 + 10.0 * np.log10(np.sum(self.octave_energy)))


class Places(NamedTuple):
    """What is heard at P places, energies re the source at 1 m per octave."""

    direct: FloatArray
    """Straight, bent and transmitted sound, shape (P, 7)."""
    early: FloatArray
    """Direct sound and what follows the first arrival within 50 ms, shape (P, 7)."""
    total: FloatArray
    """All, shape (P, 7)."""
    is_known: npt.NDArray[np.bool_]
    """Whether the place sees a listener cell of the baked field: none in a cupboard does, shape (P,)."""


def show_audibility(settings: AudibilitySettings) -> int:
    """Prints the table of rooms; writes the map and the JSON file."""
    from rich.console import Console

    from avi_env.acoustics.bake import bake_field
    from avi_env.bench.files import output_folder, save_image, write_json
    from avi_env.scene import load_scene

    if settings.output is not None:
        output_folder(settings.output)
    scene = load_scene(settings.scene)
    source = chosen_source(scene, settings.source, settings.sound, settings.seed)
    console = Console()
    with console.status(f"baking the sound of {source.name}"):
        field = bake_field(scene, source.position, seed=settings.seed, device=settings.device)
        rows = room_rows(scene, field, source)
    _print_rooms(scene, source, rows, console)
    if settings.json is not None:
        place = {"name": source.name, "position": list(source.position), "sound": source.sound}
        facts = {"scene": scene.name, "source": place | {"spl_at_1_m_db": source.level_db}, "rooms": rows}
        write_json(settings.json, facts)
    if settings.output is not None:
        from avi_env.bench.audibility_picture import audibility_picture

        save_image(settings.output / "audibility.png", audibility_picture(scene, field, source))
        console.print(f"wrote {settings.output / 'audibility.png'}")
    return 0


def chosen_source(scene: Scene, words: tuple[str, ...], sound: str = "", seed: int = 0) -> SourceSound:
    """Returns the source that the words name: three coordinates, an object, or nothing.

    Raises:
        ValueError: neither; an unknown object or sound; the scene has no object that sounds and no room.
    """
    from avi_env.scene import emission_point, emitting_objects
    from avi_env.scene.emitters import DOOR_CATEGORIES

    if len(words) == 3:
        try:
            x, y, z = (float(word) for word in words)
        except ValueError:
            raise ValueError(
                f"--source takes x y z in metres or the name of one object, not {' '.join(words)}"
            ) from None
        return SourceSound("source", (x, y, z), *_sound_of(sound, seed))
    if len(words) > 1:
        raise ValueError(f"--source takes x y z in metres or the name of one object, not {' '.join(words)}")
    emitters = emitting_objects(scene)
    objects = {item.name: item for item in scene.objects}
    if words and words[0] not in objects:
        raise name_error(f"object of {scene.name}", words[0], [item.name for item in emitters] or objects)
    inside = [item for item in emitters if item.category not in DOOR_CATEGORIES]  # a knock comes from the edge
    item = objects[words[0]] if words else next(iter(inside or emitters), None)
    if item is None:
        x, y, z = _largest_middle(scene)
        return SourceSound("middle of the largest room", (x, y, z), *_sound_of(sound, seed))
    x, y, z = (float(v) for v in emission_point(item))
    return SourceSound(item.name, (x, y, z), *_sound_of(sound or next(iter(item.emits), ""), seed))


def _sound_of(name: str, seed: int) -> tuple[str, FloatArray]:
    """Returns what is heard and its mean-square pressure per octave at 1 m."""
    from avi_env.acoustics.bands import BAND_COUNT
    from avi_env.acoustics.metrics import octave_filter
    from avi_env.sounds import make_clip

    if not name:
        return f"pink noise, {_PINK_DB:g} dB", np.full(BAND_COUNT, 10.0 ** ((_PINK_DB - 94.0) / 10.0) / BAND_COUNT)
    clip = make_clip(name, seed=seed, sample_rate=48000)
    octaves = [octave_filter(clip.samples.astype(np.float64), band, clip.sample_rate) for band in range(BAND_COUNT)]
    energy = np.array([np.mean(octave**2) for octave in octaves])
    # The octaves share the level that the class states: that of its active parts.
    return name, energy / energy.sum() * 10.0 ** ((clip.spl_db - 94.0) / 10.0)


def _largest_middle(scene: Scene) -> tuple[float, float, float]:
    from avi_env.acoustics.listener_cells import listener_cells

    points = listener_cells(scene).points.astype(np.float64)
    if scene.rooms:
        room = max(scene.rooms, key=lambda r: outline_area(r.polygon))
        inside = points[in_room(room, points)]
        points = inside if len(inside) else points
    x, y, z = points[int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    return float(x), float(y), float(z)


def heard_at(scene: Scene, field: SourceField, points: FloatArray) -> Places:
    """Returns what an agent's ears get of a baked source at places [m], shape (P, 3): exact paths and the field."""
    parts = [_heard_chunk(scene, field, points[k : k + _CHUNK]) for k in range(0, len(points), _CHUNK)]
    return Places(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _heard_chunk(scene: Scene, field: SourceField, points: FloatArray) -> Places:
    import torch

    from avi_env.acoustics.discrete import MIRRORS, discrete_paths
    from avi_env.acoustics.field_bank import FieldBank
    from avi_env.acoustics.image_sources import scene_bank
    from avi_env.acoustics.wavefront_bank import WavefrontBank

    count, bank = len(points), scene_bank(scene)
    rows = torch.zeros(count, dtype=torch.int64)
    ears = torch.from_numpy(np.asarray(points, dtype=np.float32))
    source = torch.tensor([field.source], dtype=torch.float64).expand(count, 3)
    waves, fields = WavefrontBank(1), FieldBank(1)
    waves.set_row(0, field.wavefront)
    fields.set_row(0, field)
    paths = discrete_paths(bank, waves, rows, rows, source, ears.double())
    corners = fields.corners(ears, rows)
    seen = ~bank.occluded(rows, ears[:, None].expand_as(corners.center), corners.center)  # no sound leaks through walls
    sample = fields.lookup(ears, seen, rows)
    energy = paths.gain.double().numpy() ** 2
    early, late = (part.double().numpy() for part in (sample.early[..., 0], sample.late))
    soon = (paths.delay < sample.first_arrival[:, None].double() + _EARLY_BINS * _BIN_SECONDS).numpy()
    begin = (energy * soon[..., None]).sum(axis=1) + early[:, :_EARLY_BINS].sum(axis=1)
    total = energy.sum(axis=1) + early.sum(axis=1) + late.sum(axis=1)
    known = (seen & (corners.weight > 0.0)).any(dim=1).numpy()
    return Places(energy[:, :MIRRORS].sum(axis=1), begin, total, known)


def room_rows(scene: Scene, field: SourceField, source: SourceSound) -> list[dict[str, Any]]:
    """Returns level, T30, C50 and DRR of each room, medians over its listener cells, JSON-serialisable.

    `mid` is the mean of 500 Hz and 1 kHz; null where no agent can stand in a room, or a decay is too short to tell.
    """
    from avi_env.scene import Room

    points = field.cells.astype(np.float64)
    places = heard_at(scene, field, points)
    decay = _decay_times(field)
    rest = np.maximum(places.total - places.early, 1e-300)
    columns = {
        "t30_s": decay,
        "c50_db": 10.0 * np.log10(np.maximum(places.early, 1e-300) / rest),
        "drr_db": 10.0 * np.log10(np.maximum(places.direct, 1e-300) / np.maximum(places.total - places.direct, 1e-300)),
    }
    levels = 94.0 + 10.0 * np.log10(np.maximum(places.total @ source.octave_energy, 1e-30))
    low, high = scene.bounds
    outline = ((low[0], low[2]), (high[0], low[2]), (high[0], high[2]), (low[0], high[2]))
    whole = Room(0, scene.name, outline, float(low[1]), float(high[1] - low[1]))
    rows = []
    for room in scene.rooms or (whole,):
        inside = in_room(room, points)
        row: dict[str, Any] = {"room": room.name, "cells": int(inside.sum()), "level_db_spl": None}
        if inside.any():
            row["level_db_spl"] = round(float(np.median(levels[inside])), 2)
        for name, values in columns.items():
            octaves = [_median(column) for column in values[inside].T]
            middle = [octaves[band] for band in _MIDDLE if octaves[band] is not None]
            row[name] = {"octaves": octaves, "mid": round(float(np.mean(middle)), 4) if middle else None}  # type: ignore[arg-type]
        rows.append(row)
    return rows


def _median(values: FloatArray) -> float | None:
    finite = values[np.isfinite(values)]
    return round(float(np.median(finite)), 4) if len(finite) else None


def _decay_times(field: SourceField) -> FloatArray:
    """Returns T30 [s] of the field of each cell, shape (C, 7): NaN where its curve ends before -35 dB."""
    from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS
    from avi_env.bench.acoustics_rows import histogram_t30

    edge = np.arange(round(_SECONDS / _BIN_SECONDS) + 1)[:, None] * _BIN_SECONDS
    share = -np.diff(np.exp(-6.0 * np.log(10.0) * edge / np.array(DECAY_TIMES)), axis=0)  # (bins, 12)
    result = np.full((len(field.cells), field.late.shape[2]), np.nan)
    for cell, (early, late) in enumerate(zip(field.early[..., 0], field.late, strict=True)):
        histogram = np.concatenate([early[:EARLY_BINS], share @ late])
        for band, energy in enumerate(histogram.T):
            if energy.any():
                result[cell, band] = histogram_t30(energy, _BIN_SECONDS)
    return result


def _print_rooms(scene: Scene, source: SourceSound, rows: list[dict[str, Any]], console: Any) -> None:
    from rich.table import Table

    x, y, z = source.position
    table = Table(
        title=f"{scene.name}: {source.sound} ({source.level_db:.0f} dB SPL at 1 m) from {source.name} "
        f"at ({x:.2f}, {y:.2f}, {z:.2f})",
        caption="medians over the places where an agent can stand; T30, C50 and DRR: mean of 500 Hz and 1 kHz",
    )
    for column in ("room", "places", "level", "T30", "C50", "DRR"):
        table.add_column(column, justify="left" if column == "room" else "right")
    for row in rows:
        values = (row["level_db_spl"], row["t30_s"]["mid"], row["c50_db"]["mid"], row["drr_db"]["mid"])
        shapes = ("{:.0f} dB SPL", "{:.2f} s", "{:+.1f} dB", "{:+.1f} dB")
        cells = ("-" if v is None else shape.format(v) for v, shape in zip(values, shapes, strict=True))
        table.add_row(row["room"], str(row["cells"]), *cells)
    console.print(table)
