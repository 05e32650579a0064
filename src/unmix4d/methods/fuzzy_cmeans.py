"""``.fuzzy_cmeans`` and ``.fuzzy_validity`` of `Unmix`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..clustering.fuzzy import fuzzy_cmeans as clusters_of
from ..clustering.fuzzy import weighted_moments
from ..clustering.memberships import membership_rule
from ..clustering.metrics import COVARIANCES
from ..clustering.validity import INDICES, pure_fraction, validity
from ..core import checks
from ..core.messages import warn
from ..decomposition.svd import numerical_rank, require_rank, truncated_svd
from ..results import citations as papers
from ..results.build import Components, pixel_matrix, run_record
from ..results.fuzzy_clusters import FuzzyClusters, FuzzyValidity
from ..results.meaning import Meaning
from .arguments import WEIGHTS, components, progress, say_if_beam, weighted

__all__ = ["MEANING", "fuzzy_cmeans", "fuzzy_validity", "references"]

MEANING = Meaning("fuzzy c-means", shares_of="memberships", memberships=True)

_MOST = 10  # dimensions in which distances still tell near from far
_SAME = 1e-3  # of the spread of all loadings: centres that are nearer are the same


def fuzzy_cmeans(
    view: Any,
    n_clusters: int,
    *,
    n_svd: int | None = None,
    m: float = 2.0,
    covariance: str = "spherical",
    contrast: float | None = None,
    n_starts: int = 10,
    max_iter: int = 300,
    tol: float = 1e-6,
    weights: str = "auto",
    precision: str = "single",
    random_state: int | None = None,
) -> FuzzyClusters:
    """Cluster the positions by fuzzy c-means: memberships that add up to 1, and the mean pattern of each cluster.

    Positions are clustered in the space of their first SVD loadings U S, in which distances equal those of the patterns
    (Martineau 2019). Only the loadings are held in memory. The pattern of a cluster is the mean of the measured patterns
    with weights u^m (for a contrast: (1 - contrast) u^2 + contrast u), so no intensity is missing from it as it may be from
    NMF patterns.

    Parameters
    ----------
    n_clusters : int
        Number of clusters. Vacuum, or a bare support, is one of them.
    n_svd : int, optional
        Number of loadings to use. By default the number of clusters, at most 10 and the rank of the scan. There is a warning
        for more than about 10, because distances become similar in many dimensions.
    m : float
        Fuzzifier, larger than 1 [1]_. Usually 2; the closer to 1, the harder the clusters.
    covariance : {"spherical", "gustafson-kessel"}
        Shape of the clusters. ``"gustafson-kessel"`` uses ellipsoids of equal volume, for clusters that are elongated, for
        example by thickness [2]_ [3]_.
    contrast : float, optional
        Contrast, at least 0 and below 1, used instead of `m`: memberships of pure positions become exactly 1, and those in
        distant clusters exactly 0 [4]_. The closer to 1, the harder the clusters. Boundaries become even narrower than with
        m = 2.
    n_starts : int
        Number of starts from different initial centres. The one with the smallest objective is kept.
    max_iter : int
        Largest number of iterations of a start.
    tol : float
        A start ends when no centre moves by more than this fraction of the spread of the loadings. With 0, all iterations
        are done.
    weights : {"auto", "none", "capped", "poisson"}
        Weights of the pixels for the clustering, as for `nmf`. ``"auto"`` is ``"capped"`` if one spot has more than half of
        the squared intensity, because distances would then be those of the direct beam, and otherwise ``"none"``.
    precision : {"single", "double"}
        Floating-point precision of the passes over the scan and of the result. The clustering itself is always done in
        double precision.
    random_state : int or None
        Seed; with None, one is drawn. It is stored in ``.settings``.

    Returns
    -------
    FuzzyClusters
        The clusters, sorted by their sum of memberships.

    Raises
    ------
    ValueError
        If there are fewer different positions than clusters, `n_svd` is larger than the rank of the scan, or the scan
        holds NaN or infinite values.

    Warns
    -----
    UnmixWarning
        If a cluster has few pure positions, two clusters have the same centre, or a loading is that of the direct beam.

    Notes
    -----
    Clustering averages patterns instead of unmixing them. A structure that never occurs alone, such as an embedded particle,
    is not found, and many mixed positions move the centres closer together. ``docs/fuzzy.md`` compares the remedies and
    their side effects.

    References
    ----------
    .. [1] Bezdek, Ehrlich and Full, Comput. Geosci. 10 (1984) 191, doi:10.1016/0098-3004(84)90020-7
    .. [2] Gustafson and Kessel, Proc. IEEE Conf. Decision and Control (1978) 761, doi:10.1109/CDC.1978.268028
    .. [3] Babuska, van der Veen and Kaymak, Proc. IEEE Int. Conf. Fuzzy Systems (2002) 1081
    .. [4] Rousseeuw, Trauwaert and Kaufman, J. Comput. Appl. Math. 64 (1995) 81; Klawonn and Hoeppner, Lecture Notes in
       Computer Science 2810 (2003) 254

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bicrystal_in_vacuum(scan_shape=(32, 24), detector_shape=(64, 60), seed=0)
    >>> clusters = Unmix(wire.data, centre=wire.centre).prepare(direct_beam=4).fuzzy_cmeans(3, random_state=0)
    >>> clusters.memberships.shape, bool(clusters.pure_fraction.min() > 0.5)
    ((3, 32, 24), True)
    """
    n_clusters, seed, options = _fuzzy_arguments(
        view, [n_clusters], n_svd, m, covariance, contrast, n_starts, max_iter, tol, weights, precision, random_state
    )
    matrix = view.matrix(precision).hold()
    svd = _loadings(view, matrix, n_svd, n_clusters[0], options, seed)
    with progress(view, options["n_starts"], f"fuzzy clustering, {n_clusters[0]} clusters") as tick:
        return _clusters(view, matrix, svd, n_clusters[0], options, seed, tick)


def fuzzy_validity(
    view: Any,
    ns: Iterable[int],
    *,
    n_svd: int | None = None,
    m: float = 2.0,
    covariance: str = "spherical",
    contrast: float | None = None,
    n_starts: int = 10,
    max_iter: int = 300,
    tol: float = 1e-6,
    weights: str = "auto",
    precision: str = "single",
    random_state: int | None = None,
) -> FuzzyValidity:
    """Cluster with several numbers of clusters in the same loadings, and compute validity indices for each.

    Parameters
    ----------
    ns : sequence of int
        Numbers of clusters, at least 2.
    n_svd : int, optional
        Number of loadings to use for all. By default the largest of `ns`, at most 10 and the rank of the scan.
    m, covariance, contrast, n_starts, max_iter, tol, weights, precision, random_state
        As for `fuzzy_cmeans`.

    Returns
    -------
    FuzzyValidity
        The validity indices of each number, and a suggestion.

    Raises
    ------
    ValueError
        As for `fuzzy_cmeans`, or if `ns` is empty or contains 1.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bicrystal_in_vacuum(scan_shape=(20, 18), detector_shape=(48, 44), seed=0)
    >>> validity = Unmix(wire.data, centre=wire.centre).prepare(direct_beam=4).fuzzy_validity((2, 3, 4), random_state=0)
    >>> sorted(validity.votes)
    ['hypervolume', 'partition_coefficient', 'partition_entropy', 'xie_beni']
    """
    ns, seed, options = _fuzzy_arguments(
        view, ns, n_svd, m, covariance, contrast, n_starts, max_iter, tol, weights, precision, random_state, least=2
    )
    matrix = view.matrix(precision).hold()
    svd = _loadings(view, matrix, n_svd, max(ns), options, seed)
    with progress(view, len(ns) * options["n_starts"], f"fuzzy clustering, {ns[0]} to {ns[-1]} clusters") as tick:
        models = {n: _clusters(view, matrix, svd, n, options, seed, tick, quiet=True) for n in ns}
    table = {"n_clusters": np.array(ns)}
    for name in INDICES:
        table[name] = np.array([model.validity[name] for model in models.values()])
    table["least_pure"] = np.array([np.nanmin(model.pure_fraction) for model in models.values()])
    return FuzzyValidity(table, models, run_record(view, "fuzzy_validity", ns=ns, random_state=seed, **options))


def _fuzzy_arguments(
    view, ns, n_svd, m, covariance, contrast, n_starts, max_iter, tol, weights, precision, random_state, least=1
):
    name = "ns" if least > 1 else "n_clusters"
    try:
        ns = sorted(set(ns))
    except TypeError:
        raise TypeError(f"{name} must be whole numbers, got {ns!r}") from None
    if not ns:
        raise ValueError("ns must hold at least one number of clusters, got none")
    most, why = view.geometry.n_positions, ", the number of kept positions"
    ns = [checks.count(n, name, minimum=least, maximum=most, why=why) for n in ns]
    if n_svd is not None:
        components(view, n_svd, "n_svd")
        if n_svd > _MOST:
            warn(f"n_svd is {n_svd}, but distances in more than about {_MOST} dimensions hardly tell near from far")
    if contrast is not None:
        contrast = checks.positive(contrast, "contrast", zero=True)
    m = checks.positive(m, "m")
    membership_rule(m, contrast)
    checks.choice(precision, "precision", ("single", "double"))
    options = dict(
        m=m, covariance=checks.choice(covariance, "covariance", COVARIANCES), contrast=contrast,
        n_starts=checks.count(n_starts, "n_starts"), max_iter=checks.count(max_iter, "max_iter"),
        tol=checks.positive(tol, "tol", zero=True),
        weights=checks.choice(weights, "weights", tuple(WEIGHTS)), precision=precision,
    )  # fmt: skip
    return ns, checks.seed(random_state), options


def _loadings(view, matrix, n_svd, n_clusters, options, seed):
    """The SVD whose loadings are clustered, without what is rounding: loadings are patterns @ right.T.

    The weights that were used take the place of those that were asked for in the options.
    """
    asked = n_svd if n_svd is not None else min(n_clusters, _MOST, *matrix.shape)
    damped = weighted(matrix, options["weights"])
    options["weights"] = damped.weights.kind
    with progress(view, 12, f"SVD, {asked} components") as tick:
        svd = truncated_svd(damped, asked, seed=seed, tick=tick)
    if n_svd is not None:
        require_rank(svd.values, matrix.dtype, "fuzzy_cmeans")
    rank = max(1, numerical_rank(svd.values, matrix.dtype))
    say_if_beam(damped, svd.right[:rank], "fuzzy_cmeans")
    axes = svd.right[:rank] if damped.weights.pixels is None else svd.right[:rank] * damped.weights.pixels
    return type(svd)(svd.left[:, :rank], svd.values[:rank], axes.astype(matrix.dtype, copy=False), svd.residual)


def _clusters(view, matrix, svd, n_clusters, options, seed, tick, quiet=False):
    loadings = (svd.left * svd.values).astype(matrix.dtype)
    chosen = {name: options[name] for name in ("covariance", "n_starts", "max_iter", "tol")}
    rule = membership_rule(options["m"], options["contrast"])
    model = clusters_of(loadings, n_clusters, rule=rule, seed=seed, tick=tick, **chosen)
    settings = run_record(
        view, "fuzzy_cmeans", n_clusters=n_clusters, n_svd=loadings.shape[1], random_state=seed,
        n_iter=model.n_iter, converged=model.converged, svd_residual=svd.residual, **options,
    )  # fmt: skip
    result = _answer(view, matrix, loadings, svd.right, model, settings)
    if not quiet:
        _warn(result, model, loadings, options)
    return result


def _answer(view, matrix, loadings, axes, model, settings):
    """Clusters ordered by their sum, with the weighted mean of the measured patterns; two passes, of features three."""
    order = np.argsort(-model.memberships.sum(0), kind="stable")
    memberships = model.memberships[:, order].astype(matrix.dtype)
    # The weights as they are used in the pass over the scan, so that both kinds of centre belong together.
    weights = model.rule.weights(model.memberships[:, order]).astype(matrix.dtype)
    sums, centres, covariances = weighted_moments(loadings, weights)
    own, seen = _means(matrix, weights, sums), pixel_matrix(view, matrix)
    pixels = view.pixel_view is view
    found = Components(
        view, matrix, memberships, own if pixels else _means(seen, weights, sums), None if pixels else own,
        seen.statistics(), memberships.mean(0, dtype=np.float64), order,
    )  # fmt: skip
    wide = loadings.astype(np.float64)
    if len(centres) > 1:
        settings = {**settings, "validity": validity(wide, model)}
    return found.answer(
        FuzzyClusters, method="fuzzy_cmeans", squares=found.squares(), settings=settings,
        meaning=MEANING, references=references(settings),
        losses=np.array(model.objectives), _view=view, loadings=seen.geometry.to_maps(loadings), axes=axes,
        loading_centres=centres, covariances=covariances,
        pure_fraction=pure_fraction(wide, centres, memberships.argmax(1)),
    )  # fmt: skip


def references(settings: dict[str, Any]) -> tuple:
    """The papers of what was used, the most particular first."""
    used = [*papers.FUZZY]
    if settings["covariance"] == "gustafson-kessel":
        used += papers.KESSEL
    if settings["contrast"] is not None:
        used += papers.CONTRAST
    return (*used, *papers.KRYLOV)


def _means(matrix, weights, sums):
    """Weighted mean rows (k, n_pixels), one pass; that of all rows for a cluster without weight."""
    used = np.where(sums > 0, weights, 1).astype(weights.dtype)
    totals = used.sum(0, dtype=np.float64)
    return (matrix.transpose_times(used) / totals).T.astype(matrix.dtype)


def _warn(result, model, loadings, options):
    if options["tol"] and not model.converged:
        warn(f"fuzzy_cmeans did not settle within max_iter={options['max_iter']} iterations: allow more")
    spread = np.sqrt(loadings.var(0, dtype=np.float64).sum())
    apart = np.linalg.norm(model.centres[:, None] - model.centres[None], axis=-1) + np.diag(np.full(result.k, np.inf))
    if result.k > 1 and apart.min() <= _SAME * spread:
        i, j = np.unravel_index(apart.argmin(), apart.shape)
        warn(f"n_clusters={result.k} is more than the loadings hold: two of the centres are the same; ask for fewer")
        return
    low = [i for i, share in enumerate(result.pure_fraction) if share < 0.5]
    if low:
        named = ", ".join(f"{i} ({100 * result.pure_fraction[i]:.0f} %)" for i in low)
        warn(
            f"less than half of the positions are pure in cluster {named}: its centre pattern is a mixture; clustering "
            "needs unmixed signal, nmf and vca do not need as much (see pure_fraction)"
        )
