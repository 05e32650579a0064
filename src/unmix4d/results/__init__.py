"""What the methods answer with. One file each."""

from .decomposition import Decomposition
from .grains import Grains
from .merged import MergedDecomposition
from .scree import Scree

__all__ = ["Decomposition", "Grains", "MergedDecomposition", "Scree"]
