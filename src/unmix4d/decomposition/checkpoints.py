"""What the runs of a decomposition leave in a checkpoint, and how they go on from there."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial

import numpy as np

from ..engine.compression import LowRank, Smoother
from ..engine.weights import Weights
from ..storage.checkpoint import Kept
from .agglomeration import Merge
from .factorisation import Factorisation
from .merging import MergeRun

__all__ = ["MergeCheckpoint", "NMFCheckpoint", "RunCheckpoint", "plain"]

_OF_COMPRESSION = ("norm2", "edge", "residual", "seed")
_OF_RUN = ("n_parts", "dropped", "threshold", "error", "rounds_error")


class RunCheckpoint:
    """What runs of every kind leave in a `CheckpointFolder`: of which scan they are, and compressions of it.

    Parameters
    ----------
    folder : CheckpointFolder
    """

    def __init__(self, folder):
        self.folder = folder

    def require_data(self, statistics) -> None:
        """Refuse another scan than the one that was begun with."""
        mine = {"mean_pattern": np.asarray(statistics.mean_pattern), "totals": np.asarray(statistics.totals)}
        kept = self.folder.get("data")
        if kept is None:
            self.folder.put("data", mine)
            return
        for name, values in mine.items():
            known = kept[0][name]
            if known.shape != values.shape or not np.allclose(known, values, rtol=1e-4, atol=1e-6 * np.abs(values).max()):
                raise ValueError(
                    f"checkpoint must be of this scan, but the {name.replace('_', ' ')} in {self.folder.path!r} differs: "
                    "give another name, or delete the folder"
                )

    def compression(self, matrix, smoothing) -> Kept:
        """The compression of a `PatternMatrix`, made with bound `smoothing`, with one of several, or with None."""
        return Kept(partial(self._low, matrix, smoothing), self._keep_low)

    def _low(self, matrix, smoothing):
        kept = self.folder.get(self._name("compression"))
        if kept is None or "smooth" not in kept[1]:  # or made before it was kept how it was smoothed: it is made again
            return None
        arrays, facts = kept
        weights = Weights(facts["weights"], arrays.get("pixels"), arrays.get("positions"))
        of = smoothing if isinstance(smoothing, tuple) else (smoothing,)
        chosen = next((one for one in of if one is not None and plain(one.settings()) == facts["smooth"]), None)
        smoother = None if chosen is None else Smoother(matrix.geometry, chosen)
        numbers = {name: facts[name] for name in _OF_COMPRESSION}
        return LowRank(
            arrays["left"], arrays["right"], weights, matrix.geometry, smoother=smoother, matrix=matrix, **numbers
        )

    def _keep_low(self, low):
        arrays = {"left": low.left, "right": low.right, "pixels": low.weights.pixels, "positions": low.weights.positions}
        facts = {"weights": low.weights.kind, "smooth": None if low.smoother is None else low.smoother.smoothing.settings()}
        facts |= {name: getattr(low, name) for name in _OF_COMPRESSION}
        self.folder.put(self._name("compression"), {name: a for name, a in arrays.items() if a is not None}, plain(facts))

    def _name(self, name):
        return name


class NMFCheckpoint(RunCheckpoint):
    """The starts of one NMF: those that have ended, and where the others are.

    Only the best start keeps its maps and patterns, the others what is reported of them: the folder stays small.
    """

    def start(self, i: int) -> Kept:
        """The i-th start, when it has ended; maps and patterns are empty unless it is the best."""
        return Kept(partial(self._start, i), partial(self._keep_start, i))

    def _start(self, i):
        kept = self.folder.get(f"start {i}")
        if kept is None:
            return None
        arrays, facts = kept
        return Factorisation(**{"maps": np.empty((0, 0)), "patterns": np.empty((0, 0)), **arrays, **facts})

    def _keep_start(self, i, answer):
        facts = {"objective": answer.objective, "converged": bool(answer.converged), "effects": answer.effects}
        arrays, beaten = {"history": answer.history, "changes": answer.changes}, ()
        # Starts end in threads: which is the best, and who loses its maps, is decided by one at a time.
        with self.folder.lock:
            known = {j: self._start(j) for j in self._ended() if j != i}
            if all((answer.objective, i) < (other.objective, j) for j, other in known.items()):
                beaten = [j for j, other in known.items() if other.maps.size]
                arrays |= {"maps": np.ascontiguousarray(answer.maps), "patterns": answer.patterns}
                if answer.squares is not None:
                    arrays["squares"] = answer.squares
            # Stopped anywhere in between, there is a start too many that has maps, but never none.
            self.folder.put(f"start {i}", arrays, plain(facts))
            for j in beaten:
                self._forget_maps(j)
            self.folder.drop(f"state {i}")

    def _ended(self):
        return [int(name.removeprefix("start ")) for name in self.folder.names() if name.startswith("start ")]

    def _forget_maps(self, i):
        arrays, facts = self.folder.get(f"start {i}")
        self.folder.put(f"start {i}", {name: arrays[name] for name in ("history", "changes")}, facts)

    def state(self, i: int):
        """(arrays, facts) of the i-th start where it was, or None."""
        return self.folder.get(f"state {i}")

    def keep_state(self, i: int, state) -> None:
        """Keep where the i-th start is; ``state()`` gives arrays and facts, and is called now and then only."""
        if self.folder.due():
            arrays, facts = state()
            self.folder.put(f"state {i}", arrays, plain(facts))


class MergeCheckpoint(RunCheckpoint):
    """The runs of one merging NMF, each of them as a whole, for the consensus needs them all."""

    def run(self, i: int) -> Kept:
        """The i-th run, when it has ended."""
        return Kept(partial(self._run, i), partial(self._keep_run, i))

    def _run(self, i):
        kept = self.folder.get(f"run {i}")
        if kept is None:
            return None
        arrays, facts = kept
        members = tuple(tuple(parts) for parts in facts["members"])
        history = tuple(Merge(**{**merge, "nodes": tuple(merge["nodes"])}) for merge in facts["history"])
        return MergeRun(members=members, history=history, **arrays, **{name: facts.get(name) for name in _OF_RUN})

    def _keep_run(self, i, run):
        facts = {"members": run.members, "history": [asdict(merge) for merge in run.history]}
        facts |= {name: getattr(run, name) for name in _OF_RUN}
        self.folder.put(f"run {i}", {"maps": run.maps, "patterns": run.patterns}, plain(facts))


def plain(facts):
    """Facts in JSON types."""
    return json.loads(json.dumps(facts, default=lambda value: value.item() if hasattr(value, "item") else value.tolist()))
