"""What everything stands on: the facts of a scan, its geometry and units, checks, messages. NumPy and SciPy only."""
