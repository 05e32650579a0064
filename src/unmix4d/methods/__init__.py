"""What a view can be asked for, a file per family of methods; `Unmix` puts them together.

Each method checks its arguments, hands the matrix of the view to a solver and the answer to `assemble`.
"""

from .bragg_disks import BraggDiskMethods
from .choose_k import ChooseKMethods
from .compress import CompressMethods
from .features import FeatureMethods
from .fuzzy_cmeans import FuzzyMethods
from .group_rotated import GroupingOfPositions
from .ica import ICAMethods
from .merge_nmf import MergeMethods
from .nmf import NMFMethods
from .nmf_series import NMFSeriesMethods
from .noise_deviation import NoiseMethods
from .split_counts import CountsMethods
from .svd import SVDMethods
from .vca import VCAMethods

__all__ = [
    "BraggDiskMethods", "ChooseKMethods", "CompressMethods", "CountsMethods", "FeatureMethods", "FuzzyMethods",
    "GroupingOfPositions", "ICAMethods", "MergeMethods", "NMFMethods",
    "NMFSeriesMethods", "NoiseMethods", "SVDMethods", "VCAMethods",
]  # fmt: skip
