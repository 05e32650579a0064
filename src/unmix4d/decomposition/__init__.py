"""Solvers: numbers in, numbers out. They know matrices and frames, no host and no plot."""
