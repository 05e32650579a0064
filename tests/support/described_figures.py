"""What `described` says of a figure: its axes, where they stand, and every artist with what we set of it."""

import numpy as np
from matplotlib import axes, collections, colors, image, legend, lines, patches, spines, text
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from . import described as plain

__all__ = ["figure_parts"]


def figure_parts(drawn, path):
    """(path, text or numbers) of the figure of axes, of an artist or of an array of axes."""
    first = np.ravel(np.array(drawn, dtype=object))[0]
    if isinstance(drawn, (list, tuple, np.ndarray)):
        yield (
            (*path, "returned"),
            f"{np.shape(drawn)} {[axes_number(one) for one in np.ravel(np.asarray(drawn, dtype=object))]}",
        )
    else:
        yield (*path, "returned"), f"{type(first).__name__} {axes_number(first)}"
    figure = first.figure
    engine = figure.get_layout_engine()
    told = {
        "inches": figure.get_size_inches(),
        "layout": "" if engine is None else str(engine.get()),
        "texts": [_artist(one) for one in figure.texts],
        "axes": {i: _axes(one) for i, one in enumerate(figure.axes)},
    }
    yield from ((place, one) for place, one in plain._parts(told, path) if one not in ("", "empty"))


def axes_number(artist):
    owner = artist if isinstance(artist, axes.Axes) else getattr(artist, "axes", None)
    return owner.figure.axes.index(owner) if owner in owner.figure.axes else "inset"


def _axes(ax):
    spec = ax.get_subplotspec()
    told = {
        "place": ax.get_position(original=True).bounds if spec is None else _place(spec),
        "title pad": [72 * ax.titleOffsetTrans.to_values()[5] / ax.figure.dpi] if ax.get_title() else "",
        "titles": [_artist(one) for one in (ax.title, ax._left_title, ax._right_title) if one.get_text()],
        "x": _axis(ax.xaxis, ax.get_xlim()),
        "y": _axis(ax.yaxis, ax.get_ylim()),
        "spines": _spines(ax),
        "seen": f"axis {ax.axison}, frame {ax.get_frame_on()}, aspect {_short(ax.get_aspect())}, anchor {ax.get_anchor()}, "
        f"below {ax.get_axisbelow()}, margins {ax.margins()}",
    }
    left_out = (spines.Spine, axes.Axes, type(ax.xaxis), type(ax.yaxis))
    shown = [one for one in ax.get_children() if not isinstance(one, left_out) and one is not ax.patch]
    shown = [one for one in shown if not (isinstance(one, text.Text) and one in (ax.title, ax._left_title, ax._right_title))]
    counts = {}
    for one in shown:
        kind = type(one).__name__
        counts[kind] = counts.get(kind, -1) + 1
        told[f"{kind} {counts[kind]}"] = _artist(one)
    for i, one in enumerate(ax.child_axes):
        told[f"inset {i}"] = _axes(one) | {"place": list(one.get_axes_locator()._bounds)}
    return told


def _place(spec):
    grid = spec.get_gridspec()
    return {
        "rows and columns": f"{list(spec.rowspan)} {list(spec.colspan)} of {grid.nrows} x {grid.ncols}",
        "heights": list(grid.get_height_ratios()),
        "widths": list(grid.get_width_ratios()),
    }


def _axis(axis, limits):
    words, form = getattr(axis.get_major_formatter(), "seq", None), axis.get_major_formatter()
    params = axis.get_tick_params() | {
        "grid": axis._major_tick_kw.get("gridOn"),
        "powers": getattr(form, "_powerlimits", None),
    }
    usual = {"grid": False, "powers": [-5, 6]}
    kept = {key: params[key] for key in ("labelsize", "labelrotation", "length", "grid", "powers") if key in params}
    told = {
        "limits": limits,
        "scale": f"{axis.get_scale()} {getattr(axis.get_transform(), 'linthresh', '')}".removeprefix("linear "),
        "ticks": axis.get_majorticklocs(),
        "tick labels": " ".join(map(str, words or [])),
        "tick size": [one.get_fontsize() for one in axis.get_majorticklabels()[:1]],
        "set": ", ".join(f"{key} {one}" for key, one in kept.items() if one is not None and one != usual.get(key)),
    }
    return told | ({"label": _artist(axis.label)} if axis.label.get_text() else {})


def _spines(ax):
    seen = {side: one for side, one in ax.spines.items() if one.get_visible()}
    told = {(tuple(map(float, _colour(one.get_edgecolor()))), _short(one.get_linewidth())) for one in seen.values()}
    return f"{' '.join(seen)} {sorted(told)}".removeprefix(" []")


def _short(value):
    return value if isinstance(value, str) else f"{value:.5g}"


def _colour(value):
    """Colours as texts; of many their numbers."""
    if isinstance(value, str) and value in ("none", "auto"):
        return value
    rgba = np.atleast_2d(colors.to_rgba_array(value))
    if len(rgba) > 1:
        return rgba
    return np.round(rgba[0], 3) if len(rgba) else "none"


def _effects(artist):
    return "; ".join(
        " ".join([type(one).__name__, *(f"{key} {value}" for key, value in sorted(one._gc.items()))])
        for one in artist.get_path_effects() or []
    )


