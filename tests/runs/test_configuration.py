"""A run's folder belongs to one configuration."""

import pytest
import yaml

from seglab import runs
from seglab.errors import SeglabError

CONFIG = {"seed": 1, "output": "outputs", "loss": {"gamma": 2.0}}


def test_folder_of_another_experiment_is_refused_with_the_difference(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    runs.check_same_experiment(tmp_path, CONFIG | {"output": "elsewhere"})
    with pytest.raises(SeglabError, match=r"loss\.gamma: 2\.0 -> 3\.0"):
        runs.check_same_experiment(tmp_path, CONFIG | {"loss": {"gamma": 3.0}})


@pytest.mark.parametrize("content", [b"", b"a: [1, 2\n", b"\0\0\0", b"\xff", b"- 1\n"])
def test_a_damaged_configuration_is_named(tmp_path, content):
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(SeglabError, match=r"config\.yaml: expected the configuration of a run; came"):
        runs.read_config(tmp_path)
