"""Every Warp kernel has a twin: a test that compares it with an independent implementation, mostly plain NumPy."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import avi_env

PACKAGE = Path(avi_env.__file__).parent
TESTS = Path(__file__).parent.parent

EARS, PATHS, STREAM, TRACING, WORLD = (
    f"crosscheck/test_kernel_twins_{name}.py" for name in ("ears", "paths", "stream", "tracing", "world")
)
NOISE = "crosscheck/test_kernel_twins_noise.py"
RECIPE = "crosscheck/test_ears_spectrogram.py::test_spectrogram_is_the_published_recipe"
LAYERS = "navigation/test_layer_raster.py"
FIELDS = "navigation/test_device_fields.py"
MOVING = f"{STREAM}::test_moving_steps_are_one_time_varying_rendering"

TWINS = {
    "acoustics.binaural._overlay_kernel": f"{EARS}::test_overlay",
    "acoustics.cell_tracer._trace_cells_kernel": f"{TRACING}::test_cells",
    "acoustics.convolution._accumulate_kernel": f"{EARS}::test_convolution_of_a_step",
    "acoustics.directivity._gain_kernel": f"{EARS}::test_directivity_gain",
    "acoustics.discrete._paths": f"{PATHS}::test_direct_transmitted_and_mirrored_paths",
    "acoustics.discrete._prepare": f"{EARS}::test_choice_of_mirrors",
    "acoustics.doppler._delay_kernel": f"{PATHS}::test_moving_delay",
    "acoustics.dry_sound._finish_kernel": MOVING,
    "acoustics.dry_sound._segments_kernel": MOVING,
    "acoustics.ear_filters._places_kernel": f"{EARS}::test_paths_to_fir",
    "acoustics.ear_filters._spectra_kernel": f"{EARS}::test_paths_to_fir",
    "acoustics.early._directions_kernel": f"{EARS}::test_direction_energies",
    "acoustics.early._in_place_kernel": f"{EARS}::test_early_response",
    "acoustics.early._through_ears_kernel": f"{EARS}::test_early_response",
    "acoustics.early_signals._amplitudes_kernel": f"{EARS}::test_early_response",
    "acoustics.early_signals._signals_kernel": f"{EARS}::test_early_response",
    "acoustics.field_bank._blend_kernel": f"{EARS}::test_field_lookup",
    "acoustics.field_bank._corners_kernel": f"{EARS}::test_field_lookup",
    "acoustics.field_bank._shares_kernel": f"{EARS}::test_field_lookup",
    "acoustics.lane_transforms._from_kernel": f"{EARS}::test_transforms_of_sixteen_lanes",
    "acoustics.lane_transforms._to_kernel": f"{EARS}::test_transforms_of_sixteen_lanes",
    "acoustics.late_bus._gains_kernel": MOVING,
    "acoustics.late_bus._late_kernel": MOVING,
    "acoustics.path_tracer._balance_kernel": f"{TRACING}::test_balance",
    "acoustics.path_tracer._decay_kernel": f"{TRACING}::test_decay",
    "acoustics.path_tracer._trace_kernel": f"{TRACING}::test_echogram",
    "acoustics.sight._sight_kernel": f"{PATHS}::test_cells_in_sight",
    "acoustics.spectrogram._frames_kernel": RECIPE,
    "acoustics.spectrogram._pool_kernel": RECIPE,
    # Brute force over the jambs' edges; levels by the formula in NumPy beside it.
    "acoustics.wavefront_bank._diffract": "verification/test_diffraction.py::test_sound_arrives_from_the_door_jamb",
    # Brute force over visibility graphs.
    "navigation.corner_search.search_kernel": "navigation/test_any_angle.py::test_equals_brute_force",
    "navigation.device_fields._first_kernel": f"{FIELDS}::test_equals_brute_force_on_random_masks",
    "navigation.device_fields._places_kernel": f"{FIELDS}::test_equals_brute_force_on_random_masks",
    "navigation.device_fields._round_kernel": f"{FIELDS}::test_equals_brute_force_on_random_masks",
    "navigation.fields._lookup_fields": f"{WORLD}::test_field_lookup",
    "navigation.layer_raster._clearance_over": f"{LAYERS}::test_clearance_over_a_level_floor_is_the_band_clearance",
    "navigation.layer_raster._cross": f"{LAYERS}::test_crossings_are_the_triangles_over_a_point",
    "navigation.layer_raster._footing": f"{LAYERS}::test_footing_is_the_nearest_edge",
    "navigation.grid_bank._rows_at": "navigation/test_storeys.py::test_rows_are_the_layers_of_the_feet",
    "navigation.motion._move": f"{WORLD}::test_walk_on_free_ground",
    "navigation.raster._clearance": f"{WORLD}::test_rasters",
    "navigation.raster._floor": f"{WORLD}::test_rasters",
    "navigation.sight._sight_kernel": f"{FIELDS}::test_sight_is_that_of_the_sampled_line",
    "policies.own_way._own_way": "crosscheck/test_kernel_twins_way.py::test_ways_over_random_maps",
    "scene.rays_embree._any_hit_kernel": "crosscheck/test_rays.py::test_occlusion_equals_brute_force_and_is_symmetric",
    "scene.rays_embree._closest_hit_kernel": "crosscheck/test_rays.py::test_closest_hit_equals_brute_force",
    "scene.rays_warp._any_hit_kernel": f"{WORLD}::test_walls_of_a_house_are_met_where_they_are",
    "scene.rays_warp._closest_hit_kernel": f"{WORLD}::test_walls_of_a_house_are_met_where_they_are",
    "tasks.transition._step": "crosscheck/test_kernel_twins_step.py::test_step",
    "vision.camera._basis_kernel": f"{WORLD}::test_camera_and_first_hits",
    "vision.camera._rays_kernel": f"{WORLD}::test_camera_and_first_hits",
    # Its traced lamps and shading in NumPy; its other outputs beside test_camera_and_first_hits.
    "vision.fused.views": f"{WORLD}::test_shading_of_a_plain_room",
    "vision.primary_embree._tiles_kernel": f"{WORLD}::test_first_hits_of_packets",
    "vision.sensor_noise._depth_kernel": f"{NOISE}::test_depth_noise",
    "vision.sensor_noise._image_kernel": f"{NOISE}::test_image_noise",
    "vision.shading._color_kernel": f"{WORLD}::test_shading_of_a_plain_room",
    "vision.shadows._lamps_kernel": f"{WORLD}::test_shading_of_a_plain_room",
}

FACTORIES = {"vision.fused.views": "vision.fused.view_kernel"}
"""Kernels that are made for a set of features, and the function that makes them."""

WITHOUT = {
    # What it decides is judged by its outcome: it arrives everywhere, in as many actions as the distance allows.
    "navigation.follower._follow": "navigation/test_follower.py::test_arrives_everywhere_in_a_house",
    "navigation.follower._next": "navigation/test_follower.py::test_many_walkers_at_once_do_as_each_alone",
}


def kernels() -> Iterator[str]:
    """Yields the dotted name of each kernel below `avi_env`, by the decorators in the source."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("wp.kernel" in ast.unparse(d) for d in node.decorator_list):
                yield f"{module}.{node.name}"


def test_every_kernel_has_a_twin() -> None:
    """The kernels in the source are those of the table, no more, no fewer; none without a twin in the acoustics."""
    found, known = set(kernels()), {*TWINS, *WITHOUT}
    assert sorted(found - known) == [], "write a twin in NumPy and name it in TWINS"
    assert sorted(known - found) == [], "these kernels are no more: take them out of the table"
    assert not [name for name in WITHOUT if name.startswith("acoustics.")]


def test_kernels_and_twins_exist() -> None:
    """Each name of the table is a Warp kernel, each twin a test."""
    for name, twin in (TWINS | WITHOUT).items():
        module, _, kernel = FACTORIES.get(name, name).rpartition(".")
        made = getattr(importlib.import_module(f"avi_env.{module}"), kernel)
        assert name in FACTORIES or type(made).__name__ == "Kernel", name
        file, _, test = twin.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, twin
