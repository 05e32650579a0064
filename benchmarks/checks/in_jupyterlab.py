"""The README's notebooks in JupyterLab, in headless Chromium: a picture of each to look at, and the images below its cells.

::

    pip install jupyterlab playwright          # and a Chromium, here /usr/bin/chromium
    python benchmarks/checks/in_jupyterlab.py --out pictures

One statement is one cell. The scan is that of the demo, written for both hosts.
"""

import argparse
import ast
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = {"pyxem": "## In a notebook, with pyxem", "py4dstem": "## In a notebook, with py4DSTEM"}
CELLS = """() => [...document.querySelectorAll('.jp-CodeCell')].map(cell => [
  cell.querySelector('.jp-InputArea').innerText.trim().split('\\n').pop(),
  cell.querySelectorAll('.jp-OutputArea-output img, .jp-OutputArea-output canvas').length,
  cell.querySelectorAll('[data-mime-type="application/vnd.jupyter.stderr"]').length])"""
BUSY = "() => [...document.querySelectorAll('.jp-InputPrompt')].filter(e => e.textContent.includes('*')).length"
TO_THE_TOP = "() => document.querySelectorAll('.jp-WindowedPanel-outer').forEach(e => e.scrollTop = 0)"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def scans(folder: Path) -> None:
    """The scan of the demo, in the files that the README opens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import py4DSTEM

        from unmix4d import phantoms

        phantom = phantoms.case("direct_beam")
        phantom.to_pyxem(lazy=False).save(folder / "scan.zspy")
        py4DSTEM.save(str(folder / "scan.h5"), phantom.to_py4dstem(), mode="o")


def notebook(folder: Path, name: str) -> None:
    """The README's code of one host, a statement to a cell."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split(NOTEBOOKS[name])[1]
    code = re.search(r"```python\n(.*?)```", text, flags=re.S)[1]
    lines = code.splitlines()
    cells = ["\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in ast.parse(code).body]
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    whole = {"cells": [{**empty, "source": cell} for cell in cells], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{name}.ipynb").write_text(json.dumps(whole), encoding="utf-8")


@contextlib.contextmanager
def jupyterlab(folder: Path, python: str = sys.executable):
    """The address of a server in this folder, for this machine alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
               "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
               "--LabApp.expose_app_in_browser=True"]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")  # those of the person who runs this stay as they are
    ours = folder / "settings" / "@jupyterlab" / "apputils-extension"
    ours.mkdir(parents=True, exist_ok=True)
    (ours / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', encoding="utf-8")  # nothing in the way
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(120):
            with socket.socket() as there:
                if there.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(1)
        time.sleep(2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def run_all(page, address: str, name: str, picture: Path) -> list:
    """Open a notebook, run it, take its picture; the cells with their images and their messages."""
    page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
    page.wait_for_selector(".jp-Notebook", timeout=60_000)
    time.sleep(6)
    page.click("text=Run")
    page.click("text=Run All Cells")
    begun = time.monotonic()
    while time.monotonic() - begun < 300 and (time.monotonic() - begun < 10 or page.evaluate(BUSY)):
        time.sleep(3)
    height = page.evaluate("() => document.querySelector('.jp-WindowedPanel-inner').scrollHeight")
    page.evaluate(TO_THE_TOP)
    page.set_viewport_size({"width": 1300, "height": min(int(height) + 400, 16_000)})
    time.sleep(3)
    page.evaluate(TO_THE_TOP)
    time.sleep(3)
    page.screenshot(path=str(picture))
    return page.evaluate(CELLS)


def main() -> int:
    """Write the pictures; 1 where a cell that ends in a figure has none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    chosen = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chosen.out.mkdir(parents=True, exist_ok=True)
    missing = 0
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        scans(folder)
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=FLAGS)
        with jupyterlab(folder) as address:
            for name in NOTEBOOKS:
                notebook(folder, name)
                page = browser.new_page(viewport={"width": 1300, "height": 1000})
                for code, images, messages in run_all(page, address, name, chosen.out / f"{name}.png"):
                    print(f"{name}: {images} images, {messages} messages: {code}")
                    missing += "plot()" in code and images != 1
                page.close()
        browser.close()
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
