"""Every figure. pyplot is imported inside the functions; arrays and results come in, axes or figures go out."""

from .basic import convergence, decomposition, intensity_norm, pattern, scale_bar, scan_map, scree
from .line_profiles import profile

__all__ = ["convergence", "decomposition", "intensity_norm", "pattern", "profile", "scale_bar", "scan_map", "scree"]
