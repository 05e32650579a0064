"""Scan to Scan, lazily: masks, shift, crop, bin, Friedel fold, neighbour mean, hot pixels and gain."""

from .lazy import persist
from .masks import disks

__all__ = ["disks", "persist"]
