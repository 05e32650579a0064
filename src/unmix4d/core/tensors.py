"""Tensors of torch as patterns: as they lie in memory where NumPy can look there, else block by block from their device."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import is_a

__all__ = ["OnDevice", "is_tensor", "patterns_of", "plain"]


def is_tensor(obj: Any) -> bool:
    """Whether it is a tensor of torch, which is not imported for that."""
    return is_a(obj, "torch", "Tensor")


def plain(tensor: Any) -> np.ndarray:
    """All of a small tensor, from wherever it is; anything else as an array."""
    return _numbers(tensor, _dtype(tensor)) if is_tensor(tensor) else np.asarray(tensor)


def patterns_of(tensor: Any) -> np.ndarray | OnDevice:
    """A tensor on the CPU as an array that shares its memory; on another device, or of a type that NumPy lacks, `OnDevice`.

    Raises TypeError when it has no numbers (sparse, quantized, or on the device "meta").
    """
    _require_numbers(tensor)
    dtype = _dtype(tensor)
    at_hand = tensor.device.type == "cpu" and str(dtype) == _name(tensor)
    return _numbers(tensor, dtype) if at_hand else OnDevice(tensor)


class OnDevice:
    """A tensor of which only the block that is asked for comes into memory.

    dtype is NumPy's; float32, which holds all their values, for those that NumPy lacks (bfloat16, floats of 8 bits).
    """

    def __init__(self, tensor: Any):
        self._tensor, self.dtype = tensor, _dtype(tensor)
        self.shape, self.ndim = tuple(tensor.shape), tensor.ndim

    def __getitem__(self, key: Any) -> np.ndarray:
        # Whole numbers and slices forward; of anything else torch knows less than NumPy does.
        key, later = key if isinstance(key, tuple) else (key,), ()
        if not all(one is Ellipsis or isinstance(one, (int, np.integer)) or _is_forward(one) for one in key):
            key, later = (), key
        return _numbers(self._tensor[key], self.dtype)[later]


def _is_forward(key):
    return isinstance(key, slice) and (key.step is None or key.step > 0)


def _name(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def _dtype(tensor):
    try:
        found = np.dtype(_name(tensor))
    except TypeError:  # bfloat16, for one, unless another package has taught it to NumPy
        found = np.dtype(np.complex64 if tensor.is_complex() else np.float32)
    return found if found.kind in "biufc" else np.dtype(np.float32)


def _numbers(tensor, dtype):
    tensor = tensor.detach()
    if str(dtype) != _name(tensor):
        tensor = tensor.float()
    return tensor.cpu().resolve_conj().resolve_neg().numpy()


def _require_numbers(tensor):
    if tensor.device.type == "meta":
        raise TypeError('the scan is a tensor on the device "meta", which has a shape and no data: give one with data')
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"the scan must be a dense tensor, got one of the layout {tensor.layout}: call its to_dense() first")
    if tensor.is_quantized:
        raise TypeError(f"the scan must be a tensor of numbers, got {tensor.dtype}: call its dequantize() first")
