"""The report of a result: one page of HTML that holds everything it shows."""

from .sections import NAMES
from .write import write_report

__all__ = ["NAMES", "write_report"]
