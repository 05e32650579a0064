"""From a result to the file of its report."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import hosts
from ..core import checks
from ..core.errors import ChangedData
from ..core.messages import UnmixWarning, warn
from ..core.progress import progress
from ..core.text import writable
from ..core.version import __version__
from ..orientation.orientations import Orientations
from ..results.grains import Grains
from ..results.groups import Groups
from ..results.k_choice import KChoice
from ..storage.atomic import replacing
from . import page
from .figures import drawing
from .section_settings import described
from .sections import NAMES, SECTIONS, Parts

__all__ = ["write_report"]

_EXPECTED = (ValueError, TypeError, OSError, ImportError)  # what our own code says in one sentence


def write_report(
    result: Any,
    path: str | os.PathLike[str],
    *,
    choice: KChoice | None = None,
    grains: Grains | None = None,
    groups: Groups | None = None,
    orientations: Orientations | None = None,
    sections: Sequence[str] | None = None,
    title: str | None = None,
) -> Path:
    """Write a report of the result as one self-contained HTML page, to be read in a browser or printed.

    Sections that cannot be made (for signed components, or without the data) are omitted and the reason is given. An
    existing file is only replaced when the new one is complete.

    Parameters
    ----------
    path : str or path-like
        Path of the file, usually with the extension ``.html``.
    choice : KChoice, optional
        Result of `Unmix.choose_k`, which explains the number of components.
    grains : Grains, optional
        Result of `grains`, if you do not want its defaults.
    groups : Groups, optional
        Result of `group_rotated`, if you do not want its defaults.
    orientations : Orientations, optional
        Result of `orientations`. Without it, there is no such section.
    sections : sequence of str, optional
        Sections to write, in this order: ``"summary"``, ``"number"`` (scree and choice of k), ``"components"``, ``"scans"``
        (of several), ``"fit"`` (residual map, convergence), ``"overlap"``, ``"grains"``, ``"groups"``, ``"orientations"``,
        ``"quality"``, ``"settings"``, ``"citation"``. All by default. ``"number"`` and ``"quality"`` read the scan.
    title : str, optional
        Title of the report. By default the method, the number of components and the title of the scan.

    Returns
    -------
    pathlib.Path
        Path of the file.

    Raises
    ------
    OSError
        If the file cannot be written. An existing file is then not changed.
    ValueError, TypeError
        If a section does not exist, an argument has the wrong type or belongs to another scan, or the data of the result
        have changed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> path = Path(tempfile.mkdtemp()) / "scan.html"
    >>> written = result.report(path, sections=["summary", "settings", "citation"])
    >>> written.read_text(encoding="utf-8")[:15]
    '<!DOCTYPE html>'
    """
    parts = Parts(result, choice, grains, groups, orientations)
    _check_parts(parts)
    wanted = _sections(sections, parts)
    title = _title(result) if title is None else str(title)
    # What cannot be written is found before anything is computed.
    with replacing(path, "the report") as file:
        with progress(len(wanted), "report", hosts.progress_wanted(result.host.kind)) as tick:
            made = [_made(name, parts, tick) for name in wanted]
        when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
        head = page.paragraph(f"Written by unmix4d {__version__} on {when}.", "quiet")
        file.write(writable(page.page(title, head, made)).encode("utf-8"))
    return Path(checks.file_name(path))


_PARTS = {
    "choice": (KChoice, ".choose_k()"),
    "grains": (Grains, ".grains()"),
    "groups": (Groups, ".group_rotated()"),
    "orientations": (Orientations, ".index(simulation)"),  # .orientations() gives a map of the host
}


def _check_parts(parts):
    for name, (kind, call) in _PARTS.items():
        value = getattr(parts, name)
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} must be {kind.__name__}, which {call} returns, got {type(value).__name__}")
        if name != "choice" and value is not None and value.geometry.scan_shape != parts.result.geometry.scan_shape:
            raise ValueError(
                f"{name} must be of the scan of this result, {parts.result.geometry.scan_shape}, got "
                f"{value.geometry.scan_shape}"
            )


def _sections(sections, parts):
    if sections is None:
        made = {"orientations": parts.orientations is not None, "scans": bool(parts.result.geometry.scans)}
        return [name for name in NAMES if made.get(name, True)]
    if isinstance(sections, str):
        sections = [sections]
    try:
        sections = list(sections)
    except TypeError:
        raise TypeError(f"sections must be a list of names, got {sections!r}") from None
    for name in sections:
        checks.choice(name, "sections", NAMES)
    if not sections:
        raise ValueError(f"sections must name at least one of {', '.join(NAMES)}, got none")
    return list(dict.fromkeys(sections))


def _made(name, parts, tick):
    """(name, heading, HTML) of a section; where it cannot be made, the reason."""
    section, bug = SECTIONS[name], None
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UnmixWarning)
        try:
            with drawing():
                content = section.write(parts)
        except ChangedData:
            raise  # a page with figures of two scans would be wrong as a whole
        except _EXPECTED as error:
            content = page.paragraph(f"Left out: {error}.", "left-out")
        except Exception as error:  # one section must not take the others with it
            bug = f"{type(error).__name__}: {error}"
            content = page.paragraph(f"Left out, because of an error: {bug}.", "left-out")
    ours = [str(w.message) for w in heard if issubclass(w.category, UnmixWarning)]
    for other in heard:
        if not issubclass(other.category, UnmixWarning):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    if bug:
        warn(f"the section {name!r} of the report could not be made: {bug}")
    tick()
    return name, section.heading, content + "".join("\n" + page.note(f"Note: {text}.") for text in dict.fromkeys(ours))


def _title(result):
    what = described(result)
    return what[0].upper() + what[1:] + (f": {result.host.name}" if result.host.name else "")
