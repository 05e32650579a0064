"""Scan to Scan, lazily: masks, shift, crop, bin, Friedel fold, neighbour mean, hot pixels and gain."""

from .lazy import persist
from .prepare import prepare

__all__ = ["prepare", "persist"]
