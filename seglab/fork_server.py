"""What the server that a sweep's jobs are forked from imports, once for all of them. See seglab.jobs."""

import seglab.fit  # noqa: F401
from seglab import provenance

provenance.code()  # of the code that has been imported; the files may be edited while the sweep runs
