"""`python -m tests.benchmarks.corruptions`: milliseconds of each corruption for an image of 1024x2048, on one core."""

from collections.abc import Callable

import cv2

from seglab.data.corruptions.corrupt import corrupted
from seglab.data.corruptions.names import NAMES
from seglab.data.synthetic import scene_at
from tests.benchmarks.interleaved import medians

HEIGHT, WIDTH = 1024, 2048


def main() -> None:
    cv2.setNumThreads(1)
    image = scene_at(seed=1, split="val", index=0, height=HEIGHT, width=WIDTH).image

    def drawing(name: str) -> Callable[[], object]:
        return lambda: corrupted(image, corruption=name, severity=5, seed=1, name="scene")

    times = medians(*map(drawing, NAMES), rounds=3)
    for name, time in zip(NAMES, times, strict=True):
        print(f"{name:15} {time:6.0f} ms")
    print(f"{'all of them':15} {sum(times):6.0f} ms")


if __name__ == "__main__":
    main()
