"""Light setups of Habitat data sets."""

from __future__ import annotations

import warnings

from avi_env.scene.datasets.habitat import Template
from avi_env.scene.datasets.json_files import Entry
from avi_env.scene.findings import SceneWarning
from avi_env.scene.model import Light

__all__ = ["read_lights"]


def read_lights(template: Template) -> tuple[Light, ...]:
    """Returns the point lights of a `*.lighting_config.json`; others are left out with a warning.

    Left out are lights at infinity ("directional"), lights that move with the camera, and negative ones, with which
    Habitat paints shadows.

    Raises:
        ValueError: an entry is malformed; the message names it.
    """
    lights, left_out = [], []
    scale = template.entry.number("positive_intensity_scale", 1.0)
    rows = template.entry.entry("lights")
    for name in rows.table:
        row = rows.entry(name)
        kind, frame = row.text("type", "point").lower(), row.text("position_model", "global").lower()
        intensity = row.number("intensity", 1.0)
        if kind != "point" or frame == "camera" or intensity <= 0.0:
            left_out.append(name)
            continue
        lights.append(_point_light(row, scale * intensity))
    if left_out:
        warnings.warn(
            f"{template.entry.where}: {len(left_out)} lights ({', '.join(left_out[:8])}) are directional, fixed to the "
            f"camera or negative, which point lights cannot be: they are left out",
            SceneWarning,
            stacklevel=3,
        )
    return tuple(lights)


def _point_light(row: Entry, intensity: float) -> Light:
    position, color = row.vector("position").tolist(), row.vector("color", default=(1.0, 1.0, 1.0)).tolist()
    return Light((position[0], position[1], position[2]), (color[0], color[1], color[2]), intensity)
