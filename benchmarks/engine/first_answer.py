"""Time to the first answer, in a fresh process: import, view, and NMF of 100 MB in memory.

::

    python benchmarks/engine/first_answer.py

Prints the least of five runs, processor time and time on the clock. Another version of the package: with its ``src`` in
PYTHONPATH.
"""

import json
import subprocess
import sys

CODE = """
import json, os, resource, time, warnings
os.environ["TQDM_DISABLE"] = "1"
warnings.simplefilter("ignore")
import numpy as np
def now():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, time.perf_counter()
times = [now()]
from unmix4d import Unmix
times.append(now())
from unmix4d import phantoms
film = phantoms.polycrystal(n_grains=5, scan_shape=(56, 56), detector_shape=(128, 128), dose=3e3, seed=0)
times.append(now())
view = Unmix(film.data, centre=film.centre).prepare(direct_beam=6)
view.nmf(4, random_state=0)
times.append(now())
view.nmf(4, random_state=0)
times.append(now())
print(json.dumps(np.diff(times, axis=0).T.tolist()))
"""


def main() -> None:
    """Print the least of five runs, in seconds."""
    runs = []
    for _ in range(5):
        ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
        runs.append(json.loads(ran.stdout))
    for which, name in enumerate(("processor", "clock")):
        least = [min(run[which][i] for run in runs) for i in range(4)]
        print(f"{name}: import of Unmix {least[0]:.2f} s, first answer {least[2]:.2f} s, the same again {least[3]:.2f} s")


if __name__ == "__main__":
    main()
