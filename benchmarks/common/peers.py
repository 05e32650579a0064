"""The other programs, called in one way everywhere. Packages are imported where they are used."""

import time
import warnings

import numpy as np

__all__ = [
    "SEED", "als", "best_fit", "both_constraints", "hyperspy_nmf", "iterative_nmf", "randomised_nmf",
    "seconds_per_iteration", "sklearn_nmf",
]  # fmt: skip

SEED = 0


def sklearn_nmf(X, k, start=None, **options):
    """scikit-learn's NMF ("cd"); maps (positions, k), patterns (k, pixels) and iterations.

    Parameters
    ----------
    X : ndarray (positions, pixels)
    k : int
    start : (maps, patterns), optional
        To go on from; left as they are.
    **options
        For `sklearn.decomposition.NMF`; one seed (`SEED`) where nothing else is said.
    """
    from sklearn.decomposition import NMF

    given = {}
    if start is not None:
        options["init"] = "custom"
        given = {name: np.array(part) for name, part in zip("WH", start)}
    model = NMF(k, **{"random_state": SEED, **options})
    maps = model.fit_transform(X, **given)
    return maps, model.components_, model.n_iter_


def seconds_per_iteration(X, k, first, warm):
    """Seconds per iteration of scikit-learn's "cd" from a random start.

    Two calls go on from the same matrices, one for `first` iterations and one for `warm` more than that: in their
    difference neither the start, nor the checks of the input, nor the error at the end count.
    """

    def go_on(iterations, **start):
        started = time.perf_counter()
        maps, patterns, _ = sklearn_nmf(X, k, max_iter=iterations, tol=0, **start)
        return time.perf_counter() - started, (maps, patterns)

    _, start = go_on(first, init="random")
    short, _ = go_on(first, start=start)
    long, _ = go_on(first + warm, start=start)
    return (long - short) / warm


def hyperspy_nmf(signal, k, mask=None):
    """HyperSpy's own ``decomposition(algorithm="NMF")``, of a lazy signal too; patterns and maps as images.

    Parameters
    ----------
    signal : pyxem signal
    k : int
    mask : ndarray (det_row, det_col) of bool, optional
        Pixels to leave out.
    """
    from pyxem.signals import Diffraction2D

    # As a signal: HyperSpy transposes a mask given as an array.
    left_out = {} if mask is None else {"signal_mask": Diffraction2D(mask)}
    signal.decomposition(algorithm="NMF", output_dimension=k, print_info=False, random_state=SEED, **left_out)
    learned, shape = signal.learning_results, signal.data.shape
    patterns = np.nan_to_num(np.asarray(learned.factors).T.reshape(k, *shape[2:]))
    return patterns, np.asarray(learned.loadings).T.reshape(k, *shape[:2])


def iterative_nmf(values, components, threshold, models):
    """Maps of py4DSTEM's iterative NMF, one array for every model."""
    from py4DSTEM.process.classification.featurization import _nmf_single

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _nmf_single(values, components, threshold, models, max_iterations=20, random_seed=None)


def both_constraints():
    """The constraints that the benchmarks have beside none: on maps, and on patterns."""
    from unmix4d.constraints import NoDarkSpots, SmoothMaps

    return [SmoothMaps(sigma=1), NoDarkSpots()]


def als(X, k, iterations, on_patterns=None, on_maps=None, seed=0):
    """The textbook: least squares for patterns and maps in turn on the full data, each clipped and then projected.

    The published protocol (Kimoto 2025, steps 3 to 7), which has the mean squared error in every iteration. Written with
    the pseudo-inverse of the thin factor, a product with the data each; ``numpy.linalg.lstsq`` on the data takes twenty
    times as long.

    Returns
    -------
    maps, patterns, the seconds of every iteration, and the errors
    """
    maps, seconds, errors = np.random.default_rng(seed).random((len(X), k)), [], []
    for _ in range(iterations):
        started = time.perf_counter()
        patterns = np.maximum(np.linalg.pinv(maps) @ X, 0)
        patterns = patterns if on_patterns is None else on_patterns.project(patterns)
        patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
        maps = np.maximum(X @ np.linalg.pinv(patterns), 0)
        maps = maps if on_maps is None else on_maps.project(maps)
        errors.append(float(np.mean((X - maps @ patterns) ** 2)))
        seconds.append(time.perf_counter() - started)
    return maps, patterns, seconds, errors


def randomised_nmf(X, k, iterations=200, oversampling=20, power=2, seed=SEED):
    """Randomised NMF: QB decomposition by a random sketch with power iterations, then HALS on its small factor.

    The algorithm that Werbrouck 2025 (arXiv:2507.17068) brought to 4D-STEM, after Erichson et al. 2018
    (doi:10.1016/j.patrec.2018.01.007), written down plainly with the defaults of the latter.

    Returns
    -------
    maps (positions, k), patterns (k, pixels)
    """
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(X @ rng.random((X.shape[1], k + oversampling), np.float32))[0]
    for _ in range(power):
        Q = np.linalg.qr(X @ np.linalg.qr(X.T @ Q)[0])[0]
    B = Q.T @ X
    scale = np.sqrt(max(float(X.mean()), 1e-30) / k)
    maps, patterns = (scale * np.abs(rng.standard_normal(shape, np.float32)) for shape in ((len(X), k), (k, X.shape[1])))
    small = Q.T @ maps
    for _ in range(iterations):
        cross, gram = B @ patterns.T, patterns @ patterns.T
        for j in range(k):
            small[:, j] += (cross[:, j] - small @ gram[:, j]) / max(gram[j, j], 1e-30)
            maps[:, j] = np.maximum(Q @ small[:, j], 0)
            small[:, j] = Q.T @ maps[:, j]
        cross, gram = small.T @ B, small.T @ small
        for j in range(k):
            patterns[j] = np.maximum(patterns[j] + (cross[j] - gram[j] @ patterns) / max(gram[j, j], 1e-30), 0)
    return maps, patterns


def best_fit(values, truth):
    """Maps of the best non-negative fit: patterns for the true maps, then maps for those patterns."""
    from unmix4d.decomposition.nnls import nnls_rows

    maps = truth.reshape(len(truth), -1).T.astype(float)
    maps = np.column_stack([maps, np.ones(len(maps))])
    patterns = nnls_rows(values.T @ maps, maps.T @ maps).T.astype(float)
    fitted = nnls_rows(values @ patterns.T, patterns @ patterns.T)
    return fitted[:, :-1].T.reshape(truth.shape)
