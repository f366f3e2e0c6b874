"""Habitat scene data sets: which stages, objects, lights and scenes a `*.scene_dataset_config.json` offers.

Source: habitat-sim, docs/pages/attributesJSON.rst and src/esp/metadata/managers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avi_env.content import name_error
from avi_env.scene.datasets.json_files import Entry, read_json
from avi_env.scene.findings import SceneWarning

__all__ = ["DATASET_SUFFIX", "KINDS", "HabitatDataset", "Template", "dataset_of", "dataset_scenes", "read_dataset"]

DATASET_SUFFIX = ".scene_dataset_config.json"

KINDS = {
    "stages": ".stage_config.json",
    "objects": ".object_config.json",
    "light_setups": ".lighting_config.json",
    "scene_instances": ".scene_instance.json",
    "articulated_objects": ".ao_config.json",
    "semantic_scene_descriptor_instances": ".semantic_config.json",
}
"""The parts of a data set, and how the files that configure them end."""

_SECTION = ("default_attributes", "paths", "configs")
_OWN_NAME = "%%CONFIG_NAME_AS_ASSET_FILENAME%%"


@dataclass(frozen=True)
class Template:
    """A stage, object, lighting or scene that a data set offers."""

    handle: str
    """Path below the data set's folder without its configuration ending, or the name a data set gives it."""
    entry: Entry
    """Its attributes, those of the data set's defaults included."""
    folder: Path
    """Where its own file names start."""
    asset: Path | None = None
    """The mesh itself, where the data set lists bare meshes."""
    has_frame: bool = True
    """False for a bare mesh without defaults: its axes then follow from its kind of file."""
    config: Path | None = None
    """Its configuration file."""

    @property
    def name(self) -> str:
        """The last part of its handle."""
        return self.handle.rsplit("/", 1)[-1]

    def file(self, key: str) -> Path | None:
        """Returns a file that an attribute names, or None where it names none.

        Raises:
            ValueError: the attribute is no text.
        """
        if not self.entry.has(key) or not self.entry.text(key):
            return None
        return self.folder / self.entry.text(key)


@dataclass(frozen=True)
class HabitatDataset:
    """Everything a data set offers, by handle."""

    path: Path
    """Its configuration, or the folder that stands in for one."""
    templates: Mapping[str, Mapping[str, Template]]
    """By kind (see `KINDS`), then by handle."""
    descriptors: Mapping[str, Path]
    """Semantic descriptor files by tag."""

    def find(self, kind: str, name: str) -> Template:
        """Returns the template that a name stands for: a handle, its end, its last part, or a unique part of it.

        Raises:
            ValueError: none or several fit; the message names the nearest ones.
        """
        table = self.templates[kind]
        wanted = _handle_of(name, KINDS[kind])
        if wanted in table:
            return table[wanted]
        for fits in (
            [t for t in table.values() if t.handle.endswith("/" + wanted) or _bare(t.name) == wanted],
            [t for t in table.values() if wanted in t.handle],
        ):
            if len(fits) == 1:
                return fits[0]
            if fits:
                shown = ", ".join(sorted(t.handle for t in fits)[:4])
                raise ValueError(f"{self.path.name}: {name!r} stands for {len(fits)} {kind}: {shown}; write more of it")
        known = [t.name for t in table.values()]
        raise ValueError(f"{self.path.name}: {name_error(kind.removesuffix('s'), wanted, known)}")


def _handle_of(name: str, ending: str) -> str:
    return name.replace("\\", "/").removesuffix(ending).strip("/")


def _bare(name: str) -> str:
    """A file name without any ending: "XYZ.basis" is XYZ."""
    return name.split(".")[0]


def dataset_scenes(path: str | Path) -> tuple[str, ...]:
    """Returns the names of a data set's scenes, as `load_scene("CONFIG:NAME")` takes them.

    These are its scene instances; of data sets without any (HM3D, MP3D, Gibson, Replica), its stages.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no scene data set configuration.
    """
    dataset = read_dataset(Path(path))
    table = dataset.templates["scene_instances"] or dataset.templates["stages"]
    names = [template.name for template in table.values()]
    doubled = {name for name in names if names.count(name) > 1}
    return tuple(sorted(t.handle if t.name in doubled else t.name for t in table.values()))


