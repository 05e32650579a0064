"""KChoice: the recommended number of components, with everything that speaks for and against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ..choose_k.cao2025 import Cao2025
from ..core.arrays import freeze, set_frozen_state
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..plots import choose_k as plots_choose_k
from ..storage.table_file import to_csv
from .forms import COUNT, SETTINGS, Arrays, Field, Json, Mapping, Record, are, are_counts, require
from .saved import RESULTS, Answer, Form, savable, save

__all__ = ["KChoice"]

_PROXIES = ("votes", "results")


def _sound(choice):
    ks, recommended = choice.ks.tolist(), choice.recommended
    require(ks == sorted(set(ks)) and ks and ks[0] > 0, "the numbers of components")
    require(all(len(column) == len(ks) for column in choice.table.values()) and "loss" in choice.table, "the table")
    require([*choice.results] == ks and all(result.k == k for k, result in choice.results.items()), "the results")
    require(recommended in ks and choice.sizes.ndim == 1, "the recommended number, or the sizes,")
    require({*choice.similarities} <= {*ks}, "the similarities")
    for k, matrices in choice.similarities.items():
        require(all(matrix.shape == (k, k) for matrix in matrices.values()), "the similarities")


def _is_vote(value):
    return isinstance(value, dict) and all(vote is None or type(vote) is int for vote in value.values())


_MATRICES = Mapping(str, Arrays("f"))
_DETAILS: dict[str, Field] = {
    "recommended": COUNT, "knee": Json(lambda knee: knee is None or are_counts([knee])), "region": Json(are_counts, tuple),
    "matrices": _MATRICES, "means": Mapping(str, Arrays("f")), "chosen": Json(_is_vote),
}  # fmt: skip
_FORM = Form(
    {
        "recommended": COUNT, "confidence": Json(("clear", "ambiguous").__contains__),
        "reasons": Json(lambda told: are(str, told), tuple), "votes": Json(_is_vote), "ks": Arrays("i", ("n",)),
        "table": Mapping(str, Arrays("fib", ("n",))), "region": Json(are_counts, tuple), "settings": SETTINGS,
        "sizes": Arrays("f"), "similarities": Mapping(int, _MATRICES), "results": Mapping(int, Answer(RESULTS)),
        "details": Record(Cao2025, _DETAILS, optional=True),
    },
    lambda choice: {"n": len(choice.ks)},
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class KChoice:
    """Recommended number of components, with reasons.

    The number is that of distinguishable patterns: a background is one, a direct beam that varies independently is one, and
    a bent crystal is several.

    Attributes
    ----------
    recommended : int
        Recommended number of components.
    confidence : {"clear", "ambiguous"}
        Whether the criteria agree that decide the recommendation.
    reasons : tuple of str
        Reasons for and against the recommendation.
    votes : dict of int or None
        Number recommended by each criterion alone, None if it cannot be computed. The criteria are described in
        ``docs/choose_k.md``.
    ks : ndarray of int (n,)
        Numbers that were tried, in ascending order.
    table : dict of ndarray (n,)
        ``k`` and all criteria for every number.
    region : (int, int)
        Region of interest, at most 4 from the knee of the loss (Cao 2025).
    sizes : ndarray of float64
        Singular values of the compressed scan in descending order, as multiples of what noise alone reaches.
    similarities : dict of dict
        For every number the similarity matrices (k, k) of its patterns, with the keys ``"cosine"``, ``"ssim"`` and both with
        ``"_sqrt"``. For features only the cosines.
    details : Cao2025 or None
        The steps of the paper, with ``rule="cao2025"``.
    settings : dict
        Settings of the computation.
    results : dict of Decomposition
        Results for every number, as returned by ``choice[k]``.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
    >>> choice = Unmix(film.data, centre=film.centre).choose_k([2, 3, 4], random_state=0)
    >>> choice.recommended, choice.votes["noise_edge"], choice[3].k
    (3, 3, 3)
    """

    recommended: int
    confidence: str
    reasons: tuple
    votes: dict
    ks: np.ndarray
    table: dict
    region: tuple
    settings: dict
    sizes: np.ndarray
    similarities: dict = field(default_factory=dict)
    results: dict = field(default_factory=dict)
    details: Cao2025 | None = None

    plot = plots_choose_k.criteria
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv
    plot_image_quality = plots_choose_k.image_quality
    plot_similarity = plots_choose_k.similarity

    def to_host(self, *, fill_value: float = 0.0, undistort: Any = False) -> tuple[Any, Any]:
        """Convert the result with the recommended number of components, like `Decomposition.to_host`.

        Parameters
        ----------
        fill_value : float
            Value of excluded detector pixels in the patterns.
        undistort : bool or array (2, 2) or (3, 3)
            As in `Decomposition.to_host`.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
        >>> maps, patterns = Unmix(film.data, centre=film.centre).choose_k([2, 3], random_state=0).to_host()
        >>> len(maps) == len(patterns)
        True
        """
        return self[self.recommended].to_host(fill_value=fill_value, undistort=undistort)

    def __post_init__(self):
        freeze(self, ("ks", "sizes"))
        object.__setattr__(self, "table", Table({"k": self.ks, **self.table}))
        for name in _PROXIES:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __getstate__(self):
        # A dict that cannot be written to can neither be pickled nor copied.
        return {name: dict(value) if name in _PROXIES else value for name, value in vars(self).items()}

    def __setstate__(self, state):
        set_frozen_state(self, state)
        vars(self).update({name: MappingProxyType(state[name]) for name in _PROXIES})

    def __getitem__(self, k):
        """The `Decomposition` with k components."""
        try:
            return self.results[k]
        except (KeyError, TypeError):
            known = ", ".join(map(str, self.ks))
            raise KeyError(f"k must be one of the numbers that were tried, {known}, got {k!r}") from None

    def __len__(self):
        return len(self.ks)

    def __iter__(self):
        return iter(int(k) for k in self.ks)

    def __repr__(self):
        low, high = int(self.ks[0]), int(self.ks[-1])
        rule = self.settings["rule"]
        lines = [f"<KChoice: {self.recommended} components of {low} to {high}, {self.confidence} (rule {rule})>"]
        lines += [f"  - {reason}" for reason in self.reasons]
        said = [f"{name.replace('_', ' ')} {'-' if vote is None else vote}" for name, vote in self.votes.items()]
        lines.append("  votes: " + ", ".join(said))
        lines.append("  counts patterns; a grain that scatters dynamically has several: merge_nmf counts grains")
        lines.append(f"  [{self.recommended}] is its decomposition; .plot() .plot_similarity() .to_dataframe() .save(path)")
        return "\n".join(lines)
