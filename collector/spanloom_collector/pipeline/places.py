"""The table of rules compiled to SQL, over a span's attributes as parallel arrays.

Every key that a rule names has a *place*, a small number. Each attribute's place is looked up once;
a rule then asks which of its places are taken, in its own order. So the statement does not grow
with the number of rules, and no text is copied for a rule that it does not serve.

The expressions read these columns, one element an attribute: ``keys``, ``types`` (the field number
of the value in OTLP's ``AnyValue``), ``strings``, ``ints``, ``floats`` and ``places``.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from spanloom_collector.pipeline import dialects

STRING, BOOL, INT, DOUBLE = 1, 2, 3, 4
"""Field numbers of the scalars in ``AnyValue``."""

_NO_KIND: Final = 65535
_CODES_PER_RULE: Final = 256


def _keys_of(rules: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(key for keys in rules.values() for key in keys)


_COUNT_KEYS = _keys_of(dialects.COUNT_RULES)
_KEYS = tuple(
    dict.fromkeys(
        (
            *_keys_of(dialects.PAYLOAD_RULES),
            *_keys_of(dialects.TEXT_RULES),
            *dialects.KIND_RULES,
            *_COUNT_KEYS,
        )
    )
)
_PLACES = {key: place for place, key in enumerate(_KEYS, start=1)}
_KINDS = sorted({kind for kinds in dialects.KIND_RULES.values() for kind in kinds.values()})


def places() -> str:
    """The place of each attribute, 0 where no rule names its key."""
    return f"arrayMap(key -> transform(key, {_list(_KEYS)}, {list(_PLACES.values())}, 0), keys)"


def findings() -> dict[str, str]:
    """What the rules find in a span: columns from which :func:`canonical_columns` are made."""
    text = f"place != 0 AND type = {STRING} AND text != ''"
    return {
        "text_places": f"arrayFilter((place, type, text) -> {text}, places, types, strings)",
        "texts": f"arrayFilter((text, place, type) -> {text}, strings, places, types)",
        "counts": _counts(),
        "count_places": (
            f"arrayMap((place, count) -> if(isNull(count), 0, place), {_of_counts('places')}, counts)"
        ),
        "kind_code": _kind_code(),
        **{
            f"{name}_place": _first("text_places", keys)
            for name, keys in dialects.PAYLOAD_RULES.items()
        },
        "is_kept": (
            f"arrayMap((place, type) -> type = {STRING} AND (place = 0 OR place NOT IN "
            "(input_place, output_place)), places, types)"
        ),
    }


def canonical_columns() -> dict[str, str]:
    """The table's canonical columns."""
    columns = {
        name: _text(_first("text_places", keys)) for name, keys in dialects.TEXT_RULES.items()
    }
    columns |= {name: _count(keys) for name, keys in dialects.COUNT_RULES.items()}
    columns["total_tokens"] = (
        "if(isNotNull(`input_tokens`) AND isNotNull(`output_tokens`), "
        "`input_tokens` + `output_tokens`, "
        f"coalesce({columns['total_tokens']}, `input_tokens`, `output_tokens`))"
    )
    columns["kind"] = (
        f"if(kind_code = {_NO_KIND}, if(`model` = '', 'span', 'llm'), "
        f"{_list(_KINDS)}[kind_code % {_CODES_PER_RULE} + 1])"
    )
    for name in dialects.PAYLOAD_RULES:
        columns[name] = _text(f"{name}_place")
        columns[f"{name}_key"] = f"{_list(_KEYS)}[{name}_place]"
    return columns


def quoted(text: str) -> str:
    """A text as SQL has it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"


def _places_of(keys: Iterable[str]) -> str:
    return ", ".join(str(_PLACES[key]) for key in keys)


def _first(taken: str, keys: Iterable[str]) -> str:
    """The first of these keys' places that is taken, 0 when none is."""
    return f"arrayFirst(place -> has({taken}, place), [{_places_of(keys)}])"


def _text(place: str) -> str:
    return f"texts[indexOf(text_places, {place})]"


def _count(keys: Iterable[str]) -> str:
    return f"counts[indexOf(count_places, {_first('count_places', keys)})]"


def _of_counts(array: str) -> str:
    """Those elements that belong to keys of counts."""
    wanted = f"place IN ({_places_of(_COUNT_KEYS)})"
    if array == "places":
        return f"arrayFilter(place -> {wanted}, places)"
    return f"arrayFilter((element, place) -> {wanted}, {array}, places)"


def _counts() -> str:
    """A count may be an integer, a whole float or a text of digits; anything else is none."""
    count = (
        f"multiIf(type = {INT}, if(int >= 0, toUInt64(int), NULL), "
        f"type = {DOUBLE}, if(float >= 0 AND float < 9.2e18, toUInt64(float), NULL), "
        "match(text, '^[0-9]{1,18}$'), toUInt64OrNull(text), NULL)"
    )
    arrays = ", ".join(map(_of_counts, ("types", "ints", "floats", "strings")))
    return f"arrayMap((type, int, float, text) -> {count}, {arrays})"


def _kind_code() -> str:
    """The kind by the first rule that knows the attribute's value: the rule's order, then the kind."""
    codes = {
        f"{_PLACES[key]}={value}": order * _CODES_PER_RULE + _KINDS.index(kind)
        for order, (key, kinds) in enumerate(dialects.KIND_RULES.items())
        for value, kind in kinds.items()
    }
    wanted = f"place IN ({_places_of(dialects.KIND_RULES)})"
    known = (
        "arrayMap((place, text) -> transform(concat(toString(place), '=', text), "
        f"{_list(codes)}, {list(codes.values())}, {_NO_KIND}), "
        f"arrayFilter(place -> {wanted}, text_places), "
        f"arrayFilter((text, place) -> {wanted}, texts, text_places))"
    )
    return f"arrayMin(arrayPushFront({known}, {_NO_KIND}))"
