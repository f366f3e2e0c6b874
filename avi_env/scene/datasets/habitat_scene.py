"""Scenes of Habitat data sets: a stage, the objects placed in it, rooms and lights, as one `Scene`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.annotation import Annotation, ScanObject, checked_scan, room_of_point, scan_scene
from avi_env.scene.datasets.categories import MaterialChoice, default_material
from avi_env.scene.datasets.frames import Y_UP, Z_UP, frame_rotation, upright_box
from avi_env.scene.datasets.habitat import DATASET_SUFFIX, KINDS, HabitatDataset, Template, dataset_of, read_dataset
from avi_env.scene.datasets.hm3d import region_rooms
from avi_env.scene.datasets.json_files import Entry, read_json
from avi_env.scene.datasets.lights import read_lights
from avi_env.scene.datasets.quaternions import rotation_matrix, xyzw_from_wxyz
from avi_env.scene.datasets.regions import read_regions
from avi_env.scene.datasets.replica import read_lexicon
from avi_env.scene.datasets.scan import Scan, labelled_parts, posed, read_asset, read_descriptor
from avi_env.scene.datasets.urdf import read_urdf
from avi_env.scene.findings import SceneWarning
from avi_env.scene.mesh_parts import MeshPart
from avi_env.scene.model import Light, Room, Scene

__all__ = ["load_habitat"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_SHELL = ("floor", "ceiling", "wall")
"""Objects that a stage without semantics is split into, by the way its faces look."""

_STEEP = 0.7  # least |y| of a floor's or ceiling's normal
_ORIGINS = ("asset_local", "com")
_NO_LIGHTS = ("", "no_lights", "default_lights")  # names of Habitat's own setups


@dataclass
class _Content:
    """Parts so far, with the index of each triangle's object."""

    parts: list[MeshPart]
    labels: list[IntArray]
    objects: list[ScanObject]
    rooms: tuple[Room, ...] = ()


def load_habitat(path: str | Path, scene: str = "", materials: MaterialChoice = None, names: str = "mpcat40") -> Scene:
    """Returns a scene of a Habitat data set.

    Objects stand where their instances say (rotations w, x, y, z); what moves in Habitat stands still here. A stage
    without semantics becomes the objects floor, ceiling and wall. Articulated objects stand with their joints at rest;
    those whose URDF file shows more than meshes are left out with a warning.
    `meta["motion_types"]` holds the motion type of each object instance, `meta["object_keys"]` the number of each
    object's instance.

    Args:
        path: a `*.scene_dataset_config.json` (then `scene` names a scene), `*.scene_instance.json` or
            `*.stage_config.json`.
        scene: the scene's name, see `dataset_scenes`.
        materials: see `MaterialChoice`.
        names: names of MP3D's categories, "mpcat40" or "raw".

    Raises:
        FileNotFoundError: a file is missing; the message names who refers to it.
        ValueError: an entry is malformed, or a name is unknown; the message names the place and the nearest name.
        SceneError: nobody could stand or see in it.
    """
    file = Path(path)
    if file.name.endswith(DATASET_SUFFIX):
        dataset = read_dataset(file)
        kind = "scene_instances" if dataset.templates["scene_instances"] else "stages"
        if not scene:
            table = dataset.templates[kind]
            shown = ", ".join(sorted(t.name for t in table.values())[:8]) or "none"
            raise ValueError(f"{file.name} holds {len(table)} scenes: write {file.name}:NAME, as one of {shown}")
        found = dataset.find(kind, scene)
    else:
        dataset = dataset_of(file)
        kind = "stages" if file.name.endswith(KINDS["stages"]) else "scene_instances"
        found = _template_of(dataset, kind, file)
    loader = _stage_scene if kind == "stages" else _instance_scene
    return loader(dataset, found, materials, names)


def _template_of(dataset: HabitatDataset, kind: str, file: Path) -> Template:
    for template in dataset.templates[kind].values():
        if template.config is not None and template.config.resolve() == file.resolve():
            return template
    raise ValueError(f"{str(file)!r} must end in {KINDS['stages']} or {KINDS['scene_instances']}")


