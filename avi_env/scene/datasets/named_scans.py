"""The scans of HM3D, MP3D, Replica and Gibson, found by any one of their files."""

from __future__ import annotations

from pathlib import Path

from avi_env.scene.datasets.frames import Z_UP
from avi_env.scene.datasets.scan import Scan

__all__ = ["find_scan"]


def find_scan(path: Path) -> Scan | None:
    """Returns the files of the scan that a file or folder belongs to, or None.

    HM3D: a `NAME.semantic.txt` lies beside. MP3D: a `NAME.house`. Gibson: a `NAME.scn`. Replica: an
    `info_semantic.json` in the folder, in its folder "habitat" or beside. All of them are +Z up.
    """
    if path.is_dir():
        return _replica(path) or _in_folder(path)
    stem = path.name.split(".")[0].removesuffix("_semantic")
    beside = path.parent
    if (beside / f"{stem}.semantic.txt").is_file():
        return _hm3d(beside, stem)
    if (beside / f"{stem}.house").is_file():
        return _matterport(beside, stem, beside / f"{stem}.house", "MP3D")
    if (beside / f"{stem}.scn").is_file():
        return _matterport(beside, stem, beside / f"{stem}.scn", "Gibson")
    if path.name in ("mesh.ply", "mesh_semantic.ply", "info_semantic.json"):
        return _replica(beside.parent if beside.name == "habitat" else beside)
    return None


def _in_folder(folder: Path) -> Scan | None:
    for pattern in ("*.semantic.txt", "*.house", "*.scn"):
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return find_scan(found[0])
    return None


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _hm3d(folder: Path, stem: str) -> Scan:
    return Scan(
        stem,
        render=_first(folder / f"{stem}.glb", folder / f"{stem}.basis.glb"),
        semantic=folder / f"{stem}.semantic.glb",
        descriptor=folder / f"{stem}.semantic.txt",
        frame=Z_UP,
        semantic_frame=Z_UP,
        dataset="HM3D",
    )


def _matterport(folder: Path, stem: str, descriptor: Path, dataset: str) -> Scan:
    return Scan(
        stem,
        render=_first(folder / f"{stem}.glb"),
        semantic=folder / f"{stem}_semantic.ply",
        descriptor=descriptor,
        frame=Z_UP,
        semantic_frame=Z_UP,
        dataset=dataset,
    )


def _replica(folder: Path) -> Scan | None:
    descriptor = _first(folder / "habitat" / "info_semantic.json", folder / "info_semantic.json")
    if descriptor is None:
        return None
    semantic = descriptor.parent / "mesh_semantic.ply"
    place = descriptor.resolve().parent
    name = place.parent.name if place.name == "habitat" else place.name
    return Scan(name, semantic=semantic, descriptor=descriptor, semantic_frame=Z_UP, dataset="Replica")
