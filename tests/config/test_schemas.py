"""The root keys of conf/."""

import pytest
from omegaconf import OmegaConf

from seglab import config


def test_the_schema_refuses_wrong_types_of_root_keys() -> None:
    schema = OmegaConf.structured(config.TrainConfig)
    with pytest.raises(ValueError, match="could not be converted to Integer"):
        OmegaConf.merge(schema, {"seed": "abc"})