def _stage_scene(dataset: HabitatDataset, stage: Template, materials: MaterialChoice, names: str) -> Scene:
    content = _stage(stage, names)
    return _built(dataset, stage.name, content, (), materials, {})


def _instance_scene(dataset: HabitatDataset, scene: Template, materials: MaterialChoice, names: str) -> Scene:
    entry = scene.entry
    row = entry.entry("stage_instance")
    content = _moved(_stage(dataset.find("stages", row.text("template_name")), names), row)
    lexicon, rooms = _semantics(dataset, scene)
    content.rooms = content.rooms or rooms
    origin = entry.text("translation_origin", "com").lower()
    instances = entry.entries("object_instances", optional=True)
    assets: dict[Path, list[MeshPart]] = {}
    for number, item in enumerate(instances):
        if item.table.get("is_instance_visible") is not False:
            _add_object(content, dataset, number, item, origin, lexicon, assets)
    motion = [item.text("motion_type", "undefined").lower() for item in instances]
    _add_articulated(content, dataset, entry, lexicon, assets)
    lighting = entry.text("default_lighting", "")
    lights = () if lighting in _NO_LIGHTS else read_lights(dataset.find("light_setups", lighting))
    return _built(dataset, scene.name, content, lights, materials, {"motion_types": motion})


def _built(
    dataset: HabitatDataset,
    name: str,
    content: _Content,
    lights: Sequence[Light],
    materials: MaterialChoice,
    meta: dict[str, Any],
) -> Scene:
    annotation = Annotation(tuple(content.objects), content.rooms)
    meta = {"generator": "dataset", "dataset": dataset.path.name.removesuffix(DATASET_SUFFIX), **meta}
    scene = scan_scene(name, content.parts, content.labels, annotation, materials, lights, meta, dataset.path)
    return checked_scan(scene)


def _stage(stage: Template, names: str) -> _Content:
    """A stage in the world frame, with its semantics where it has any."""
    entry = stage.entry
    render = stage.file("render_asset") or stage.asset
    if render is None:
        raise entry.error("'render_asset' is missing (it must be a file of a mesh)")
    semantic, descriptor = (
        _existing(stage.file("semantic_asset")),
        _existing(stage.file("semantic_descriptor_filename")),
    )
    frame = _frame(stage, render, "")
    scan = Scan(
        stage.name,
        _needed(render, entry),
        semantic if descriptor is not None else None,
        descriptor,
        frame,
        # Semantic PLY meshes are +Z up in every data set of Habitat, whose reader turns them so.
        Z_UP if semantic is not None and semantic.suffix == ".ply" else _frame(stage, render, "semantic_"),
    )
    annotation = read_descriptor(descriptor, names) if descriptor is not None else Annotation()
    parts, labels = labelled_parts(scan, annotation)
    factor = entry.vector("scale", default=(1.0, 1.0, 1.0)) * entry.number("units_to_meters", 1.0)
    unlit = entry.text("shader_type", "").lower() == "flat" or entry.table.get("force_flat_shading") is True
    origin = entry.vector("origin", default=(0.0, 0.0, 0.0))
    parts = [posed(p._replace(unlit=p.unlit or (unlit and p.has_looks)), Y_UP, factor, origin) for p in parts]
    rooms = region_rooms(annotation, parts, labels) if annotation.colors is not None else annotation.rooms
    if not annotation.objects:
        return _shell(parts)
    return _Content(parts, labels, list(annotation.objects), rooms)


def _existing(path: Path | None) -> Path | None:
    return path if path is not None and path.is_file() else None


def _needed(path: Path, entry: Entry) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{entry.where}: there is no mesh file {str(path)!r}: download it, or mend the entry")
    return path


