"""A slip of the hand is answered with what was meant, wherever in the configuration that stands."""

import pytest

from seglab.config.compose import compose
from seglab.errors import SeglabError, nearest


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("modle=unet", "'model'"),
        ("Model=unet", "'model'"),
        ("model=UNet", "'unet'"),
        ("optimizer=AdamW", "'adamw'"),
        ("model=AdamW", "optimizer=adamw"),
        ("epochs=3", "'trainer.max_epochs'"),
        ("trainer.epochs=3", "'max_epochs'"),
        ("lr=0.1", "'optimizer.lr'"),
        ("trainer.lr=0.1", "'optimizer.lr'"),
        ("batch_size=2", "'data.batch_size'"),
        ("Batch_Size=2", "'data.batch_size'"),
        ("dice=1", "'loss=dice'"),
        ("dice", "loss=dice"),
        ("loss.class_weight=enet", "'class_weights'"),
    ],
)
def test_what_was_meant(override: str, meant: str) -> None:
    with pytest.raises(SeglabError) as told:
        compose("train", [override])
    assert f"did you mean {meant}?" in str(told.value)
    assert override.partition("=")[0].rpartition(".")[2] in str(told.value)


def test_another_command_is_not_told_of_the_keys_of_the_training() -> None:
    with pytest.raises(SeglabError, match=r"no key 'lr' in the configuration; expected one of"):
        compose("predict", ["lr=1"])


def test_nearest_looks_past_case_and_order() -> None:
    assert nearest("modle", ["module", "model"]) == "model"
    assert nearest("UNET", ["UNet", "unetplusplus"]) == "UNet"
    assert nearest("zzz", ["model"]) is None
