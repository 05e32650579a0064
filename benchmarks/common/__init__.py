"""What the benchmarks share: command line, goals, tables, scans, other programs, processes, time and memory."""

import os

# Before anything imports tqdm or pyplot: no progress bars among the tables, and no windows.
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
