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
    are two independent Poisson counts, with the fraction and the rest of the expectation [1]_, so fitting noise does not
    improve the likelihood. Nothing is computed immediately. Each pass over a part reads the scan and splits it again, always
    with the same result. Use ``.persist()`` for a part that fits into memory.

    Parameters
    ----------
    fraction : float
        Fraction of the electrons in the first view, above 0 and below 1.
    random_state : int or None
        Seed; with None, one is drawn. It is stored in the preparation of the views.

    Returns
    -------
    fit, held_out : Unmix
        Two views of the same dtype whose counts add up exactly to those of this view. Prepare both in the same way. The
        assignment of an electron depends on the seed, the position (row, column) and the pattern there, but not on blocks,
        masks or hosts.

    Raises
    ------
    ValueError
        If the view was prepared with a step after which values are not counts (hot_pixels, friedel, average_neighbours:
        apply it to both parts instead), `fraction` is out of range, or a kept value is negative or not an integer. For
        floats this is checked in the first pattern, and in the first pass.

    Notes
    -----
    Only electron counts can be split. Data of a detector that gives 11 units per electron need ``prepare(gain=11)`` first,
    and data of a detector without single-electron counting cannot be used.

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
    return view._of_the_same(fit), view._of_the_same(held_out)
