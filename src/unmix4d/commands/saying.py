"""What the command says: its own words, and nothing of what the hosts say to themselves."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from typing import Any

from ..core.messages import UnmixWarning

__all__ = ["only_ours", "say"]


def say(text: str) -> None:
    """Print at once. Where nobody reads any more (``| head``), the run goes on: its answer is in its files."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the program ends)


@contextlib.contextmanager
def only_ours(debug: bool = False):
    """Warnings of this package in one line each, once a file; those of the hosts, and their logs, not at all.

    Yields callable: To be called when the next file begins.
    """
    told: set[str] = set()
    # Private, but what the interpreter itself calls, and the one part of `warnings` that `catch_warnings` leaves alone:
    # where threads of the hosts use that at the same time, filters and `showwarning` of one of them stay behind for good.
    module: Any = warnings
    shown, kept_by = module._showwarnmsg, module._showwarnmsg_impl

    def show(warning):
        if not issubclass(warning.category, UnmixWarning):
            return
        if module._showwarnmsg_impl is not kept_by:
            shown(warning)  # somebody collects them: the report has its own
        elif str(warning.message) not in told:
            print(f"note: {warning.message}", file=sys.stderr)
            told.add(str(warning.message))

    before = logging.root.manager.disable
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without an Å is no reason to stop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UnmixWarning)
        module._showwarnmsg = show
        if not debug:
            logging.disable(logging.CRITICAL)
        try:
            yield told.clear
        finally:
            logging.disable(before)
            module._showwarnmsg = shown
