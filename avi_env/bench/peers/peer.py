"""Who is compared: how to install each, which module runs it, and what its number includes."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from avi_env.content import name_error

__all__ = ["Peer", "chosen_peers", "our_sound", "ours", "peers"]

_FOLDER = "avi_env.bench.peers"


@dataclass(frozen=True)
class Peer:
    """A renderer that takes part."""

    name: str
    distribution: str
    """Whose version counts."""
    package: str
    """What is imported."""
    install: str
    """The command that installs it."""
    module: str
    """Module with `start(task)`, run in a process of its own."""
    includes: str
    """What a frame of its rate includes, and with which settings."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of its module."""
    part: str = "pictures"
    """What it takes part in: "pictures", "responses" or "frames"."""

    def available(self) -> str | None:
        """Returns the installed version, or None; imports nothing."""
        if importlib.util.find_spec(self.package) is None:
            return None
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:  # by conda
            return "of unknown version"


_MUJOCO = "shadows, reflections, sky and multisampling off; read back to NumPy, depth in metres"
_BULLET = "shadows and segmentation off; colour and depth always together, as NumPy arrays, depth in metres"

_HYBRID = "image sources of third order and 5000 rays that end at the default energy; shoebox"

_PEERS = (
    Peer(
        "MuJoCo",
        "mujoco",
        "mujoco",
        "pip install 'avi-env[peers]'",
        f"{_FOLDER}.mujoco_egl",
        f"mujoco.Renderer: a pass for colour and a pass for depth; {_MUJOCO}",
        {"passes": 2},
    ),
    Peer(
        "MuJoCo, one pass",
        "mujoco",
        "mujoco",
        "pip install 'avi-env[peers]'",
        f"{_FOLDER}.mujoco_egl",
        f"mjr_render and mjr_readPixels by hand: colour and depth of one pass; {_MUJOCO}",
        {"passes": 1},
    ),
    Peer(
        "PyBullet EGL",
        "pybullet",
        "pybullet",
        "pip install 'avi-env[physics]'",
        f"{_FOLDER}.pybullet_camera",
        f"getCameraImage of the eglRenderer plugin; {_BULLET}",
        {"egl": True},
    ),
    Peer(
        "PyBullet TinyRenderer",
        "pybullet",
        "pybullet",
        "pip install 'avi-env[physics]'",
        f"{_FOLDER}.pybullet_camera",
        f"getCameraImage of TinyRenderer, one core; {_BULLET}",
        {"egl": False},
    ),
    Peer(
        "MiniWorld",
        "miniworld",
        "miniworld",
        "pip install 'avi-env[peers]'",
        f"{_FOLDER}.miniworld_mesh",
        "render_obs of a world with the mesh as its one entity, not a step; no multisampling, 16 bits of depth",
    ),
    Peer(
        "habitat-sim",
        "habitat-sim",
        "habitat_sim",
        "conda install habitat-sim headless -c conda-forge -c aihabitat",
        f"{_FOLDER}.habitat",
        "get_sensor_observations: a pass for colour and a pass for depth; flat colours without lights, no physics",
    ),
    Peer(
        "pyroomacoustics",
        "pyroomacoustics",
        "pyroomacoustics",
        "pip install 'avi-env[bench]'",
        f"{_FOLDER}.pyroomacoustics_hybrid",
        f"all listeners in one call, mono; {_HYBRID}",
        {"what": "responses", "batch": 1 << 30, "rays": 5000},
        "responses",
    ),
    Peer(
        "pyroomacoustics, step by step",
        "pyroomacoustics",
        "pyroomacoustics",
        "pip install 'avi-env[bench]'",
        f"{_FOLDER}.pyroomacoustics_hybrid",
        f"responses of two microphones at each step, then convolution; {_HYBRID}",
        {"what": "frames", "batch": 1, "rays": 5000},
        "frames",
    ),
)


def peers() -> tuple[Peer, ...]:
    """Returns all that ours is held against, in pictures and sound, installed or not."""
    return _PEERS


def chosen_peers(names: Sequence[str] | None, part: str = "pictures") -> tuple[Peer, ...]:
    """Returns those of the peers with these names that take part in something.

    Args:
        names: of any peers; None = all.
        part: "pictures", "responses" or "frames".

    Raises:
        ValueError: an unknown name.
    """
    known = {peer.name for peer in _PEERS}
    for name in names or ():
        if name not in known:
            raise name_error("peer", name, known)
    return tuple(peer for peer in _PEERS if peer.part == part and (names is None or peer.name in names))


def ours(device: str = "cpu", batch: int = 16) -> tuple[Peer, ...]:
    """Returns our own renderer, which takes part on the same terms: view by view and in batches.

    Args:
        device: "cpu" or "cuda".
        batch: views a call of the latter.
    """
    includes = "render_views: materials, patterns and baked light with soft shadows; read back to NumPy"
    variants = {"avi-env, one thread": (1, 1), "avi-env": (1, 0), f"avi-env, {batch} views a call": (batch, 0)}
    if device != "cpu":
        variants.pop("avi-env, one thread")
    return tuple(
        Peer(
            name,
            "avi-env",
            "avi_env",
            "pip install avi-env",
            f"{_FOLDER}.ours",
            includes,
            {"batch": views, "threads": threads, "device": device},
        )
        for name, (views, threads) in variants.items()
    )


def our_sound(part: str, listeners: int) -> tuple[Peer, ...]:
    """Returns our own sound, which takes part on the same terms.

    Args:
        part: "responses" or "frames".
        listeners: of a round.

    Raises:
        ValueError: another part.
    """
    variants: dict[str, tuple[str, dict[str, Any]]]
    if part == "responses":
        traced, baked = "render_rirs, traced: each pair of places by itself", "render_rirs, baked: the bake included"
        variants = {
            "avi-env, traced": (traced, {"mode": "traced", "batch": 1}),
            "avi-env, baked": (baked, {"mode": "baked", "batch": listeners}),
        }
    elif part == "frames":
        step = "Soundscape.listen: one source, measured head; its field was baked before, as in an episode"
        variants = {"avi-env, step by step": (step, {"batch": 1})}
    else:
        raise name_error("comparison of sound", part, ("responses", "frames"))
    module = f"{_FOLDER}.our_sound"
    return tuple(
        Peer(
            name,
            "avi-env",
            "avi_env",
            "pip install avi-env",
            module,
            said + "; one thread",
            given | {"what": part},
            part,
        )
        for name, (said, given) in variants.items()
    )
