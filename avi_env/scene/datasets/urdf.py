"""Articulated objects of Habitat data sets: the meshes of a URDF file with all joints at rest.

Source: wiki.ros.org/urdf/XML (link, joint, origin); habitat-sim, AOAttributesManager.cpp.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

__all__ = ["UrdfMesh", "read_urdf"]

FloatArray = npt.NDArray[np.float64]


class UrdfMesh(NamedTuple):
    """One mesh of a URDF file."""

    path: Path
    scale: FloatArray
    """Along the mesh's own axes, shape (3,)."""
    pose: FloatArray
    """From the mesh into the root link, shape (4, 4)."""


def read_urdf(path: Path) -> list[UrdfMesh]:
    """Returns the meshes that a URDF file shows, posed with every joint at 0.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is malformed, or shows anything but meshes; the message names the link or joint.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    try:
        robot = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not valid XML ({error})") from error
    if robot.tag != "robot":
        raise ValueError(f"{path.name}: its top is <{robot.tag}>, not <robot>")
    parents: dict[str, tuple[str, FloatArray]] = {}
    for joint in robot.findall("joint"):
        ends = [joint.find(end) for end in ("parent", "child")]
        names = [None if end is None else end.get("link") for end in ends]
        if names[0] is None or names[1] is None:
            raise ValueError(f"{path.name}: joint {joint.get('name')!r} needs a parent and a child link")
        parents[names[1]] = (names[0], _pose(path, joint))
    meshes = []
    for link in robot.findall("link"):
        root = _in_root(path, link.get("name") or "", parents)
        meshes += [_mesh(path, link, visual, root) for visual in link.findall("visual")]
    return meshes


def _in_root(path: Path, link: str, parents: dict[str, tuple[str, FloatArray]]) -> FloatArray:
    pose, seen = np.eye(4), {link}
    while link in parents:
        link, own = parents[link]
        pose = own @ pose
        if link in seen:
            raise ValueError(f"{path.name}: link {link!r} hangs on itself")
        seen.add(link)
    return pose


def _mesh(path: Path, link: ElementTree.Element, visual: ElementTree.Element, root: FloatArray) -> UrdfMesh:
    mesh = visual.find("geometry/mesh")
    name = None if mesh is None else mesh.get("filename")
    if mesh is None or name is None:
        raise ValueError(f"{path.name}: link {link.get('name')!r} shows no mesh; boxes and cylinders are not read")
    scale = _numbers(path, mesh.get("scale", "1 1 1"))
    return UrdfMesh(path.parent / name.removeprefix("package://"), scale, root @ _pose(path, visual))


def _pose(path: Path, element: ElementTree.Element) -> FloatArray:
    """The 4 x 4 matrix of an element's origin: roll, pitch, yaw about the fixed x, y, z, then the translation."""
    origin = element.find("origin")
    pose = np.eye(4)
    if origin is None:
        return pose
    roll, pitch, yaw = _numbers(path, origin.get("rpy", "0 0 0"))
    pose[:3, :3] = _turn(2, yaw) @ _turn(1, pitch) @ _turn(0, roll)
    pose[:3, 3] = _numbers(path, origin.get("xyz", "0 0 0"))
    return pose


def _turn(axis: int, angle: float) -> FloatArray:
    u, v = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[u, u] = turn[v, v] = math.cos(angle)
    turn[v, u], turn[u, v] = math.sin(angle), -math.sin(angle)
    return turn


def _numbers(path: Path, text: str) -> FloatArray:
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError:
        values = np.zeros(0)
    if values.shape != (3,) or not np.all(np.isfinite(values)):
        raise ValueError(f"{path.name}: {text!r} must be three finite numbers")
    return values
