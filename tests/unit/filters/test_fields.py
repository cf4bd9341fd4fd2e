"""Names: what a filter may mention, and what is suggested for what it may not."""

import pytest

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.fields import Member
from spanloom_query.filters.tree import Name
from tests.unit.filters.example import CATALOGUE


@pytest.mark.parametrize("parts", [("output", "label"), ("output.label",)])
def test_dots_are_part_of_a_name(parts: tuple[str, ...]) -> None:
    assert CATALOGUE.find(Name(parts)) is CATALOGUE.fields[-1]


@pytest.mark.parametrize("parts", [("attributes", "user.id"), ("attributes", "user", "id")])
def test_a_familys_key_is_all_that_follows_its_name(parts: tuple[str, ...]) -> None:
    assert CATALOGUE.find(Name(parts)) == Member(CATALOGUE.families[0], "user.id")


@pytest.mark.parametrize(
    ("parts", "suggestions"),
    [
        (("Name",), ("name",)),
        (("scor",), ("score",)),
        (("output", "lable"), ("output.label",)),
        (("atributes", "user id"), ('attributes."user id"',)),
        (("nothing like it",), ()),
    ],
)
def test_the_nearest_names_are_suggested(
    parts: tuple[str, ...], suggestions: tuple[str, ...]
) -> None:
    with pytest.raises(FilterError, match="There is no field") as caught:
        CATALOGUE.find(Name(parts))

    assert caught.value.suggestions == suggestions


def test_a_family_needs_a_key() -> None:
    with pytest.raises(FilterError, match=r'needs a key: attributes\."any key"'):
        CATALOGUE.find(Name(("attributes",)))
