"""What a number or a word may be, and the message for any other."""

from collections.abc import Callable

import pytest

from seglab.config import ranges
from seglab.errors import SeglabError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("activation.scope=half", "activation.scope is 'half'; expected all, encoder or decoder"),
        ("data.batch_size=0", "data.batch_size is 0; expected a whole number >= 1"),
        ("data.batch_size=big", "data.batch_size is 'big'; expected a whole number >= 1"),
        ("data.num_workers=-1", "data.num_workers is -1; expected a whole number >= 0 or null"),
        ("data.size=[32]", "data.size is [32]; expected [height, width], whole numbers >= 1, or null"),
        ("optimizer.lr=0", "optimizer.lr is 0; expected a number > 0"),
        ("optimizer.lr=1e", "optimizer.lr is '1e'; expected a number > 0"),
        ("optimizer.lr=.nan", "optimizer.lr is nan; expected a number > 0"),
        ("optimizer.momentum=1.0", "optimizer.momentum is 1.0; expected a number >= 0 and < 1"),
        ("+optimizer.weight_decay=-1", "optimizer.weight_decay is -1; expected a number >= 0"),
        ("trainer.max_epochs=-2", "trainer.max_epochs is -2; expected a whole number >= 0 or -1 or null"),
        ("model.classes=1", "model.classes is 1; expected a whole number >= 2"),
        ("seed=-1", "seed is -1; expected a whole number from 0 to 4294967295"),
    ],
)
def test_each_value_out_of_its_range_has_its_message(checked: Callable[..., str], change: str, message: str) -> None:
    told = checked(change.removeprefix("+"))
    assert told.startswith(message)
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("rule", "accepted", "refused"),
    [
        (ranges.whole(1, also=(None, -1)), (1, 7, None, -1), (0, -2, 1.5, True, "1")),
        (ranges.number(0, null=True), (0, 0.5, 3, None), (-1, True, "1")),
        (ranges.share("a share"), (0, 0.5, 1), (-0.1, 1.1, None)),
        (ranges.size("native", None), ([1, 2], "native", None), ([1], [0, 2], [1.5, 2], "other")),
        (ranges.one_of("auto", True), ("auto", True), (1, "true", None)),
        (ranges.some_of("a", "b", at_least=1), (["a"], ["a", "b"]), ([], ["c"], "a")),
    ],
    ids=["whole", "number", "share", "size", "one_of", "some_of"],
)
def test_values_in_and_out_of_range(rule, accepted, refused) -> None:
    assert [value for value in accepted if not rule.accepts(value)] == []
    assert [value for value in refused if rule.accepts(value)] == []


def test_a_misspelt_word_is_named_with_what_it_may_have_meant() -> None:
    rules = {"device": ranges.one_of("auto", "cpu"), "extra": ranges.some_of("boundary", "panoptic")}
    ranges.require({"device": "cpu", "extra": []}, rules)
    with pytest.raises(SeglabError, match="device is 'aut'; expected one of auto, cpu - did you mean 'auto'"):
        ranges.require({"device": "aut", "extra": []}, rules)
    with pytest.raises(
        SeglabError, match="extra holds 'bondary'; expected some of boundary, panoptic - did you mean 'b"
    ):
        ranges.require({"device": "cpu", "extra": ["boundary", "bondary"]}, rules)
