"""``.nmf`` of `Unmix`."""

from __future__ import annotations

import hashlib

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..decomposition.checkpoints import Starts
from ..decomposition.run import factorise, smoothing_of
from ..decomposition.starts import INITS, given_start
from ..engine.compression import LowRank
from ..engine.subspace import MAX_PASSES
from ..results import Decomposition
from ..results import build as assemble
from ..storage.resumed import resumed
from .arguments import WEIGHTS, bound_constraints, bound_smoothing, iterations, matrix_of

__all__ = ["CONSTRAINED_ITER", "KL_ITER", "MAX_ITER", "NMFMethods", "finished_nmf"]

_NOTHING = 1e-6  # share of the intensity below which a component is rounding
_ALL = 0.5, 2.0  # shares of the intensity that all components together may account for
# Where maps of the standard phantoms are closest to the truth: benchmarks/defaults/RESULTS.md.
MAX_ITER = 50
CONSTRAINED_ITER = 40
KL_ITER = 30


class NMFMethods:
    """Non-negative matrix factorisation of a view."""

    def nmf(
        self,
        n: int,
        *,
        constraints=(),
        n_starts: int = 1,
        max_iter: int | None = None,
        tol: float = 1e-3,
        init="nndsvd",
        weights: str = "auto",
        smooth=None,
        objective: str = "frobenius",
        exact: bool = False,
        refit: bool = True,
        compression: LowRank | None = None,
        precision: str = "single",
        random_state: int | None = None,
        checkpoint=None,
    ) -> Decomposition:
        """Non-negative matrix factorisation: non-negative patterns and maps whose product is close to the data.

        The scan is read a dozen times, however many starts and iterations are asked for: it is compressed to a few times
        `n` directions, all iterations are made on those, and the best answer is refitted to the full data.

        Parameters
        ----------
        n : int
            Number of components.
        constraints : sequence of constraints, optional
            What is known beforehand about patterns or maps, see `unmix4d.constraints`. Solved by alternating least
            squares and projection [2]_ instead of HALS [3]_.
        n_starts : int
            Starts tried; the one with the smallest error is returned. The first is `init`, the second begins at vertex
            components, the others are random.
        max_iter : int, optional
            Iterations per start; 50, 40 with constraints, 30 with ``objective="kl"``. More lower the error, not the
            distance to the truth.
        tol : float
            A start ends when an iteration changes neither the maps nor the patterns by more than this fraction, in
            the sum of absolute values [2]_; 0 runs all iterations.
        init : {"nndsvd", "vca", "random"} or (maps, patterns)
            First start: non-negative double SVD [4]_, vertex components, random, or given, shaped as in the result or as
            matrices.
        weights : {"auto", "none", "capped", "poisson"}
            Bright pixels are noisy, and a plain fit cares for nothing else. ``"capped"`` (which is what ``"auto"`` means)
            damps those far above the typical pixel, the direct beam above all; ``"poisson"`` gives every pixel and every
            position the same noise [5]_; ``"none"`` is plain least squares.
        smooth : float, str or SmoothMaps, optional
            Find the subspace in scan-smoothed data: sigma in positions, or the probe's full width with a unit
            (``"2 nm"``). Weak components are then seen that are lost otherwise; neither data nor maps are smoothed. A
            constraint `SmoothMaps` does this by itself.
        objective : {"frobenius", "kl"}
            ``"kl"``: the Kullback-Leibler divergence, which is the likelihood of counts with Poisson noise [6]_. Every
            iteration then reads the scan (or holds its counts, where few are not 0); no constraints; `weights` and
            `smooth` concern the start only.
        exact : bool
            Make every iteration on the full scan, from the same start: one pass per iteration (two with constraints).
        refit : bool
            False leaves out the refit to the full scan, its two passes, and the exact loss, which is then estimated from
            the compression: for trying many numbers of components.
        compression : LowRank, optional
            From `compress`, so that many runs share it: `weights`, `smooth` and `precision` are those of it and must
            not be given again.
        precision : {"single", "double"}
        random_state : int or None
            Seed; None draws one. It is recorded in ``.settings`` either way.
        checkpoint : str or path-like, optional
            A file that keeps the compression, the starts that have ended and, every 20 seconds, the one under way. The same
            call with the same file goes on from there, with the same result, after a crash or a power cut. The file stays
            when the run is over: delete it.

        Returns
        -------
        Decomposition
            Components by their share of the intensity, maps with maximum 1. ``.distinguishable`` says which components
            stand out of the noise.

        Raises
        ------
        ValueError
            When the scan holds negative, NaN or infinite values or no signal, `n` is larger than its number of
            positions or pixels, a constraint does not fit the scan, `compression` is of another view, or `checkpoint` is of
            another run.
        OSError
            When `checkpoint` is no such file, is damaged, or cannot be written.
        TypeError
            When a constraint lacks a part of what makes one.

        Notes
        -----
        Shared intensity, above all the direct beam, may end in any component: intensities of NMF patterns should not be
        read quantitatively [1]_. Mask the direct beam first, ``prepare(direct_beam=...)``.

        At the end the maps are fitted to the scan for the patterns found, then the patterns for those maps, by exact
        non-negative least squares; factors under a constraint are left as they are. ``.loss`` is the true error of the
        full data, without weights.

        References
        ----------
        .. [1] Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3.
        .. [2] Kimoto et al. 2025, constrained NMF of 4D-STEM data.
        .. [3] Cichocki and Phan, IEICE Trans. Fundamentals E92-A (2009) 708.
        .. [4] Boutsidis and Gallopoulos, Pattern Recognition 41 (2008) 1350.
        .. [5] Keenan and Kotula, Surf. Interface Anal. 36 (2004) 203.
        .. [6] Lee and Seung, Nature 401 (1999) 788.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> from unmix4d.constraints import SmoothMaps
        >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
        >>> result = Unmix(phantom.data).nmf(2, n_starts=3, random_state=1)
        >>> float(result.maps.max())
        1.0
        >>> smooth = Unmix(phantom.data).nmf(2, constraints=[SmoothMaps(sigma=1)], random_state=1)
        >>> smooth.settings["constraints"][0]["name"]
        'SmoothMaps'
        """
        n, seed = self._components(n), checks.seed(random_state)
        constraints = bound_constraints(constraints, self.geometry, n)
        checks.choice(objective, "objective", ("frobenius", "kl"))
        default = KL_ITER if objective == "kl" else CONSTRAINED_ITER if constraints else MAX_ITER
        iterating = iterations(n_starts, max_iter, tol, default)
        checks.choice(weights, "weights", tuple(WEIGHTS))
        if objective == "kl" and constraints:
            raise ValueError(f"constraints need objective='frobenius', got {len(constraints)} of them with objective='kl'")
        smoothing = bound_smoothing(smooth, self.geometry) or smoothing_of(constraints)
        if compression is None:
            matrix = self.matrix(precision)
        else:
            matrix = matrix_of(compression, self.geometry, n, weights, smooth, precision, constraints)
            smoothing = None if compression.smoother is None else compression.smoother.smoothing
        if isinstance(init, str):
            init_name = checks.choice(init, "init", INITS)
        else:
            init_name, init = "given", given_start(init, matrix, n)
        settings = assemble.run_record(
            self, "nmf", n=n, constraints=[c.settings() for c in constraints], **iterating, init=init_name,
            refit=bool(refit), smooth=None if smoothing is None else smoothing.settings(), exact=bool(exact),
            objective=objective, precision="double" if matrix.dtype.itemsize > 4 else "single", random_state=seed,
        )  # fmt: skip
        resume, settings = _kept(checkpoint, settings, init, compression, random_state, WEIGHTS[weights])
        before = matrix.passes
        matrix.require_counts("nmf")
        with self._progress(MAX_PASSES + iterating["n_starts"] * iterating["max_iter"], f"NMF, {n} components") as tick:
            outcome = factorise(
                matrix, n, init=init, constraints=constraints, smoothing=smoothing, weights=WEIGHTS[weights],
                exact=bool(exact), **iterating, seed=settings["random_state"], objective=objective, refit=bool(refit),
                low=compression, tick=tick, resume=resume,
            )  # fmt: skip
        return finished_nmf(self, matrix, outcome, {**settings, "passes": matrix.passes - before}, constraints)


