"""From squared distances to memberships, and from memberships to the weights that centres are averaged with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Fuzzifier", "HighContrast", "membership_rule"]

_TINY = 1e-300  # a distance of 0, so that its reciprocal stays finite


@dataclass(frozen=True)
class Fuzzifier:
    """Memberships of fuzzy c-means: those that minimise sum u^m d^2 with sum u = 1 (Bezdek 1984).

    Attributes
    ----------
    m : float
        Above 1. Near 1 memberships are nearly 0 or 1; they become equal as it grows.
    """

    m: float = 2.0

    def memberships(self, squares) -> np.ndarray:
        """Memberships (c, n) for squared distances (c, n), which are overwritten."""
        np.maximum(squares, _TINY, out=squares)
        if self.m == 2.0:
            np.divide(1.0, squares, out=squares)
        else:
            # Relative to the nearest centre, so that no power overflows when m is close to 1.
            np.divide(squares.min(0), squares, out=squares)
            np.power(squares, 1 / (self.m - 1), out=squares)
        squares /= squares.sum(0)
        return squares

    def weights(self, memberships) -> np.ndarray:
        """u^m, in new memory."""
        return np.square(memberships) if self.m == 2.0 else np.power(memberships, self.m)


@dataclass(frozen=True)
class HighContrast:
    """Memberships that minimise sum [(1 - contrast) u^2 + contrast u] d^2 with sum u = 1 and u >= 0.

    A point that is much nearer to one centre than to the others belongs to it alone: its membership is exactly 1, and those
    in clusters far away are exactly 0 [1]_ [2]_.

    Attributes
    ----------
    contrast : float
        0: fuzzy c-means with m = 2. Towards 1: hard clusters.

    References
    ----------
    .. [1] Rousseeuw, Trauwaert and Kaufman, J. Comput. Appl. Math. 64 (1995) 81, the family of methods.
    .. [2] Klawonn and Hoeppner, Lecture Notes in Computer Science 2810 (2003) 254, this formula.
    """

    contrast: float

    def memberships(self, squares) -> np.ndarray:
        """Memberships (c, n) for squared distances (c, n), which are overwritten."""
        np.maximum(squares, _TINY, out=squares)
        floor = self.contrast / (2 * (1 - self.contrast))
        # Nearness relative to the nearest centre: between 0 and 1, and sums of it are safe.
        near = np.divide(squares.min(0), squares, out=squares)
        falling = -np.sort(-near, axis=0)
        count = np.arange(1, len(near) + 1)[:, None]
        level = (1 + count * floor) / np.cumsum(falling, axis=0)
        used = (level * falling > floor).sum(0)
        near *= np.take_along_axis(level, used[None] - 1, 0)
        near -= floor
        return np.maximum(near, 0, out=near)

    def weights(self, memberships) -> np.ndarray:
        """(1 - contrast) u^2 + contrast u, in new memory."""
        weights = (1 - self.contrast) * memberships
        weights += self.contrast
        weights *= memberships
        return weights


def membership_rule(m: float = 2.0, contrast: float | None = None):
    """The rule for a fuzzifier m, or for a contrast (which takes the place of m).

    Raises
    ------
    ValueError
        If m is not above 1, the contrast not in [0, 1), or both were chosen.
    """
    if not (np.isfinite(m) and m > 1):
        raise ValueError(f"m must be above 1 (1 would be hard clusters) and finite, got {m}")
    if contrast is None:
        return Fuzzifier(float(m))
    if not 0 <= contrast < 1:
        raise ValueError(f"contrast must be at least 0 and below 1, got {contrast}")
    if m != 2:
        raise ValueError(f"m must be 2 when a contrast is given, which takes its place, got m={m} and contrast={contrast}")
    return HighContrast(float(contrast))
