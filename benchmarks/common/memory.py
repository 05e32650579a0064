"""Peak resident memory of this process while something runs."""

import threading

import psutil

__all__ = ["PeakMemory"]


class PeakMemory:
    """Watch the resident memory of this process inside a ``with`` block.

    A thread samples it every 10 ms; where the system keeps its own high-water mark (``ru_maxrss``) that
    counts too, as soon as it rises inside the block, so that nothing short-lived is missed.

    Attributes
    ----------
    start, peak : int
        Bytes resident at the beginning, and at most until the end.
    """

    def __enter__(self):
        self._process = psutil.Process()
        self._mark = _high_water_mark()
        self.start = self.peak = self._process.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._done.set()
        self._thread.join()
        mark = _high_water_mark()
        if mark > self._mark:
            self.peak = max(self.peak, mark)

    def _sample(self):
        while not self._done.wait(0.01):
            self.peak = max(self.peak, self._process.memory_info().rss)

    @property
    def extra(self):
        """Bytes needed on top of what was resident at the beginning."""
        return self.peak - self.start

    @property
    def peak_of_process(self):
        """Largest resident size since the process began: interpreter and imports included."""
        return max(self.peak, _high_water_mark())


def _high_water_mark():
    """``ru_maxrss`` in bytes, 0 where the system has none (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if psutil.MACOS else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
