"""`NMF`: the non-negative matrix factorisation of this package as a scikit-learn estimator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..clustering.estimator import validate_data
from ..core import checks
from ..core.geometry import ScanGeometry
from ..engine.matrix import PatternMatrix
from .nnls import nnls_rows
from .run import factorise
from .starts import INITS

__all__ = ["NMF"]


class NMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Non-negative matrix factorisation by HALS on a compressed matrix, as a scikit-learn estimator.

    This is the algorithm of `unmix4d.Unmix.nmf` for any matrix of samples: the matrix is compressed to a few times
    `n_components` directions, factorised there from several starts, and the result is refitted to the whole matrix.

    Parameters
    ----------
    n_components : int, optional
        Number of components. By default the smaller of the numbers of samples and features, which is also the maximum.
    weights : {"none", "capped", "poisson"}
        Weights of the features: ``"none"`` for plain least squares, ``"capped"`` to damp those far above the typical one,
        ``"poisson"`` for the same noise in each.
    init : {"nndsvd", "vca", "random"}
        Initialisation of the first start. The second start begins at vertex components, the others are random.
    n_starts : int
        Number of starts. The one with the smallest error is kept.
    max_iter : int
        Largest number of iterations of a start.
    tol : float
        A start ends when an iteration changes neither factor by more than this fraction. With 0, all iterations are done.
    random_state : int, RandomState or None
        Seed of the random starts and of the compression.

    Attributes
    ----------
    components_ : ndarray (n_components, n_features)
        Non-negative components, sorted by their share of the total.
    reconstruction_err_ : float
        Square root of the sum of squared residuals of the fitted samples.
    losses_ : ndarray (n_starts,)
        Final mean squared error of each start, for the weighted and compressed matrix.
    n_iter_ : int
        Number of iterations of the best start.
    n_features_in_ : int
        Number of features of the fitted samples.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import NMF
    >>> X = np.array([[1.0, 0, 0], [2, 0, 0], [0, 3, 1], [2, 3, 1]])
    >>> model = NMF(2, random_state=0).fit(X)
    >>> bool(np.allclose(model.transform(X) @ model.components_, X, atol=0.02))
    True
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        weights: str = "none",
        init: str = "nndsvd",
        n_starts: int = 1,
        max_iter: int = 200,
        tol: float = 1e-4,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.weights = weights
        self.init = init
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> NMF:
        """Find the components of the samples (n_samples, n_features); `y` is ignored.

        Raises
        ------
        ValueError
            If a sample is negative, NaN or infinite, all are zero, there are fewer samples or features than components, or
            a parameter is out of range.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import NMF
        >>> NMF(2, random_state=0).fit(np.array([[1.0, 0, 0], [0, 3, 1], [2, 3, 1]])).components_.shape
        (2, 3)
        """
        X = _not_negative(validate_data(self, X, dtype=np.float64))
        n = min(X.shape) if self.n_components is None else checks.count(self.n_components, "n_components")
        if min(X.shape) < n:
            raise ValueError(
                f"n_components must be at most the number of samples and of features, got {n} of n_samples = {X.shape[0]} "
                f"and n_features = {X.shape[1]}"
            )
        if not X.any():
            raise ValueError("X must have a value above 0, got zeros only")
        found = factorise(
            PatternMatrix(X[:, None, None, :], ScanGeometry((len(X), 1), (1, X.shape[1])), precision="double"),
            n,
            init=checks.choice(self.init, "init", INITS),
            constraints=(),
            smoothing=None,
            weights=checks.choice(self.weights, "weights", ("none", "capped", "poisson")),
            exact=False,
            n_starts=checks.count(self.n_starts, "n_starts"),
            max_iter=checks.count(self.max_iter, "max_iter"),
            tol=checks.positive(self.tol, "tol", zero=True),
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
        )
        patterns = np.asarray(found.final.patterns, np.float64)
        share = np.asarray(found.final.maps).sum(0) * patterns.sum(1)
        self.components_ = patterns[np.argsort(-share, kind="stable")]
        self.losses_ = np.array([start.objective for start in found.starts])
        self.n_iter_ = len(found.best.history)
        self.reconstruction_err_ = float(np.linalg.norm(X - self._weights(X) @ self.components_))
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Fit the weights (n_samples, n_components) of the components of samples by non-negative least squares.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import NMF
        >>> model = NMF(2, random_state=0).fit(np.array([[1.0, 0, 0], [0, 3, 1], [2, 3, 1]]))
        >>> model.transform([[0.0, 6, 2]]).shape
        (1, 2)
        """
        check_is_fitted(self)
        return self._weights(_not_negative(validate_data(self, X, dtype=np.float64, reset=False)))

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Return samples (n_samples, n_features) from the weights of their components.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import NMF
        >>> samples = np.array([[1.0, 0, 0], [0, 3, 1], [2, 3, 1]])
        >>> model = NMF(2, random_state=0).fit(samples)
        >>> bool(np.allclose(model.inverse_transform(model.transform(samples)), samples, atol=0.02))
        True
        """
        check_is_fitted(self)
        return np.asarray(X) @ self.components_

    def _weights(self, X):
        return nnls_rows(X @ self.components_.T, self.components_ @ self.components_.T)

    @property
    def _n_features_out(self):
        return len(self.components_)

    def _more_tags(self):
        return {"requires_positive_X": True}  # scikit-learn before 1.6

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


def _not_negative(X):
    if (X < 0).any():
        raise ValueError(f"Negative values in data passed to NMF: X must not be negative, got {X.min():g}")
    return X
