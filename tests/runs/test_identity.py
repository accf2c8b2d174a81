"""What decides a result, and what does not."""

from seglab import compose, runs
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


def test_a_key_that_came_later_is_left_out_where_it_changes_nothing():
    frozen = runs.plain(compose(["callbacks=freeze_encoder"]))
    assert frozen["callbacks"]["freeze"].pop("eval_mode") is False
    assert frozen["module"].pop("layer_decay") == 1
    for group in ("adapt", "sampling", "mix"):
        assert not frozen.pop(group)
    assert runs.fingerprint(frozen) == runs.fingerprint(runs.plain(compose(["callbacks=freeze_encoder"])))
    folder = runs.plain(compose(["data=folder"]))
    assert folder["data"]["source"].pop("colours") is None
    assert folder["data"]["source"].pop("mask_suffix") == ""
    assert folder["data"]["source"].pop("recursive") is False
    assert folder["data"].pop("channels") == 3
    assert runs.fingerprint(folder) == runs.fingerprint(runs.plain(compose(["data=folder"])))
    other = ["data.channels=2", "module.mean=[0,0]", "module.std=[1,1]"]
    for overrides in (
        other, ["data.source.colours={background: [0,0,0], foreground: [9,9,9]}"], ["data.source.recursive=true"]
    ):  # fmt: skip
        changed = identity.identity(runs.plain(compose(["data=folder", *overrides])))
        assert {"data.channels", "data.source.colours.foreground", "data.source.recursive"} & changed.keys()
