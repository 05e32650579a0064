"""Every figure. pyplot is imported inside the functions; arrays and results come in, axes go out."""

from .axes import scale_bar
from .curves import convergence, scree
from .images import intensity_norm, pattern, scan_map
from .line_profiles import profile
from .patterns_and_maps import decomposition

__all__ = ["convergence", "decomposition", "intensity_norm", "pattern", "profile", "scale_bar", "scan_map", "scree"]
