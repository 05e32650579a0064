"""The maps of several scans as a film with a slider."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.series import names_of, require_several
from . import colours
from .images import draw_colours, scan_map
from .layout import image_height, is_line, kept_positions
from .style import TEXT, figure_style

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = ["film"]

_INCHES = 3.2  # of a scan


class Film:
    """Maps of several scans as a film; a notebook shows it with a slider."""

    def __init__(self, made: Callable[[], Any], n: int, seconds: float) -> None:
        self._made, self._n, self._seconds = made, n, seconds

    @property
    def animation(self) -> Any:
        """Return a new matplotlib FuncAnimation. It warns if it is deleted before it was drawn."""
        return self._made()

    def save(self, path: str) -> None:
        """Write the film to a file: ``.gif``, or ``.mp4`` if ffmpeg is installed."""
        writer = "pillow" if str(path).lower().endswith((".gif", ".webp", ".apng")) else None
        self.animation.save(path, writer=writer, fps=1 / self._seconds)

    def _repr_html_(self) -> str:
        return self.animation.to_jshtml(fps=1 / self._seconds, default_mode="once")

    def __repr__(self) -> str:
        return f"<Film of {self._n} scans: .save(path), or leave it as the last line of a cell>"


@figure_style()
def film(result: Any, component: int | None = None, *, seconds: float = 0.5, cmap: str | Colormap | None = None) -> Film:
    """Show the maps of all scans one after the other, with a slider.

    Parameters
    ----------
    result : Decomposition
        Result of several scans.
    component : int, optional
        Component to show. By default all components are shown in one image, each in its colour.
    seconds : float
        Time for each scan.
    cmap : str or matplotlib Colormap, optional
        Colour map of a single component.

    Returns
    -------
    Film
        A notebook shows it, with a slider and buttons. ``.save("series.gif")`` writes it to a file.

    Raises
    ------
    ValueError
        If the result is of one scan, or the component does not exist.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    >>> Unmix(film.data, centre=film[0].centre).nmf(6, random_state=0).film()
    <Film of 4 scans: .save(path), or leave it as the last line of a cell>
    """
    require_several(result.geometry, "film")
    if any(is_line(part.shape) for part in result.geometry.scans):
        raise ValueError("film needs scans of two dimensions, and these are lines: use series().plot()")
    seconds = checks.positive(seconds, "seconds")
    if component is not None:
        component = checks.count(component, "component", minimum=0, maximum=result.k - 1)
    return Film(partial(_animated, result, component, seconds, cmap), len(result.geometry.scans), seconds)


@figure_style()
def _animated(result, component, seconds, cmap):
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation
    from matplotlib.colors import Normalize

    images, names, parts = _frames(result, component), names_of(result.geometry, result.host), result.geometry.scans
    shape, first = np.max([part.shape for part in parts], axis=0), parts[0]
    figure, ax = plt.subplots(figsize=(_INCHES, image_height(shape, first.step, _INCHES) + 0.4))
    if component is None:
        drawn = draw_colours(ax, images[0], first, dark=True)
    else:
        norm = Normalize(0, max(float(np.nanmax(result.maps[component])), 1e-30))
        drawn = scan_map(images[0], step=first.step, unit=first.step_unit, ax=ax, cmap=cmap, norm=norm)

    ax.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))

    def show(i):
        rows, cols = images[i].shape[:2]
        drawn.set(data=images[i], extent=(-0.5, cols - 0.5, rows - 0.5, -0.5))
        ax.set_title(names[i], fontsize=TEXT)
        return (drawn,)

    animation = FuncAnimation(figure, show, frames=len(images), interval=1000 * seconds, blit=False)
    plt.close(figure)  # the film shows it, and the figure alone is no film
    return animation


def _frames(result, component):
    """An image of each scan: colours of all maps, or one map."""
    if component is None:
        apart = result.settings.get("background", ())
        whole = colours.composite_image(result.maps, kept_positions(result.geometry), apart)[0]
    else:
        whole = result.maps[component]
    return [whole[part.rows, part.cols] for part in result.geometry.scans]
