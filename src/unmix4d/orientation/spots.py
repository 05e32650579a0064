"""Spots on a detector, and how every pixel of them changes with what they depend on. NumPy and SciPy only.

Derivatives are exact and cost as much as a few images: a spot changes by its strength, its place and its shape, and each
number that is fitted says how much of each.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

__all__ = ["Spots", "edge"]

_EDGE = 2.6  # of a spot, in its radii, from where on it is nothing


def edge(radius: float, power: float) -> float:
    """Where exp(-(r / radius)**power / 2) has fallen to next to nothing, in pixels."""
    return radius * (_EDGE**2) ** (1 / power) + 0.5


class Spots:
    """Spots of the form exp(-(r / radius)**power / 2), each with a place and a strength.

    place (ndarray (n, 2)): Row and column.
    strength: ndarray (n,).
    shape ((int, int)): Of the detector.
    """

    def __init__(self, place, strength, radius: float, power: float, shape):
        self.strength, self.shape, self._radius, self._power = strength, shape, radius, power
        half = max(2, math.ceil(edge(radius, power)))
        step = np.arange(-half, half + 1)
        whole = np.rint(place).astype(int)
        rows, cols = whole[:, :1] + step, whole[:, 1:] + step
        inside = ((rows >= 0) & (rows < shape[0]))[:, :, None] & ((cols >= 0) & (cols < shape[1]))[:, None, :]
        down, across = rows - place[:, :1], cols - place[:, 1:]
        away = (down**2)[:, :, None] + (across**2)[:, None, :]
        self._down = np.broadcast_to(down[:, :, None], away.shape)[inside]
        self._across = np.broadcast_to(across[:, None, :], away.shape)[inside]
        self._count = inside.sum((1, 2))
        self._pixel = (rows[:, :, None] * shape[1] + cols[:, None, :])[inside]
        # (r / radius)**power; not 0 in the middle, where its logarithm is needed
        square = np.maximum(away[inside], 1e-9) / radius**2
        self._fallen = square if power == 2.0 else square ** (power / 2)
        self._square = square * radius**2
        self._value = np.exp(-self._fallen / 2)

    def image(self) -> np.ndarray:
        """Intensities of the whole detector, in one row."""
        value = self._value * np.repeat(self.strength, self._count)
        return np.bincount(self._pixel, value, minlength=self.shape[0] * self.shape[1])

    def touched(self) -> np.ndarray:
        """Which pixels of the detector have something of a spot, ascending."""
        there = np.zeros(self.shape[0] * self.shape[1], bool)
        there[self._pixel] = True
        return np.flatnonzero(there)

    def changes(self, pixels, strengths, places, radius, power) -> np.ndarray:
        """Derivatives (pixels, m) of the intensities of some pixels, those that `touched` gives.

        strengths (ndarray (n, m)): Derivative of the strength of every spot by every number.
        places (ndarray (n, 2, m)): Of its place.
        radius (ndarray (m,)): Of the logarithm of the radius.
        power (ndarray (m,)): Of the logarithm of the power.
        """
        value, fallen, s = self._value, self._fallen, self.strength[:, None]
        slope = value * (self._power / 2) * fallen / self._square
        parts = [(value, strengths), (slope * self._down, s * places[:, 0]), (slope * self._across, s * places[:, 1])]
        if radius.any():
            parts.append((value * fallen * (self._power / 2), s * radius))
        if power.any():
            parts.append((-value * fallen * np.log(fallen) / 2, s * power))
        number = np.empty(self.shape[0] * self.shape[1], np.int32)
        number[pixels] = np.arange(len(pixels))
        rows = np.tile(number[self._pixel], len(parts))
        first = np.concatenate([[0], np.cumsum(np.tile(self._count, len(parts)))])
        stamps = scipy.sparse.csc_array(
            (np.concatenate([one for one, _ in parts]), rows, first), shape=(len(pixels), len(first) - 1)
        )
        return stamps @ np.concatenate([one for _, one in parts])
