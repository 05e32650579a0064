"""FuzzyValidity: how many clusters, by the indices of validity over a range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..clustering.validity import INDICES

__all__ = ["FuzzyValidity"]


@dataclass(frozen=True, eq=False)
class FuzzyValidity:
    """Indices of validity for several numbers of clusters; ``[n]`` is the result with n clusters.

    Attributes
    ----------
    table : dict of ndarray
        ``"n_clusters"`` and, for each, ``"partition_coefficient"`` (higher is better), ``"partition_entropy"``,
        ``"xie_beni"``, ``"hypervolume"`` (lower is better) and ``"least_pure"``, the smallest pure fraction of a cluster.
        What the indices are is told in `unmix4d.clustering.validity.validity`.
    models : dict of int -> FuzzyClusters
    settings : dict

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

    def __getitem__(self, n):
        if n not in self.models:
            raise KeyError(f"n must be one of {', '.join(map(str, self.models))}, got {n!r}")
        return self.models[n]

    @property
    def votes(self) -> dict:
        """The number of clusters each index is best at, by name."""
        votes = {}
        for name, better in INDICES.items():
            values = np.where(np.isfinite(self.table[name]), self.table[name], -np.inf if better == "higher" else np.inf)
            best = values.argmax() if better == "higher" else values.argmin()
            votes[name] = int(self.table["n_clusters"][best])
        return votes

    @property
    def suggested(self) -> int:
        """The number of clusters that the Xie-Beni index is best at."""
        return self.votes["xie_beni"]

    def plot(self, ax=None):
        """The indices over the number of clusters.

        Parameters
        ----------
        ax : sequence of four matplotlib Axes, optional

        Returns
        -------
        ndarray of matplotlib Axes

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> line = phantoms.martineau_fig5()
        >>> validity = Unmix(line.data, centre=line.centre).fuzzy_validity(range(2, 4), random_state=0)
        >>> len(validity.plot())
        4
        """
        from ..plots import fuzzy as plots_fuzzy

        return plots_fuzzy.validity(self, ax=ax)

    def __repr__(self):
        numbers = self.table["n_clusters"]
        votes = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.votes.items())
        return f"<FuzzyValidity: {numbers[0]} to {numbers[-1]} clusters, {self.suggested} suggested>\n  best at: {votes}"
