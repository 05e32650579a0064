"""MergedDecomposition: the answer of an NMF that merges components, with its tree, its runs and what they agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from .decomposition import Decomposition

__all__ = ["MergedDecomposition"]


@dataclass(frozen=True, eq=False)
class MergedDecomposition(Decomposition):
    """A decomposition whose components were merged from more, in one run or as many runs agree on.

    Attributes
    ----------
    stability : ndarray of float64 (k,)
        Share of the runs that have the component.
    agreement : ndarray of float64 (k,)
        Mean Pearson correlation of the runs' maps with the consensus map that the component belongs to.
    spread : ndarray (k, scan_row, scan_col) or None
        Of a consensus: median absolute deviation of the runs' maps from the one kept, in units of that map.
    history : tuple of Merge
        Of a single run, the tree of its merges in their order: nodes 0 to n - 1 are the parts, the i-th merge makes node
        n + i.
    members : tuple of tuple of int
        Of a single run, the parts that each component is the sum of.
    runs : tuple of MergeRun
        All runs, as they were; not saved.
    best : int
        Which of them this result is: the smallest error among the runs with the most common number of parts. -1 for a
        consensus.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(16, 16), detector_shape=(40, 40), seed=0)
    >>> view = Unmix(film.data, centre=film.centre).prepare(direct_beam=3).angular_average(rings=[(5, 18)])
    >>> result = view.merge_nmf(8, n_runs=4, random_state=0)
    >>> len(result.runs), result.k == len(result.stability)
    (4, True)
    >>> result.consensus().best
    -1
    """

    stability: np.ndarray | None = None
    agreement: np.ndarray | None = None
    spread: np.ndarray | None = None
    history: tuple = ()
    members: tuple = ()
    runs: tuple = ()
    best: int = -1
    problem: object = None
    view: object = None

    saved_arrays: ClassVar[dict] = {
        **Decomposition.saved_arrays, "stability": ("k",), "agreement": ("k",), "spread": ("k", "scan"),
    }  # fmt: skip

    def saved_head(self) -> dict:
        """The tree, in JSON types; the runs are not saved.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(12, 10), detector_shape=(32, 32), background=0, seed=0)
        >>> merged = Unmix(film.data).merge_nmf(4, n_runs=2, random_state=0)
        >>> sorted(merged.saved_head()["merging"])
        ['best', 'history', 'members']
        """
        tree = [asdict(merge) for merge in self.history]
        return {"merging": {"best": self.best, "members": self.members, "history": tree}}

    @classmethod
    def read_head(cls, head: dict) -> dict:
        """What `saved_head` wrote, as arguments.

        Examples
        --------
        >>> from unmix4d import MergedDecomposition
        >>> MergedDecomposition.read_head({"merging": {"best": 0, "members": [[0, 1], [2]], "history": []}})["members"]
        ((0, 1), (2,))
        """
        from ..decomposition.agglomeration import Merge

        head = head["merging"]
        return {
            "best": int(head["best"]),
            "members": tuple(tuple(int(part) for part in parts) for parts in head["members"]),
            "history": tuple(Merge(**{**merge, "nodes": tuple(merge["nodes"])}) for merge in head["history"]),
        }

    def consensus(
        self, how: str = "median", min_share: float = 0.5, *, alike: float = 0.8, least_part: float = 0.15
    ) -> MergedDecomposition:
        """What the runs agree on: their components matched by where they are, those of too few runs left out.

        Components of all runs are grouped by the correlation of their maps (average linkage). What two components of one run
        share is one grain that this run did not merge: their maps add up. Patterns are fitted to the scan for the consensus
        maps, by exact non-negative least squares; one pass.

        Parameters
        ----------
        how : {"median", "mean"}
            Over the runs that have the component, position by position.
        min_share : float
            Least share of the runs, 0 to 1.
        alike : float
            Least mean correlation of the maps of one component, 0 to 1.
        least_part : float
            Components that are less than this share of what is fitted at their own places (in squares) are rim components,
            no grains: fringes at a rim, or what two grains scatter one after the other. They join the component around them,
            where there is one. 0: all stay.

        Returns
        -------
        MergedDecomposition
            With `stability`, `agreement` and `spread` of every component.

        Raises
        ------
        ValueError
            When an argument is out of range, no component is in enough runs, or the result was loaded from a file, which
            holds no runs.

        References
        ----------
        Bruefach, Ophus and Scott, APL Mach. Learn. 1 (2023) 016106, doi:10.1063/5.0130546

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> merged = Unmix(film.data).merge_nmf(6, n_runs=3, random_state=0)
        >>> agreed = merged.consensus()
        >>> agreed.stability.shape == (agreed.k,)
        True
        """
        if not self.runs or self.problem is None:
            raise ValueError(
                "consensus needs the runs, which a saved result or a consensus does not hold: call merge_nmf again"
            )
        from ..decomposition.consensus import consensus
        from . import build as assemble_merged

        options = {"how": how, "min_share": min_share, "alike": alike, "least_part": least_part}
        return assemble_merged.consensus_result(self, consensus(self.problem, self.runs, **options), options)

    def plot_history(self, ax=None):
        """The tree of the merges: which parts became one component, and at which similarity.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            When this is a consensus, which has no tree.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(12, 10), detector_shape=(32, 32), background=0, seed=0)
        >>> merged = Unmix(film.data).merge_nmf(4, n_runs=2, random_state=0)
        >>> ax = merged.plot_history()
        >>> ax.get_ylabel()
        'similarity'
        """
        from ..plots import merging as plots_merging

        return plots_merging.history(self, ax=ax)

    def plot_stability(self, ax=None):
        """Share of the runs that have each component, and how well their maps agree.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(12, 10), detector_shape=(32, 32), background=0, seed=0)
        >>> merged = Unmix(film.data).merge_nmf(4, n_runs=2, random_state=0)
        >>> ax = merged.plot_stability()
        >>> ax.get_xlabel()
        'component'
        """
        from ..plots import merging as plots_merging

        return plots_merging.stability(self, ax=ax)

    def __repr__(self):
        first, *rest = super().__repr__().splitlines()
        what = "consensus" if self.best < 0 else f"run {self.best}"
        first = first.replace("<Decomposition", "<MergedDecomposition")
        merges = f", merged from {sum(map(len, self.members))}" if self.best >= 0 else ""
        stable = int((self.stability >= 0.5).sum())
        note = f"  {what}{merges}; {stable} of {self.k} components in at least half of {self.settings['n_runs']} runs"
        return "\n".join([first, rest[0], note, *rest[1:-1], rest[-1] + (" .consensus()" if self.runs else "")])
