"""Progress bars: shown for what takes longer than a second, and only where the host's preference allows."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

__all__ = ["progress"]

_DELAY = 1.0  # seconds; what is faster stays silent


@contextmanager
def progress(total: int, description: str, shown: bool = True):
    """A context that gives a function to call after every step.

    Parameters
    ----------
    total : int
        Number of steps expected at most.
    description : str
    shown : bool
        False keeps silent.
    """
    with warnings.catch_warnings():
        # In a notebook without ipywidgets tqdm draws its bar as text, and says so in words that explain nothing.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm

    # Said only when silent, so that tqdm's own switches (TQDM_DISABLE) keep working.
    silent = {} if shown else {"disable": True}
    bar = tqdm(total=total, desc=description, delay=_DELAY, leave=False, **silent)
    try:
        yield bar.update
    finally:
        bar.close()
