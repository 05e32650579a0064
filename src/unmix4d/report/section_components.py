"""Sections of the components: how many there are, and what they look like."""

from __future__ import annotations

from ..core.errors import ChangedData
from ..results.data_of_a_result import decomposed_view, linked_matrix
from ..results.further_figures import further_figures
from ..results.scree import SCREE
from . import page
from .figures import figure, figures

__all__ = ["number", "components"]

_TO_A_FIGURE, _MOST = 12, 120
_OF_PATTERNS = (
    "Intensity that components share, the direct beam above all, may sit in any of them: patterns of a "
    "factorisation should not be analysed quantitatively (Martineau 2019). Read structures from measured patterns "
    "where it is alone."
)
_OF_CLUSTERS = (
    "Memberships are shares of similarity, not of intensity; the centre of a cluster is drawn towards the mixtures "
    "(Martineau 2019)."
)
# Column of the table: heading and factor.
_WORDS = {
    "component": ("component", 1), "name": ("name", 1), "background": ("background", 1),
    "n_positions": ("positions where it is the strongest", 1),
    "strength": ("strength (noise = 1)", 1), "distinguishable": ("distinguishable from noise", 1),
    "stability": ("share of the runs (%)", 100), "agreement": ("agreement of the runs", 1),
    "grain_probability": ("probability that it is a grain (%)", 100), "pure_fraction": ("pure positions (%)", 100),
}  # fmt: skip


def number(parts) -> str:
    """The choice of k where it was given, and the scree where the data are linked."""
    made = [] if parts.choice is None else _choice(parts.choice)
    try:
        made.append(_scree(parts.result))
    except ChangedData:
        raise
    except ValueError as error:
        if not made:
            raise
        made.append(page.paragraph(f"The scree is left out: {error}.", "left-out"))
    if parts.choice is None:
        made.append(page.paragraph("No choice of k was given: report(path, choice=view.choose_k(...)).", "quiet"))
    return "\n".join(made)


def _choice(choice):
    rule = choice.settings["rule"]
    made = [page.paragraph(f"Recommended: {choice.recommended} components, {choice.confidence} (rule {rule}).")]
    made.append(page.bullets(choice.reasons))
    names = [name.replace("_", " ") for name in choice.votes]
    made.append(page.table({"criterion": names, "says": choice.votes.values()}))
    what = "The criteria over the number of components."
    made.append(figure(choice.plot(), what, what))
    return made


def _scree(result):
    view = decomposed_view(result)
    if view is None:
        raise ValueError(
            "the scree needs the scan, which is not part of a saved result: load it with unmix4d.load(path, data=scan)"
        )
    linked_matrix(result, "the scree").statistics()  # the pass that looks whether the data are what they were
    largest = min(view.geometry.n_positions, view.geometry.n_pixels)
    scree = view.scree(min(SCREE, largest))
    of = "features" if view.geometry.features else "patterns"
    told = "no clear elbow" if scree.elbow is None else f"elbow after {scree.elbow}"
    caption = f"Principal components of the {of}: {told}. This result has {result.k} components."
    return figure(scree.plot(), "scree plot", caption)


def components(parts) -> str:
    """Patterns above their maps, a table of them, and what this kind of result has besides."""
    result, caption = parts.result, "Component patterns in log intensity above their maps."
    made = figures(result.plot, result.k, _TO_A_FIGURE, "patterns and maps of components", caption, _MOST)
    made.append(page.table(_columns(result)))
    if not result.signed:
        made.append(page.paragraph(_OF_CLUSTERS if result.meaning.memberships else _OF_PATTERNS, "quiet"))
    made += [figure(draw(), text, caption) for draw, text, caption in further_figures(result)]
    return "\n".join(made)


def _columns(result):
    """The table of the components in words."""
    words = {**_WORDS, "explained": (f"share of the {result.meaning.shares_of} (%)", 100)}
    known = {words.get(name, (name.replace("_", " "), 1)): column for name, column in result.table.items()}
    return {heading: column if factor == 1 else factor * column for (heading, factor), column in known.items()}
