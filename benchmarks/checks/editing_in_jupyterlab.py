"""The panel of ``r.edit()`` in JupyterLab, in headless Chromium: parts of a grain merged, one component split, one named.

::

    pip install jupyterlab playwright          # and a Chromium, here /usr/bin/chromium
    python benchmarks/checks/editing_in_jupyterlab.py --out pictures

Everything is done with the mouse, a lasso as well, then once more with the keyboard alone, Tab, Space, Enter and arrows; the
edited answer is saved, and read by a kernel that knows nothing of the first. Numbers and names must be the same, and so must
the region of the lasso. Pictures are there to be looked at, in the light and in the dark theme.
"""

import argparse
import importlib.util
import json
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from in_jupyterlab import FLAGS, jupyterlab

MAKE = """import hashlib, numpy as np, unmix4d, warnings
from unmix4d import Unmix, phantoms
warnings.simplefilter("ignore")
film = phantoms.polycrystal(n_grains=5, scan_shape=(32, 30), detector_shape=(48, 44), background=0, dose=4e3, seed=0)
view = Unmix(film.data, centre=film.centre)
r = view.nmf(9, random_state=0)"""
LARGE = """import dataclasses
from unmix4d.core.geometry import ScanGeometry
maps = np.kron(r.maps, np.ones((8, 9)))[:, :256, :256]
geometry = ScanGeometry((256, 256), (48, 44))
large = dataclasses.replace(r, maps=maps, geometry=geometry, totals=None, residuals=None, source=None, mean_pattern=None)
panel = large.edit()
panel"""
PANEL = "panel = r.edit()\npanel"
SAVE = """edited = panel.result
edited.save("edited.h5")
print("LASSO", panel.region.geometry.n_positions, panel.code, "HERE")
same = unmix4d.replay(edited.edits, r)
print("SAID", edited.k, edited.names, hashlib.sha256(edited.maps.tobytes()).hexdigest()[:12],
      np.array_equal(same.maps, edited.maps, equal_nan=True), edited.edits.code, "END")"""
READ = """import hashlib, unmix4d
e = unmix4d.load("edited.h5")
print("SAID", e.k, e.names, hashlib.sha256(e.maps.tobytes()).hexdigest()[:12], True, e.edits.code, "END")"""
SAID = r"() => { const t = [...document.querySelectorAll('.jp-OutputArea-output')].map(e => e.innerText).join('\n'); " \
       r"const m = t.match(/SAID[\s\S]*?END/); return m ? m[0] : null; }"  # fmt: skip
LOSS = "() => (document.querySelector('.jp-OutputArea .widget-html-content b') || {innerText: ''}).innerText"


def notebook(folder: Path, name: str, cells: list[str]) -> None:
    """A notebook of these cells."""
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    whole = {"cells": [{**empty, "source": cell} for cell in cells], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{name}.ipynb").write_text(json.dumps(whole), encoding="utf-8")


def opened(page, address: str, name: str, run: int) -> None:
    """A notebook with its first cells run."""
    page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", state="attached", timeout=60_000)
    time.sleep(5)
    page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
    for _ in range(run):
        page.keyboard.press("Shift+Enter")


class Panel:
    """The panel in a page, as a person uses it."""

    def __init__(self, page):
        self.page = page
        page.wait_for_selector("button.unmix4d-merge", timeout=120_000)
        self.thumbs = page.locator("button[class*='-thumb']")

    def click(self, number: int) -> None:
        self.thumbs.nth(number).click()
        self.page.wait_for_timeout(150)

    def press(self, name: str) -> str:
        """A button, and the line of the loss when that has changed."""
        before = self.page.evaluate(LOSS)
        self.page.locator(f"button.unmix4d-{name}").click()
        for _ in range(60):
            self.page.wait_for_timeout(100)
            if self.page.evaluate(LOSS) != before:
                break
        return self.page.evaluate(LOSS)

    def names(self) -> list[str]:
        return [text.strip() for text in self.thumbs.all_inner_texts() if text.strip()]


def with_the_mouse(page, out: Path) -> float:
    """Merge, split and name; how long that took."""
    panel = Panel(page)
    page.wait_for_timeout(1500)
    page.screenshot(path=str(out / "panel_before.png"))
    begun = time.monotonic()
    panel.click(3)
    panel.click(7)
    print("merged:", panel.press("merge"))
    panel.click(0)
    print("split:", panel.press("split"))
    panel.click(2)
    page.locator("input[placeholder='name']").click()
    page.keyboard.type("matrix")
    page.locator("button.unmix4d-name").click()
    page.wait_for_selector("button[class*='-thumb']:has-text('matrix')", timeout=20_000)
    took = time.monotonic() - begun
    picture = page.locator("img[class$='-composite']")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + 0.26 * box["width"], box["y"] + 0.77 * box["height"])
    page.wait_for_selector("text=row 24, column 7", timeout=20_000)
    page.screenshot(path=str(out / "panel_after.png"))
    print("names:", panel.names())
    return took


def a_lasso(page, out: Path) -> None:
    """A line around the middle of the picture, with the mouse."""
    begun, box = time.monotonic(), page.locator("img[class$='-composite']").bounding_box()
    places = [(0.5 + 0.3 * math.sin(t), 0.5 + 0.3 * math.cos(t)) for t in np.linspace(0, 2 * math.pi, 40)]
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for y, x in places]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    page.wait_for_selector("text=panel.region", timeout=20_000)
    print(f"lasso: {time.monotonic() - begun:.1f} s", page.locator("text=/lasso: [0-9]+ positions/").first.inner_text())
    page.screenshot(path=str(out / "lasso.png"))
    page.locator(".jp-OutputArea-output:has(button.unmix4d-merge)").screenshot(path=str(out / "panel.png"))


