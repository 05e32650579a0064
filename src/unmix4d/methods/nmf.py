"""``.nmf`` of `Unmix`."""

from __future__ import annotations

from .. import assemble, checks
from ..decomposition.nmf import nmf as solve_nmf
from ..decomposition.starts import given_start
from ..messages import warn
from ..results import Decomposition

__all__ = ["NMFMethods"]

_NOTHING = 1e-6  # share of the intensity below which a component is rounding


class NMFMethods:
    """Non-negative matrix factorisation of a view."""

    def nmf(
        self,
        n: int,
        *,
        n_starts: int = 1,
        max_iter: int = 200,
        tol: float = 1e-3,
        init="nndsvd",
        precision: str = "single",
        random_state: int | None = None,
    ) -> Decomposition:
        """Non-negative matrix factorisation: non-negative patterns and maps whose product is close to the data.

        Solved by hierarchical alternating least squares (HALS); every iteration is one pass over the scan, and only blocks
        of it are ever in memory as floating-point numbers.

        Parameters
        ----------
        n : int
            Number of components.
        n_starts : int
            Starts tried; the one with the smallest error is returned. The first is `init`, the others are random.
        max_iter : int
            Iterations per start.
        tol : float
            A start ends when an iteration changes neither the maps nor the patterns by more than this fraction, in
            the sum of absolute values [2]_; 0 runs all iterations.
        init : {"nndsvd", "random"} or (maps, patterns)
            First start: non-negative double SVD, random, or given, shaped as in the result or as matrices.
        precision : {"single", "double"}
        random_state : int or None
            Seed; None draws one. It is recorded in ``.settings`` either way.

        Returns
        -------
        Decomposition
            Components by their share of the intensity, maps with maximum 1.

        Raises
        ------
        ValueError
            When the scan holds negative, NaN or infinite values or no signal, or `n` is larger than its number of
            positions or pixels.

        Notes
        -----
        Shared intensity, above all the direct beam, may end in any component: intensities of NMF patterns should not be
        read quantitatively [1]_. Mask the direct beam first, ``prepare(direct_beam=...)``.

        References
        ----------
        .. [1] Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3.
        .. [2] Kimoto et al. 2025, constrained NMF of 4D-STEM data, step 7 of the protocol.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
        >>> result = Unmix(phantom.data).nmf(2, n_starts=3, random_state=1)
        >>> float(result.maps.max())
        1.0
        """
        n = self._components(n)
        n_starts, max_iter = checks.count(n_starts, "n_starts"), checks.count(max_iter, "max_iter")
        tol, seed = checks.positive(tol, "tol", zero=True), checks.seed(random_state)
        matrix = self.matrix(precision)
        if isinstance(init, str):
            init_name = checks.choice(init, "init", ("nndsvd", "random"))
        else:
            init_name, init = "given", given_start(init, matrix, n)
        settings = assemble.run_record(
            self, "nmf", n=n, n_starts=n_starts, max_iter=max_iter, tol=tol, init=init_name,
            precision=precision, random_state=seed,
        )  # fmt: skip
        matrix.require_counts("nmf")
        with self._progress(n_starts * max_iter, f"NMF, {n} components") as tick:
            answer, records = solve_nmf(
                matrix, n, n_starts=n_starts, max_iter=max_iter, tol=tol, init=init, seed=seed, tick=tick
            )
        result = assemble.nmf_result(self, matrix, answer, records, settings)
        _say_if_empty(result)
        return result


def _say_if_empty(result):
    empty = int((result.explained < _NOTHING).sum())
    if empty:
        warn(
            f"{empty} of the {result.k} components hold less than {_NOTHING:g} of the intensity: the scan does not "
            "support so many; see .scree() for how many stand out"
        )
