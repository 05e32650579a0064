"""Unsupervised unmixing of 4D-STEM scans, as one attribute, ``.unmix``, on pyxem and py4DSTEM objects.

``import unmix4d`` is all that is needed: ``signal.unmix`` (pyxem) and ``datacube.unmix`` (py4DSTEM) then offer the methods
of `unmix4d.Unmix`, in any order of the imports. ``unmix4d.Unmix(array)`` does the same for plain arrays.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import registration
from .core.version import __version__
from .registration import register, unregister

if TYPE_CHECKING:
    # What __getattr__ finds, for type checkers, which do not run it; a test keeps the two in step.
    from . import constraints as constraints
    from . import image_quality as image_quality
    from . import maps as maps
    from . import orientation as orientation
    from . import phantoms as phantoms
    from . import plots as plots
    from . import scores as scores
    from .clustering.estimator import FuzzyCMeans as FuzzyCMeans
    from .core.messages import UnmixWarning as UnmixWarning
    from .decomposition.estimator import NMF as NMF
    from .editing.edits import Edit as Edit
    from .editing.edits import Edits as Edits
    from .editing.history import replay as replay
    from .editing.suggestions import Suggestions as Suggestions
    from .loading import load as load
    from .orientation import compare_orientations as compare_orientations
    from .orientation import merge_orientations as merge_orientations
    from .orientation.compare import OrientationComparison as OrientationComparison
    from .orientation.orientations import Orientations as Orientations
    from .results.comparison import Comparison as Comparison
    from .results.comparison import compare as compare
    from .results.decomposition import Decomposition as Decomposition
    from .results.fitted import FittedDecomposition as FittedDecomposition
    from .results.fuzzy_clusters import FuzzyClusters as FuzzyClusters
    from .results.fuzzy_clusters import FuzzyValidity as FuzzyValidity
    from .results.grain_tracks import GrainTracks as GrainTracks
    from .results.grains import Grains as Grains
    from .results.groups import Groups as Groups
    from .results.k_choice import KChoice as KChoice
    from .results.merged import MergedDecomposition as MergedDecomposition
    from .results.overlap import Overlap as Overlap
    from .results.scree import Scree as Scree
    from .results.series import Series as Series
    from .views.unmix import Unmix as Unmix

_PUBLIC = {
    "Unmix": "views.unmix",
    "Decomposition": "results.decomposition",
    "MergedDecomposition": "results.merged",
    "FittedDecomposition": "results.fitted",
    "FuzzyClusters": "results.fuzzy_clusters",
    "FuzzyValidity": "results.fuzzy_clusters",
    "GrainTracks": "results.grain_tracks",
    "Grains": "results.grains",
    "Groups": "results.groups",
    "OrientationComparison": "orientation.compare",
    "Orientations": "orientation.orientations",
    "Overlap": "results.overlap",
    "Scree": "results.scree",
    "Series": "results.series",
    "KChoice": "results.k_choice",
    "Edit": "editing.edits",
    "Edits": "editing.edits",
    "Suggestions": "editing.suggestions",
    "replay": "editing.history",
    "UnmixWarning": "core.messages",
    "FuzzyCMeans": "clustering.estimator",
    "NMF": "decomposition.estimator",
    "compare": "results.comparison",
    "Comparison": "results.comparison",
    "load": "loading",
    "merge_orientations": "orientation",
    "compare_orientations": "orientation",
}
_MODULES = ("phantoms", "scores", "plots", "constraints", "maps", "image_quality", "orientation")

__all__ = ["__version__", "register", "unregister", *_PUBLIC, *_MODULES]


def __getattr__(name: str) -> Any:
    # Everything else is imported when it is first used, so that importing the package costs next to nothing.
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


registration.register()
