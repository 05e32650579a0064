"""Errors that are told apart by their type, never by their text."""

from __future__ import annotations

__all__ = ["ChangedData", "UnreadableFile"]


class UnreadableFile(OSError):
    """A file that is not what it should be, is damaged, or of a newer version; the message begins with its name."""


class ChangedData(ValueError):
    """The data behind a result are no longer those that it was made from."""
