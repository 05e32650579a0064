"""What choosing a number of components leaves in a checkpoint: every number that is finished, and the held-out counts."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..decomposition.checkpoints import RunCheckpoint, plain
from ..decomposition.factorisation import Factorisation
from ..decomposition.refit import Refit
from ..storage.checkpoint import Kept
from .run import HeldOut

__all__ = ["ChooseKCheckpoint"]

_NOTHING = np.empty((0, 0))
_ENDS = ("maps", "patterns", "squares", "pixel_squares", "map_gram")


class ChooseKCheckpoint(RunCheckpoint):
    """The factorisations with every number of components, of the scan or of a part of its counts.

    Parameters
    ----------
    folder : CheckpointFolder
    part : str
        What the names in the folder begin with, for a part of the counts.
    """

    def __init__(self, folder, part: str = ""):
        super().__init__(folder)
        self._part = part

    def of_part(self, part: str) -> ChooseKCheckpoint:
        """Those of a part of the counts, in the same folder. Only their best starts are kept."""
        return ChooseKCheckpoint(self.folder, f"{part} ")

    def _name(self, name):
        return self._part + name

    def number(self, n: int) -> Kept:
        """Best start and all starts with n components; what nothing is read from any more is empty."""
        return Kept(partial(self._number, n), partial(self._keep_number, n))

    def _number(self, n):
        kept = self.folder.get(self._name(f"k {n}"))
        if kept is None:
            return None
        arrays, facts = kept
        starts = [
            Factorisation(
                arrays.get(f"maps {i}", _NOTHING).T, arrays["patterns"] if i == facts["best"] else _NOTHING,
                facts["objectives"][i], arrays[f"history {i}"], arrays[f"changes {i}"], facts["converged"][i],
            )
            for i in range(len(facts["objectives"]))
        ]  # fmt: skip
        return starts[facts["best"]], starts

    def _keep_number(self, n, answer):
        # Their maps are compared later; of patterns the best are enough.
        best, starts = answer
        facts = {
            "best": next(i for i, start in enumerate(starts) if start is best),
            "objectives": [start.objective for start in starts], "converged": [bool(start.converged) for start in starts],
        }  # fmt: skip
        arrays = {"patterns": best.patterns}
        for i, start in enumerate(starts):
            arrays |= {f"history {i}": start.history, f"changes {i}": start.changes}
            if start is best or not self._part:
                # As the solver holds them: sums in another order would round otherwise.
                arrays[f"maps {i}"] = np.ascontiguousarray(start.maps.T)
        self.folder.put(self._name(f"k {n}"), arrays, plain(facts))

    def end(self, n: int) -> Refit | None:
        """The refit with n components, without what only constraints ask for."""
        kept = self.folder.get(self._name(f"end {n}"))
        return None if kept is None else Refit(**kept[0], free_maps=_NOTHING, free_patterns=_NOTHING)

    def keep_end(self, n: int, final: Refit) -> None:
        """Keep the refit with n components."""
        self.folder.put(self._name(f"end {n}"), {name: np.ascontiguousarray(getattr(final, name)) for name in _ENDS})

    def held_out(self) -> HeldOut | None:
        """The gains of held-out counts."""
        kept = self.folder.get("held out")
        return None if kept is None else HeldOut(kept[0]["ks"], kept[0]["gains"], kept[1]["electrons"])

    def keep_held_out(self, found: HeldOut) -> None:
        """Keep the gains of held-out counts."""
        arrays = {"ks": np.asarray(found.ks), "gains": np.ascontiguousarray(found.gains)}
        self.folder.put("held out", arrays, plain({"electrons": found.electrons}))
