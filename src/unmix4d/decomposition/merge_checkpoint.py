"""What the runs of a merging NMF leave in a checkpoint: each of them as a whole, for the consensus needs them all."""

from __future__ import annotations

from dataclasses import asdict

from .agglomeration import Merge
from .checkpoints import Resume, plain
from .merging import MergeRun

__all__ = ["Runs"]

_NUMBERS = ("n_parts", "dropped", "threshold", "error")


class Runs(Resume):
    """The runs of one merging NMF, and the compression that they share.

    Parameters
    ----------
    file : CheckpointFile
    """

    def answer(self, i: int) -> MergeRun | None:
        """The i-th run, when it has ended."""
        kept = self.file.get(f"run {i}")
        if kept is None:
            return None
        arrays, facts = kept
        members = tuple(tuple(parts) for parts in facts["members"])
        history = tuple(Merge(**{**merge, "nodes": tuple(merge["nodes"])}) for merge in facts["history"])
        return MergeRun(members=members, history=history, **arrays, **{name: facts[name] for name in _NUMBERS})

    def keep_answer(self, i: int, run: MergeRun) -> None:
        """Keep a run that has ended."""
        facts = {"members": run.members, "history": [asdict(merge) for merge in run.history]}
        facts |= {name: getattr(run, name) for name in _NUMBERS}
        self.file.add(f"run {i}", {"maps": run.maps, "patterns": run.patterns}, plain(facts))
