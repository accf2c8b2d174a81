"""Composed from Python with groups of the user's own, wherever they lie."""

from seglab.config.compose import compose


def test_a_folder_of_any_name_holds_groups(tmp_path):
    folder = tmp_path / "é ü = , (x)" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nseed: 77\n")
    cfg, choices = compose("train", ["experiment=mine"], search_path=[folder.parent])
    assert (cfg.seed, choices["experiment"]) == (77, "mine")
