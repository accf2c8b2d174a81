"""The run whose predictions another one learns from: which it is, where it is, and whether it is still the same one.

Nothing here imports torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seglab.errors import SeglabError
from seglab.runs import checkpoints
from seglab.runs.files import BEST, LAST, shown
from seglab.runs.find import find_runs, named_run
from seglab.runs.init_from import RUN, sha256
from seglab.runs.record import read_record


class Teacher(NamedTuple):
    """A finished run and one of its checkpoints, best.ckpt or last.ckpt."""

    folder: Path
    checkpoint: str

    @property
    def path(self) -> Path:
        return self.folder / "checkpoints" / self.checkpoint


def locate(teacher: str, *, output: str | Path) -> Teacher:
    """What `teacher` stands for: a run as run= takes it, one of its checkpoints, or run:FINGERPRINT.

    Raises:
        SeglabError: there is none, it is not finished, or it has no such checkpoint.
    """
    if teacher.startswith(RUN):
        found = find_runs(Path(output)).get(teacher.removeprefix(RUN), [])
        folders = [run.folder for run in found if run.record["status"] == "finished"]
        if not folders:
            came = f"came one that is {found[-1].record['status']}" if found else "there is none"
            raise SeglabError(
                f"teacher={teacher}: expected a finished run of the configuration with this fingerprint in "
                f"{shown(Path(output).absolute())}; {came} - train it first, or give the name or the folder of a run"
            )
        folder = folders[0]
    else:
        folder = named_run(teacher, key="teacher", output=output)
        status = (read_record(folder) or {}).get("status")
        if status != "finished":
            raise SeglabError(
                f"teacher={teacher}: expected a finished run, whose weights change no more; came one that is {status} "
                f"- finish it: python -m seglab.train resume={shown(folder)}"
            )
    checkpoint = LAST if Path(teacher).name == LAST else BEST
    if not (path := folder / "checkpoints" / checkpoint).is_file():
        raise SeglabError(f"teacher={teacher}: expected a run with {shown(path)}; it is not there - train it again")
    return Teacher(folder, checkpoint)


def decisive(teacher: str | None, output: str | Path) -> str | None:
    """What of the teacher decides the result of its student: the fingerprint of its configuration; None without one.

    Of last.ckpt "FINGERPRINT:last". Of run:FINGERPRINT it is known before that run is trained.
    """
    if teacher is None:
        return None
    if teacher.startswith(RUN):
        return teacher.removeprefix(RUN)
    found = locate(teacher, output=output)
    fingerprint = (read_record(found.folder) or {}).get("fingerprint")
    if not isinstance(fingerprint, str):
        raise SeglabError(f"teacher={teacher}: expected a run whose record has a fingerprint - train it again")
    return fingerprint if found.checkpoint == BEST else f"{fingerprint}:last"


def record(teacher: Teacher, config: Mapping[str, Any]) -> dict[str, str]:
    """What the record of a student says of its teacher."""
    return {"path": str(teacher.path), "fingerprint": str(config["teacher_run"]), "sha256": sha256(teacher.path)}


def check(folder: Path, config: Mapping[str, Any]) -> None:
    """Nothing, if the run in `folder` can learn from `teacher`, or did learn from these weights.

    Raises:
        SeglabError: there is no such run, it has become another one, or its weights are not those that the run in
            `folder` began with. Of a finished student the teacher may be gone.
    """
    if config.get("teacher") is None:
        return
    record_of_student = read_record(folder) or {}
    finished = record_of_student.get("status") == "finished"
    try:
        teacher = locate(config["teacher"], output=config["output"])
        now = decisive(config["teacher"], config["output"])
    except SeglabError:
        if finished:
            return
        raise
    if now != config.get("teacher_run"):
        raise SeglabError(
            f"teacher={config['teacher']}: expected the run with the fingerprint {config.get('teacher_run')}; came one "
            f"with {now} - leave teacher_run out, which seglab sets itself, or choose another name for the new run"
        )
    before = record_of_student.get("teacher", {}).get("sha256")
    if before is None or not (finished or checkpoints.saved(folder)):
        return
    if (content := sha256(teacher.path)) != before:
        raise SeglabError(
            f"teacher={config['teacher']}: expected the weights that {shown(folder)} began to learn from (sha256 "
            f"{before[:12]}); came others ({content[:12]}) - restore {shown(teacher.path)}, or choose another name "
            "for the new run"
        )
