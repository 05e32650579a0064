"""Fuzzy clusters: memberships of every position in a few clusters, and how many clusters describe a scan best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..clustering.validity import INDICES
from ..core import checks
from ..core.arrays import set_frozen_state
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..plots import fuzzy as plots_fuzzy
from ..storage.table_file import to_csv
from .data_of_a_result import require_same_data
from .decomposition import Decomposition
from .forms import SETTINGS, Arrays, Mapping, require
from .further_figures import Further, further_figures
from .saved import Answer, Form, savable, save

__all__ = ["FuzzyClusters", "FuzzyValidity"]


@savable()
@spelled
@dataclass(frozen=True, eq=False, repr=False)
class FuzzyClusters(Decomposition):
    """Fuzzy clusters of positions: ``.maps`` are memberships and ``.patterns`` the mean patterns of the clusters.

    Memberships add up to 1 at every position. They are shares of similarity, not of intensity, so they are not rescaled, and
    `labels` and `overlap` compare the memberships themselves. Clusters are sorted by their sum of memberships.

    Attributes
    ----------
    explained : ndarray of float64 (k,)
        Share of each cluster in all memberships.
    loss : float
        Mean of (data - sum of memberships x centres)**2, the error of a description by mixtures of the centres. Clustering
        does not minimise it.
    losses : ndarray of float64 (n_starts,)
        Final objective of each start, the sum of weights times squared distances of loadings.
    loadings : ndarray (n_svd, scan_row, scan_col)
        Singular vectors times singular values, in which the clusters were found, NaN where excluded.
    axes : ndarray (n_svd, n_pixels)
        The leading singular vectors of the kept pixels (or features), times the weights of the pixels if there are any.
        Loadings are patterns @ axes.T.
    loading_centres : ndarray of float64 (k, n_svd)
        Cluster centres in the space of the loadings, which are the projections of the centre patterns.
    covariances : ndarray of float64 (k, n_svd, n_svd)
        Covariances of the loadings about their centre, with the weights used for the centres.
    pure_fraction : ndarray of float64 (k,)
        Share of the positions of each cluster that lie within 15 % of the distance from its centre towards (or away from)
        every other centre. If it is low, the centre pattern is itself a mixture. It does not detect structures that are
        never pure, such as an embedded particle.
    validity : dict
        Validity indices, see `unmix4d.clustering.validity.validity`. Empty for a single cluster.

    Notes
    -----
    "Clustering should be used only if the data comprises a significant amount of unmixed signal" (Martineau 2019): the
    centre of a cluster is shifted towards the mixtures, its pattern weakly shows the others, memberships of pure positions
    are below 1, and boundaries appear narrower than they are.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> line = phantoms.martineau_fig5()
    >>> clusters = Unmix(line.data, centre=line.centre).fuzzy_cmeans(2, random_state=0)
    >>> clusters.memberships.shape, clusters.centres.shape
    ((2, 3, 60), (2, 64, 56))
    >>> bool(abs(clusters.memberships.sum(0) - 1).max() < 1e-6)
    True
    """

    # Always given; the fields of Decomposition have defaults, and so must these.
    loadings: np.ndarray = None  # type: ignore[assignment]
    axes: np.ndarray = None  # type: ignore[assignment]
    loading_centres: np.ndarray = None  # type: ignore[assignment]
    covariances: np.ndarray = None  # type: ignore[assignment]
    pure_fraction: np.ndarray = None  # type: ignore[assignment]

    plot_scatter = plots_fuzzy.scatter

    _saved_arrays: ClassVar[dict] = {
        **Decomposition._saved_arrays,
        "loadings": None, "axes": None, "loading_centres": None, "covariances": None, "pure_fraction": ("k",),
    }  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        d = len(self.loadings)
        shapes = (self.loadings.shape[1:], self.loading_centres.shape, self.covariances.shape, self.axes.shape[:1])
        if shapes != (self.geometry.scan_shape, (self.k, d), (self.k, d, d), (d,)):
            raise ValueError(f"loadings, centres, covariances and axes have the shapes {shapes}, which do not fit")

    @property
    def memberships(self) -> np.ndarray:
        """Memberships (k, scan_row, scan_col), the same as `maps`."""
        return self.maps

    @property
    def centres(self) -> np.ndarray:
        """Mean patterns of the clusters (k, det_row, det_col), the same as `patterns`."""
        return self.patterns

    @property
    def validity(self) -> dict:
        """Validity indices; empty for a single cluster."""
        return dict(self.settings.get("validity", {}))

    @property
    def intensities(self) -> np.ndarray:
        """The memberships, which can be compared directly."""
        return self.maps

    def subclusters(
        self, cluster: int, n: int, *, min_membership: float = 0.9, n_svd: int | None = None, n_starts: int = 10,
        random_state: int | None = None,
    ) -> FuzzyClusters:  # fmt: skip
        """Cluster the positions that are certainly in one cluster, with a separate SVD.

        Parameters
        ----------
        cluster : int
            Number of the cluster.
        n : int
            Number of subclusters.
        min_membership : float
            Smallest membership of the positions that are used, 0 to 1. With 0, the few positions that are mixed with another
            cluster are the farthest apart and would become a subcluster.
        n_svd : int, optional
            As for `Unmix.fuzzy_cmeans`.
        n_starts : int
            Number of starts.
        random_state : int or None
            Seed; with None, one is drawn.

        Returns
        -------
        FuzzyClusters
            The subclusters. Memberships are NaN at positions that were not used. Fuzzifier, covariance and contrast are
            those of this result.

        Raises
        ------
        ValueError
            If fewer than `n` different positions can be used, or the result was loaded without its data.

        Examples
        --------
        One structure on the left; on the right another one, in two variants:

        >>> import numpy as np
        >>> from unmix4d import Unmix
        >>> rng = np.random.default_rng(0)
        >>> patterns = rng.random((3, 16, 16))
        >>> patterns[2] = 0.8 * patterns[1] + 0.2 * patterns[2]
        >>> where = np.tile([0, 0, 0, 0, 0, 1, 1, 2, 2, 2], (6, 1))
        >>> clusters = Unmix(rng.poisson(500 * patterns[where])).fuzzy_cmeans(2, random_state=0)
        >>> inside = clusters.subclusters(clusters.labels()[0, 9], 2, random_state=0)
        >>> inside.labels()[0].tolist()
        [-1, -1, -1, -1, -1, 1, 1, 0, 0, 0]
        """
        cluster = checks.count(cluster, "cluster", minimum=0, maximum=self.k - 1)
        if self._view is None:
            raise ValueError(
                "subclusters needs what was clustered, which is not part of a saved result: call fuzzy_cmeans again"
            )
        least = checks.positive(min_membership, "min_membership", zero=True)
        inside = (self.labels() == cluster) & (self.memberships[cluster] >= least)
        if not inside.any():
            raise ValueError(f"min_membership leaves no position of cluster {cluster}, got {least:g}")
        view = self._view.at_positions(inside)
        chosen = {name: self.settings[name] for name in ("m", "covariance", "contrast", "precision")}
        answer = view.fuzzy_cmeans(n, n_svd=n_svd, n_starts=n_starts, random_state=random_state, **chosen)
        require_same_data(self, answer, "subclusters")
        return answer

    def membership_at(self, loadings: ArrayLike) -> np.ndarray:
        """Compute the memberships of points in the space of the loadings.

        Parameters
        ----------
        loadings : ndarray (..., n_svd)
            Points in the space of the loadings.

        Returns
        -------
        ndarray (..., k)
            Memberships of the points.

        Raises
        ------
        TypeError, ValueError
            If values are not finite numbers, or the points do not have as many as there are loadings.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> line = phantoms.martineau_fig5()
        >>> clusters = Unmix(line.data, centre=line.centre).fuzzy_cmeans(2, random_state=0)
        >>> clusters.membership_at(clusters.loading_centres).round(3).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
        """
        from ..clustering.fuzzy import memberships_of

        points, n_svd = checks.numbers_of(loadings, "loadings"), len(self.loadings)
        if not np.isfinite(points).all():
            raise ValueError("loadings must be finite, got NaN or infinite values")
        if points.ndim < 1 or points.shape[-1] != n_svd:
            raise ValueError(f"loadings must have the shape (..., {n_svd}), got {points.shape}")
        known = self.geometry.from_maps(self.loadings)
        return memberships_of(
            points.reshape(-1, points.shape[-1]), known, self.loading_centres, self.covariances,
            covariance=self.settings["covariance"], m=self.settings["m"], contrast=self.settings["contrast"],
        ).reshape(*points.shape[:-1], self.k)  # fmt: skip

    def _edited_fields(self, origins, changed):
        order = [parts[0] for parts in origins]
        return {name: getattr(self, name)[order] for name in ("loading_centres", "covariances", "pure_fraction")}

    def _columns(self):
        return {**super()._columns(), "pure_fraction": self.pure_fraction}

    def _notes(self):
        s = self.settings
        how = f"{s['covariance']}, " + (f"contrast {s['contrast']}" if s["contrast"] is not None else f"m {s['m']}")
        pure = ", ".join("-" if np.isnan(p) else f"{100 * p:.0f}" for p in self.pure_fraction[:10])
        shown = f"  {how}, {len(self.loadings)} loadings: .plot_scatter() .subclusters(i, n)"
        return [shown, f"  pure positions in %: {pure}"]


@further_figures.register
def _(result: FuzzyClusters) -> Further:
    """The scatter of the loadings, where there are two of them."""
    if len(result.loadings) < 2:
        return []
    return [(result.plot_scatter, "loadings coloured by cluster", "The positions among the first two loadings.")]


def _sound(answer):
    require(answer.table.keys() >= {"n_clusters", *INDICES}, "the table")
    require(answer.table["n_clusters"].tolist() == list(answer.models), "the numbers of clusters")
    require(answer.models and all(model.k == n for n, model in answer.models.items()), "the models")


_VALIDITY = Form(
    {
        "table": Mapping(str, Arrays("fi", ("n",))), "models": Mapping(int, Answer(("FuzzyClusters",))),
        "settings": SETTINGS,
    },
    lambda answer: {"n": len(answer.models)},
    _sound,
)  # fmt: skip


@savable(_VALIDITY)
@spelled
@dataclass(frozen=True, eq=False)
class FuzzyValidity:
    """Validity indices for several numbers of clusters. ``[n]`` is the result with n clusters.

    Attributes
    ----------
    table : dict of ndarray
        ``"n_clusters"`` and, for each, ``"partition_coefficient"`` (higher is better), ``"partition_entropy"``,
        ``"xie_beni"``, ``"hypervolume"`` (lower is better) and ``"least_pure"``, the smallest pure fraction of a cluster.
        See `unmix4d.clustering.validity.validity` for their definitions.
    models : dict of int -> FuzzyClusters
        Result for each number of clusters.
    settings : dict
        Settings of the computation.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bicrystal_in_vacuum(scan_shape=(20, 18), detector_shape=(48, 44), seed=0)
    >>> validity = Unmix(wire.data, centre=wire.centre).prepare(direct_beam=4).fuzzy_validity(range(2, 6), random_state=0)
    >>> validity.suggested
    3
    """

    table: dict
    models: dict
    settings: dict

    plot = plots_fuzzy.validity
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        object.__setattr__(self, "table", Table(self.table))

    def __getitem__(self, n):
        if n not in self.models:
            raise KeyError(f"n must be one of {', '.join(map(str, self.models))}, got {n!r}")
        return self.models[n]

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[int]:
        return iter(self.models)

    @property
    def votes(self) -> dict:
        """Best number of clusters according to each index, by name."""
        votes = {}
        for name, better in INDICES.items():
            values = self.table[name] if better == "higher" else -self.table[name]
            votes[name] = int(self.table["n_clusters"][np.where(np.isfinite(values), values, -np.inf).argmax()])
        return votes

    @property
    def suggested(self) -> int:
        """Number of clusters with the best Xie-Beni index."""
        return self.votes["xie_beni"]

    def __repr__(self):
        numbers = self.table["n_clusters"]
        votes = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.votes.items())
        return f"<FuzzyValidity: {numbers[0]} to {numbers[-1]} clusters, {self.suggested} suggested>\n  best at: {votes}"