def read_dataset(path: Path) -> HabitatDataset:
    """Returns what a `*.scene_dataset_config.json` offers; meshes are not read, paths in it start at its folder.

    Raises:
        FileNotFoundError: no such file, or a pattern of it finds nothing at all.
        ValueError: an entry is malformed; the message names it.
    """
    entry = read_json(path)
    for key in entry.table:
        if key not in (*KINDS, "navmesh_instances", "pbr_ibl_configs", "user_defined", "metadata_dir"):
            known = (*KINDS, "navmesh_instances")
            warnings.warn(f"{path.name}: {name_error('entry', key, known)} It is left out.", SceneWarning, stacklevel=3)
    templates = {kind: _section(path, entry.entry(kind, optional=True), kind) for kind in KINDS}
    tags = entry.entry("semantic_scene_descriptor_instances", optional=True)
    descriptors = {key: path.parent / tags.text(key) for key in tags.table if key not in _SECTION}
    return HabitatDataset(path, templates, descriptors)


def _section(path: Path, section: Entry, kind: str) -> dict[str, Template]:
    defaults = section.entry("default_attributes", optional=True).table
    found: dict[str, Template] = {}
    paths = section.entry("paths", optional=True)
    for extension in paths.table:
        for pattern in paths.texts(extension):
            for file in _files(path.parent, pattern, KINDS[kind] if extension == ".json" else extension):
                template = _template(path.parent, file, defaults, KINDS[kind])
                found[template.handle] = template
    for item in section.entries("configs", optional=True):
        template = _configured(path, item, found, defaults, kind)
        found[template.handle] = template
    return found


def _files(root: Path, pattern: str, ending: str) -> Iterator[Path]:
    """Files of one ending that a pattern names, or that lie in the folders it names."""
    for place in sorted(root.glob(pattern.strip("/") or ".")):
        if place.is_dir():
            yield from sorted(file for file in place.iterdir() if file.name.endswith(ending))
        elif place.name.endswith(ending):
            yield place


def _template(root: Path, file: Path, defaults: Mapping[str, Any], ending: str) -> Template:
    config = file if file.name.endswith(ending) else file.with_name(file.name.removesuffix(file.suffix) + ending)
    try:
        place = file.relative_to(root).as_posix()
    except ValueError:
        place = file.as_posix()
    if config.is_file():
        handle = place.removesuffix(ending).removesuffix(file.suffix)
        own = read_json(config).table
        return Template(handle, Entry(config.name, _merged(defaults, own, handle)), file.parent, config=config)
    handle = place.removesuffix(file.suffix)
    entry = Entry(file.name, _merged(defaults, {}, handle))
    return Template(handle, entry, file.parent, file, has_frame=bool(defaults))


def _merged(defaults: Mapping[str, Any], own: Mapping[str, Any], handle: str) -> dict[str, Any]:
    """Own attributes over the defaults, in which the template's own name may stand for a file's."""
    name = _bare(handle.rsplit("/", 1)[-1])
    filled = {k: v.replace(_OWN_NAME, name) if isinstance(v, str) else v for k, v in defaults.items()}
    return {**filled, **own}


def _configured(
    path: Path, item: Entry, found: dict[str, Template], defaults: Mapping[str, Any], kind: str
) -> Template:
    """A template that a data set changes (`original_file`) or adds (`template_handle` alone)."""
    attributes = item.entry("attributes").table
    handle = item.text("template_handle", "")
    if item.has("original_file"):
        original = HabitatDataset(path, {kind: found}, {}).find(kind, item.text("original_file"))
        merged = Entry(f"{item.where} ({original.handle})", {**original.entry.table, **attributes})
        return Template(handle or original.handle, merged, original.folder, original.asset, original.has_frame)
    if not handle:
        raise item.error("give 'original_file', 'template_handle' or both")
    return Template(handle, Entry(f"{item.where} ({handle})", _merged(defaults, attributes, handle)), path.parent)


def dataset_of(scene: Path) -> HabitatDataset:
    """Returns the data set that a stage or scene file belongs to.

    It is the nearest configuration in the folders above that lists the file; without one, all configuration files
    beside it and in the folders beside its folder make up a data set.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a configuration above is malformed.
    """
    if not scene.is_file():
        raise FileNotFoundError(f"no scene file {str(scene)!r}: check the path")
    place = scene.resolve()
    for folder in place.parents:
        for config in sorted(folder.glob("*" + DATASET_SUFFIX)):
            dataset = read_dataset(config)
            for kind in ("scene_instances", "stages"):
                if any(t.config is not None and t.config.resolve() == place for t in dataset.templates[kind].values()):
                    return dataset
    return _loose_dataset(place)


def _loose_dataset(scene: Path) -> HabitatDataset:
    root = scene.parent
    places = [root, *(p for p in sorted(root.parent.iterdir()) if p.is_dir() and p != root)]
    templates: dict[str, dict[str, Template]] = {kind: {} for kind in KINDS}
    for kind, ending in KINDS.items():
        for place in places:
            for file in sorted(place.glob("*" + ending)):
                template = _template(root.parent, file, {}, ending)
                templates[kind][template.handle] = template
    return HabitatDataset(root, templates, {})
