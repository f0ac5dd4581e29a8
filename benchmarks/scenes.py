"""How many training scenes one core draws in a second: python benchmarks/scenes.py

Processor time of this one process with one thread, so that other work on the machine counts little. The ratio beside it
is to drawing nothing but noise of the same size: what a scene costs beyond its pixels. The aim is 200 a second.
"""

import argparse
import time

import cv2
import numpy as np
from measure import report

from training.art import load_art
from training.scenes import SceneMaker


def main() -> None:
    """Measure and print the table line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scenes", type=int, default=400)
    count = options.parse_args().scenes

    cv2.setNumThreads(1)
    maker = SceneMaker(load_art("train"))
    maker.make(0)
    start = time.process_time()
    scenes = [maker.make(seed) for seed in range(1, count + 1)]
    drawing = time.process_time() - start

    rng = np.random.default_rng(0)
    start = time.process_time()
    for scene in scenes:
        rng.integers(0, 256, size=scene.image.shape, dtype=np.uint8)
    noise = time.process_time() - start
    objects = sum(len(scene.objects) for scene in scenes) / count
    report(
        "python benchmarks/scenes.py",
        f"{count / drawing:.0f} scenes a second and core ({objects:.1f} objects each; {drawing / noise:.0f} times the "
        "cost of noise of the same size)",
    )


if __name__ == "__main__":
    main()
