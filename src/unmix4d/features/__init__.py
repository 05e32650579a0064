"""Features of patterns: a few numbers instead of all pixels, that a decomposition works on in their place.

Knows no host and draws nothing. ``Unmix.angular_average`` and its relatives make views of them.
"""

from . import scaling
from .angular_average import angular_average
from .features import FeatureMatrix, Features, at_positions, concatenated, feature_geometry
from .friedel_odd import friedel_odd
from .polar_patterns import polar_patterns
from .radial_variance import KINDS as radial_variance_kinds
from .radial_variance import radial_variance
from .scaling import scaled
from .symmetry import KINDS as symmetry_kinds
from .symmetry import symmetry

__all__ = [
    "FeatureMatrix", "Features", "angular_average", "at_positions", "concatenated", "feature_geometry", "friedel_odd",
    "polar_patterns", "radial_variance", "radial_variance_kinds", "scaled", "scaling", "symmetry", "symmetry_kinds",
]  # fmt: skip
