"""What every reproduction prints: a table of numbers, the paper's observations beside ours, notes; and its figure."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.tables import markdown_table

__all__ = ["Fact", "Report", "parser", "run"]


@dataclass(frozen=True)
class Fact:
    """One observation of the paper.

    Attributes
    ----------
    paper, ours : str
        What the paper says, and what was measured here.
    holds : bool
        Whether ours agrees.
    expected : bool
        False where it is known not to, and the notes say why: a run that differs from this ends with exit code 1.
    """

    paper: str
    ours: str
    holds: bool
    expected: bool = True


@dataclass
class Report:
    """One reproduction.

    Attributes
    ----------
    title, intro : str
    tables : list of (caption, header, rows)
    facts : list of Fact
    notes : list of str
    draw : callable(path) or None
    """

    title: str
    intro: str
    tables: list = field(default_factory=list)
    facts: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    draw: Callable | None = None

    @property
    def surprises(self):
        """Facts that came out otherwise than expected."""
        return [fact for fact in self.facts if bool(fact.holds) != fact.expected]

    def markdown(self, figure=None):
        """The whole report as text; `figure` is the address of its picture."""
        parts = [f"## {self.title}", self.intro]
        for caption, header, rows in self.tables:
            parts += [caption, markdown_table(header, rows)] if caption else [markdown_table(header, rows)]
        if self.facts:
            rows = [(fact.paper, fact.ours, "yes" if fact.holds else "no") for fact in self.facts]
            parts += ["Observations:", markdown_table(("the paper", "here", "agrees"), rows)]
        parts += ["\n".join(f"- {note}" for note in self.notes)] if self.notes else []
        parts += [f"![{self.title}]({figure})"] if figure else []
        return "\n\n".join(parts) + "\n"


def parser(description, **numbers):
    """Command line with ``--out`` and ``--figure``, and whole numbers with their defaults."""
    line = argparse.ArgumentParser(description=description.splitlines()[0])
    line.add_argument("--out", metavar="FILE.md", help="also write the tables to this file")
    line.add_argument("--figure", metavar="FILE.png", help="draw the figure into this file")
    for name, default in numbers.items():
        line.add_argument(f"--{name}", type=int, default=default, help="(default: %(default)s)")
    return line


def run(make, command_line, argv=None):
    """Make a report, print it, write what was asked for; number of surprises as exit code (at most 1)."""
    options = command_line.parse_args(argv)
    report = make(options)
    text = report.markdown()
    print(text)
    if options.out:
        Path(options.out).write_text(text, encoding="utf-8")
    if options.figure and report.draw:
        report.draw(options.figure)
    return int(bool(report.surprises))
