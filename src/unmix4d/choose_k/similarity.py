"""How alike the component patterns of one factorisation are, and what is nearly the same twice."""

from __future__ import annotations

import numpy as np

from ..image_quality import WINDOW, similarity_matrix

__all__ = ["NEAR", "near_duplicates", "pattern_similarities"]

NEAR = 0.97  # cosine, on square roots of intensities, above which a pattern is a copy (docs/details); no table


def pattern_similarities(patterns, mask=None) -> dict[str, np.ndarray]:
    """All pairs of patterns compared, on intensities and on their square roots.

    Each pattern is first divided by its sum: how much there is of a component is a matter of its map.

    patterns (ndarray (k, det_row, det_col)): NaN = excluded.
    mask (bool array (det_row, det_col)): True = excluded from the comparison, what is outside of an annulus for example.
    Returns dict: ``"cosine"`` and ``"cosine_sqrt"`` (of every kept pixel), and where the detector has at least 7 x 7 pixels
        ``"ssim"`` and ``"ssim_sqrt"`` (data range: the largest value): symmetric ndarrays of float64 (k, k).
    """
    images = np.asarray(patterns, np.float64)
    if mask is not None:
        images = np.where(mask, np.nan, images)
    sums = np.nansum(images, axis=(1, 2), keepdims=True)
    images = np.maximum(images, 0) / np.where(sums > 0, sums, 1)
    out = {}
    for name, values in (("", images), ("_sqrt", np.sqrt(images))):
        out[f"cosine{name}"] = cosines(values)
        if min(images.shape[1:]) >= WINDOW and np.nanmax(values) > 0:
            out[f"ssim{name}"] = similarity_matrix(values, "ssim")
    return out


def cosines(images) -> np.ndarray:
    """Plain cosine similarity of images (k, k) (Kimoto 2025, eq. 9); NaN counts as 0."""
    flat = np.nan_to_num(images.reshape(len(images), -1))
    norms = np.linalg.norm(flat, axis=1)
    flat = flat / np.where(norms > 0, norms, 1)[:, None]
    return flat @ flat.T


def near_duplicates(table, threshold: float = NEAR) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, whose similarity exceeds a threshold."""
    first, second = np.triu_indices(len(table), 1)
    alike = table[first, second] > threshold
    return list(zip(first[alike].tolist(), second[alike].tolist()))


def pair_summary(table) -> tuple[float, float]:
    """Mean and largest similarity of all pairs; NaN for a single component."""
    values = table[np.triu_indices(len(table), 1)]
    values = values[np.isfinite(values)]
    return (float(values.mean()), float(values.max())) if values.size else (np.nan, np.nan)
