"""The panel of ``r.edit()`` in JupyterLab, in headless Chromium: parts of a grain merged, one component split, one named.

::

    pip install jupyterlab playwright          # and a Chromium, here /usr/bin/chromium
    python benchmarks/checks/editing_in_jupyterlab.py --out pictures

Everything is done with the mouse, then once more with the keyboard alone; the edited answer is saved, and read by a kernel
that knows nothing of the first. Numbers and names must be the same. Pictures are there to be looked at.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path

from in_jupyterlab import FLAGS, jupyterlab

MAKE = """import hashlib, numpy as np, unmix4d, warnings
from unmix4d import Unmix, phantoms
warnings.simplefilter("ignore")
film = phantoms.polycrystal(n_grains=5, scan_shape=(32, 30), detector_shape=(48, 44), background=0, dose=4e3, seed=0)
view = Unmix(film.data, centre=film.centre)
r = view.nmf(9, random_state=0)"""
PANEL = "panel = r.edit()\npanel"
SAVE = """edited = panel.result
edited.save("edited.h5")
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
    page.locator(".jp-OutputArea-output:has(button.unmix4d-merge)").screenshot(path=str(out / "panel.png"))
    print("names:", panel.names())
    return took


def with_the_keyboard(page, out: Path) -> None:
    """Select the first two by Tab and Space, merge by Tab and Enter, and take it back."""
    panel = Panel(page)
    panel.thumbs.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    page.screenshot(path=str(out / "keyboard.png"))
    before = page.evaluate(LOSS)
    page.locator("button.unmix4d-merge").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    after = page.evaluate(LOSS)
    page.locator("button.unmix4d-undo").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    print("keyboard:", before, "|", after, "|", page.evaluate(LOSS))
    if after == before or page.evaluate(LOSS).split(",")[0] != before.split(",")[0]:
        raise SystemExit("the keyboard does not reach what the mouse does")


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
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
        with jupyterlab(folder, chosen.python) as address:
            page = browser.new_page(viewport={"width": 1400, "height": 1500})
            opened(page, address, "edit", 2)
            took = with_the_mouse(page, chosen.out)
            with_the_keyboard(page, chosen.out)
            page.locator(".jp-CodeCell .jp-InputArea-editor").nth(2).click()
            page.keyboard.press("Shift+Enter")
            first = said(page)
            page.close()
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            opened(page, address, "read", 1)
            second = said(page)
            page.screenshot(path=str(chosen.out / "fresh_kernel.png"))
        browser.close()
    print(first, second, f"with the mouse: {took:.1f} s", sep="\n")
    return int(first != second or "True" not in first or "matrix" not in first or took > 30)


if __name__ == "__main__":
    sys.exit(main())
