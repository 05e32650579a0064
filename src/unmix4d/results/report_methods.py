"""What every decomposition shows as a whole: `report`, a page to keep, and `explore`, a figure to walk through."""

from __future__ import annotations

__all__ = ["ReportMethods"]


class ReportMethods:
    """The result on one page, and position by position."""

    def report(
        self, path, *, choice=None, grains=None, groups=None, orientations=None, sections=None, title=None
    ) -> None:  # fmt: skip
        """Write one page of HTML that holds everything it shows, to be read in a browser or printed; it needs no network.

        Sections that cannot be made (of signed components, or without the data) are left out with the reason. A file that is
        already there is replaced only after the new one is complete.

        Parameters
        ----------
        path : str or path-like
            ``.html`` is customary.
        choice : KChoice, optional
            From `Unmix.choose_k`: why so many components.
        grains : Grains, optional
            From `grains` with your own arguments; with its defaults otherwise.
        groups : Groups, optional
            From `group_rotated` with your own arguments; with its defaults otherwise.
        orientations : Orientations, optional
            From `orientations`; no such section otherwise.
        sections : sequence of str, optional
            Which to write, in this order: ``"summary"``, ``"number"`` (scree and choice of k), ``"components"``, ``"fit"``
            (residual map, convergence), ``"overlap"``, ``"grains"``, ``"groups"``, ``"orientations"``, ``"quality"``,
            ``"settings"``, ``"citation"``. All by default. ``"number"`` and ``"quality"`` read the scan.
        title : str, optional
            By default the method, the number of components and the title of the scan.

        Raises
        ------
        OSError
            When the file cannot be written; an older file of that name is then untouched.
        ValueError, TypeError
            When a section has no such name, or what is given is of another kind or another scan.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> path = Path(tempfile.mkdtemp()) / "scan.html"
        >>> result.report(path, sections=["summary", "settings", "citation"])
        >>> path.read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
        """
        from ..report import write_report

        write_report(
            self, path, choice=choice, grains=grains, groups=groups, orientations=orientations, sections=sections,
            title=title,
        )  # fmt: skip

    def explore(self, row: int | None = None, col: int | None = None):
        """Walk through the scan: the pattern of a position, its reconstruction, the residual, and the shares of components.

        In a notebook with ipywidgets (``pip install unmix4d[notebook]``): sliders for the position; with
        ``%matplotlib widget`` also the mouse on the map: the figure follows it where a pattern is read in less than 0.2 s,
        and a click chooses a position in any case. Only the pattern of the position is read. Without ipywidgets: the figure
        of one position, and a sentence that says so.

        Parameters
        ----------
        row, col : int, optional
            Where to begin; by default at the largest residual, or in the middle where it is not known.

        Returns
        -------
        ipywidgets VBox, or matplotlib Figure without ipywidgets

        Raises
        ------
        ValueError, TypeError
            When the position is outside the scan, or excluded.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> shown = result.explore(2, 3)
        """
        from ..report.explorer import explore

        return explore(self, row, col)
