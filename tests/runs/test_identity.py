"""What decides a result, and what does not."""

from seglab import runs
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


def test_a_key_that_came_later_is_left_out_where_it_changes_nothing(tiny_config):
    folder = runs.plain(tiny_config("data=folder"))
    assert folder["data"]["source"].pop("colours") is None
    assert folder["data"].pop("channels") == 3
    assert runs.fingerprint(folder) == runs.fingerprint(runs.plain(tiny_config("data=folder")))
    for override in ("data.channels=4", "data.source.colours={background: [0,0,0], foreground: [9,9,9]}"):
        assert runs.fingerprint(folder) != runs.fingerprint(runs.plain(tiny_config("data=folder", override)))
