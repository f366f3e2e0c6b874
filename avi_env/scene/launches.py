"""Torch tensors as Warp's kernel arguments, and launches that cost microseconds."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
import warp as wp

from avi_env.scene.rays_warp import loading, wp_device

__all__ = ["as_warp", "launch"]

_COMMANDS = 2048
"""Recorded launches a thread keeps; beyond that (batches of ever new sizes) it starts afresh."""


def as_warp(tensor: torch.Tensor, dtype: type | None = None) -> Any:
    """Returns the launch argument of a tensor, which keeps the tensor alive.

    Args:
        tensor: contiguous; a complex one becomes an array of `wp.vec2`.
        dtype: the element, such as `wp.vec3` for a last dimension of 3; a scalar if not given.

    Raises:
        ValueError: the tensor is not contiguous.
    """
    argument = _descriptor(tensor, dtype)
    argument._ref = tensor
    return argument


def launch(
    kernel: Any, dim: tuple[int, ...], arguments: Sequence[Any], device: torch.device, block_dim: int = 256
) -> None:
    """Launches a kernel on torch tensors: `wp.launch` for the step loop, where it costs a quarter.

    The first launch of a kernel, size and device is recorded; later ones only set addresses and numbers.

    Args:
        kernel: with arrays, Warp's own arrays of structs, structs, vectors and numbers as parameters.
        dim: of the launch; a zero among them launches nothing.
        arguments: contiguous tensors of the device (complex ones for `wp.vec2`), `wp.array`s, structs, vectors and
            numbers.
        device: where to run.
        block_dim: threads of a block on a GPU, the same in every launch of a kernel.

    Raises:
        ValueError: a tensor that is not contiguous or lies elsewhere.
    """
    if 0 in dim:
        return
    key = (kernel, dim, device)
    command = _recorded.commands.get(key)
    if command is None:
        command = _recorded.commands[key] = _Command(kernel, dim, arguments, device, block_dim)
    command.run(arguments)


class _Command:
    """A recorded launch and the tensors that its parameters describe."""

    def __init__(
        self, kernel: Any, dim: tuple[int, ...], arguments: Sequence[Any], device: torch.device, block_dim: int
    ) -> None:
        types = [argument.type for argument in kernel.adj.args]
        self._elements = [getattr(kind, "dtype", None) for kind in types]
        inputs = [_parameter(argument, element) for argument, element in zip(arguments, self._elements, strict=True)]
        where: dict[str, Any] = {"device": wp_device(device), "block_dim": block_dim}
        with loading:
            self._launch = wp.launch(kernel, dim=dim, inputs=inputs, record_cmd=True, **where)
            # A recorded launch does not keep its code loaded: a module that changes would take it away.
            self._code = kernel.module.load(wp_device(device), block_dim if device.type == "cuda" else 1)
        self._launch.fwd_args = None  # these two would keep the first arguments alive
        for parameter in self._launch.params:
            if hasattr(parameter, "_ref"):
                parameter._ref = None
        self._known = [_form(argument) for argument in arguments]
        self._seen: list[Any] = [_nothing] * len(arguments)
        self._on_cuda = device.type == "cuda"
        self._packed = None if self._on_cuda else _Packed(kernel, self._launch)
        self._places = self._launch.params[1:] if self._packed is None else self._packed.places()

    def run(self, arguments: Sequence[Any]) -> None:
        for place, argument in enumerate(arguments):
            if isinstance(argument, torch.Tensor):
                if self._seen[place]() is not argument:  # a tensor seen in the last launch is as it was
                    self._describe(place, argument)
                self._places[place].data = argument.data_ptr()
            elif isinstance(argument, wp.array):
                if self._seen[place]() is not argument:
                    self._set(place, argument.__ctype__())
                    self._seen[place] = weakref.ref(argument)
            elif hasattr(argument, "__ctype__"):  # a struct, whose fields may have changed since
                self._set(place, argument.__ctype__())
            elif argument is not self._known[place] and argument != self._known[place]:
                self._known[place] = argument
                self._set(place, argument)
        if self._packed is None:
            self._launch.launch()
        else:
            self._packed.call()

    def _describe(self, place: int, tensor: torch.Tensor) -> None:
        """Makes a parameter describe another tensor, but for its address."""
        if tensor.is_cuda != self._on_cuda or not tensor.is_contiguous():
            raise _refusal(self._launch.kernel.key, place, tensor)
        form = (tensor.shape, tensor.dtype)
        if form != self._known[place]:
            self._known[place] = form
            self._set(place, _descriptor(tensor, self._elements[place]))
        self._seen[place] = weakref.ref(tensor)

    def _set(self, place: int, value: Any) -> None:
        if self._packed is None:
            self._launch.set_param_at_index_from_ctype(place, value)
            self._places[place] = self._launch.params[place + 1]
        else:
            self._packed.set(place, value)


def _nothing() -> None:
    """Stands for a reference to what is no more."""


class _Packed:
    """All parameters of a CPU launch in one block of memory, so that a launch is a call of the compiled function.

    `warp.Launch.launch` fills such a block anew each time, which takes as long as a small kernel.
    """

    def __init__(self, kernel: Any, recorded: Any) -> None:
        self._names = [argument.label for argument in kernel.adj.args]
        fields = [(name, type(value)) for name, value in zip(self._names, recorded.params[1:], strict=True)]
        self._block = type("Parameters", (ctypes.Structure,), {"_fields_": fields})(*recorded.params[1:])
        self._recorded = recorded  # keeps the code and the bounds
        self._call = recorded.hooks.forward
        self._ends = (ctypes.byref(recorded.bounds), ctypes.byref(self._block))

    def places(self) -> list[Any]:
        """Returns the parameters: structures within the block, or numbers."""
        return [getattr(self._block, name) for name in self._names]

    def set(self, place: int, value: Any) -> None:
        """Copies a parameter into the block; places stay where they are."""
        setattr(self._block, self._names[place], value)

    def call(self) -> None:
        """Runs the kernel; the interpreter lock is free meanwhile."""
        self._call(*self._ends)


class _Recorded(threading.local):
    """A recorded launch is changed before it runs, so that each thread has its own."""

    def __init__(self) -> None:
        self.commands: dict[tuple[Any, ...], _Command] = _Bounded()


class _Bounded(dict[Any, Any]):
    """A dictionary that empties itself at `_COMMANDS` entries."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self) >= _COMMANDS:
            self.clear()
        super().__setitem__(key, value)


