"""Where the direct beam of every pattern is, measured on the patterns themselves, in one pass.

The brightest disk of a pattern is not always the direct beam. What tells them apart is that the beam moves slowly over the
scan: of the strongest disks of a pattern, that one is taken which is nearest to a plane through the beams of all of them.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy

from ..core.scan import Scan
from ..engine.blocks import compute_dtype, make_plan
from ..engine.passes import run_pass

__all__ = ["beam_positions"]

_CANDIDATES = 4  # disks of a pattern that may be its beam
_WEAKEST = 0.1  # of the brightest disk of its pattern, below which a disk is not taken for the beam
_SAMPLES = 9  # patterns that tell how wide the beam is
_ROUNDS = 4  # of moving a window onto the disk in it; of fitting a plane and choosing disks anew
_WINDOW, _RING = 1.5, 2.0  # radii of that window, and of the ring around it that tells the background
_FAR = 5  # times the usual distance from the plane: what is further is another disk


def beam_positions(scan: Scan) -> np.ndarray:
    """Position (row, column) of the direct beam of every pattern, (scan_row, scan_col, 2), to parts of a pixel.

    One pass over the scan. Where a pattern shows no beam it is taken from the plane through those of the others.

    Raises ValueError when more than half of the kept patterns show nothing that could be a beam.
    """
    geometry = scan.geometry
    kept = geometry.kept_pixels.reshape(geometry.detector_shape)
    whole = geometry.replace(detector_mask=None)
    dtype = compute_dtype(scan.dtype, "single")
    radius = _radius(scan, whole, kept, dtype)
    found, _ = run_pass(make_plan(scan.patterns, whole, dtype), partial(_kernel, kept=kept, radius=radius))
    scan_places = np.argwhere(geometry.kept_positions.reshape(geometry.scan_shape))
    centre = geometry.centre if geometry.centre_known else None
    chosen, plane = _chosen(found[..., :2], found[..., 2], scan_places, radius, centre)
    out = plane(np.indices(geometry.scan_shape).reshape(2, -1).T)
    out[geometry.kept_positions] = chosen
    return np.clip(out, -0.5, np.array(geometry.detector_shape) - 0.5).reshape(*geometry.scan_shape, 2)


def _radius(scan, geometry, kept, dtype):
    """Radius of the brightest disk in pixels, of a few patterns all over the scan."""
    places = np.flatnonzero(geometry.kept_positions)
    some = np.ones(geometry.kept_positions.size, bool)
    some[places[np.unique(np.linspace(0, len(places) - 1, _SAMPLES).astype(int))]] = False
    few = geometry.replace(scan_mask=some.reshape(geometry.scan_shape))
    rows, _ = run_pass(make_plan(scan.patterns, few, dtype), partial(_radius_kernel, kept=kept))
    return float(np.clip(np.median(rows), 1, min(geometry.detector_shape) / 4))


def _radius_kernel(X, kept):
    rows = [_radius_of(_image(x, kept)) for x in X]
    return np.array(rows, np.float64)[:, None], ()


def _image(x, kept):
    """A pattern with zeros where it is excluded or not finite: NaN of kept pixels is refused by the first pass."""
    image = x.reshape(kept.shape)
    return np.where(kept & np.isfinite(image), image, 0)


def _radius_of(image):
    smooth = scipy.ndimage.gaussian_filter(image, 1.0)
    top = np.unravel_index(smooth.argmax(), smooth.shape)
    labels, _ = scipy.ndimage.label(smooth > (smooth[top] + np.median(smooth)) / 2)
    return np.sqrt((labels == labels[top]).sum() / np.pi) if labels[top] else 1.0


def _kernel(X, kept, radius):
    """(m, candidates, 3): row, column and strength of the strongest disks of every pattern; strength 0 for none."""
    return np.stack([_disks(_image(x, kept), kept, radius) for x in X]), ()


def _disks(image, kept, radius):
    out = np.zeros((_CANDIDATES, 3))
    smooth = scipy.ndimage.gaussian_filter(image, max(1.0, radius / 1.5))
    size = 2 * int(np.ceil(radius)) + 1
    peaks = (smooth == scipy.ndimage.maximum_filter(smooth, size)) & (smooth > 0) & kept
    places = np.flatnonzero(peaks)
    places = places[np.argsort(-smooth.ravel()[places], kind="stable")[:_CANDIDATES]]
    for i, place in enumerate(places):
        at = np.array(np.unravel_index(place, image.shape), float)
        out[i] = *_centroid(image, kept, at, radius), smooth.ravel()[place]
    return out


def _centroid(image, kept, at, radius):
    """The centre of mass of a disk above what is around it, in a window that moves with it."""
    reach = radius * _WINDOW + 0.5
    far = int(np.ceil(reach * _RING / _WINDOW)) + 1
    for _ in range(_ROUNDS):
        low = np.maximum(np.round(at).astype(int) - far, 0)
        window = tuple(slice(first, first + 2 * far + 1) for first in low)
        values, good = image[window], kept[window]
        rows, cols = (np.arange(n) + first - a for n, first, a in zip(values.shape, low, at))
        distance = np.hypot(rows[:, None], cols[None, :])
        ring = values[good & (distance > reach)]
        weights = np.where(good & (distance <= reach), values - (np.median(ring) if ring.size else 0), 0).clip(0)
        total = weights.sum(dtype=np.float64)
        if not total > 0:
            break
        step = np.array([(weights.sum(1) * rows).sum(), (weights.sum(0) * cols).sum()]) / total
        at = at + step
        if np.abs(step).max() < 1e-3:
            break
    return at


def _chosen(places, strengths, positions, radius, centre):
    """The beam of every pattern among its disks (n, candidates, 2), and the plane through them."""
    possible = strengths > _WEAKEST * strengths.max(1, keepdims=True)
    seen = possible.any(1)
    if seen.sum() < len(seen) / 2:
        raise ValueError(
            f"align='measure' needs patterns with a direct beam, but {int((~seen).sum())} of {len(seen)} show nothing"
        )
    every = np.arange(len(places))
    choice = strengths.argmax(1)
    if centre is not None:
        # Where the host's centre is near a strong disk of most patterns, that is the beam, be it the brightest or not.
        nearest = np.where(possible, np.linalg.norm(places - centre, axis=-1), np.inf).argmin(1)
        if np.median(np.linalg.norm(places[every, nearest] - centre, axis=-1)[seen]) <= 2 * radius + 1:
            choice = nearest
    for _ in range(_ROUNDS):
        plane = _plane(positions[seen], places[every, choice][seen])
        away = np.where(possible, np.linalg.norm(places - plane(positions)[:, None], axis=-1), np.inf)
        choice = away.argmin(1)
    chosen, away = places[every, choice], away.min(1)
    usual = np.median(away[seen])
    lost = ~seen | (away > max(2 * radius + 1, _FAR * usual))
    return np.where(lost[:, None], plane(positions), chosen), plane


def _plane(positions, values):
    """A function of scan positions (n, 2) that gives the plane through values (n, 2), in the sense of least distances."""
    mean = positions.mean(0)

    def terms(at):
        return np.column_stack([np.ones(len(at)), at - mean])

    A, weights = terms(positions), np.ones(len(values))
    for _ in range(20):  # reweighted least squares: a few disks that are no beams must not turn the plane
        root = np.sqrt(weights)[:, None]
        found = np.linalg.lstsq(A * root, values * root, rcond=None)[0]
        weights = 1 / np.maximum(np.linalg.norm(values - A @ found, axis=1), 1e-2)
    return lambda at: terms(at) @ found
