"""What runs leave in a checkpoint, and how they go on from there: the compression, finished starts, the one under way."""

from __future__ import annotations

import json

import numpy as np

from ..engine.compression import LowRank, Smoother
from ..engine.weights import Weights
from .factorisation import Factorisation

__all__ = ["Resume", "Starts", "compressed_once", "kept_or_made", "plain"]

_NUMBERS = ("norm2", "edge", "residual", "seed")


def compressed_once(resume, matrix, smoothing, make, name: str = "compression") -> LowRank:
    """A compression as it was kept, or made now and kept.

    Parameters
    ----------
    resume : Resume or None
        None keeps nothing.
    matrix : PatternMatrix
        What is compressed.
    smoothing : optional
        Bound; as the compression is made with.
    make : callable
        Makes it.
    name : str
        What it is called in the file.

    Returns
    -------
    LowRank
    """
    low = None if resume is None else resume.low(matrix, smoothing, name)
    if low is None:
        low = make()
        if resume is not None:
            resume.keep_low(low, name)
    return low


def kept_or_made(resume, i, make, cancelled=None):
    """The answer `i` as it was kept, or made now and kept.

    Parameters
    ----------
    resume : Resume or None
        With ``answer(i)`` and ``keep_answer(i, answer)``; None keeps nothing.
    i : int
    make : callable
        Makes the answer.
    cancelled : callable, optional
        Says whether to give up: an answer that was cancelled has not ended, and is not kept.

    Returns
    -------
    The answer.
    """
    answer = None if resume is None else resume.answer(i)
    if answer is None:
        answer = make()
        if resume is not None and not (cancelled and cancelled()):
            resume.keep_answer(i, answer)
    return answer


class Resume:
    """What runs of every kind have in a `CheckpointFile`: of which scan they are, and compressions of it.

    Parameters
    ----------
    file : CheckpointFile
    """

    def __init__(self, file):
        self.file = file

    def require_data(self, statistics) -> None:
        """Refuse another scan than the one that was begun with."""
        mine = {"mean_pattern": np.asarray(statistics.mean_pattern), "totals": np.asarray(statistics.totals)}
        kept = self.file.get("data")
        if kept is None:
            self.file.put("data", mine)
            return
        for name, values in mine.items():
            known = kept[0][name]
            if known.shape != values.shape or not np.allclose(known, values, rtol=1e-4, atol=1e-6 * np.abs(values).max()):
                raise ValueError(
                    f"checkpoint must be of this scan, but the {name.replace('_', ' ')} in {self.file.path!r} differs: give "
                    "another name, or delete the file"
                )

    def low(self, matrix, smoothing, name: str = "compression") -> LowRank | None:
        """The compression that was kept."""
        kept = self.file.get(name)
        if kept is None:
            return None
        arrays, facts = kept
        weights = Weights(facts["weights"], arrays.get("pixels"), arrays.get("positions"))
        smoother = None if smoothing is None else Smoother(matrix.geometry, smoothing)
        numbers = {name: facts[name] for name in _NUMBERS}
        return LowRank(
            arrays["left"], arrays["right"], weights, matrix.geometry, smoother=smoother, matrix=matrix, **numbers
        )

    def keep_low(self, low, name: str = "compression") -> None:
        """Keep a compression."""
        arrays = {"left": low.left, "right": low.right, "pixels": low.weights.pixels, "positions": low.weights.positions}
        facts = {"weights": low.weights.kind, **{name: getattr(low, name) for name in _NUMBERS}}
        self._keep(name, {name: a for name, a in arrays.items() if a is not None}, plain(facts))

    def _keep(self, name, arrays, facts):
        self.file.add(name, arrays, facts)


class Starts(Resume):
    """The starts of one NMF.

    Only the best start keeps its maps and patterns, the others what is reported of them: the file stays small, and is
    written anew every time.
    """

    def answer(self, i: int) -> Factorisation | None:
        """The i-th start, when it has ended; maps and patterns are empty unless it is the best."""
        kept = self.file.get(f"start {i}")
        if kept is None:
            return None
        arrays, facts = kept
        return Factorisation(**{"maps": np.empty((0, 0)), "patterns": np.empty((0, 0)), **arrays, **facts})

    def keep_answer(self, i: int, answer: Factorisation) -> None:
        """Keep a start that has ended."""
        facts = {"objective": answer.objective, "converged": bool(answer.converged), "effects": answer.effects}
        arrays = {"history": answer.history, "changes": answer.changes}
        # Starts end in threads: which is the best, and who loses its maps, is decided by one at a time.
        with self.file.lock:
            known = {j: self.answer(j) for j in self._ended() if j != i}
            if all((answer.objective, i) < (other.objective, j) for j, other in known.items()):
                for j in known:
                    self._forget_maps(j)
                arrays |= {"maps": np.ascontiguousarray(answer.maps), "patterns": answer.patterns}
                if answer.squares is not None:
                    arrays["squares"] = answer.squares
            self.file.drop(f"state {i}")
            self.file.put(f"start {i}", arrays, plain(facts))

    def _ended(self):
        return [int(name.removeprefix("start ")) for name in self.file.names() if name.startswith("start ")]

    def _forget_maps(self, i):
        arrays, facts = self.file.get(f"start {i}")
        self.file.replace(f"start {i}", {name: arrays[name] for name in ("history", "changes")}, facts)

    def state(self, i: int):
        """(arrays, facts) of the i-th start where it was, or None."""
        return self.file.get(f"state {i}")

    def keep_state(self, i: int, state) -> None:
        """Keep where the i-th start is; ``state()`` gives arrays and facts, and is called now and then only."""
        if self.file.due():
            arrays, facts = state()
            self.file.put(f"state {i}", {name: np.array(a) for name, a in arrays.items()}, plain(facts))

    def _keep(self, name, arrays, facts):
        self.file.put(name, arrays, facts)


def plain(facts):
    """Facts in JSON types."""
    return json.loads(json.dumps(facts, default=lambda value: value.item() if hasattr(value, "item") else value.tolist()))
