"""HyperSpy metadata as JSON types and back."""

from __future__ import annotations

import datetime
import math

import numpy as np

from ..core.text import writable

__all__ = ["to_json", "from_json"]

_LARGEST = 4096  # entries; whatever is longer is data, not metadata
_ARRAY = "__array__"
_DROPPED = object()
# HyperSpy's own bookkeeping, and things drawn on the input.
_LEFT_OUT = ("_HyperSpy", "_internal_parameters", "Markers")


def to_json(value):
    """A copy of nested metadata in JSON types; what has no such form (signals, markers, data) is left out."""
    converted = _convert(value)
    return None if converted is _DROPPED else converted


def _convert(value):
    value = getattr(value, "magnitude", value)  # pint quantities, whose unit pyxem keeps next to them
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _DROPPED
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, dict):
        pairs = ((str(key), _convert(entry)) for key, entry in value.items() if _wanted(str(key)))
        return {key: entry for key, entry in pairs if entry is not _DROPPED}
    if isinstance(value, (list, tuple)):
        if len(value) > _LARGEST:
            return _DROPPED
        entries = (_convert(entry) for entry in value)
        return [entry for entry in entries if entry is not _DROPPED]
    if isinstance(value, np.ndarray) and value.size <= _LARGEST and value.dtype.kind in "biufU":
        if value.dtype.kind == "f" and not np.all(np.isfinite(value)):
            return _DROPPED
        return {_ARRAY: value.tolist(), "dtype": value.dtype.str}
    return _DROPPED


def _wanted(key):
    return key not in _LEFT_OUT and not key.startswith(("_sig_", "_hspy_"))


def from_json(value):
    """The opposite of `to_json`; always a copy, of text that the files of the host can hold."""
    if isinstance(value, dict):
        if _ARRAY in value:
            return np.array(value[_ARRAY], dtype=value["dtype"])
        return {writable(key): from_json(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [from_json(entry) for entry in value]
    return writable(value) if isinstance(value, str) else value
