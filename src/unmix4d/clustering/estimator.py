"""`FuzzyCMeans`: the fuzzy clusters of this package as a scikit-learn estimator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..core import checks
from .fuzzy import fuzzy_cmeans
from .memberships import membership_rule
from .metrics import COVARIANCES

__all__ = ["FuzzyCMeans"]

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # scikit-learn before 1.6

    def validate_data(estimator, X, **options):
        return estimator._validate_data(X, **options)


class FuzzyCMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Fuzzy c-means, Gustafson-Kessel and high-contrast clustering as a scikit-learn estimator.

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    m : float
        Fuzzifier, larger than 1 [1]_. Usually 2; the closer to 1, the harder the clusters.
    covariance : {"spherical", "gustafson-kessel"}
        Shape of the clusters. ``"gustafson-kessel"`` gives each cluster its own ellipsoid of volume 1 [2]_, with the stable
        estimate of [3]_.
    contrast : float or None
        Contrast, at least 0 and below 1, used instead of `m`: memberships are exactly 1 near a centre and exactly 0 far from
        it [4]_. The closer to 1, the harder the clusters.
    n_starts : int
        Number of runs from different initial centres (chosen as in k-means++). The one with the smallest objective is kept.
    max_iter : int
        Largest number of iterations of a run.
    tol : float
        A run ends when no centre moves by more than this fraction of the rms distance of the samples from their mean. With
        0, all iterations are done.
    random_state : int, RandomState or None
        Seed of the first centres.

    Attributes
    ----------
    memberships_ : ndarray (n_samples, n_clusters)
        Memberships of the samples in the clusters. Rows add up to 1.
    labels_ : ndarray of int (n_samples,)
        Cluster with the largest membership.
    cluster_centers_ : ndarray (n_clusters, n_features)
        Centres of the clusters.
    covariances_ : ndarray (n_clusters, n_features, n_features)
        Covariances of the samples about their weighted mean, with the weights used for the centres.
    objective_ : float
        Sum of weights times squared distances of the best run.
    objectives_ : ndarray (n_starts,)
        Objective of every run.
    n_iter_ : int
        Number of iterations of the best run.
    n_features_in_ : int
        Number of features of the samples that the estimator was fitted to.

    References
    ----------
    .. [1] Bezdek, Ehrlich and Full, Comput. Geosci. 10 (1984) 191, doi:10.1016/0098-3004(84)90020-7
    .. [2] Gustafson and Kessel, Proc. IEEE Conf. Decision and Control (1978) 761, doi:10.1109/CDC.1978.268028
    .. [3] Babuska, van der Veen and Kaymak, Proc. IEEE Int. Conf. Fuzzy Systems (2002) 1081
    .. [4] Rousseeuw, Trauwaert and Kaufman, J. Comput. Appl. Math. 64 (1995) 81; the formula: Klawonn and Hoeppner, Lecture
       Notes in Computer Science 2810 (2003) 254

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import FuzzyCMeans
    >>> X = np.array([[0.0, 0], [0.1, 0], [5, 5], [5, 5.1]])
    >>> model = FuzzyCMeans(2, random_state=0).fit(X)
    >>> bool(model.labels_[0] == model.labels_[1] != model.labels_[2])
    True
    >>> model.transform(X).shape
    (4, 2)
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        m: float = 2.0,
        covariance: str = "spherical",
        contrast: float | None = None,
        n_starts: int = 1,
        max_iter: int = 300,
        tol: float = 1e-6,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.m = m
        self.covariance = covariance
        self.contrast = contrast
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> FuzzyCMeans:
        """Find the clusters of the samples (n_samples, n_features); `y` is ignored.

        Raises
        ------
        ValueError
            If there are fewer different samples than clusters, a sample is NaN or infinite, or a parameter out of range.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import FuzzyCMeans
        >>> model = FuzzyCMeans(2, random_state=0).fit(np.array([[0.0, 0], [0.1, 0], [5, 5], [5, 5.1]]))
        >>> model.memberships_.shape
        (4, 2)
        """
        X = validate_data(self, X, dtype=np.float64)
        rule = membership_rule(self.m, self.contrast)
        model = fuzzy_cmeans(
            X,
            checks.count(self.n_clusters, "n_clusters"),
            rule=rule,
            covariance=checks.choice(self.covariance, "covariance", COVARIANCES),
            n_starts=checks.count(self.n_starts, "n_starts"),
            max_iter=checks.count(self.max_iter, "max_iter"),
            tol=checks.positive(self.tol, "tol", zero=True),
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
        )
        self._model = model
        self.memberships_, self.cluster_centers_ = model.memberships, model.centres
        self.covariances_, self.objective_, self.n_iter_ = model.covariances, model.objective, model.n_iter
        self.objectives_ = np.array(model.objectives)
        self.labels_ = model.memberships.argmax(1)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the memberships (n_samples, n_clusters) of samples in the fitted clusters.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import FuzzyCMeans
        >>> model = FuzzyCMeans(2, random_state=0).fit(np.array([[0.0, 0], [0.1, 0], [5, 5], [5, 5.1]]))
        >>> model.transform([[0.0, 0.1], [2.5, 2.5]]).sum(1).round(6).tolist()
        [1.0, 1.0]
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.ascontiguousarray(self._model.rule.memberships(self._model.squares(X).T.copy()).T)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the cluster (n_samples,) with the largest membership for each sample.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import FuzzyCMeans
        >>> model = FuzzyCMeans(2, random_state=0).fit(np.array([[0.0, 0], [0.1, 0], [5, 5], [5, 5.1]]))
        >>> bool(model.predict([[0.0, 0.1]])[0] == model.labels_[0])
        True
        """
        return self.transform(X).argmax(1)

    @property
    def _n_features_out(self):
        return len(self.cluster_centers_)
