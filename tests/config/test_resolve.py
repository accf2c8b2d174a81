"""What is written elsewhere in a configuration is judged by its value, and reported once."""

from collections.abc import Callable


def test_a_target_is_judged_after_interpolation(checked: Callable[..., str]) -> None:
    assert "may not name os.system" in checked("output=os.system", "loss._target_=${output}")
    assert "may not name torch.load" in checked("loss=${oc.create:{_target_:torch.load}}")
    assert "may not name torch.load" in checked("augment.parts.0._target_=torch.load")


def test_what_is_referred_to_is_reported_once(checked: Callable[..., str]) -> None:
    assert checked("augment.nothing=1") == "augment: toy_parts.Many has no argument 'nothing'; it takes parts"
