"""Unsupervised unmixing of 4D-STEM scans, as one attribute, ``.unmix``, on pyxem and py4DSTEM objects.

``import unmix4d`` is all that is needed: ``signal.unmix`` (pyxem) and ``datacube.unmix`` (py4DSTEM) then offer the methods
of `unmix4d.Unmix`, in whatever order the packages are imported. ``unmix4d.Unmix(array)`` does the same for plain arrays.
"""

from __future__ import annotations

import importlib

from . import registration
from .core.version import __version__
from .registration import register, unregister

_PUBLIC = {
    "Unmix": "views.unmix",
    "Decomposition": "results.decomposition",
    "MergedDecomposition": "results.merged",
    "FuzzyClusters": "results.fuzzy_clusters",
    "FuzzyValidity": "results.fuzzy_clusters",
    "Grains": "results.grains",
    "Groups": "results.groups",
    "OrientationComparison": "orientation.compare",
    "Orientations": "orientation.orientations",
    "Overlap": "results.overlap",
    "Scree": "results.scree",
    "KChoice": "results.k_choice",
    "UnmixWarning": "core.messages",
    "FuzzyCMeans": "clustering.estimator",
    "load": "loading",
    "merge_orientations": "orientation",
    "compare_orientations": "orientation",
}
_MODULES = ("phantoms", "scores", "plots", "constraints", "maps", "image_quality", "orientation")

__all__ = ["__version__", "register", "unregister", *_PUBLIC, *_MODULES]


def __getattr__(name):
    # Everything else is imported when it is first used, so that importing the package costs next to nothing.
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


registration.register()
