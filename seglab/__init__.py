"""seglab: a laboratory for semantic-segmentation ablations."""

import os

__version__ = "0.1.0"

# Read when torch is loaded. By default the threads of OpenMP spin while they wait for each other: with one other busy
# process on two cores a training step then takes 5.0 s, and 1.3 s when they sleep; on idle cores it is all the same.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
