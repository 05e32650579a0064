"""Progress bars: shown for what takes longer than a second, and only where the host's preference allows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["part_done", "progress"]

_DELAY = 1.0  # seconds; what is faster stays silent
# Steps are as unlike as a pass over the scan and an iteration in memory: time left would be guessed from the wrong ones.
_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
_PART = 0.95  # of a step, when all blocks of its pass are done: sums are still to be made of them, a size of drawing

_current: ContextVar[Callable | None] = ContextVar("unmix4d_progress", default=None)


@contextmanager
def progress(total: float, description: str, shown: bool = True) -> Iterator[Callable]:
    """A context that gives a function to call after every step; the bar is full at its end, unless something went wrong.

    total: Number of steps expected at most. What ends early, as converged iterations do, fills the bar.
    shown: False keeps silent.
    """
    with warnings.catch_warnings():
        # In a notebook without ipywidgets tqdm draws its bar as text, and says so in words that explain nothing.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm

    # Said only when silent, so that tqdm's own switches keep working; its bars for notebooks do not look at this one.
    silent: dict[str, Any] = {} if shown and not os.environ.get("TQDM_DISABLE") else {"disable": True}
    # miniters: else it waits for steps as large as those before, and parts of steps are smaller.
    bar = tqdm(total=total, desc=description, delay=_DELAY, miniters=0, bar_format=_FORMAT, **silent)
    done = 0.0

    def advance(to):
        if (more := min(to, total) - bar.n) > 0:  # what an uncounted pass had shown already is not taken back
            bar.update(more)

    def step(steps=1):
        nonlocal done
        done += steps
        advance(done)

    before = _current.set(lambda part: advance(done + _PART * part))
    try:
        yield step
        advance(total)
    finally:
        _current.reset(before)
        bar.close()


def part_done(part: float) -> None:
    """How much of the step that is being made is done, 0 to 1: passes over a large scan say so after every block."""
    if current := _current.get():
        current(part)
