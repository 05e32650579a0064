"""Crystals one above the other: the beams of the upper one are what falls on the lower one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from ._patterns import WAVELENGTH
from ._two_beam import shared_out, two_beam

STRONG = 0.01  # beams that nowhere reach this share are not scattered a second time
_ELEMENTS = 1 << 21  # intensities held at once


@dataclass(frozen=True)
class Disk:
    """The disk that a convergent beam makes: where it is sampled (m, 2), 1/angstrom, and the weight of each sample."""

    offsets: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, radius, pixel_size):
        """Of `radius` pixels, one sample for each pixel, weighted by how much of it is covered."""
        half = int(np.ceil(radius))
        fine = (np.arange((2 * half + 1) * 8) + 0.5) / 8 - half - 0.5
        inside = (fine[:, None] ** 2 + fine**2 <= radius**2).astype(float)
        covered = inside.reshape(2 * half + 1, 8, 2 * half + 1, 8).mean(axis=(1, 3))
        row, col = np.nonzero(covered)
        weights = covered[row, col]
        return cls(np.stack([row, col], axis=1).astype(float) * pixel_size - half * pixel_size, weights / weights.sum())


def through(layers, thickness, tilt, disk):
    """Beams behind a stack of crystals, for every position and every point of the disk.

    layers (list of Reflections): From the first one that the beam meets.
    thickness (list of ndarray (p,)): Of each, angstrom.
    tilt (ndarray (p, 2)): Transverse wave vector that stands for the bending of the film.
    disk (Disk)
    Returns vectors (ndarray (b, 2)).
    Returns intensity (ndarray (p, b, m)): Shares that sum to 1 over b. The direct beam is the first.
    """
    vectors = np.zeros((1, 2))
    beams = np.ones((len(tilt), 1, len(disk.weights)), np.float32)
    for layer, t in zip(layers, thickness):
        out_vectors, out, passed = [vectors], [beams], beams.copy()
        for b in np.flatnonzero(beams.max(axis=(0, 2)) >= STRONG):
            direct, diffracted = _scattered(layer, vectors[b], t, tilt, disk)
            passed[:, b] *= direct
            out_vectors.append(vectors[b] + layer.vectors[:, :2])
            out.append(beams[:, b : b + 1] * diffracted)
        out[0] = passed
        vectors, beams = np.concatenate(out_vectors), np.concatenate(out, axis=1)
    return vectors, beams


def _scattered(layer, incident, thickness, tilt, disk):
    """Direct (p, m) and diffracted (p, n, m) shares of one incident beam."""
    across = layer.vectors[:, :2] * WAVELENGTH
    base = layer.excitation(incident)[None] - tilt @ across.T
    slope = across @ disk.offsets.T
    s = base.astype(np.float32)[:, :, None] - slope.astype(np.float32)
    t, xi = thickness.astype(np.float32)[:, None, None], layer.extinction.astype(np.float32)[:, None]
    return shared_out(two_beam(s, t, xi))


def batches(n_positions, n_values):
    """Slices of the positions that keep what is held at once small."""
    size = max(1, _ELEMENTS // max(n_values, 1))
    return [slice(i, i + size) for i in range(0, n_positions, size)]


def pixels_of(detector, vectors, disk):
    """Sparse matrix (b m, pixels) that draws beams: each sample is shared out among the four pixels around it."""
    at = (vectors[:, None] + disk.offsets).reshape(-1, 2) / detector.pixel_size + detector.centre
    weight = np.tile(disk.weights, len(vectors))
    low = np.floor(at).astype(int)
    part = at - low
    rows, cols = detector.shape
    which, pixel, value = [], [], []
    for i in (0, 1):
        for j in (0, 1):
            row, col = low[:, 0] + i, low[:, 1] + j
            on = np.flatnonzero((row >= 0) & (row < rows) & (col >= 0) & (col < cols))
            share = np.abs(1 - i - part[on, 0]) * np.abs(1 - j - part[on, 1])
            which.append(on)
            pixel.append(row[on] * cols + col[on])
            value.append(weight[on] * share)
    entries = np.concatenate(value).astype(np.float32), (np.concatenate(which), np.concatenate(pixel))
    return scipy.sparse.csr_matrix(entries, shape=(len(at), rows * cols))
