"""Editing of results by hand: merge, split, rename, suggest. Every edit returns a new result with a repeatable record."""
