"""``.svd``, ``.pca`` and ``.scree`` of `Unmix`."""

from __future__ import annotations

from ..core import checks
from ..decomposition.svd import truncated_svd
from ..results import Decomposition, Scree
from ..results import build as assemble

__all__ = ["SVDMethods"]


class SVDMethods:
    """Singular value decomposition, principal components and the scree plot of a view."""

    def svd(self, n: int, *, precision: str = "single", random_state: int | None = 0) -> Decomposition:
        """Truncated singular value decomposition.

        Parameters
        ----------
        n : int
            Number of components.
        precision : {"single", "double"}
        random_state : int or None
            Seed of the starting block; it matters only for components inside the noise.

        Returns
        -------
        Decomposition
            Patterns are orthonormal with their largest absolute entry positive; maps are left vectors x singular values.

        Raises
        ------
        ValueError
            When `n` is larger than the number of positions or of pixels, or the scan holds NaN or infinite values.

        References
        ----------
        Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, Methods, Eq. 1 with orthonormal patterns.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).svd(2).patterns.shape
        (2, 10, 20)
        """
        return self._svd("svd", n, precision, random_state)

    def pca(self, n: int, *, precision: str = "single", random_state: int | None = 0) -> Decomposition:
        """Principal component analysis: `svd` after removing the mean pattern.

        Parameters
        ----------
        n : int
            Number of components.
        precision : {"single", "double"}
        random_state : int or None
            As for `svd`.

        Returns
        -------
        Decomposition
            ``.explained`` is the fraction of the variance; `reconstruct` adds the mean pattern again.

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
        return self._svd("pca", n, precision, random_state)

    def _svd(self, method, n, precision, random_state):
        n, seed = self._components(n), checks.seed(random_state)
        matrix = self.matrix(precision)
        settings = assemble.run_record(self, method, n=n, precision=precision, random_state=seed)
        matrix.statistics()
        with self._progress(12, method.upper()) as tick:
            answer = truncated_svd(matrix if method == "svd" else matrix.centred(), n, seed=seed, tick=tick)
        return assemble.svd_result(self, matrix, method, answer, settings)

    def scree(self, n: int = 30, *, precision: str = "single", random_state: int | None = 0) -> Scree:
        """How much each component of the SVD explains, with the number of components that stand out.

        Parameters
        ----------
        n : int
            Number of components; fewer when the scan has fewer positions or pixels.
        precision : {"single", "double"}
        random_state : int or None
            As for `svd`.

        Returns
        -------
        Scree

        Raises
        ------
        ValueError
            When the scan holds NaN or infinite values.

        References
        ----------
        Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, Fig. 2a.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.case("embedded").data).scree().elbow
        2
        """
        n = min(checks.count(n, "n"), *self.matrix().shape)
        seed = checks.seed(random_state)
        matrix = self.matrix(precision)
        norm2 = matrix.statistics().norm2
        with self._progress(12, "scree") as tick:
            values = truncated_svd(matrix, n, seed=seed, tick=tick).values
        settings = assemble.run_record(self, "scree", n=n, precision=precision, random_state=seed)
        return Scree(values**2 / norm2 if norm2 else values * 0, settings)
