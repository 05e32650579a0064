"""``.split_counts`` of `Unmix`."""

from __future__ import annotations

from typing import Any, TypeVar

from ..core import checks
from ..preparation.thinning import thinned

__all__ = ["split_counts"]

V = TypeVar("V", bound=Any)  # a view gives two of its own kind


def split_counts(view: V, fraction: float = 0.5, *, random_state: int | None = None) -> tuple[V, V]:
    """Split the counts into two independent views: every electron is assigned to one of them at random.

    Fit one view and judge the fit by the other, ``fit.nmf(k).log_likelihood(held_out)``: Poisson counts split in this way
    are two independent Poisson counts, with the fraction and the rest of the expectation [1]_, so noise that was learned
    does not pay. Nothing is computed now; a pass over a part reads the scan and splits it again, always with the same
    answer: ``.persist()`` a part that fits into memory.

    Parameters
    ----------
    fraction : float
        Share of the electrons in the first view, above 0 and below 1.
    random_state : int or None
        Seed; None draws one. It is recorded in the preparation of the views either way.

    Returns
    -------
    fit, held_out : Unmix
        Counts of the same dtype that add up to those of this view exactly. Prepare both alike. An electron's part
        depends on the seed, the position (row, column) and the pattern there, not on blocks, masks or hosts.

    Raises
    ------
    ValueError
        If the view was prepared with what leaves no counts (hot_pixels, friedel, average_neighbours: do that to both
        parts instead), or `fraction` is out of range. When a kept value is negative or no whole number: for floats at
        once if the first pattern shows it, else in the first pass.

    Notes
    -----
    Only counts of electrons may be split: a detector that gives 11 units an electron needs ``prepare(gain=11)`` first,
    and one without single-electron counting cannot be used.

    References
    ----------
    .. [1] Neufeld et al., J. Mach. Learn. Res. 25 (2024), data thinning for convolution-closed distributions,
       arXiv:2301.07276.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import Unmix
    >>> counts = np.random.default_rng(0).poisson(2.0, (6, 8, 10, 20))
    >>> fit, held_out = Unmix(counts).split_counts(random_state=0)
    >>> bool(np.array_equal(np.asarray(fit.scan.patterns) + np.asarray(held_out.scan.patterns), counts))
    True
    """
    fit, held_out = thinned(view.scan, checks.fraction(fraction, "fraction"), checks.seed(random_state))
    return type(view)(fit), type(view)(held_out)
