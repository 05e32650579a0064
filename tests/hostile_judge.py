"""Runs one hostile case, and says whether what happened is within the contract."""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np

import unmix4d
from unmix4d import Unmix

__all__ = ["Broken", "clear_refusal", "run_case"]

ROOT = str(Path(unmix4d.__file__).parent)
CLEAR = (ValueError, TypeError, OSError, MemoryError)
LONG = 60.0  # seconds after which a case of a few hundred numbers hangs


class Broken(AssertionError):
    """Neither an answer within the contract nor a clear refusal."""


@functools.lru_cache
def _raise_lines(path):
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {n for node in ast.walk(tree) if isinstance(node, ast.Raise) for n in range(node.lineno, node.end_lineno + 1)}


def clear_refusal(error) -> str:
    """"" when it is one sentence, of the right class, from a `raise` of our own; else what is wrong with it."""
    if not isinstance(error, CLEAR):
        return f"{type(error).__name__} is no error for a user: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    if not last.filename.startswith(ROOT):
        return f"raised in {last.filename}:{last.lineno}: {type(error).__name__}: {error}"
    if last.lineno not in _raise_lines(last.filename):
        return f"not raised by us, at {last.filename}:{last.lineno} ({last.line}): {type(error).__name__}: {error}"
    text = str(error)
    if not 10 < len(text) < 700 or "\n\n" in text:
        return f"not one sentence: {text!r}"
    return ""


@contextlib.contextmanager
def _time_limit():
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def late(*_):
        raise Broken(f"no answer within {LONG:.0f} s")

    old = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONG)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def run_case(case, prepare, calls, follow_ups, folder, count=None):
    """Everything of one case; `count(method, outcome)` is told what happened.

    Raises
    ------
    Broken
        When anything is outside the contract; says what.
    """
    count = count or (lambda method, outcome: None)
    array = case.array()
    before = array.copy()
    obj, close = case.obj(folder, array)
    with _time_limit(), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", unmix4d.UnmixWarning)
        try:
            view = _step("Unmix", lambda: Unmix(obj, **case.facts), count)
            if view is not None and prepare:
                view = _step("prepare", lambda: view.prepare(**prepare), count)
            if close is not None and case.holder == "closed h5py":
                close()
            for name, options in calls:
                if view is None:
                    break
                method = getattr(view, name)
                view = _step(name, lambda method=method, options=options: method(**options), count)
                if view is not None:
                    _inspect(name, view, case, options)
            if hasattr(view, "patterns") and hasattr(view, "maps"):
                _follow(view, follow_ups, folder, count)
        finally:
            if close is not None:
                close()
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")
    if not np.array_equal(array, before, equal_nan=array.dtype.kind == "f"):
        raise Broken("the input was changed")


def _step(name, function, count):
    """The answer, or None after a clear refusal."""
    try:
        answer = function()
    except Broken:
        count(name, "failed")
        raise
    except Exception as error:
        wrong = clear_refusal(error)
        if wrong:
            count(name, "failed")
            raise Broken(f"{name}: {wrong}") from error
        count(name, "refused")
        return None
    count(name, "answered")
    return answer


def _follow(result, follow_ups, folder, count):
    for name, options in follow_ups:
        if name == "save and load":
            _step(name, lambda: _same(result, folder), count)
        elif name == "repr":
            _step(name, lambda: repr(result) + result.citation, count)
        elif hasattr(result, name):
            if name == "log_likelihood":
                options = {"held_out": result.source, **options}
            method = getattr(result, name)
            answer = _step(name, lambda method=method, options=options: method(**options), count)
            if isinstance(answer, np.ndarray) and answer.dtype.kind == "f" and np.isinf(answer).any():
                raise Broken(f"{name}: infinite values")


def _same(result, folder):
    path = os.path.join(folder, "résult.h5")
    result.save(path)
    again = unmix4d.load(path)
    for name in ("patterns", "maps", "explained", "losses", "totals"):
        if not np.array_equal(getattr(result, name), getattr(again, name), equal_nan=True):
            raise Broken(f"{name} changed when saved")
    if again.settings != result.settings:
        raise Broken("the settings changed when saved")
    return True


def _inspect(name, answer, case, options):
    """Shapes, types, and finite wherever nothing is excluded."""
    if isinstance(answer, dict):
        for each in answer.values():
            _inspect(name, each, case, options)
    elif hasattr(answer, "patterns") and hasattr(answer, "maps"):
        _inspect_decomposition(name, answer, case, options)
    elif hasattr(answer, "models"):
        for each in answer.models.values():
            _inspect_decomposition(name, each, case, options)
    elif isinstance(answer, (float, np.floating)):
        # NaN is what is said where the masks leave no 3 x 3 pixels together.
        _require(np.isfinite(answer) or name == "noise_deviation", name, f"the answer is {answer}")
    elif isinstance(answer, tuple):
        _require(all(isinstance(part, Unmix) for part in answer), name, f"got {answer!r}")
    repr(answer)


def _require(condition, name, what):
    if not condition:
        raise Broken(f"{name}: {what}")


def _inspect_decomposition(name, result, case, options):
    frame = result.frame
    _require(result.patterns.shape == (result.k, *frame.detector_shape), name, f"patterns {result.patterns.shape}")
    _require(result.maps.shape == (result.k, *frame.scan_shape), name, f"maps {result.maps.shape}")
    dtype = result.source.scan.dtype
    double = options.get("precision") == "double" or dtype.kind == "f" and dtype.itemsize == 8
    found = {result.maps.dtype, result.patterns.dtype}
    _require(found == {np.dtype(np.float64 if double else np.float32)}, name, f"dtypes are {found} of a scan of {dtype}")
    kept = frame.kept_positions.reshape(frame.scan_shape)
    pixels = frame.kept_pixels.reshape(frame.detector_shape)
    for images, where, what in ((result.maps, kept, "maps"), (result.patterns, pixels, "patterns")):
        _require(np.isfinite(images[:, where]).all(), name, f"{what} are not finite where nothing is excluded")
        _require(np.isnan(images[:, ~where]).all(), name, f"{what} are not NaN where excluded")
        _require(not images.flags.writeable, name, f"{what} can be written to")
    if result.method in ("nmf", "merge_nmf", "vca", "fuzzy_cmeans"):
        _require((result.maps[:, kept] >= 0).all(), name, "negative maps")
    _require(np.isfinite(result.explained).all(), name, f"explained is {result.explained}")
    _require(np.isfinite(result.loss) or result.method == "fuzzy_cmeans", name, f"the loss is {result.loss}")
