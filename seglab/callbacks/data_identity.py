"""The record of a run names the files that it was trained and validated on; a run on other files is not continued."""

from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from seglab import runs
from seglab.runs import checkpoints, data_files


class DataIdentity(Callback):
    """Notes `data_fingerprint` in the record before the first step, and compares it where a run is continued.

    Args:
        output: where lists of files are kept, see seglab.runs.data_files.

    Raises:
        SeglabError: the run was begun on other files.
    """

    def __init__(self, output: str | Path) -> None:
        self.output = Path(output)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        folder = Path(trainer.default_root_dir)
        if not trainer.is_global_zero or stage != "fit" or runs.read_record(folder) is None:
            return
        data = trainer.datamodule
        samples = [*data.source("train").samples, *data.source("val").samples]
        now = data_files.keep(data_files.sizes(path for sample in samples for path in sample.files), self.output)
        if checkpoints.saved(folder):  # continued
            data_files.check(folder, output=self.output, now=now)
        runs.update_record(folder, data_fingerprint=now)
