"""Any answer, native object or figure as plain text and numbers, so that tomorrow's can be compared with today's.

A description is a flat dict: a path, as ``axes 0 / image 0 / extent``, and what stands there: a text, or a list of numbers.
Of a large array its shape is kept, how much of it is NaN, and numbers that change where any value or the order of them does.
"""

import dataclasses
import numbers
import re
import warnings

import numpy as np

__all__ = ["compare", "described", "told"]

RTOL = 5e-4
LOOSE = {"linear_width": 0.02}  # a median of few values, which rounding can exchange
_WHOLE = 12  # values of an array that are kept one by one
_DIGITS = 6
_FOLDER = re.compile(r"'[^' ]*[/\\](?=[^'/\\]+')")  # of a temporary file


def told(call):
    """The description of what a call gives, with what it warns of; or of its refusal."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            value = call()
        except (ValueError, TypeError, KeyError, IndexError, OSError) as error:
            value = {"refused": f"{type(error).__name__}: {error}"}
    found = described(value)
    ours = sorted({_FOLDER.sub("'", str(one.message)) for one in said if type(one.message).__module__.startswith("unmix4d")})
    return found | {f"said {i}": text for i, text in enumerate(ours)}


def described(value) -> dict:
    """The description of anything."""
    return {" / ".join(path) or "value": one for path, one in _parts(value, ())}


def _parts(value, path):
    """(path, text or numbers) of all there is in a value."""
    for fits, parts in _KINDS:
        if fits(value):
            yield from parts(value, path)
            return
    yield path, f"a {type(value).__name__}"


def _numbers(values):
    return [float(f"{one:.{_DIGITS}g}") if np.isfinite(one) else str(float(one)) for one in np.ravel(values).astype(float)]


def _array(value, path):
    value = np.ma.filled(value.astype(float), np.nan) if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    if value.dtype.kind not in "biufc":
        yield path, f"{value.shape} {value.ravel()[:50].tolist()}"
        return
    if value.size == 0:
        yield path, f"{value.dtype.kind} {'x'.join(map(str, value.shape))}, empty"
        return
    parts = (value.real, value.imag) if value.dtype.kind == "c" else (value,)
    kind = f"{value.dtype.kind} {'x'.join(map(str, value.shape))}"
    if value.size <= _WHOLE:
        shape = [kind] if value.ndim > 1 else []
        yield path, [*shape, *(one for part in parts for one in _numbers(part))]
        return
    values = np.concatenate([np.ravel(part).astype(float) for part in parts])
    finite = np.where(np.isfinite(values), values, 0)
    # Waves of no simple period: what is turned, moved or exchanged changes their sums.
    at = np.arange(values.size)
    sums = [float((finite * np.cos(one * at + 0.3)).sum() / np.sqrt(values.size)) for one in (0.0, 0.7312, 2.137)]
    known = values[np.isfinite(values)]
    ends = [known.min(), known.max()] if known.size else []
    yield (*path, "array"), [f"{kind}, {np.isnan(values).sum()} NaN", *_numbers([*ends, *sums])]


def _mapping(value, path):
    for key, one in value.items():
        yield from _parts(one, (*path, str(key)))
    if not value:
        yield path, "empty"


def _sequence(value, path):
    if len(value) and all(isinstance(one, numbers.Real) for one in value):
        yield from _array(np.asarray(value), path)
        return
    for i, one in enumerate(value):
        yield from _parts(one, (*path, str(i)))
    if not len(value):
        yield path, "empty"


def _fields(value, path):
    """Fields and properties of an answer, and how it shows itself; not the scan or the answer that it stands on."""
    if not hasattr(type(value).__repr__, "__wrapped__"):  # which is how dataclasses make their own
        yield (*path, "repr"), _without_time(repr(value))
    names = [field.name for field in dataclasses.fields(value)]
    names += [name for name in dir(type(value)) if isinstance(getattr(type(value), name), property)]
    for name in names:
        if name.startswith("_") or name in _LEFT_OUT:
            continue
        try:
            one = getattr(value, name)
        except (ValueError, TypeError, AttributeError) as error:
            yield (*path, name), f"{type(error).__name__}: {error}"
            continue
        yield from _parts(one, (*path, name))


_LEFT_OUT = {
    "scans",
    "scan_slices",
    "source",
    "result",
    "view",
    "time_s",
    "versions",
    "native",
    "phases",
    "unmix4d",
    "data",
    "linked",
    "symmetry_of",
}


def _without_time(text):
    """What a run took, and which versions ran it, is another each time."""
    lines = [line for line in text.splitlines() if not line.strip().endswith(" s")]
    return "\n".join(lines)


def _settings(value, path):
    """Settings, metadata: without what differs from one environment to the next."""
    yield from _mapping({key: one for key, one in value.items() if key not in _LEFT_OUT | {"package_version"}}, path)


def _figure(value, path):
    from .described_figures import figure_parts

    yield from figure_parts(value, path)


def _native(value, path):
    from .described_natives import native_parts

    yield from native_parts(value, path)


def _is_figure(value):
    while isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        if not len(value):
            return False
        value = value[0]
    return type(value).__module__.startswith(("matplotlib.", "mpl_toolkits.")) and hasattr(value, "figure")


def _is_native(value):
    return type(value).__module__.split(".")[0] in ("hyperspy", "pyxem", "py4DSTEM", "emdfile", "orix")


_KINDS = (
    (_is_figure, _figure),
    (_is_native, _native),
    (lambda value: value is None or isinstance(value, (bool, np.bool_, str)), lambda value, path: [(path, str(value))]),
    (lambda value: isinstance(value, numbers.Number), lambda value, path: [(path, _numbers([value]))]),
    (lambda value: isinstance(value, (np.ndarray, np.ma.MaskedArray)), _array),
    (lambda value: isinstance(value, dict) or hasattr(value, "items"), _settings),
    (lambda value: isinstance(value, (set, frozenset)), lambda value, path: _sequence(sorted(value), path)),
    (lambda value: isinstance(value, (list, tuple, range)), _sequence),
    (dataclasses.is_dataclass, _fields),
)


def compare(found: dict, kept: dict) -> list[str]:
    """Every difference as a line: the place, what stands there and what stood there."""
    lines = [f"{path}: is new, {found[path]!r}" for path in found.keys() - kept.keys()]
    lines += [f"{path}: is gone, was {kept[path]!r}" for path in kept.keys() - found.keys()]
    for path in kept.keys() & found.keys():
        if not _alike(found[path], kept[path], LOOSE.get(path.split(" / ")[-1], RTOL)):
            lines.append(f"{path}: {found[path]!r}, was {kept[path]!r}")
    return sorted(lines)


def _alike(one, other, rtol):
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if len(one) != len(other) or [a for a in one if isinstance(a, str)] != [b for b in other if isinstance(b, str)]:
        return False
    # Sums of many values that cancel are as exact as the values are.
    numbers_of = [np.array([a for a in each if not isinstance(a, str)]) for each in (one, other)]
    scale = np.abs(numbers_of[1]).max(initial=0)
    return np.allclose(*numbers_of, rtol=rtol, atol=rtol * scale)
