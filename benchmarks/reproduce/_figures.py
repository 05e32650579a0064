"""Figures of the reproductions. pyplot is imported inside the functions, after the backend was chosen."""

import numpy as np

from unmix4d import plots

__all__ = ["decompositions", "line_scans", "patterns_grid", "save"]

_PANEL = 1.45


def save(figure, path):
    """Write with a palette of 256 colours, a third of the size, and close."""
    import matplotlib.pyplot as plt
    from PIL import Image

    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    plt.close(figure)


def decompositions(answers, phantom, path, columns=2):
    """Blocks of patterns above their maps, one block per answer."""
    import matplotlib.pyplot as plt

    k = phantom.k
    rows = -(-len(answers) // columns)
    figure = plt.figure(figsize=(columns * (k * _PANEL + 0.3), rows * (2 * _PANEL + 0.5)), layout="constrained")
    blocks = figure.subfigures(rows, columns, wspace=0.03, hspace=0.03, squeeze=False).ravel()
    for block, (name, answer) in zip(blocks, answers.items()):
        block.suptitle(name, x=0.01, ha="left", fontsize=11)
        axes = block.subplots(2, k)
        for i in range(k):
            plots.pattern(answer.patterns[i], pixel_size=phantom.pixel_size, unit=phantom.pixel_unit, ax=axes[0, i])
            plots.scan_map(answer.maps[i], step=phantom.step, unit=phantom.step_unit, ax=axes[1, i])
            axes[0, i].set_title(phantom.names[i], fontsize=8, pad=3)
    save(figure, path)


def patterns_grid(patterns, phantom, path, columns=4):
    """Patterns by name."""
    import matplotlib.pyplot as plt

    rows = -(-len(patterns) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 2.3, rows * 2.6), layout="constrained", squeeze=False)
    for ax in axes.ravel()[len(patterns) :]:
        ax.set_axis_off()
    for ax, (name, image) in zip(axes.ravel(), patterns.items()):
        plots.pattern(image, pixel_size=phantom.pixel_size, unit=phantom.pixel_unit, ax=ax, title=name)
    save(figure, path)


def line_scans(answers, path):
    """For every answer (patterns, maps, phantom) its two patterns and its maps along the scan beside the true ones."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(answers), 3, figsize=(9, 2.5 * len(answers)), layout="constrained", squeeze=False, width_ratios=(1, 1, 2)
    )
    for row, (name, (patterns, maps, phantom)) in zip(axes, answers.items()):
        distance = np.arange(phantom.scan_shape[1]) * phantom.step
        for i in range(2):
            plots.pattern(patterns[i], pixel_size=phantom.pixel_size, unit=phantom.pixel_unit, ax=row[i])
            row[i].set_title(f"component {i}", fontsize=9, pad=3)
            row[2].plot(distance, maps[i].mean(axis=0), f"C{i}", lw=1.5, label=f"component {i}")
            row[2].plot(distance, phantom.maps[i].mean(axis=0), "k:", lw=1, label="truth" if i else None)
        row[2].set(xlabel=f"column ({phantom.step_unit})", ylabel="map", ylim=(-0.03, 1.08))
        row[2].set_title(name, fontsize=9)
        row[2].legend(frameon=False, fontsize=8, loc="center left")
        for side in ("top", "right"):
            row[2].spines[side].set_visible(False)
    save(figure, path)
