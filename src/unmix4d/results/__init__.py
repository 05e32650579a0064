"""What the methods answer with. One file each."""

from ..orientation.compare import OrientationComparison
from ..orientation.orientations import Orientations
from .decomposition import Decomposition
from .fuzzy_clusters import FuzzyClusters, FuzzyValidity
from .grains import Grains
from .groups import Groups
from .k_choice import KChoice
from .merged import MergedDecomposition
from .overlap import Overlap
from .scree import Scree

__all__ = [
    "Decomposition", "FuzzyClusters", "FuzzyValidity", "Grains", "Groups", "KChoice", "MergedDecomposition",
    "OrientationComparison", "Orientations", "Overlap", "Scree",
]  # fmt: skip
