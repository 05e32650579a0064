"""Answers edited by hand: merged, split, named, suggested; every edit is a new answer, recorded and repeatable."""
