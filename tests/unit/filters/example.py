"""Rows of two hundred traces, the table that holds them, and the catalogue to filter them by."""

import random
from dataclasses import asdict, dataclass, fields

from clickhouse_connect.driver.client import Client

from spanloom_query.filters.fields import Catalogue, Family, Field, Type
from spanloom_query.filters.sql import Condition

COLUMNS = {
    "row_number": "UInt32",
    "name": "String",
    "note": "Nullable(String)",
    "tokens": "Nullable(Int64)",
    "score": "Nullable(Float64)",
    "correct": "Nullable(Bool)",
    "started_ns": "Int64",
    "attr_str": "Map(LowCardinality(String), String)",
    "attr_int": "Map(LowCardinality(String), Int64)",
    "attr_float": "Map(LowCardinality(String), Float64)",
    "attr_bool": "Map(LowCardinality(String), Bool)",
}
TEXTS = ("", "chat", "Chat", "CHAT é", "É", "it's", "100%", "a_b", "back\\slash", "two words", "ch")
KEYS = ("user.id", "it's", "k\\", "{f0:String}", "missing everywhere")
FIRST_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Row:
    row_number: int
    name: str
    note: str | None
    tokens: int | None
    score: float | None
    correct: bool | None
    started_ns: int
    attr_str: dict[str, str]
    attr_int: dict[str, int]
    attr_float: dict[str, float]
    attr_bool: dict[str, bool]


class Table:
    """The rows, and the engine that holds them too."""

    def __init__(self, client: Client, rows: list[Row]) -> None:
        self.rows = rows
        self._client = client

    def row_numbers_where(self, condition: Condition) -> list[int]:
        query = f"SELECT row_number FROM rows WHERE {condition.sql} ORDER BY row_number"
        result = self._client.query(query, parameters=condition.parameters)
        return [row[0] for row in result.result_rows]

    def match(self, text: str, pattern: str) -> bool:
        return self._ask("SELECT match({text:String}, {pattern:String})", text, pattern)

    def like(self, text: str, pattern: str) -> bool:
        return self._ask("SELECT {text:String} LIKE {pattern:String}", text, pattern)

    def _ask(self, query: str, text: str, pattern: str) -> bool:
        parameters = {"text": text, "pattern": pattern}
        [[answer]] = self._client.query(query, parameters=parameters).result_rows
        return bool(answer)


def _attribute(key: str, kind: Type) -> str:
    if kind is Type.TEXT:
        return f"if(mapContains(attr_str, {key}), attr_str[{key}], NULL)"
    if kind is Type.BOOLEAN:
        return f"if(mapContains(attr_bool, {key}), attr_bool[{key}], NULL)"
    return (
        f"multiIf(mapContains(attr_int, {key}), toFloat64(attr_int[{key}]), "
        f"mapContains(attr_float, {key}), attr_float[{key}], NULL)"
    )


def _has_attribute(key: str) -> str:
    maps = ("attr_str", "attr_int", "attr_float", "attr_bool")
    return " OR ".join(f"mapContains({name}, {key})" for name in maps)


CATALOGUE = Catalogue(
    fields=(
        Field("name", Type.TEXT, "Name of the root span.", "name"),
        Field("note", Type.TEXT, "What a person wrote.", "note"),
        Field("tokens", Type.NUMBER, "Tokens of all model calls.", "tokens"),
        Field("score", Type.NUMBER, "The score.", "score"),
        Field("doubled", Type.NUMBER, "Twice the tokens.", "tokens * 2"),
        Field("correct", Type.BOOLEAN, "Whether the answer was right.", "correct"),
        Field("is_long", Type.BOOLEAN, "Whether the name is long.", "length(name) > 4"),
        Field(
            "start_time",
            Type.TIME,
            "When the trace began.",
            "fromUnixTimestamp64Nano(started_ns, 'UTC')",
        ),
        Field("output.label", Type.TEXT, "The label in the output.", "upper(name)"),
    ),
    families=(Family("attributes", "Attributes of the root span.", _attribute, _has_attribute),),
)


def make_rows(count: int) -> list[Row]:
    source = random.Random(20261123)
    return [_make_row(source, number) for number in range(count)]


def fill_table(client: Client, rows: list[Row]) -> None:
    columns = ", ".join(f"{name} {type_name}" for name, type_name in COLUMNS.items())
    client.command(f"CREATE TABLE rows ({columns}) ENGINE = Memory")
    client.insert(
        "rows",
        [[asdict(row)[column.name] for row in rows] for column in fields(Row)],
        column_oriented=True,
        column_names=list(COLUMNS),
        column_type_names=list(COLUMNS.values()),
    )


def _make_row(source: random.Random, number: int) -> Row:
    def is_there() -> bool:
        return source.random() < 0.75

    def some_keys() -> list[str]:
        return [key for key in KEYS[:4] if source.random() < 0.4]

    return Row(
        row_number=number,
        name=source.choice(TEXTS),
        note=source.choice(TEXTS) if is_there() else None,
        tokens=source.randint(-3, 10) if is_there() else None,
        score=source.choice((-1.5, 0.0, 0.1, 0.5, 0.8, 2.0, 2.5)) if is_there() else None,
        correct=source.random() < 0.5 if is_there() else None,
        started_ns=FIRST_NS + source.randint(0, 5) * 10**9,
        attr_str={key: source.choice(TEXTS) for key in some_keys()},
        attr_int={key: source.randint(-3, 10) for key in some_keys()},
        attr_float={key: source.choice((0.5, 2.0)) for key in some_keys()},
        attr_bool={key: source.random() < 0.5 for key in some_keys()},
    )
