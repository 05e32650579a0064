"""Progress bars: shown for what takes longer than a second, and only where the host's preference allows."""

from __future__ import annotations

from contextlib import contextmanager

__all__ = ["progress"]


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
    from tqdm.auto import tqdm

    # The delay keeps short runs silent.
    bar = tqdm(total=total, desc=description, disable=not shown, delay=1.0, leave=False)
    try:
        yield bar.update
    finally:
        bar.close()
