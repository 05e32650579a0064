"""MergedDecomposition: the answer of an NMF that merges components, with its tree, its runs and what they agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from ..core import checks
from ..core.spelling import spelled
from ..decomposition.agglomeration import Merge
from ..decomposition.consensus import consensus
from ..decomposition.grain_probability import GRAIN, count_interval, grain_probability
from ..plots import merging as plots_merging
from .build import arranged
from .citations import MERGING
from .data_of_a_result import require_same_data
from .decomposition import Decomposition
from .further_figures import Further, further_figures
from .meaning import Meaning
from .saved import savable

__all__ = ["MEANING", "MergedDecomposition", "merged_answer"]

MEANING = Meaning("merging NMF")


@savable()
@spelled
@dataclass(frozen=True, eq=False, repr=False)
class MergedDecomposition(Decomposition):
    """Decomposition with merged components, from one run or the consensus of many runs.

    Attributes
    ----------
    stability : ndarray of float64 (k,)
        Share of the runs that contain the component.
    agreement : ndarray of float64 (k,)
        Mean Pearson correlation of the maps of the runs with the consensus map.
    grain_probability : ndarray of float64 (k,)
        Probability that the component is one grain, i.e. that its map has a correlation above 0.7 with that of the grain. It
        is computed from its map and pattern and those of the other components, and was fitted to simulated films with and
        without dynamical scattering (``docs/merging.md``). It is only meaningful for polycrystals.
    spread : ndarray (k, scan_row, scan_col) or None
        For a consensus, the median absolute deviation of the maps of the runs from the consensus map, in units of that map.
    history : tuple of Merge
        For a single run, its merges in their order: nodes 0 to n - 1 are the initial components, and the i-th merge makes
        node n + i.
    members : tuple of tuple of int
        For a single run, the initial components that each component is the sum of.
    runs : tuple of MergeRun
        All runs. They are not saved.
    best : int
        Number of the run that this result is, the one with the smallest error among those with the most common number of
        components. -1 for a consensus.

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

    # Always given; the fields of Decomposition have defaults, and so must these.
    stability: np.ndarray = None  # type: ignore[assignment]
    agreement: np.ndarray = None  # type: ignore[assignment]
    grain_probability: np.ndarray = None  # type: ignore[assignment]
    spread: np.ndarray = None  # type: ignore[assignment]
    history: tuple = ()
    members: tuple = ()
    runs: tuple = ()
    best: int = -1
    _problem: Any = None

    _saved_arrays: ClassVar[dict] = {
        **Decomposition._saved_arrays, "stability": ("k",), "agreement": ("k",), "grain_probability": ("k",),
        "spread": ("k", "scan"),
    }  # fmt: skip

    @property
    def no_grains(self) -> tuple[int, ...]:
        """Components that are probably not grains, with a `grain_probability` below 0.5."""
        known = self.grain_probability  # files of 0.1.0 have none
        return () if known is None else tuple(np.flatnonzero(known < GRAIN).tolist())

    @property
    def n_grains(self) -> int:
        """Number of components that are probably grains, including those made by hand."""
        return self.k - len(self.no_grains)

    def n_grains_interval(self, level: float = 0.9) -> tuple[int, int]:
        """Return an interval for the number of grains among the components.

        Grains without a component are not included.

        Parameters
        ----------
        level : float
            Probability of the central interval, 0 to 1.

        Returns
        -------
        (int, int)
            Smallest and largest number of grains.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> agreed = Unmix(film.data).merge_nmf(6, n_runs=3, random_state=0).consensus()
        >>> low, high = agreed.n_grains_interval()
        >>> low <= agreed.n_grains <= high <= agreed.k
        True
        """
        known = np.ones(self.k) if self.grain_probability is None else np.nan_to_num(self.grain_probability, nan=1.0)
        return count_interval(known, checks.fraction(level, "level"))

    plot_history = plots_merging.history
    plot_stability = plots_merging.stability

    def _saved_head(self) -> dict:
        """The tree, in JSON types; the runs are not saved."""
        tree = [asdict(merge) for merge in self.history]
        return {"merging": {"best": self.best, "members": self.members, "history": tree}}

    @classmethod
    def _read_head(cls, head: dict) -> dict:
        """What `_saved_head` wrote, as arguments."""
        head = head["merging"]
        return {
            "best": int(head["best"]),
            "members": tuple(tuple(int(part) for part in parts) for parts in head["members"]),
            "history": tuple(Merge(**{**merge, "nodes": tuple(merge["nodes"])}) for merge in head["history"]),
        }

    def consensus(
        self, how: str = "median", min_share: float = 0.5, *, alike: float = 0.8, denoise: bool = True
    ) -> MergedDecomposition:
        """Return the consensus: the components that the runs agree on.

        Components of all runs are grouped by the correlation of their maps (average linkage), and groups with too few runs
        are removed. Two components of one run in the same group are one grain that this run did not merge, so their maps are
        added. Patterns are fitted to the scan for the consensus maps by exact non-negative least squares, in one pass.

        Parameters
        ----------
        how : {"median", "mean"}
            Average of the maps over the runs that contain the component.
        min_share : float
            Smallest share of the runs that contain a component, 0 to 1.
        alike : float
            Smallest mean correlation of the maps of one component, 0 to 1.
        denoise : bool
            If True, average maps over neighbouring positions where they vary no more than their noise (the filter of Lee
            1980). Edges that stand out of the noise are kept. The patterns are fitted for these maps.

        Returns
        -------
        MergedDecomposition
            The consensus, with `stability`, `agreement` and `spread` of every component.

        Raises
        ------
        ValueError
            If an argument is out of range, no component is in enough runs, or the result was loaded from a file, which does
            not contain the runs.

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
        if not self.runs or self._problem is None or self._view is None:
            raise ValueError(
                "consensus needs the runs, which a saved result, an edited one or a consensus does not hold: call merge_nmf "
                "again, or .undo()"
            )
        options: dict[str, Any] = {"how": how, "min_share": min_share, "alike": alike, "denoise": bool(denoise)}
        found = consensus(self._problem, self.runs, **options)
        told = {name: value if name in ("how", "denoise") else float(value) for name, value in options.items()}
        told["left_out"] = found.left_out
        matrix = self._view.matrix(self.settings["precision"])
        answer = merged_answer(
            self._view, matrix, found.maps, found.patterns, {**self.settings, "consensus": told}, stability=found.share,
            agreement=found.agreement, probability=grain_probability(found.signs), spread=found.spread,
        )  # fmt: skip
        require_same_data(self, answer, "consensus")
        return answer

    def _edited_fields(self, origins, changed):
        """The runs know nothing of components that were made by hand; those that were not keep what is known of them."""
        fields = super()._edited_fields(origins, changed)
        order = [parts[0] for parts in origins]
        anew = [n in changed for n in range(len(order))]
        for name in ("stability", "agreement", "grain_probability", "spread"):
            known = getattr(self, name)
            if known is not None:
                fields[name] = np.array(known[order])
                fields[name][anew] = np.nan
        if not changed and sorted(order) == list(range(self.k)):
            return {**fields, "members": tuple(self.members[i] for i in order) if self.members else ()}
        return {**fields, "members": (), "history": (), "runs": (), "best": -1}

    def _columns(self):
        known = {} if self.grain_probability is None else {"grain_probability": self.grain_probability}
        return {**super()._columns(), "stability": self.stability, "agreement": self.agreement, **known}

    def _notes(self):
        what = "consensus" if self.best < 0 else f"run {self.best}"
        merges = f", merged from {sum(map(len, self.members))}" if self.best >= 0 else ""
        stable = int((self.stability >= 0.5).sum())
        more = "; .consensus()" if self.runs else ""
        of = f"{stable} of {self.k} components in at least half of {self.settings['n_runs']} runs"
        low, high = self.n_grains_interval()
        grains = f"  {self.n_grains} grains (90 %: {low} to {high})"
        if self.no_grains:
            others = ", ".join(self.names[i] for i in self.no_grains)
            grains += f"; probably not grains: component {others} (.grain_probability)"
        return [f"  {what}{merges}; {of}{more}", grains]


@further_figures.register
def _(result: MergedDecomposition) -> Further:
    """The stability of the components and, of a single run, the tree of its merges."""
    stable = result.plot_stability, "stability of the components", "How many of the runs have each component."
    tree = result.plot_history, "tree of the merges", "Which parts became one component."
    return [stable, tree] if result.history else [stable]


def merged_answer(
    view, matrix, maps, patterns, settings, *, members=(), stability, agreement, probability, spread=None, **more
):
    """The result for maps of merged components: patterns fitted to the scan, in the order of the intensities."""
    found = arranged(view, matrix, maps, patterns, fit=True)
    size = np.maximum(maps.max(0).astype(np.float64), np.finfo(float).tiny)[found.order]
    if spread is not None:
        spread = view.geometry.to_maps((spread[:, found.order] / size).astype(matrix.dtype))
    return found.answer(
        MergedDecomposition, method="merge_nmf", squares=found.squares(), settings=settings, _view=view,
        members=tuple(members[i] for i in found.order) if members else (), stability=stability[found.order],
        agreement=agreement[found.order], grain_probability=probability[found.order], spread=spread, meaning=MEANING,
        references=MERGING, quiet=settings.get("only_noise", False), **more,
    )  # fmt: skip
