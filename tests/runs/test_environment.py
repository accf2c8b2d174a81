"""What a configuration reads from the environment is used, and never written."""

import logging

import pytest
from omegaconf import OmegaConf

import seglab
from seglab import runs
from seglab.config.of_run import of_run
from seglab.errors import SeglabError
from seglab.runs import environment
from seglab.training import run as run_module
from tests.conftest import TINY

SECRET = "hunter2-and-more"
TEXT = """
data: {root: "${oc.env:MY_SECRET}/camvid", size: [1, 2], augmentation: "${augment}",
  source: {list: "${oc.env:MY_SECRET}"}}
augment: {transforms: [{p: "${rate}", q: "${.p}"}]}
rate: ${oc.decode:${oc.env:MY_RATE}}
sizes: ${oc.decode:${oc.env:MY_LIST}}
lr: ${oc.env:MY_ABSENT,0.1}
name: run of ${oc.env:MY_SECRET}
literal: a\\${b}
both: ${name} and ${rate}
classes: {7: 0, 8: null}
open: ???
"""


@pytest.fixture
def cfg(monkeypatch):
    monkeypatch.setenv("MY_SECRET", SECRET)
    monkeypatch.setenv("MY_RATE", "0.25")
    monkeypatch.setenv("MY_LIST", "[4,8]")
    return OmegaConf.create(TEXT)


def test_only_what_depends_on_the_environment_stays_unresolved(cfg):
    written = environment.unresolved(cfg)
    assert written["data"] == {
        "root": f"{SECRET}/camvid",  # where the data lie is written
        "size": [1, 2],
        "augmentation": {"transforms": [{"p": "${rate}", "q": "${.p}"}]},
        "source": {"list": "${oc.env:MY_SECRET}"},
    }
    assert written["rate"] == "${oc.decode:${oc.env:MY_RATE}}"
    assert written["sizes"] == "${oc.decode:${oc.env:MY_LIST}}"
    assert written["lr"] == "${oc.env:MY_ABSENT,0.1}"
    assert written["name"] == "run of ${oc.env:MY_SECRET}"
    assert written["both"] == "${name} and ${rate}"
    assert written["classes"] == {7: 0, 8: None}
    assert environment.names(written) == {"MY_SECRET", "MY_RATE", "MY_LIST", "MY_ABSENT"}


def test_read_again_it_is_the_same(cfg):
    again = OmegaConf.create(OmegaConf.to_yaml(OmegaConf.create(environment.unresolved(cfg))))
    assert runs.plain(again) == runs.plain(cfg)
    assert runs.plain(again)["literal"] == "a${b}"
    assert runs.fingerprint(runs.plain(again)) == runs.fingerprint(runs.plain(cfg))


def test_without_the_environment_the_names_are_left(cfg, monkeypatch):
    written = OmegaConf.create(environment.unresolved(cfg))
    monkeypatch.delenv("MY_SECRET")
    possible = environment.resolved_where_possible(written)
    assert possible["name"] == "run of ${oc.env:MY_SECRET}"
    assert possible["rate"] == 0.25
    assert possible["sizes"] == [4, 8]


def test_texts_are_masked_and_short_values_leave_words_alone(cfg, monkeypatch):
    monkeypatch.setenv("MY_LONGER", f"{SECRET}/more")
    text = f"'{SECRET}/more' and {SECRET}, at 0.25"
    assert environment.masked(text, ["MY_SECRET", "MY_RATE", "MY_LONGER", "MY_ABSENT"]) == (
        "'${oc.env:MY_LONGER}' and ${oc.env:MY_SECRET}, at 0.25"
    )


def test_a_log_is_masked_while_a_run_lasts(cfg, tmp_path):
    log = logging.getLogger("seglab")
    with runs.logging_to(tmp_path, hidden=["MY_SECRET"]):
        log.info("reading %s, %d files", SECRET, 3)
    assert "reading ${oc.env:MY_SECRET}, 3 files" in (tmp_path / "run.log").read_text()
    assert log.filters == []


@pytest.mark.slow
def test_a_run_keeps_its_environment_out_of_its_folder_and_goes_on_with_it_alone(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    monkeypatch.setenv("MY_SECRET", SECRET)
    monkeypatch.setenv("MY_RATE", "0.02")
    monkeypatch.chdir(tmp_path)
    reading = ["optimizer.lr='${oc.decode:${oc.env:MY_RATE}}'", "name='of ${oc.env:MY_SECRET}'"]
    record = seglab.fit([*TINY, *reading, "trainer.max_epochs=1", "callbacks.pictures=null"])
    run = tmp_path / record["folder"]
    for path in run.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert of_run(run)["optimizer"]["lr"] == 0.02
    assert seglab.fit([f"resume={run}"])["fingerprint"] == record["fingerprint"]
    monkeypatch.setenv("MY_RATE", "0.03")
    with pytest.raises(SeglabError, match=r"depends on the environment \(MY_RATE, MY_SECRET\); expected the values"):
        seglab.fit([f"resume={run}"])
    monkeypatch.delenv("MY_SECRET")
    with pytest.raises(SeglabError, match="name: Environment variable 'MY_SECRET' not found"):
        seglab.fit([f"resume={run}"])
    assert seglab.load(run).class_names  # which needs neither


def test_a_failure_is_written_without_it(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", SECRET)
    cfg = tiny_config("init_from=null", "name='${oc.env:MY_SECRET}'")

    def fail(settings, folder):
        raise ValueError(f"no {settings['name']} here")

    monkeypatch.setattr(run_module, "_fit", fail)
    with pytest.raises(ValueError, match=SECRET):
        run_module.train(cfg, tmp_path / "run", overrides=[])
    record = runs.read_record(tmp_path / "run")
    assert record["error"] == "ValueError: no ${oc.env:MY_SECRET} here"
    assert SECRET not in (tmp_path / "run" / "traceback.txt").read_text()
