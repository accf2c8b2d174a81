"""Names found where they are defined, in small packages."""

from pathlib import Path

import pytest

from seglab.config.definitions import public_names
from seglab.config.signatures import find_definition


@pytest.mark.parametrize(
    ("target", "defined_in"),
    [
        ("toy_module.Single", "toy_module.Single"),
        ("toy_package.Starred", "toy_package.inner.deep.Starred"),
        ("toy_package.inner.deep.NotExported", "toy_package.inner.deep.NotExported"),
        ("toy_package.Renamed", "toy_package.inner.deep.Base"),
        ("toy_package.Alias", "toy_package.inner.deep.Base"),
        ("toy_package.other.deep.Base", "toy_package.inner.deep.Base"),
        ("toy_package.Quick", "toy_package.fast.Quick"),
        ("toy_package.either", "toy_package.either"),
    ],
)
def test_a_name_is_found_where_it_is_defined(toy: Path, target: str, defined_in: str) -> None:
    definition = find_definition(target)
    assert definition is not None
    assert definition.defined_in == defined_in


@pytest.mark.parametrize(
    "target",
    [
        "toy_package",
        "toy_package.inner",
        "toy_package.NotExported",  # not in the starred module's __all__
        "toy_package.Missing",
        "toy_package.Loop",
        "toy_package.inner.deep.VALUE",
        "toy_package.inner.deep.Base.__init__",
        "toy_package.broken.Broken",
        "no_such_package.Thing",
        "Thing",
        "",
        "toy_package.os;system",
        "os.system",
        "__main__.Thing",
    ],
)
def test_what_no_source_defines_is_unknown(toy: Path, target: str) -> None:
    assert find_definition(target) is None


def test_public_names_reach_through_star_imports(toy: Path) -> None:
    assert {"Starred", "Renamed", "Quick", "either"} <= public_names("toy_package")
    assert "_hidden" not in public_names("toy_package")
