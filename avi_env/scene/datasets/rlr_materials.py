"""Acoustic materials in the JSON format of RLR (SoundSpaces 2), and the rule by which it gives them to categories."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.json_files import Entry, read_json
from avi_env.scene.findings import SceneWarning
from avi_env.scene.model import Material

__all__ = ["RlrMaterials", "load_rlr_materials"]

FloatArray = npt.NDArray[np.float64]

_OCTAVES = 125.0 * 2.0 ** np.arange(7)
_OPAQUE_DB = 120.0
"""Transmission loss [dB] of a material that lets nothing through: 12 orders of magnitude, below every noise."""

_COLORS = {  # linear RGB by a word of the material's name; the format has no looks
    "carpet": (0.45, 0.40, 0.34),
    "wood": (0.42, 0.26, 0.14),
    "brick": (0.42, 0.17, 0.11),
    "concrete": (0.45, 0.45, 0.44),
    "glass": (0.52, 0.66, 0.76),
    "foliage": (0.10, 0.26, 0.07),
    "grass": (0.10, 0.26, 0.07),
    "steel": (0.55, 0.56, 0.58),
    "curtain": (0.52, 0.48, 0.42),
    "tile": (0.74, 0.76, 0.76),
}


@dataclass(frozen=True)
class RlrMaterials:
    """The materials of one file, and the labels by which categories find them."""

    materials: tuple[Material, ...]
    labels: tuple[tuple[str, ...], ...]
    """Per material, lower case; a label that stands twice counts twice."""

    @property
    def default(self) -> Material:
        """The material of categories that match no label.

        It is the one labelled "default", else absorption 0.1, scattering 0.5 and no transmission, as built into RLR.
        """
        for material, labels in zip(self.materials, self.labels, strict=True):
            if "default" in labels:
                return material
        return Material("default", 0.1, 0.5, _OPAQUE_DB, source="RLR, built-in default")

    def of_category(self, category: str) -> Material | None:
        """Returns the material of a semantic category, or None if no label matches (then `default` is meant).

        The rule is RLR's: the material most of whose labels are part of the lower-cased name; repeated labels count
        repeatedly. RLR leaves ties open; here the longest matching label decides, then the file's order.
        """
        name = category.lower()
        best, chosen = (0, 0), None
        for material, labels in zip(self.materials, self.labels, strict=True):
            matching = [label for label in labels if label and label in name]
            score = (len(matching), max(map(len, matching), default=0))
            if score > best:
                best, chosen = score, material
        return chosen


def load_rlr_materials(path: str | Path) -> RlrMaterials:
    """Returns the acoustic materials of a JSON file in the RLR format (SoundSpaces 2: mp3d_material_config.json).

    Its spectra are flat lists [Hz, value, Hz, value ...]; values are interpolated linearly over the logarithm of the
    frequency to the octaves 125 Hz ... 8 kHz and held beyond the ends. A transmission coefficient t becomes a loss of
    -10 lg t dB (120 dB for 0). RLR lets a surface transmit more than it absorbs; here absorption contains what is
    transmitted, so it is raised where that is so. Damping, density and speed (of waves within the body) are not used.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not in the format; the message names the material and the entry.

    Source: RLRA_SetMaterialDatabaseJSON in RLRAudioPropagation.h (facebookresearch/rlr-audio-propagation).
    """
    entry = read_json(Path(path))
    materials: list[Material] = []
    labels: list[tuple[str, ...]] = []
    raised: list[str] = []
    for item in entry.entries("materials"):
        material, was_raised = _material(item)
        if any(material.name == other.name for other in materials):
            raise item.error(f"the name {material.name!r} stands twice: give every material its own")
        materials.append(material)
        labels.append(tuple(label.lower() for label in item.texts("labels")))
        raised += [material.name] * was_raised
    if not materials:
        raise entry.error("'materials' is empty: a material file holds at least one material")
    if raised:
        warnings.warn(
            f"{entry.where}: {', '.join(raised)} transmit more energy than they absorb; their absorption was raised to "
            f"what they transmit, because here absorption contains it",
            SceneWarning,
            stacklevel=2,
        )
    return RlrMaterials(tuple(materials), tuple(labels))


def _material(item: Entry) -> tuple[Material, bool]:
    name = item.text("name")
    item = Entry(f"{item.where} ({name})", item.table)
    absorption = _octaves(item, "absorption")
    scattering = _octaves(item, "scattering")
    transmission = _octaves(item, "transmission", default=0.0)
    loss = -10.0 * np.log10(np.maximum(transmission, 10.0 ** (-_OPAQUE_DB / 10.0)))
    contained = np.maximum(absorption, transmission)
    color = next((c for word, c in _COLORS.items() if word in name.lower()), (0.7, 0.7, 0.7))
    material = Material(
        name=name,
        absorption=tuple(contained.tolist()),
        scattering=tuple(scattering.tolist()),
        transmission_loss=tuple(loss.tolist()),
        color=color,
        source="RLR material file",
    )
    return material, bool(np.any(transmission > absorption + 1e-6))


def _octaves(item: Entry, key: str, default: float | None = None) -> FloatArray:
    if not item.has(key) and default is not None:
        return np.full(len(_OCTAVES), default)
    value = item.table.get(key)
    if not isinstance(value, list) or len(value) < 2 or len(value) % 2 or not all(_is_number(v) for v in value):
        raise item.error(f"{key!r} must be a flat list [Hz, value, Hz, value ...] of numbers, not {value!r}")
    pairs = np.array(value, dtype=np.float64).reshape(-1, 2)
    frequency, level = pairs[:, 0], pairs[:, 1]
    if np.any(frequency <= 0) or np.any(np.diff(frequency) <= 0):
        raise item.error(f"the frequencies of {key!r} must be positive and rise, not {frequency.tolist()}")
    if np.any((level < 0) | (level > 1)):
        raise item.error(f"the values of {key!r} are shares of the energy, 0 to 1, not {level.tolist()}")
    values: FloatArray = np.interp(np.log(_OCTAVES), np.log(frequency), level)
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