def _frame(template: Template, asset: Path, prefix: str) -> FloatArray:
    entry = template.entry
    up, front = f"{prefix}up", f"{prefix}front"
    if prefix and not (entry.has(up) or entry.has(front)):
        return _frame(template, asset, "")
    if not template.has_frame and not (entry.has(up) or entry.has(front)):
        return Z_UP if asset.suffix == ".glb" else Y_UP  # Habitat's rule: bare stages come from Matterport's scanners
    try:
        return frame_rotation(entry.vector(up, default=(0, 1, 0)), entry.vector(front, default=(0, 0, -1)))
    except ValueError as error:
        raise entry.error(str(error).removeprefix(f"{entry.where}: ")) from error


def _shell(parts: list[MeshPart]) -> _Content:
    """Splits bare geometry into floor, ceiling and wall by its normals, and by what its materials are named."""
    objects: list[ScanObject] = []
    index: dict[str, int] = {}
    labels = []
    for part in parts:
        corners = part.vertices[part.triangles].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        steep = normal[:, 1] / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
        kinds = np.where(steep > _STEEP, 0, np.where(steep < -_STEEP, 1, 2))
        label = np.full(len(part.triangles), -1, dtype=np.int64)
        for kind in np.unique(kinds).tolist():
            category = _shell_category(part.label, _SHELL[kind])
            if category not in index:
                index[category] = len(objects)
                objects.append(ScanObject(-1, category))
            label[kinds == kind] = index[category]
        labels.append(label)
    return _Content(parts, labels, objects)


def _shell_category(label: str, kind: str) -> str:
    """A floor is a floor whatever its material; walls that are named window or door are these."""
    return label if kind == "wall" and default_material(label) in ("glass", "wood_door", "mirror") else kind


def _moved(content: _Content, row: Entry) -> _Content:
    """The stage where its instance puts it."""
    rotation, factor, translation = _pose(row)
    moves = not (np.allclose(rotation, np.eye(3)) and np.allclose(factor, 1.0) and np.allclose(translation, 0.0))
    if not moves:
        return content
    parts = [posed(part, rotation, factor, translation) for part in content.parts]
    # Boxes and rooms of a descriptor belong to the place it was made for; boxes are taken anew from the triangles.
    return _Content(parts, content.labels, [o._replace(box=None) for o in content.objects])


def _pose(row: Entry) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rotation, scale along the asset's axes and translation of an instance."""
    try:
        quaternion = xyzw_from_wxyz(row.vector("rotation", 4, (1.0, 0.0, 0.0, 0.0)))
        rotation = rotation_matrix(quaternion)
    except ValueError as error:
        text = str(error)
        raise error if text.startswith(row.where) else row.error(f"'rotation' (w, x, y, z): {text}") from error
    factor = row.number("uniform_scale", 1.0) * row.vector("non_uniform_scale", default=(1.0, 1.0, 1.0))
    if np.any(np.abs(factor) < 1e-9):
        raise row.error(f"'uniform_scale' and 'non_uniform_scale' must not be zero, but make {factor.tolist()}")
    return rotation, factor, row.vector("translation", default=(0.0, 0.0, 0.0))


def _semantics(dataset: HabitatDataset, scene: Template) -> tuple[dict[int, str], tuple[Room, ...]]:
    """Class names by semantic id, and rooms, of a scene."""
    tag = scene.entry.text("semantic_scene_instance", "")
    rooms: tuple[Room, ...] = ()
    lexicon: dict[int, str] = {}
    if tag in dataset.descriptors:
        if not dataset.descriptors[tag].is_file():
            raise FileNotFoundError(
                f"{dataset.path.name}: {tag!r} is the file {str(dataset.descriptors[tag])!r}: missing"
            )
        if "classes" in read_json(dataset.descriptors[tag]).table:
            lexicon = read_lexicon(dataset.descriptors[tag])
    elif tag and dataset.templates["semantic_scene_descriptor_instances"]:
        rooms = read_regions(dataset.find("semantic_scene_descriptor_instances", tag).entry)
    if not lexicon:  # HSSD keeps its classes beside its rooms, where no entry names them
        files = sorted((dataset.path.parent / "semantics").glob("*_semantic_lexicon.json"))
        lexicon = read_lexicon(files[0]) if files else {}
    return lexicon, rooms


