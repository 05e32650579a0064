"""Make the figures of the docs: ``python docs/make_figures.py`` (the package must be installed)."""

import pathlib
import subprocess
import sys
import tempfile

FIGURES = pathlib.Path(__file__).parent / "figures"


def coordinates(path):
    """The picture of the coordinates page."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    for ax, rows, cols, title in ((axes[0], 6, 8, "scan"), (axes[1], 10, 12, "detector")):
        ax.imshow(np.zeros((rows, cols)), cmap="gray_r", vmin=0, vmax=1)
        ax.set_xticks(np.arange(-0.5, cols), labels=[])
        ax.set_yticks(np.arange(-0.5, rows), labels=[])
        ax.grid(color="0.8")
        ax.tick_params(length=0)
        ax.set_title(title, pad=40)
        ax.annotate("", (cols - 0.6, -0.9), (-0.5, -0.9), arrowprops={"arrowstyle": "->"}, annotation_clip=False)
        ax.annotate("", (-0.9, rows - 0.6), (-0.9, -0.5), arrowprops={"arrowstyle": "->"}, annotation_clip=False)
        ax.text(cols / 2, -1.1, "column", ha="center", va="bottom")
        ax.text(-1.1, rows / 2, "row", ha="right", va="center", rotation=90)
        ax.text(0, 0, "(0, 0)", ha="center", va="center", fontsize=7)
    axes[0].text(5, 2, "(2, 5)", ha="center", va="center", fontsize=7)
    row, col, radius, angle = 4.5, 5.5, 3.5, 40
    up, right = np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))
    ax = axes[1]
    ax.plot(col, row, "o", color="#b5179e")
    ax.text(col - 0.2, row + 0.5, f"centre ({row}, {col})", ha="right", va="top", fontsize=8)
    ax.plot([col, col + 4.5], [row, row], color="0.4", lw=1)
    ax.annotate("", (col + radius * right, row - radius * up), (col, row), arrowprops={"arrowstyle": "->", "color": "#b5179e"})
    arc = np.deg2rad(np.linspace(0, angle, 40))
    ax.plot(col + 2 * np.cos(arc), row - 2 * np.sin(arc), color="#b5179e")
    ax.text(col + 2.3, row - 0.7, "angle > 0", fontsize=8, color="#b5179e", va="center")
    for ax in axes:
        ax.spines[:].set_visible(False)
    figure.savefig(path, dpi=110)


def demo(path):
    """The components that the demo finds through pyxem."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "unmix4d", "demo", "--out", folder], check=True)
        path.write_bytes((pathlib.Path(folder) / "components-pyxem.png").read_bytes())


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    coordinates(FIGURES / "coordinates.png")
    demo(FIGURES / "demo_components.png")