def _common(artist, **plain):
    """What every artist has, where it is not as matplotlib makes it."""
    told = {
        "zorder": f"{artist.get_zorder():g}",
        "alpha": artist.get_alpha(),
        "label": str(artist.get_label() or ""),
        "visible": artist.get_visible(),
        "effects": _effects(artist),
        "raster": artist.get_rasterized(),
        "clip": artist.get_clip_on(),
        "placed": _placed(artist),
    }
    usual = {"alpha": None, "label": "", "visible": True, "effects": "", "raster": False, "clip": True, "placed": "data"}
    usual |= plain
    if told["label"].startswith("_"):
        del told["label"]
    return ", ".join(f"{key} {one}" for key, one in told.items() if key not in usual or one != usual[key])


def _line(one):
    return {
        "colour": _colour(one.get_color()),
        "width": one.get_linewidth(),
        "style": one.get_linestyle(),
        "marker": f"{one.get_marker()} {_short(one.get_markersize())} {_short(one.get_markeredgewidth())}",
        "marker colours": [_colour(one.get_markerfacecolor()), _colour(one.get_markeredgecolor())],
        "xy": np.asarray(one.get_xydata(), float),
        "common": _common(one, zorder="2"),
    }


def _placed(artist):
    """In which coordinates an artist is placed."""
    ax, own = artist.axes, artist.get_transform()
    if ax is None:
        return "figure" if own == artist.figure.transFigure else "other"
    return "data" if own == ax.transData else "axes" if own == ax.transAxes else "other"


def _image(one):
    norm = one.norm
    extra = {name: getattr(norm, name) for name in ("linear_width", "linthresh") if hasattr(norm, name)}
    return {
        "values": one.get_array(),
        "extent": one.get_extent(),
        "colours": one.get_cmap().name,
        "bad": _colour(one.get_cmap().get_bad()),
        "norm": f"{type(norm).__name__}",
        "limits": [norm.vmin, norm.vmax],
        "norm numbers": extra,
        "how": f"{one.get_interpolation()} {one.origin}",
        "common": _common(one, zorder="0"),
    }


def _collection(one):
    vertices = [path.vertices for path in one.get_paths() if len(path.vertices)]
    sizes = getattr(one, "get_sizes", lambda: [])()
    return {
        "face": _colour(one.get_facecolor()),
        "edge": _colour(one.get_edgecolor()),
        "widths": np.atleast_1d(one.get_linewidth()),
        "styles": "; ".join(f"{start:g} {dashes}" for start, dashes in one.get_linestyle()[:1]),
        "sizes": np.asarray(sizes, float),
        "offsets": np.asarray(one.get_offsets(), float),
        "paths": len(vertices),
        "vertices": np.concatenate(vertices) if vertices else "none",
        "levels": np.asarray(getattr(one, "levels", []), float),
        "common": _common(one, zorder="1", placed="other"),
    }


def _patch(one):
    return {
        "face": _colour(one.get_facecolor()),
        "edge": _colour(one.get_edgecolor()),
        "width": one.get_linewidth(),
        "style": str(one.get_linestyle()),
        "fill": str(one.get_fill()),
        "common": _common(one, zorder="1", placed="other"),
        "vertices": one.get_patch_transform().transform(one.get_path().vertices),
    }


def _arrow(one):
    return {
        "colour": _colour(one.get_edgecolor()),
        "width": one.get_linewidth(),
        "style": type(one.get_arrowstyle()).__name__,
    }


def _text(one):
    told = {
        "text": one.get_text(),
        "position": one.get_position(),
        "colour": _colour(one.get_color()),
        "size": one.get_fontsize(),
        "set": f"{one.get_ha()} {one.get_va()} {one.get_rotation():g} {one.get_fontweight()} {one._linespacing}",
        "common": _common(one, zorder="3", clip=False),
    }
    if isinstance(one, text.Annotation):
        told |= {"at": [float(x) for x in one.xy], "coordinates": f"{one.xycoords} {one.anncoords} {one._annotation_clip}"}
        if one.arrow_patch is not None:
            told["arrow"] = _arrow(one.arrow_patch)
    return told


def _legend(one):
    box = one.get_bbox_to_anchor()
    inside = one.axes.transAxes.inverted().transform(box) if one.axes is not None else box.bounds
    return {
        "entries": [_entry(*pair) for pair in zip(one.legend_handles, one.get_texts())],
        "title": _artist(one.get_title()) if one.get_title().get_text() else "",
        "how": f"{one._loc} {one.get_frame_on()} {one._ncols} {one.borderaxespad} {one.handlelength} "
        f"{one.get_frame().get_alpha()}",
        "anchor": np.round(inside, 4),
    }


def _entry(handle, words):
    colour = handle.get_facecolor() if isinstance(handle, patches.Patch) else getattr(handle, "get_color", lambda: "none")()
    return {"text": words.get_text(), "size": words.get_fontsize(), "colour": _colour(colour)}


def _bar(one):
    (rectangle,), (words,) = one.size_bar.get_children(), one.txt_label.get_children()
    return {
        "text": _artist(words),
        "bar": [rectangle.get_width(), rectangle.get_height()],
        "colours": _patch(rectangle)["face"],
        "edge": _patch(rectangle)["edge"],
        "effects": _effects(rectangle),
        "how": f"{one.loc} {one.pad} {one.borderpad} {one._box.sep} {one.patch.get_visible()} "
        f"{[type(child).__name__ for child in one._box.get_children()]}",
    }


_ARTISTS = (
    (AnchoredSizeBar, _bar),
    (legend.Legend, _legend),
    (lines.Line2D, _line),
    (image.AxesImage, _image),
    (text.Text, _text),
    (patches.Patch, _patch),
    (collections.Collection, _collection),
)


def _artist(one):
    for kind, told in _ARTISTS:
        if isinstance(one, kind):
            return told(one)
    return type(one).__name__
