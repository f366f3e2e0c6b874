"""What bodies are made of, as far as collisions and their sound go: the table `solids.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from avi_env.content import name_error, package_file

__all__ = ["Solid", "load_solids", "solid"]


class Solid(NamedTuple):
    """What a body is made of: a row of `solids.toml`."""

    name: str
    density: float
    """[kg/m3]."""
    young: float
    """Young's modulus [Pa]."""
    poisson: float
    mass_damping: float
    """alpha of Rayleigh damping [1/s]."""
    stiffness_damping: float
    """beta of Rayleigh damping [s]."""
    contact_modulus: float
    """Young's modulus of the surface that is touched [Pa]."""
    restitution: float
    """A collision's coefficient of restitution is the product of both bodies' values."""
    friction: float
    """A contact's coefficient of friction is the product of both bodies' values."""
    thickness: float
    """Of the usual sheet, board or slab in a house [m]."""
    source: str
    """Where the values come from."""


@lru_cache(maxsize=1)
def load_solids() -> Mapping[str, Solid]:
    """Returns all solids by name."""
    table = tomllib.loads(package_file("sounds/solids.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: Solid(name=name, **row) for name, row in table.items()})


def solid(name: str | Solid) -> Solid:
    """Returns a solid by its name; a `Solid` is returned as it is.

    Raises:
        ValueError: unknown name; the message names the nearest one.
    """
    if isinstance(name, Solid):
        return name
    if name not in load_solids():
        raise name_error("solid", name, load_solids())
    return load_solids()[name]
