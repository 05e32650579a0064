"""What the methods answer with. One file each."""

from .decomposition import Decomposition
from .fuzzy_clusters import FuzzyClusters
from .fuzzy_validity import FuzzyValidity
from .grains import Grains
from .groups import Groups
from .k_choice import KChoice
from .merged import MergedDecomposition
from .orientation_comparison import OrientationComparison
from .orientations import Orientations
from .overlap import Overlap
from .scree import Scree

__all__ = [
    "Decomposition", "FuzzyClusters", "FuzzyValidity", "Grains", "Groups", "KChoice", "MergedDecomposition",
    "OrientationComparison", "Orientations", "Overlap", "Scree",
]  # fmt: skip
