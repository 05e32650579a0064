"""The maps of several scans as a film with a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.series import names_of, require_several
from . import colours
from .images import draw_colours, scan_map
from .layout import image_height, kept_positions
from .style import TEXT, figure_style

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = ["film"]


class Film:
    """Maps of several scans as a film, with a slider where a notebook shows it.

    Attributes
    ----------
    animation : matplotlib FuncAnimation
        To be saved with ``film.save("series.gif")``.
    """

    def __init__(self, animation: Any, seconds: float) -> None:
        self.animation, self._seconds = animation, seconds

    def save(self, path: str) -> None:
        """Write the film: ``.gif``, or ``.mp4`` where ffmpeg is installed."""
        writer = "pillow" if str(path).lower().endswith((".gif", ".webp", ".apng")) else None
        self.animation.save(path, writer=writer, fps=1 / self._seconds)

    def _repr_html_(self) -> str:
        return self.animation.to_jshtml(fps=1 / self._seconds, default_mode="once")

    def __repr__(self) -> str:
        return f"<Film of {self.animation._save_count} scans: .save(path), or leave it as the last line of a cell>"


@figure_style()
def film(result: Any, component: int | None = None, *, seconds: float = 0.5, cmap: str | Colormap | None = None) -> Film:
    """The maps of all scans, one after the other, with a slider.

    Parameters
    ----------
    result : Decomposition
        Of several scans.
    component : int, optional
        By default all of them in one picture, each in its colour.
    seconds : float
        For each scan.
    cmap : str or matplotlib Colormap, optional
        Of a single component.

    Returns
    -------
    Film
        A notebook shows it, with a slider and buttons; ``.save("series.gif")`` writes it.

    Raises
    ------
    ValueError
        When the answer is of one scan, or the component does not exist.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    >>> Unmix(film.data, centre=film[0].centre).nmf(6, random_state=0).film()
    <Film of 4 scans: .save(path), or leave it as the last line of a cell>
    """
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation

    require_several(result.geometry, "film")
    parts = result.geometry.scans
    seconds = checks.positive(seconds, "seconds")
    if component is not None:
        component = checks.count(component, "component", minimum=0, maximum=result.k - 1)
    images, names = _frames(result, component), names_of(result.geometry, result.host)
    shape = (max(part.shape[0] for part in parts), max(part.shape[1] for part in parts))
    figure, ax = plt.subplots(figsize=(3.2, image_height(shape, parts[0].step, 3.2) + 0.4))
    cal = parts[0]
    if component is None:
        drawn = draw_colours(ax, images[0], cal, dark=True)
    else:
        from matplotlib.colors import Normalize

        norm = Normalize(0, max(float(np.nanmax(result.maps[component])), 1e-30))
        drawn = scan_map(images[0], step=cal.step, unit=cal.step_unit, ax=ax, cmap=cmap, norm=norm)

    def show(i):
        drawn.set_data(images[i])
        ax.set_title(names[i], fontsize=TEXT)
        return (drawn,)

    show(0)
    animation = FuncAnimation(figure, show, frames=len(images), interval=1000 * seconds, blit=False)
    plt.close(figure)  # the film shows it, and the figure alone is no film
    return Film(animation, seconds)


def _frames(result, component):
    """An image of each scan: colours of all maps, or one map."""
    if component is None:
        apart = result.settings.get("background", ())
        whole = colours.composite_image(result.maps, kept_positions(result.geometry), apart)[0]
    else:
        whole = result.maps[component]
    return [whole[part.rows, part.cols] for part in result.geometry.scans]
