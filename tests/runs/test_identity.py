"""What decides a result, and what does not."""

from seglab import runs
from seglab.config.compose import compose
from seglab.runs import identity

CONFIG = {
    "seed": 1,
    "output": "outputs",
    "loss": {"gamma": 2.0},
    "data": {"root": "/a", "size": [64, 64]},
    "logger": {"csv": {}},
}


def test_fingerprint_is_of_what_decides_the_result():
    elsewhere = CONFIG | {
        "output": "/x",
        "logger": {"wandb": {"project": "p"}},
        "data": {"root": "/b", "size": [64, 64]},
    }
    assert runs.fingerprint(CONFIG) == runs.fingerprint(elsewhere)
    assert runs.fingerprint(CONFIG) != runs.fingerprint(CONFIG | {"seed": 2})
    assert runs.fingerprint(CONFIG) != runs.fingerprint(CONFIG | {"data": {"root": "/a", "size": [64, 32]}})


def test_init_from_decides_the_result(tiny_config):
    plain = runs.plain(tiny_config())
    decisive = {"init_from", "replace_head", "module.encoder_lr", "module.decay_norm_and_bias"}
    assert decisive <= identity.identity(plain).keys()
    assert runs.fingerprint(plain) != runs.fingerprint(runs.plain(tiny_config("init_from=x.pt")))


def test_a_key_that_came_later_changes_no_fingerprint_at_its_default():
    now = runs.plain(compose("train", ["data=folder", "data.root=/nowhere"]).cfg)
    before = {**now, "data": {**now["data"], "source": dict(now["data"]["source"])}}
    for key in ("mask_suffix", "recursive"):
        del before["data"]["source"][key]
    assert runs.fingerprint(now) == runs.fingerprint(before)
    now["data"]["source"]["recursive"] = True
    assert runs.fingerprint(now) != runs.fingerprint(before)
