"""Which patterns have spots at all: bright, narrow in azimuth, and there in either half of the pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from ..core.polar import PolarTransform

__all__ = ["SLOW", "SPOTS", "Spots", "is_amorphous", "spots_of"]

SPOTS = 0.3  # measured: amorphous components of NMF 0.02 to 0.5, those with spots 0.8 and more; see docs/details
SLOW = 5  # periods in a turn below which variation is no spots: ellipses, gradients (docs/details)
_LEAST = 0.2  # relative variation along the rings below which a pattern is round, however well known (docs/details)


@dataclass(frozen=True, eq=False)
class Spots:
    """How a pattern varies along its rings, what has fewer than 5 periods in a turn left out.

    Attributes
    ----------
    reliability : ndarray (k,)
        Correlation of two interleaved halves of the pixels: 0 for noise, 1 for patterns without it.
    variation : ndarray (k,)
        Root mean square of what both halves have in common, relative to the means of the rings.
    bright : ndarray of bool (k,)
        Whether that stands out upwards (spots) rather than downwards (the dark spots of NMF).
    """

    reliability: np.ndarray
    variation: np.ndarray
    bright: np.ndarray


def spots_of(geometry, patterns, *, n_azimuth=360, radial_step=1.0, r_min=0.0, r_max=None) -> Spots:
    """Look for spots in patterns.

    Parameters
    ----------
    geometry : ScanGeometry
    patterns : ndarray (k, det_row, det_col)
    n_azimuth, radial_step, r_min, r_max
        As for `PolarTransform`.

    Returns
    -------
    Spots
    """
    row, col = np.indices(geometry.detector_shape)
    kept = geometry.kept_pixels.reshape(geometry.detector_shape)
    halves = [geometry.replace(detector_mask=~kept | ((row + col) % 2 == i)) for i in (0, 1)]
    if geometry.redrawn:  # a spot may be drawn on a single pixel, of which only one half knows, and there is no noise
        halves = [geometry, geometry]
    whole = PolarTransform(geometry, n_azimuth=n_azimuth, radial_step=radial_step, r_min=r_min, r_max=r_max)
    grid = dict(n_azimuth=n_azimuth, radial_step=radial_step, r_min=r_min, r_max=float(whole.radius[-1]) + 1e-6)
    transforms = [PolarTransform(half, **grid) for half in halves]
    valid = transforms[0].valid & transforms[1].valid & whole.valid
    count, weight = np.maximum(valid.sum(axis=0), 1), whole.radius
    parts, rings = [], []
    for transform in transforms:
        polar = np.where(valid, transform.forward(np.nan_to_num(patterns)), 0)
        rings.append(polar.sum(axis=1, dtype=float) / count)
        parts.append(np.where(valid, polar - rings[-1][:, None, :], 0))
    spectra = [scipy.fft.rfft(part, axis=1) for part in parts]
    both = weight * (spectra[0] * spectra[1].conj()).real
    common = np.maximum(2 / n_azimuth * both[:, SLOW:].sum(axis=(1, 2)), 0)
    parts_energy = [2 / n_azimuth * (weight * np.abs(s[:, SLOW:]) ** 2).sum(axis=(1, 2)) for s in spectra]
    energy = np.maximum(np.einsum("kr,kr,r->k", *rings, weight * valid.sum(axis=0)), 1e-300)
    third = np.einsum("kar,r->k", ((parts[0] + parts[1]) / 2) ** 3, weight)
    scale = np.maximum(np.sqrt(parts_energy[0] * parts_energy[1]), 1e-12 * energy)
    return Spots(common / scale, np.sqrt(common / energy), third > 0)


def is_amorphous(spots: Spots, threshold: float = SPOTS) -> np.ndarray:
    """Boolean (k,): which patterns have no bright spots that both halves agree on."""
    return ~(spots.bright & (spots.variation > _LEAST) & (spots.reliability > threshold))
