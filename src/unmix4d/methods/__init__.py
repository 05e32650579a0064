"""What a view can be asked for, a file per family of methods; `Unmix` puts them together.

Each method checks its arguments, hands the matrix of the view to a solver and the answer to `assemble`.
"""

from .bragg_disks import BraggDiskMethods
from .choose_k import ChooseKMethods
from .compress import CompressMethods
from .counts import CountsMethods
from .features import FeatureMethods
from .fuzzy import FuzzyMethods
from .group_rotated import GroupingOfPositions
from .ica import ICAMethods
from .merge_nmf import MergeMethods
from .nmf import NMFMethods
from .nmf_series import NMFSeriesMethods
from .noise import NoiseMethods
from .svd import SVDMethods
from .vca import VCAMethods

__all__ = [
    "BraggDiskMethods", "ChooseKMethods", "CompressMethods", "CountsMethods", "FeatureMethods", "FuzzyMethods",
    "GroupingOfPositions", "ICAMethods", "MergeMethods", "NMFMethods",
    "NMFSeriesMethods", "NoiseMethods", "SVDMethods", "VCAMethods",
]  # fmt: skip
