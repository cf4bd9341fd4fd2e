import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanloom
from spanloom._objects.address import Address, parse_address

SIGNS = string.ascii_letters + string.digits + " .-_%ü日"
NAMES = st.text(SIGNS, min_size=1).filter(lambda name: name == name.strip())


@given(NAMES, NAMES, NAMES, st.booleans())
def test_a_uri_is_read_as_what_it_was_written_of(
    project: str, name: str, selector: str, with_entity: bool
) -> None:
    address = Address(f"team/{project}" if with_entity else project, name, selector)

    assert parse_address(address.uri, None) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("capitals", Address("p", "capitals", "latest")),
        ("capitals:v3", Address("p", "capitals", "v3")),
        ("spanloom:///e/q/object/capitals", Address("e/q", "capitals", "latest")),
        ("weave:///e/q/object/capitals:v1", Address("e/q", "capitals", "v1")),
        ("weave:///e/q/op/Chat.predict:abc", Address("e/q", "Chat.predict", "abc")),
    ],
)
def test_names_and_uris_are_understood(text: str, address: Address) -> None:
    assert parse_address(text, "p") == address


@pytest.mark.parametrize(
    "text", ["", ":v1", "a/b", "spanloom:///p/capitals", "spanloom:///e/p/call/x", "http://x"]
)
def test_what_is_no_address_is_refused_with_the_form_of_one(text: str) -> None:
    with pytest.raises(spanloom.ConfigurationError, match="entity/project/object/name:version"):
        parse_address(text, "p")


def test_a_name_needs_a_project() -> None:
    with pytest.raises(spanloom.ConfigurationError, match=r"call spanloom\.init"):
        spanloom.ref("capitals")


@pytest.mark.parametrize(("selector", "fixed"), [("v0", True), ("a" * 64, True), ("best", False)])
def test_only_numbers_and_digests_are_fixed(selector: str, fixed: bool) -> None:
    assert Address("p", "n", selector).is_fixed is fixed
