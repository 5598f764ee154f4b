"""What the probe of pictures finds: which random changes keep labels true.

    python benchmarks/probe.py NAME=DATA [NAME=DATA ...]

Each ``DATA`` is anything that ``archsmith fit`` takes. It prints the shift and the mirror that training may show, and
the seconds of the probe without reading, with one thread.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import record


def main() -> int:
    import torch

    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["digits=digits"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'set':<12} {'shift':>6} {'flip':>5} {'seconds':>8}")
    for entry in options.sets:
        name, _, data = entry.partition("=")
        settings = FitSettings(data=data)
        modality = modality_of(settings)
        with tempfile.TemporaryDirectory() as folder:
            splits = modality.load(settings, Path(folder), None, lambda *told: None).splits
            began = time.perf_counter()
            probed = modality.probe(splits, torch.device("cpu"), 0, None)
            seconds = time.perf_counter() - began
        print(f"{name:<12} {probed['shift']:6.2f} {'yes' if probed['flip'] else 'no':>5} {seconds:8.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
