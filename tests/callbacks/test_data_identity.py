"""A run is continued on the files that it was begun on, or not at all."""

from types import SimpleNamespace

import pytest

from seglab import runs
from seglab.callbacks.data_identity import DataIdentity
from seglab.errors import SeglabError
from seglab.runs.files import LAST


def test_a_run_on_other_files_is_not_continued(tmp_path):
    folder, image = tmp_path / "run", tmp_path / "a.png"
    (folder / "checkpoints").mkdir(parents=True)
    image.write_bytes(b"image")
    source = SimpleNamespace(samples=[SimpleNamespace(files=[image])])
    trainer = SimpleNamespace(
        default_root_dir=str(folder), is_global_zero=True, datamodule=SimpleNamespace(source=lambda part: source)
    )
    callback = DataIdentity(tmp_path / "outputs")
    callback.setup(trainer, None, "fit")
    assert runs.read_record(folder) is None, "not a run of seglab's own command"
    runs.update_record(folder, status="running")
    callback.setup(trainer, None, "fit")
    begun = runs.read_record(folder)["data_fingerprint"]
    (folder / "checkpoints" / LAST).touch()
    callback.setup(trainer, None, "fit")
    image.write_bytes(b"another image")
    with pytest.raises(SeglabError, match=r"1 of \d files differ; '.*a\.png' had 5 bytes and has 13"):
        callback.setup(trainer, None, "fit")
    assert runs.read_record(folder)["data_fingerprint"] == begun
