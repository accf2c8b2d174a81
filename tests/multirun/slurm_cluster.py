"""A SLURM of one node, for the tests that queue jobs: the machine's own, or one that is started and stopped here.

The one started here disturbs no other: its configuration, ports, sockets and files are its own, in a temporary folder.
It has no accounting, as that wants a database; a `sacct` that asks the controller stands in, for submitit asks nobody
else whether a job was killed.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE, wait_for

PROGRAMS = ("sbatch", "sinfo", "slurmctld", "slurmd", "munged")
# requeued jobs wait until their credential has expired: two minutes, where nobody says otherwise
CONFIGURATION = """\
ClusterName=seglab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=1
KillWait=30
{node} NodeAddr=127.0.0.1
PartitionName=debug Nodes={host} Default=YES
"""
# `sacct -o JobID,State,NodeList --parsable2 -j 12 -j 13`
ACCOUNTING = """\
#!{python}
import re, subprocess, sys

print("JobID|State|NodeList")
for flag, job in zip(sys.argv, sys.argv[1:]):
    if flag == "-j":
        tasks = subprocess.run(["scontrol", "--oneliner", "show", "job", job], capture_output=True, text=True).stdout
        for task in tasks.splitlines():
            value = dict(re.findall(r"(\\w+)=(\\S*)", task))
            number = value.get("ArrayTaskId", "")  # "0-3%2" of tasks that still wait
            number = number if number.isdigit() else f"[{{number}}]"
            name = f"{{value['ArrayJobId']}}_{{number}}" if "ArrayJobId" in value else value["JobId"]
            print(name, value["JobState"], value.get("NodeList", ""), sep="|")
"""


@pytest.fixture(scope="module")
def slurm_cluster(environment: dict[str, str], command_server: subprocess.Popen[str]) -> Iterator[None]:
    """`sbatch` and its like work here and in commands. Skips where no SLURM answers and none can be started.

    The server of the commands is begun before: it outlives the cluster, which ends all that has its configuration.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seglab-slurm-")))
        patch = stack.enter_context(pytest.MonkeyPatch.context())

        def set_variable(name: str, value: str) -> None:
            patch.setenv(name, value)
            patch.setitem(environment, name, value)

        # Debian keeps the daemons where an ordinary user's PATH does not lead
        set_variable("PATH", os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
        if not has_node():
            missing = [program for program in PROGRAMS if shutil.which(program) is None]
            if missing:
                pytest.skip(f"no SLURM answers, and none can be started: {', '.join(missing)} not installed")
            if os.geteuid() != 0:
                pytest.skip("no SLURM answers, and only root can start one")
            set_variable("SLURM_CONF", str(folder / "slurm.conf"))
            stack.enter_context(running_cluster(folder))
        if not answers("sacct"):
            accounting = folder / "bin" / "sacct"
            accounting.parent.mkdir()
            accounting.write_text(ACCOUNTING.format(python=sys.executable))
            accounting.chmod(0o755)
            set_variable("PATH", os.pathsep.join([str(accounting.parent), os.environ["PATH"]]))
        yield


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[None]:
    """A SLURM of this machine alone, whose files are in `folder`; SLURM_CONF names its configuration there already."""
    host = socket.gethostname().partition(".")[0]
    (folder / "controller").mkdir()
    (folder / "node").mkdir()
    (folder / "slurm.conf").touch()
    node = subprocess.run(["slurmd", "-C"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    ports = dict(zip(("controller_port", "node_port"), free_ports(), strict=False))
    (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, host=host, node=node, **ports))
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}",
              f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed"]  # fmt: skip
    with contextlib.ExitStack() as daemons:
        try:
            daemons.enter_context(started(munged, folder, is_up=(folder / "munge.socket").exists))
            daemons.enter_context(started(["slurmctld", "-D"], folder, is_up=lambda: answers("scontrol", "ping")))
            daemons.enter_context(started(["slurmd", "-D"], folder, is_up=has_node))
            yield
        finally:
            end_processes(folder)


def free_ports() -> Iterator[int]:
    """Ports that nobody listens at, below those that the system gives to whoever asks for any: they stay free."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.Random(os.getpid()).sample(range(lowest // 2, lowest), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            yield port


def started(command: list[str], folder: Path, *, is_up: Callable[[], bool]) -> subprocess.Popen[bytes]:
    log = folder / f"{command[0]}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        wait_for(is_up, process, pause=0.1)
    except AssertionError:
        process.kill()
        process.wait()
        pytest.fail(f"{command[0]} did not start:\n{log.read_text()}")
    return process


def end_processes(folder: Path) -> None:
    """Kills the daemons, and what jobs and failed tests left behind: all that runs there, or with its configuration."""

    def are_killed() -> bool:
        processes = list(processes_of(folder))
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return not processes

    wait_for(are_killed, pause=0.1)


def processes_of(folder: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or only waits for its parent
            if (
                folder in (process / "cwd").resolve().parents
                or os.fsencode(folder) in (process / "environ").read_bytes()
            ):
                yield int(process.name)


def has_node() -> bool:
    """Whether there is a SLURM with a node that takes jobs."""
    return answers("sinfo", "--noheader", "--states=idle,mixed,allocated", "--format=%n")


def answers(*command: str) -> bool:
    """Whether the program is there, succeeds and says something."""
    try:
        return bool(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout)
    except (OSError, subprocess.SubprocessError):
        return False