def _kept(checkpoint, settings, init, compression, random_state, weights):
    """The checkpoint of this run, and its settings with the seed that it was begun with."""
    if checkpoint is not None and compression is not None:
        raise ValueError("checkpoint keeps a compression of its own: give it without compression=")
    more = {"weights": weights}
    if not isinstance(init, str):
        more["given start"] = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in init)).hexdigest()
    return resumed(checkpoint, Starts, "nmf", settings, random_state, **more)


def finished_nmf(view, matrix, outcome, settings, constraints):
    """The result of a run, after saying what is wrong with it and letting its constraints look at it."""
    result = assemble.nmf_result(view, matrix, outcome, settings, constraints)
    _say_if_empty(result)
    if constraints:
        _say_if_lost(result)
    _let_them_check(constraints, matrix, outcome)
    return result


def _let_them_check(constraints, matrix, outcome):
    checking = [c for c in constraints if hasattr(c, "check")]
    if checking:
        evidence = assemble.evidence(matrix, outcome)
        for constraint in checking:
            constraint.check(evidence)


def _say_if_empty(result):
    empty = int((result.explained < _NOTHING).sum())
    if empty:
        warn(
            f"{empty} of the {result.k} components hold less than {_NOTHING:g} of the intensity: the scan does not "
            "support so many; see .scree() for how many stand out"
        )


def _say_if_lost(result):
    total = float(result.explained.sum())
    if not _ALL[0] <= total <= _ALL[1]:
        warn(
            f"the components account for {100 * total:.3g} % of the intensity: the constraints keep them from "
            "fitting the data; look at .residual_map()"
        )
