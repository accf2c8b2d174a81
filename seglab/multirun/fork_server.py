"""What the server that a sweep's jobs are forked from imports, once for all of them. See seglab.multirun.process."""

import seglab.training.fit  # noqa: F401
from seglab.runs import provenance

provenance.code()  # of the code that has been imported; the files may be edited while the sweep runs
