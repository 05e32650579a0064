"""How alike two images are, and how noisy one is: SSIM, PSNR, GMSD, MDSI, cross-correlation, noise deviation.

All take two images or batches of them (..., rows, cols), with `data_range` given explicitly. Where a pixel is excluded, by
the mask (True = excluded) or because one of the two images is NaN there, its value cannot influence the answer: each
function says which windows it then leaves out.
"""

from ._metrics import METRICS, Metric, cross_correlation, gmsd, mdsi, pairwise, psnr, similarity_matrix, ssim
from ._noise import noise_deviation
from ._structure import WINDOW as WINDOW  # not public: for the rooms that check the size of images first

__all__ = [
    "METRICS",
    "Metric",
    "cross_correlation",
    "gmsd",
    "mdsi",
    "noise_deviation",
    "pairwise",
    "psnr",
    "similarity_matrix",
    "ssim",
]