_recorded = _Recorded()


def _form(argument: Any) -> Any:
    """Returns what tells whether a parameter changes; nothing of arrays and structs, which it would keep alive."""
    if isinstance(argument, torch.Tensor):
        return argument.shape, argument.dtype
    return None if isinstance(argument, wp.array) or hasattr(argument, "__ctype__") else argument


def _parameter(argument: Any, element: type | None) -> Any:
    """Returns what `wp.launch` is given for an argument."""
    return as_warp(argument, element) if isinstance(argument, torch.Tensor) else argument


def _refusal(kernel: str, place: int, tensor: torch.Tensor) -> ValueError:
    return ValueError(
        f"argument {place} of {kernel} must be contiguous and on the launch's device; a tensor of shape "
        f"{tuple(tensor.shape)} has strides {tensor.stride()} and lies on {tensor.device}"
    )


def _descriptor(tensor: torch.Tensor, element: type | None) -> Any:
    """Returns Warp's descriptor of a tensor."""
    if not tensor.is_contiguous():
        raise ValueError(f"a kernel argument must be contiguous; shape {tuple(tensor.shape)} has {tensor.stride()}")
    kind, pattern = _pattern(tensor.shape, tensor.dtype, element)
    descriptor = kind.from_buffer_copy(pattern)
    descriptor.data = tensor.data_ptr()
    return descriptor


@lru_cache(maxsize=4096)
def _pattern(shape: torch.Size, scalar: torch.dtype, element: type | None) -> tuple[Any, bytes]:
    """Returns the type and the bytes of Warp's descriptor of such a tensor; its address is still to come."""
    some = torch.empty(shape, dtype=scalar, device="meta")
    if scalar.is_complex:
        some, element = torch.view_as_real(some), wp.vec2
    descriptor = wp.from_torch(some, dtype=element, return_ctype=True)
    return type(descriptor), bytes(descriptor)
