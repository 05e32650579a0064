"""From compressed scans to the evidence: every criterion for every number of components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from ..decomposition.run import factorise_each, rank_for
from ..engine.compression import compress
from ..storage.checkpoint import kept_or_made
from .agreement import agreement_each
from .coherence import morans_i
from .held_out import gains_per_position
from .losses import absolute_losses
from .similarity import near_duplicates, pair_summary, pattern_similarities
from .stability import stability

__all__ = ["Evidence", "HeldOut", "compared", "compressed_for", "held_out_gains", "weigh"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Gains of counts that were not fitted.

    Attributes
    ----------
    ks : ndarray of int (n,)
    gains : ndarray of float64 (n_positions, n)
        Nats above the mean pattern, for every position.
    electrons : float
    """

    ks: np.ndarray
    gains: np.ndarray
    electrons: float

    @property
    def per_electron(self) -> np.ndarray:
        """Nats per electron gained over the mean pattern, for every number of components."""
        return self.gains.sum(0) / max(self.electrons, 1.0)

    def ahead(self) -> np.ndarray:
        """How far the best number is ahead of every number, in standard errors of the paired differences; 0 for itself."""
        best = int(self.gains.sum(0).argmax())
        lead = self.gains[:, [best]] - self.gains
        error = lead.std(0) * np.sqrt(len(lead))
        return np.where(error > 0, lead.sum(0) / np.where(error > 0, error, 1), 0.0)

    def at(self, ks, values) -> np.ndarray:
        """Values of the tried numbers as an array for all numbers, NaN where one was not tried."""
        out = np.full(len(ks), np.nan)
        out[np.searchsorted(ks, self.ks)] = values
        return out


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for each number of components.

    Attributes
    ----------
    ks : ndarray of int (n,)
    outcomes : list of Outcome
        The factorisations.
    table : dict of ndarray (n,)
    sizes : ndarray of float64
        Singular values of the compressed scan relative to what noise alone reaches.
    similarities : list of dict
        Of `pattern_similarities`, for each number.
    held_out : HeldOut or None
    """

    ks: np.ndarray
    outcomes: list
    table: dict
    sizes: np.ndarray
    similarities: list = field(default_factory=list)
    held_out: HeldOut | None = None

    @property
    def above_noise(self) -> int:
        """Number of directions that noise alone cannot make."""
        return int((self.sizes > 1).sum())


def weigh(
    low, ks, *, n_starts: int, max_iter: int, tol: float, seed: int, held_out: HeldOut | None = None, likely=None,
    tick: Callable | None = None, checkpoint=None,
) -> Evidence:  # fmt: skip
    """Factorise a scan with every number of components, on one compression, and compute all criteria.

    low (LowRank): Of `compressed_for`.
    ks (ndarray of int): Ascending.
    n_starts, max_iter, tol, seed, tick: As for `unmix4d.decomposition.run.factorise`.
    likely (ndarray of int): The numbers that are worth several starts; all by default. The others have one, and so no
        stability (NaN).
    checkpoint (ChooseKCheckpoint): Keeps the numbers that are finished.
    Returns Evidence: Without the similarities of the patterns: see `compared`.
    """
    matrix = low.matrix
    outcomes = []
    several = np.ones(len(ks), bool) if likely is None else np.isin(ks, likely)
    for some, starts in ((ks[several], n_starts), (ks[~several], 1)):
        if len(some):
            outcomes += factorise_each(
                low, list(some), init="nndsvd", constraints=[()] * len(some), n_starts=starts, max_iter=max_iter, tol=tol,
                seed=seed, tick=tick, checkpoint=checkpoint,
            )  # fmt: skip
    outcomes = [outcomes[i] for i in np.argsort(np.argsort(~several, kind="stable"), kind="stable")]
    factors = [(o.final.maps, o.final.patterns) for o in outcomes]
    table = {
        "loss": absolute_losses(matrix, factors),
        "mse": np.array([o.final.squares.sum() for o in outcomes]) / np.prod(matrix.shape, dtype=float),
        "mse_over_svd": _over_svd(low, ks, outcomes),
    }
    stable = [stability(o.best.maps, [s.maps for s in o.starts if s is not o.best]) for o in outcomes]
    coherent = [morans_i(matrix.geometry.to_maps(maps)) for maps, _ in factors]
    agreeing = agreement_each(matrix, factors)
    for name, values in (("stability", stable), ("coherence", coherent), ("agreement", agreeing)):
        table[name], table[f"worst_{name}"] = _mean_and_least(values)
    if held_out is not None:
        for name, values in (("held_out", held_out.per_electron), ("held_out_behind", held_out.ahead())):
            table[name] = held_out.at(ks, values)
    sizes = low.sizes() / low.edge if low.edge > 0 else np.where(low.sizes() > 0, np.inf, 0.0)
    return Evidence(np.asarray(ks), outcomes, table, sizes, [], held_out)


def compared(evidence: Evidence, patterns, mask=None) -> Evidence:
    """The evidence with the similarities of the patterns of every number, in the order that the user sees.

    `mask` (det_row, det_col) has True where patterns are not compared.
    """
    similarities = [pattern_similarities(own, mask) for own in patterns]
    return replace(evidence, similarities=similarities, table={**evidence.table, **_summaries(similarities)})


def compressed_for(matrix, ks, *, smoothing, weights: str, seed: int, tick: Callable | None = None, checkpoint=None):
    """One compression of a scan for all numbers, as `unmix4d.engine.compression.compress`."""
    options = {"weights": weights, "smoothing": smoothing, "seed": seed, "tick": tick}
    kept = None if checkpoint is None else checkpoint.compression(matrix, smoothing)
    return kept_or_made(kept, partial(compress, matrix, rank_for(int(max(ks))), **options))


def held_out_gains(
    fit, held_out, ks, scale: float, *, smoothing, weights: str, n_starts: int, max_iter: int, tol: float, seed: int,
    tick: Callable | None = None, checkpoint=None,
) -> HeldOut:  # fmt: skip
    """Factorise one part of the counts and say how well the other part is expected.

    fit, held_out (PatternMatrix): Two parts of the same counts.
    ks: sequence of int.
    scale: Electrons of the second part for each of the first.
    smoothing, weights, n_starts, max_iter, tol, seed, tick: As for `weigh`. One start is too few: where it ends in a local
        minimum, one component more looks better than it is.
    checkpoint (ChooseKCheckpoint): Of the fitted part.
    """
    low = compressed_for(fit, ks, smoothing=smoothing, weights=weights, seed=seed, tick=tick, checkpoint=checkpoint)
    outcomes = factorise_each(
        low, list(ks), init="nndsvd", constraints=[()] * len(ks), n_starts=n_starts, max_iter=max_iter, tol=tol, seed=seed,
        refit=False, tick=tick, checkpoint=checkpoint,
    )  # fmt: skip
    statistics = fit.statistics()
    pixels = statistics.mean_pattern * fit.shape[0]
    factors = [low.weights.off(o.best.maps, o.best.patterns) for o in outcomes]
    return HeldOut(np.asarray(ks), *gains_per_position(held_out, factors, statistics.totals, pixels, scale))


def _over_svd(low, ks, outcomes):
    """Weighted squared error over that of the best factorisation of the same rank that may have any sign."""
    squares = low.values() ** 2
    best = [max(low.norm2 - squares[:k].sum(), 0.0) for k in ks]
    size = np.prod(low.shape, dtype=float)
    return np.array([o.best.objective * size / b if b > 0 else np.nan for o, b in zip(outcomes, best)])


def _mean_and_least(values):
    known = [v[np.isfinite(v)] for v in values]
    return (np.array([f(v) if v.size else np.nan for v in known]) for f in (np.mean, np.min))


def _summaries(similarities):
    out = {}
    for name in similarities[0]:
        pairs = np.array([pair_summary(table[name]) for table in similarities])
        out[f"{name}_mean"], out[f"{name}_worst"] = pairs.T
    out["near_duplicates"] = np.array([len(near_duplicates(table["cosine_sqrt"])) for table in similarities])
    return out
