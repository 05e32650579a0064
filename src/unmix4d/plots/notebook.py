"""What a notebook shows of a figure that is the value of a cell."""

from __future__ import annotations

__all__ = ["shown_once"]


def shown_once(figure):
    """The figure, told that a notebook must not draw it a second time because a cell ends with it.

    pyplot draws every figure that is open when a cell ends; that the cell's value is the figure would draw it again.
    """
    import matplotlib.pyplot as plt

    def display():
        drawn_anyway = plt.fignum_exists(figure.number) and "inline" in plt.get_backend().lower()
        if not drawn_anyway:
            from IPython.core.pylabtools import print_figure
            from IPython.display import Image
            from IPython.display import display as show

            show(Image(print_figure(figure)))

    figure._ipython_display_ = display
    return figure
