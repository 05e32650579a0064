"""The sections of a report, in their order; each is made on its own, or left out with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import section_components, section_maps, section_quality, section_scans, section_settings

__all__ = ["NAMES", "SECTIONS", "Parts", "Section"]


@dataclass(frozen=True)
class Parts:
    """What a report is about: a result, and what its user has made of it besides."""

    result: object
    choice: object = None
    grains: object = None
    groups: object = None
    orientations: object = None


@dataclass(frozen=True)
class Section:
    """A heading, and a function Parts -> HTML that raises where there is nothing to show."""

    heading: str
    write: Callable


SECTIONS = {
    "summary": Section("Summary", section_settings.summary),
    "number": Section("How many components", section_components.number),
    "components": Section("Patterns and maps", section_components.components),
    "scans": Section("Scan by scan", section_scans.scans),
    "fit": Section("What the fit leaves over", section_quality.fit),
    "overlap": Section("Overlap", section_maps.overlap),
    "grains": Section("Grains", section_maps.grains),
    "groups": Section("Groups of rotated patterns", section_maps.groups),
    "orientations": Section("Orientations", section_maps.orientations),
    "quality": Section("Quality", section_quality.quality),
    "settings": Section("Settings", section_settings.settings),
    "citation": Section("What to cite", section_settings.citation),
}
NAMES = tuple(SECTIONS)
