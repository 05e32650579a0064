"""What is known beforehand about patterns and maps, as objects that NMF applies in every iteration.

A constraint is a projection of the patterns or of the maps. Those here are ready to use; anything with ``on``, ``bind``,
``project`` and ``settings`` is one too, see `Constraint`.
"""

from ._base import Constraint, Evidence
from .fixed_patterns import FixedPatterns
from .friedel import Friedel
from .no_dark_spots import NoDarkSpots
from .smooth_maps import SmoothMaps
from .sparse import Sparse
from .sum_to_one import SumToOne

__all__ = ["Constraint", "Evidence", "FixedPatterns", "Friedel", "NoDarkSpots", "SmoothMaps", "Sparse", "SumToOne"]
