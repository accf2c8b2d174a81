"""seglab: a laboratory for semantic-segmentation ablations."""

import os
from pathlib import Path

__version__ = "0.1.0"
PACKAGE = Path(__file__).resolve().parent  # all paths to our own files start here: a file may move

# Read when torch is loaded. By default the threads of OpenMP spin while they wait for each other: with one other busy
# process on two cores a training step then took 5.0 s, and 1.3 s when they slept. On idle cores sleeping cost up to a
# fifth of the default run's speed; OMP_WAIT_POLICY=ACTIVE in the environment brings it back.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
