"""A run's folder: its files, record, state, lock and configuration, and by what it is recognised and found again.

Imports errors alone, and no torch: a sweep reads hundreds of records to find what is left to do. What callers need
stands here: `runs.read_record`, `runs.state`, `runs.fingerprint`.
"""

from seglab.runs.configuration import check_same_experiment, plain, read_config
from seglab.runs.files import (
    CONFIG,
    HEARTBEAT,
    RECORD,
    TRACEBACK,
    logging_to,
    now,
    shown,
    write_atomically,
    write_quickly,
)
from seglab.runs.identity import fingerprint
from seglab.runs.lock import is_first_process, only_process_in
from seglab.runs.record import Record, monitored_value, read_record, start_record, update_record, write_record
from seglab.runs.state import State, read_heartbeat, state

__all__ = [
    "CONFIG",
    "HEARTBEAT",
    "RECORD",
    "TRACEBACK",
    "Record",
    "State",
    "check_same_experiment",
    "fingerprint",
    "is_first_process",
    "logging_to",
    "monitored_value",
    "now",
    "only_process_in",
    "plain",
    "read_config",
    "read_heartbeat",
    "read_record",
    "shown",
    "start_record",
    "state",
    "update_record",
    "write_atomically",
    "write_quickly",
    "write_record",
]
