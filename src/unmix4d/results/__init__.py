"""What the methods answer with. One file each."""

from .decomposition import Decomposition
from .scree import Scree

__all__ = ["Decomposition", "Scree"]
