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
from support.hostile_contract import Broken, inspect
from support.hostile_made import Absent, make_all
from unmix4d import Decomposition, Unmix

__all__ = ["Broken", "clear_refusal", "run_case", "time_limit"]

ROOT = str(Path(unmix4d.__file__).parent)
CLEAR = (ValueError, TypeError, OSError, MemoryError, ImportError)
LONG = 60.0  # seconds after which a case of a few hundred numbers hangs


@functools.lru_cache
def _raise_lines(path):
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {n for node in ast.walk(tree) if isinstance(node, ast.Raise) for n in range(node.lineno, node.end_lineno + 1)}


def clear_refusal(error) -> str:
    """ "" when it is one sentence, of the right class, from a `raise` of our own; else what is wrong with it."""
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
def time_limit():
    """Broken when it takes longer than anything small should."""
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
    with time_limit(), _strict(), _style_of(case, count):
        opened = _step(case.what, lambda: case.obj(folder, array), count)
        if opened is None:
            return
        obj, close = opened
        try:
            view = _step("Unmix", lambda: Unmix(obj, **case.facts), count)
            if prepare:
                view = _ask_view(view, "prepare", prepare, folder, count)
            if close is not None and case.holder == "closed h5py":
                close()
            for name, options, *then in calls:
                view = _ask_view(view, name, options, folder, count)
                _follow(view, then, folder, count)
            if isinstance(view, Decomposition):
                _follow(view, [follow_ups], folder, count)
        finally:
            if close is not None:
                close()
            _close_figures()
    if not np.array_equal(array, before, equal_nan=array.dtype.kind == "f"):
        raise Broken("the input was changed")


@contextlib.contextmanager
def _strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", unmix4d.UnmixWarning)
        yield


# What users have in their matplotlibrc; the figures must be drawn with it, and be no less right.
STYLES = (
    {}, {}, {}, {"image.origin": "lower"}, {"figure.constrained_layout.use": True}, {"axes.grid": True, "font.size": 30},
    {"image.aspect": "auto", "figure.figsize": (1, 9)}, {"figure.autolayout": True, "axes.facecolor": "black"},
    {"font.family": "serif", "mathtext.fontset": "cm", "text.usetex": False},
    {"axes.spines.left": False, "lines.linewidth": 9, "figure.dpi": 30},
)  # fmt: skip


@contextlib.contextmanager
def _style_of(case, count):
    """The settings of matplotlib of the user of this case."""
    style = STYLES[case.seed % len(STYLES)]
    if not style or "matplotlib" not in sys.modules:
        yield
        return
    outcome = "failed"
    try:
        with sys.modules["matplotlib"].rc_context(style):
            yield
        outcome = "answered"
    finally:
        count(f"style: {next(iter(style))}", outcome)


def _close_figures():
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def _draw_figures():
    """A figure is an answer when it can be drawn."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        pyplot.figure(number).canvas.draw()
    _close_figures()


def _step(name, function, count):
    """The answer, or None after a clear refusal."""
    try:
        answer = function()
    except Absent:
        return None
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


def _ask_view(view, name, options, folder, count):
    """As `_ask`; features do not list what is for scans only, and say so."""
    if view is None or name in _SPECIAL or hasattr(view, name):
        return None if view is None else _ask(view, name, options, folder, count)
    try:
        getattr(view, name)
    except AttributeError as error:
        if f"{name} is not for" not in str(error):
            raise Broken(f"{name}: {error}") from error
    count(name, "refused")
    return None


def _ask(of, name, options, folder, count):
    """The answer of a method of `of`, inspected; None after a clear refusal."""
    function = _SPECIAL.get(name) or (lambda of, folder, **options: getattr(of, name)(**options))

    def call():
        answer = function(of, folder, **make_all(options, of))
        _draw_figures()
        return answer

    answer = _step(name, call, count)
    if answer is not None:
        try:
            inspect(name, answer, options)
            _touch(answer)
        except Exception as error:
            count(name, "failed")
            if isinstance(error, Broken):
                raise
            raise Broken(f"{name}: the answer cannot be looked at: {error!r}") from error
    return answer


def _touch(answer):
    """Everything public of it that is no method can be looked at."""
    if not type(answer).__module__.startswith("unmix4d"):
        return
    for name in dir(type(answer)):
        if name.startswith("_") or callable(getattr(type(answer), name)):
            continue
        what = f"{type(answer).__name__}.{name}"
        value = _step(what, lambda name=name: getattr(answer, name), lambda *_: None)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.isinf(value).any():
            raise Broken(f"{what}: infinite values")


def _follow(answer, asked, folder, count):
    """`asked`: nothing, or one list of (name, arguments) and what is asked of those answers."""
    for name, options, *then in asked[0] if asked and answer is not None else ():
        if name in _SPECIAL or hasattr(answer, name):
            _follow(_ask(answer, name, options, folder, count), then, folder, count)


def _report(result, folder, **options):
    path = os.path.join(folder, "rëport.html")
    result.report(path, **options)
    text = Path(path).read_text(encoding="utf-8")
    if "<script>" in text or not text.rstrip().endswith("</html>"):
        raise Broken("report: a page that is not whole, or runs a script")


def _explore(result, folder, **options):
    shown = result.explore(**options)
    if hasattr(shown, "explorer"):
        rows, cols = result.geometry.scan_shape
        shown.explorer.go(rows - 1, 0)
        shown.explorer.go(0, cols - 1)
    return True


def _attach(result, folder, host):
    return result.attach(host) or True


def _changed(result, folder):
    """Other values in the array of the user, which what reads it again must notice; then the old ones."""
    patterns = result.source.scan.patterns
    if not (isinstance(patterns, np.ndarray) and patterns.flags.writeable):
        return "nothing that could change"
    before = patterns.copy()
    patterns[...] = np.where(before == 0, 1 if patterns.dtype.kind == "b" else 7, 0)
    try:
        result.mean_patterns()
    finally:
        patterns[...] = before
    raise Broken("changed data: they were used as if they were the same")


_SPECIAL = {
    "save and load": lambda result, folder: _same(result, folder),
    "repr": lambda answer, folder: repr(answer) + answer.citation,
    "log_likelihood": lambda result, folder, **options: result.log_likelihood(result.source, **options),
    "merge_orientations": lambda result, folder, **options: unmix4d.merge_orientations(result, **options),
    "compare_orientations": lambda result, folder, **options: unmix4d.compare_orientations(**options),
    "concatenate": lambda view, folder, others=(), **options: view.concatenate(*_several(others), **options),
    "to_csv": lambda result, folder, path: result.to_csv(_in(folder, path)) or True,
    "save_images": lambda result, place, /, **options: result.save_images(_in(place, options.pop("folder")), **options),
    "report": _report,
    "explore": _explore,
    "attach": _attach,
    "changed data": _changed,
}


def _in(folder, name):
    return os.path.join(folder, name) if isinstance(name, str) and name else name


def _several(value):
    return value if isinstance(value, list) else [value]


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
