"""Scan to Scan, lazily: masks, shift, crop, bin, Friedel fold, neighbour mean, hot pixels and gain."""

from .lazy import persist
from .masks import disks
from .prepare import prepare
from .thinning import split_counts

__all__ = ["disks", "prepare", "persist", "split_counts"]
