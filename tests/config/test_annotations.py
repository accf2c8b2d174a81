"""Which values of a configuration fit which annotations."""

import pytest

from seglab.config.annotations import expected_instead


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, "int"),
        (1, "float"),
        (1.5, "float"),
        (True, "bool"),
        ("a", "str"),
        (None, "int | None"),
        (None, "Optional[int]"),
        (2, "typing.Optional[int]"),
        (None, "None"),
        ("max", "Literal['min', 'max']"),
        ([1.0, 2.0], "Sequence[float] | None"),
        ([], "tuple[int, int]"),
        ({"a": 1}, "Mapping[str, int]"),
        ({}, "dict"),
        (0.1, "tuple[float, float] | float"),
        (3, "Annotated[int, 'of something']"),
        ("anything", "Tensor"),
        ("anything", "int | Tensor"),
        ("anything", "Union[int, 'Tensor']"),
        ("anything", "not an annotation"),
        ("anything", "Callable[[], Module]"),
        (True, "int | bool"),
    ],
)
def test_fits(value: object, annotation: str) -> None:
    assert expected_instead(value, annotation) is None


@pytest.mark.parametrize(
    ("value", "annotation", "words"),
    [
        ("abc", "int", "a whole number"),
        (1.5, "int", "a whole number"),
        (True, "int", "a whole number"),
        (True, "float", "a number"),
        (None, "float", "a number"),
        (1, "bool", "true or false"),
        (1, "str", "text"),
        ("abc", "int | None", "a whole number or null"),
        ("abc", "Union[int, float, None]", "a whole number or a number or null"),
        ("mix", "Literal['min', 'max']", "one of 'min', 'max'"),
        (True, "Literal[1, 2]", "one of 1, 2"),
        ("abc", "Sequence[float] | None", "a list or null"),
        ([1], "dict[str, int]", "a mapping"),
        (1, '"str"', "text"),
    ],
)
def test_does_not_fit(value: object, annotation: str, words: str) -> None:
    assert expected_instead(value, annotation) == words