def _add_object(
    content: _Content,
    dataset: HabitatDataset,
    key: int,
    row: Entry,
    origin: str,
    lexicon: dict[int, str],
    assets: dict[Path, list[MeshPart]],
) -> None:
    template = dataset.find("objects", row.text("template_name"))
    asset = template.file("render_asset") or template.asset
    if asset is None:
        raise template.entry.error("'render_asset' is missing (it must be a file of a mesh)")
    if asset not in assets:
        assets[asset] = read_asset(_needed(asset, Entry(f"{row.where} ({template.name})", {})))
    local = template.entry
    rotation, factor, translation = _pose(row)
    factor = factor * local.vector("scale", default=(1.0, 1.0, 1.0)) * local.number("units_to_meters", 1.0)
    frame = _frame(replace(template, has_frame=True), asset, "")
    parts = [posed(part, frame) for part in assets[asset]]
    points = np.concatenate([part.vertices[np.unique(part.triangles)] for part in parts]) * factor
    low, high = points.min(axis=0), points.max(axis=0)
    offset = np.zeros(3)
    own_origin = row.text("translation_origin", origin).lower()
    if own_origin not in _ORIGINS:
        raise row.error(f"'translation_origin' must be COM or asset_local, not {own_origin!r}")
    if own_origin == "com":
        offset = local.vector("COM") * factor if local.has("COM") else (low + high) / 2
    place = translation - rotation @ offset
    box = upright_box(rotation @ ((low + high) / 2) + place, rotation, high - low)
    number = len(content.objects)
    category = _category(template, lexicon)
    room = room_of_point(content.rooms, box.center)
    content.objects.append(ScanObject(key, category, room, box))
    for part in parts:
        content.parts.append(posed(part, rotation, factor, place))
        content.labels.append(np.full(len(part.triangles), number, dtype=np.int64))


def _add_articulated(
    content: _Content,
    dataset: HabitatDataset,
    scene: Entry,
    lexicon: dict[int, str],
    assets: dict[Path, list[MeshPart]],
) -> None:
    """Adds articulated objects with their joints at rest; names those that cannot be read in one warning."""
    left_out = []
    for row in scene.entries("articulated_object_instances", optional=True):
        name = row.text("template_name")
        rotation, factor, translation = _pose(row)
        try:
            template = dataset.find("articulated_objects", name)
            local = _rest_parts(template, assets)
        except (ValueError, FileNotFoundError) as error:
            left_out.append(f"{name} ({error})")
            continue
        factor = factor * template.entry.number("uniform_scale", 1.0)
        points = np.concatenate([part.vertices for part in local]) * factor
        low, high = points.min(axis=0), points.max(axis=0)
        box = upright_box(rotation @ ((low + high) / 2) + translation, rotation, high - low)
        number, room = len(content.objects), room_of_point(content.rooms, box.center)
        content.objects.append(ScanObject(-1, _category(template, lexicon), room, box))
        for part in local:
            content.parts.append(posed(part, rotation, factor, translation))
            content.labels.append(np.full(len(part.triangles), number, dtype=np.int64))
    if left_out:
        warnings.warn(
            f"{scene.where}: {len(left_out)} articulated objects are left out: {'; '.join(dict.fromkeys(left_out))}",
            SceneWarning,
            stacklevel=5,
        )


def _rest_parts(template: Template, assets: dict[Path, list[MeshPart]]) -> list[MeshPart]:
    """The parts of an articulated object in its root's frame, all joints at 0."""
    path = template.file("urdf_filepath") or template.asset or template.folder / f"{template.name}.urdf"
    parts = []
    for mesh in read_urdf(path):
        if mesh.path not in assets:
            assets[mesh.path] = read_asset(mesh.path)
        parts += [posed(p, mesh.pose[:3, :3], mesh.scale, mesh.pose[:3, 3]) for p in assets[mesh.path]]
    if not parts:
        raise ValueError("it shows nothing")
    return parts


def _category(template: Template, lexicon: dict[int, str]) -> str:
    number = template.entry.integer("semantic_id", -1)
    if number in lexicon and lexicon[number].lower() != "unknown":
        return lexicon[number]
    return template.name.split(".")[0]
