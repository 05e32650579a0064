"""What a view can be asked for, a file per family of methods; `Unmix` puts them together.

Each method checks its arguments, hands the matrix of the view to a solver and the answer to `assemble`.
"""

from .compress import CompressMethods
from .counts import CountsMethods
from .ica import ICAMethods
from .nmf import NMFMethods
from .nmf_series import NMFSeriesMethods
from .svd import SVDMethods
from .vca import VCAMethods

__all__ = ["CompressMethods", "CountsMethods", "ICAMethods", "NMFMethods", "NMFSeriesMethods", "SVDMethods", "VCAMethods"]
