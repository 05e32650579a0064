"""``.svd``, ``.pca`` and ``.scree`` of `Unmix`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks
from ..decomposition.svd import truncated_svd
from ..results.build import arranged, run_record
from ..results.citations import KRYLOV
from ..results.decomposition import Decomposition, Meaning
from ..results.scree import SCREE, Scree
from .arguments import components, progress

__all__ = ["MEANING", "pca", "scree", "svd"]


def svd(view: Any, n: int, *, precision: str = "single", random_state: int | None = 0) -> Decomposition:
    """Decompose the scan by truncated singular value decomposition (SVD).

    Parameters
    ----------
    n : int
        Number of components.
    precision : {"single", "double"}
        Floating-point precision of the computation.
    random_state : int or None
        Seed of the starting block. It only affects components within the noise.

    Returns
    -------
    Decomposition
        The components. Patterns are orthonormal, and their largest absolute entry is positive. Maps are left singular
        vectors times singular values.

    Raises
    ------
    ValueError
        If `n` is larger than the number of positions or of pixels, or the scan holds NaN or infinite values.

    References
    ----------
    Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, Methods, Eq. 1 with orthonormal patterns.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).svd(2).patterns.shape
    (2, 10, 20)
    """
    return _svd(view, "svd", n, precision, random_state)


def pca(view: Any, n: int, *, precision: str = "single", random_state: int | None = 0) -> Decomposition:
    """Decompose the scan by principal component analysis (PCA): `svd` after subtracting the mean pattern.

    Parameters
    ----------
    n : int
        Number of components.
    precision : {"single", "double"}
        Floating-point precision of the computation.
    random_state : int or None
        As for `svd`.

    Returns
    -------
    Decomposition
        The components. ``.explained`` is the fraction of the variance, and `reconstruct` adds the mean pattern.

    Raises
    ------
    ValueError
        As for `svd`.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).pca(2).maps.shape
    (2, 3, 4)
    """
    return _svd(view, "pca", n, precision, random_state)


MEANING = {
    "svd": Meaning("SVD", signed=True, signed_maps=True, shares_of="sum of squares"),
    "pca": Meaning("PCA", signed=True, signed_maps=True, shares_of="sum of squares", centred=True),
}


def _svd(view, method, n, precision, random_state):
    n, seed = components(view, n), checks.seed(random_state)
    matrix, meaning = view.matrix(precision).hold(), MEANING[method]
    settings = run_record(view, method, n=n, precision=precision, random_state=seed)
    statistics = matrix.statistics()
    reduced = matrix.centred() if meaning.centred else matrix
    with progress(view, 12, method.upper()) as tick:
        svd = truncated_svd(reduced, n, seed=seed, tick=tick)
    size = statistics.norm2
    if meaning.centred:
        size -= matrix.shape[0] * float(statistics.mean_pattern @ statistics.mean_pattern)
    # Maps are left vectors x singular values, so that distances between positions are distances between patterns.
    maps = (svd.left * svd.values).astype(matrix.dtype)
    squares = reduced.squared_residuals(maps, svd.right)
    found = arranged(view, matrix, maps, svd.right, signed=True, centred=meaning.centred, by_share=False)
    return found.answer(
        method=method, squares=squares, settings={**settings, "svd_residual": svd.residual},
        explained=svd.values**2 / size if size > 0 else np.zeros(len(svd.values)), meaning=meaning, references=KRYLOV,
    )  # fmt: skip


def scree(view: Any, n: int = 30, *, precision: str = "single", random_state: int | None = 0) -> Scree:
    """Compute the scree plot: the fraction that each SVD component explains, and the elbow of the curve.

    Parameters
    ----------
    n : int
        Number of components, or fewer if the scan has fewer positions or pixels.
    precision : {"single", "double"}
        Floating-point precision of the computation.
    random_state : int or None
        As for `svd`.

    Returns
    -------
    Scree
        The explained fractions and the elbow.

    Raises
    ------
    ValueError
        If the scan holds NaN or infinite values.

    References
    ----------
    Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, Fig. 2a.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> particle = phantoms.embedded_particle(scan_shape=(20, 18), detector_shape=(48, 44), radius=5, seed=0)
    >>> Unmix(particle.data).scree().elbow  # and .noise_begins
    2
    """
    n = min(checks.count(n, "n"), *view.matrix().shape)
    seed = checks.seed(random_state)
    matrix = view.matrix(precision).hold()
    norm2 = matrix.statistics().norm2
    with progress(view, 12, "scree") as tick:
        # Where the slope breaks must not depend on how many components were asked for.
        values = truncated_svd(matrix, min(max(n, SCREE), *matrix.shape), seed=seed, tick=tick).values
    settings = run_record(view, "scree", n=n, precision=precision, random_state=seed)
    explained = values**2 / norm2 if norm2 else values * 0
    return Scree(explained[:n], settings, None if n == len(explained) <= SCREE else explained[:SCREE])
