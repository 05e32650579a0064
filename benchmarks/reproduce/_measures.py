"""The phantom as a view, a constraint that does nothing, and how deep dark spots and how noisy maps are."""

import numpy as np

from unmix4d import Unmix
from unmix4d.constraints import Constraint

__all__ = ["CIRCLE", "Nothing", "Spots", "beyond_circle", "by_ratio", "dark_areas", "view_of"]

# Cycles per position. The paper gives no radius for its dotted circle: this is where the response of a Gaussian as wide
# as its probe (2 nm, step 1.5 nm) has fallen to one half.
CIRCLE = float(np.sqrt(np.log(2) / 2) / np.pi * 2.3548 * 1.5 / 2.0)


class Nothing(Constraint):
    """No constraint but non-negativity, so that `nmf` runs alternating least squares and refits nothing at the end.

    Without any constraint `nmf` uses HALS, and exact least squares at the end; Kimoto's "primitive NMF" is neither.
    """

    def __init__(self, on):
        self.on = on

    def project(self, A):
        """As it came: the solver has clipped it at zero already."""
        return A


def view_of(phantom):
    """The phantom as an `Unmix` with its calibration."""
    return Unmix(
        phantom.data, centre=phantom.centre, pixel_size=phantom.pixel_size, pixel_unit=phantom.pixel_unit,
        step=phantom.step, step_unit=phantom.step_unit,
    )  # fmt: skip


class Spots:
    """Where the crystals of a phantom have their spots, and how far an amorphous pattern is below its halo there.

    Parameters
    ----------
    phantom : unmix4d.phantoms.Phantom
        Of `phantoms.kimoto`: component 0 is the round amorphous pattern.
    """

    bright, dark = 0.1, 1e-3  # of a crystal's largest value: inside a spot above, certainly outside of it below
    enough = 6  # free pixels of a ring without which it has no baseline

    def __init__(self, phantom):
        self.halo, crystals = phantom.patterns[0], phantom.patterns[1:]
        share = crystals / crystals.max(axis=(1, 2), keepdims=True)
        self.free = (share < self.dark).all(axis=0)
        row, col = np.indices(self.halo.shape)
        self._offset = row - phantom.centre[0], col - phantom.centre[1]
        self._ring = np.rint(np.hypot(*self._offset)).astype(int)
        known = np.bincount(self._ring[self.free], minlength=self._ring.max() + 1) >= self.enough
        self.masks = (share > self.bright) & known[self._ring]

    def baseline(self, pattern):
        """The halo under a pattern: the true one, scaled on every ring to what the pattern has beside all spots."""
        found = np.bincount(self._ring[self.free], pattern[self.free], self._ring.max() + 1)
        true = np.bincount(self._ring[self.free], self.halo[self.free], self._ring.max() + 1)
        return self.halo * (found / np.where(true > 0, true, 1))[self._ring]

    def depth(self, pattern, mask=None):
        """Intensity inside the spots relative to the halo there, minus 1: 0 for the truth, -1 for empty holes."""
        mask = self.masks.any(axis=0) if mask is None else mask
        level = self.baseline(pattern)[mask].sum()
        return float(pattern[mask].sum() / level - 1) if level > 0 else float("nan")

    def depths(self, pattern):
        """`depth` at the spots of every crystal, at those of all, and at positions next to them on the same rings."""
        return [self.depth(pattern, mask) for mask in (*self.masks, None, self.control())]

    def control(self, angle=40.0):
        """All spots rotated by an angle that is no symmetry of any crystal, without what falls on other spots."""
        turn = np.deg2rad(angle)
        row, col = self._offset
        source = row * np.cos(turn) - col * np.sin(turn), row * np.sin(turn) + col * np.cos(turn)
        shape = self.halo.shape
        middle = [int(o.min()) for o in self._offset]
        at = [np.clip(np.rint(s - m).astype(int), 0, n - 1) for s, m, n in zip(source, middle, shape)]
        return self.masks.any(axis=0)[at[0], at[1]] & self.free


def beyond_circle(image, radius=CIRCLE):
    """Share of a map's power (its mean left out) at spatial frequencies above `radius`, cycles per position."""
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in image.shape), indexing="ij"))
    total = power.sum()
    return float(power[frequency > radius].sum() / total) if total else 0.0


def dark_areas(maps, truth):
    """How far crystal maps are below their background where other crystals are strongest, relative to their own peak.

    Both in the order of the truth, amorphous first. Mean over the crystals that were found; 0 where their maps are flat
    there, as the truth is.
    """
    cores = truth[1:] > 0.8 * truth[1:].max(axis=(1, 2), keepdims=True)
    matrix = truth[1:].sum(axis=0) < 1e-3
    levels = []
    for i, image in enumerate(maps[1:]):
        if np.corrcoef(image.ravel(), truth[1 + i].ravel())[0, 1] < 0.5:
            continue
        others = np.delete(cores, i, axis=0).any(axis=0)
        background = image[matrix].mean()
        levels.append((image[others].mean() - background) / (image[cores[i]].mean() - background))
    return float(np.mean(levels)) if levels else float("nan")


def by_ratio(maps, phantom):
    """Correlation with the truth for the crystals at 9, 3 and 1 %; `maps` in the order of the truth.

    Where every crystal occurs at all ratios, it is the mean over the crystals of the correlation inside the third of the
    scan that has the ratio; otherwise that of the one crystal with this ratio over the whole scan.
    """
    crystals, truth = maps[1:], phantom.maps[1:]
    if phantom.settings["crystals"] == "per_ratio":
        return [float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in zip(crystals, truth)]
    bands = np.array_split(np.arange(truth.shape[2]), 3)
    return [
        float(np.mean([np.corrcoef(a[:, band].ravel(), b[:, band].ravel())[0, 1] for a, b in zip(crystals, truth)]))
        for band in bands
    ]