def tab_to(page, selector: str, key: str = "Tab", most: int = 80) -> None:
    """Tab until this has the focus; nothing else moves it."""
    for _ in range(most):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press(key)
    raise SystemExit(f"Tab does not reach {selector}")


def with_the_keyboard(page, out: Path) -> float:
    """Merge, undo, name, split and draw a lasso by Tab, Space, Enter, letters and arrows alone; how long that took."""
    panel, begun = Panel(page), time.monotonic()
    loss = [page.evaluate(LOSS)]
    page.locator("button.unmix4d-open").click()

    def press(name):
        tab_to(page, f"button.unmix4d-{name}")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        loss.append(page.evaluate(LOSS))

    page.locator("button.unmix4d-merge").focus()  # where Tab comes in
    tab_to(page, "button[class*='-thumb']")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    page.screenshot(path=str(out / "keyboard.png"))
    page.locator("button.unmix4d-merge").focus()
    press("merge")
    press("undo")
    tab_to(page, "button[class*='-thumb']")
    page.keyboard.press("Space")
    page.locator("button.unmix4d-merge").focus()
    tab_to(page, "input[placeholder='name']")
    page.keyboard.type("grain")
    press("name")
    page.locator("button.unmix4d-merge").focus()
    press("split")
    page.locator("button.unmix4d-merge").focus()
    press("undo")
    for slider, steps in (("row", 0), ("column", 8), ("row", 8)):
        tab_to(page, f".unmix4d-{slider} .noUi-handle", "Shift+Tab" if steps else "Tab")
        for _ in range(steps):
            page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(300)
        tab_to(page, "button.unmix4d-corner")
        page.keyboard.press("Enter")
    page.wait_for_selector("text=panel.region", timeout=20_000)
    took = time.monotonic() - begun
    lasso = page.locator("text=/lasso: [0-9]+ positions/").first.inner_text()
    print("keyboard:", " | ".join(loss), panel.names()[:2], lasso, f"{took:.1f} s")
    many = [int(line.split()[0]) for line in loss]
    if not many[1] < many[0] == many[2] or many[-2] != many[0] + 1 or "grain" not in str(panel.names()):
        raise SystemExit("the keyboard does not reach what the mouse does")
    return took


def redrawn(page) -> list[float]:
    """Seconds from a click to what it shows, on maps of 256 x 256 positions: selecting, a merge that adds up, undo."""
    panel, times = Panel(page), []
    page.wait_for_timeout(1500)
    for seen, click in (
        ("text=selected: 0", lambda: panel.thumbs.nth(0).click()),
        ("text=selected: 0, 1", lambda: panel.thumbs.nth(1).click(modifiers=["Shift"])),
        ("text=8 components", lambda: page.locator("button.unmix4d-merge").click()),
        ("text=9 components", lambda: page.locator("button.unmix4d-undo").click()),
    ):
        begun = time.monotonic()
        click()
        page.wait_for_selector(seen, timeout=20_000)
        times.append(round(time.monotonic() - begun, 2))
    print("redrawn, 256 x 256, from click to sight:", times)
    return times


def in_the_dark(page, out: Path) -> None:
    """The panel in the dark theme, for those who look at the pictures."""
    command = "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    page.evaluate(command)
    page.wait_for_timeout(2500)
    page.screenshot(path=str(out / "dark.png"))


def said(page) -> str:
    """What the last cell printed."""
    for _ in range(120):
        found = page.evaluate(SAID)
        if found:
            return " ".join(found.split())
        time.sleep(0.5)
    raise SystemExit("the cell printed nothing")


def main() -> int:
    """Write the pictures; 1 where a fresh kernel reads something else, or the mouse took more than 30 s."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--python", default=sys.executable, help="the one that JupyterLab is installed for")
    chosen = parser.parse_args()
    if importlib.util.find_spec("playwright") is None or not Path(chosen.chromium).exists():
        print("skipped: playwright or Chromium is not installed")
        return 0
    from playwright.sync_api import sync_playwright

    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        notebook(folder, "edit", [MAKE, PANEL, SAVE])
        notebook(folder, "read", [READ])
        notebook(folder, "large", [MAKE, LARGE])
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
        with jupyterlab(folder, chosen.python) as address:
            page = browser.new_page(viewport={"width": 1400, "height": 1500})
            opened(page, address, "edit", 2)
            took = with_the_mouse(page, chosen.out)
            a_lasso(page, chosen.out)
            typed = with_the_keyboard(page, chosen.out)
            in_the_dark(page, chosen.out)
            page.locator(".jp-CodeCell .jp-InputArea-editor").nth(2).click()
            page.keyboard.press("Shift+Enter")
            first = said(page)
            page.close()
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            opened(page, address, "read", 1)
            second = said(page)
            page.screenshot(path=str(chosen.out / "fresh_kernel.png"))
            page.close()
            page = browser.new_page(viewport={"width": 1400, "height": 1500})
            opened(page, address, "large", 2)
            redrawn(page)
        browser.close()
    print(first, second, f"with the mouse: {took:.1f} s, with the keyboard: {typed:.1f} s", sep="\n")
    return int(first != second or "True" not in first or "matrix" not in first or max(took, typed) > 30)


if __name__ == "__main__":
    sys.exit(main())
