"""Arguments as people type them: names of scikit-learn, HyperSpy and py4DSTEM are taken, others are told the nearest one."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .later import Later

__all__ = ["spelled"]

C = TypeVar("C", bound=type)

# Another name: what it may be here. It is taken where a method has one of them, and means the same there.
_KNOWN = {
    **dict.fromkeys(("n_components", "num_components", "k"), ("n", "n_clusters")),
    "output_dimension": ("n",),
    "n": ("n_clusters",),
    "n_clusters": ("n",),
    "k_range": ("ks",),
    **dict.fromkeys(("seed", "random_seed", "rng"), ("random_state",)),
    **dict.fromkeys(("n_init", "n_restarts"), ("n_starts",)),
    **dict.fromkeys(("max_iterations", "maxiter", "n_iter"), ("max_iter",)),
    "tolerance": ("tol",),
    **dict.fromkeys(("fuzziness", "fuzzifier"), ("m",)),
    "center": ("centre",),
    "refine_center": ("refine_centre",),
    "navigation_mask": ("scan_mask",),  # of HyperSpy: True is excluded there too
    "signal_mask": ("detector_mask",),
    **dict.fromkeys(("binning", "bin_factor"), ("bin",)),
    **dict.fromkeys(("colormap", "colourmap", "color_map"), ("cmap",)),
}


def spelled(cls: C) -> C:
    """A class whose public methods take the names of `_KNOWN`, and say which argument was meant where one is unknown.

    Raises TypeError by the methods, when an argument has no name of theirs, or two names of one argument are given.
    """
    for name, method in list(vars(cls).items()):
        if name == "__new__":
            setattr(cls, name, _spelled(cls.__new__, cls.__name__))
        elif inspect.isfunction(method) and not name.startswith("_"):
            setattr(cls, name, _spelled(method, name))
        elif isinstance(method, Later):
            method.wrap = functools.partial(_spelled, called=name)
    return cls


def _spelled(method: Callable, called: str) -> Callable:
    parameters = inspect.signature(method).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) or len(parameters) < 2:
        return method
    names = [*parameters][1:]

    @functools.wraps(method)
    def with_known_names(*args: Any, **given: Any) -> Any:
        for name in given.keys() - parameters.keys():
            ours = _ours(name, names, called)
            if ours in given or names.index(ours) < len(args) - 1:
                raise TypeError(f"{called}() got {ours} twice, once as {name}")
            given[ours] = given.pop(name)
        return method(*args, **given)

    return with_known_names


def _ours(name, names, called):
    for ours in _KNOWN.get(name, ()):
        if ours in names:
            return ours
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
    raise TypeError(f"{called}() has no argument {name}: {hint}")
