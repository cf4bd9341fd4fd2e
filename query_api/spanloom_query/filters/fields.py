"""What a filter may name: typed fields and families of fields, as data."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.tokens import quoted_name, quoted_text
from spanloom_query.filters.tree import Name


class Type(StrEnum):
    """What a field holds and what it can be compared with."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"


@dataclass(frozen=True)
class Field:
    """A named value of every row.

    Attributes:
        name: As filters write it; dots are part of it.
        type: What `expression` yields. NULL means unknown, for any type.
        description: One sentence for the reader of a list of fields.
        expression: ClickHouse SQL, a column, an alias or anything computed. A text must be a
            String or Nullable(String), a time a DateTime64; numbers and booleans any of theirs.
    """

    name: str
    type: Type
    description: str
    expression: str


@dataclass(frozen=True)
class Family:
    """Fields whose keys the rows bring along: `attributes."any key"`.

    A key has no type of its own: what it is compared with decides which one is looked up.

    Attributes:
        name: What stands before the first dot.
        description: One sentence for the reader of a list of fields.
        expression: From the key's bound parameter (such as `{f0:String}`) and a type to SQL: the
            value of that type under that key, NULL when there is none.
        presence: From the key's bound parameter to SQL that is true when any type has the key.
        types: The types `expression` can look up.
    """

    name: str
    description: str
    expression: Callable[[str, Type], str]
    presence: Callable[[str], str]
    types: frozenset[Type] = frozenset({Type.TEXT, Type.NUMBER, Type.BOOLEAN})


@dataclass(frozen=True)
class Member:
    """One key of a family, as a filter names it."""

    family: Family
    key: str


@dataclass(frozen=True)
class Catalogue:
    """All that a filter on one kind of rows may name.

    Example:
        >>> catalogue = Catalogue((Field("name", Type.TEXT, "Name of the root span.", "name"),))
        >>> catalogue.find(Name(("name",))).type
        <Type.TEXT: 'text'>
    """

    fields: tuple[Field, ...]
    families: tuple[Family, ...] = ()

    def find(self, name: Name) -> Field | Member:
        """Find what a name stands for; a field goes before a family's key.

        Raises:
            FilterError: Nothing has this name; carries the nearest names.
        """
        field = self._fields_by_name.get(name.dotted)
        if field is not None:
            return field
        family = self._families_by_name.get(name.parts[0])
        if family is None:
            raise self._unknown(name)
        key = ".".join(name.parts[1:])
        if not key:
            example = quoted_name((family.name, "any key"))
            raise FilterError(f"{family.name} needs a key: {example}.", name.span)
        return Member(family, key)

    @cached_property
    def _fields_by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def _families_by_name(self) -> dict[str, Family]:
        return {family.name: family for family in self.families}

    def _unknown(self, name: Name) -> FilterError:
        suggestions = self._nearest(name)
        message = f"There is no field {name.dotted}."
        if suggestions:
            message += f" Did you mean {' or '.join(suggestions)}?"
        if name.quoted or not suggestions:
            message += f" A text stands in single quotes: {quoted_text(name.dotted)}."
        return FilterError(message, name.span, suggestions)

    def _nearest(self, name: Name) -> tuple[str, ...]:
        fields = nearest_names(name.dotted, self._fields_by_name)
        families = nearest_names(name.parts[0], self._families_by_name)
        keyed = [(family, *name.parts[1:]) for family in families if len(name.parts) > 1]
        return tuple(quoted_name(parts) for parts in [*(_parts(field) for field in fields), *keyed])


def nearest_names(wanted: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The names most like a wanted one, nearest first, whatever their case."""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wanted.casefold(), by_folded, n=count)
    return tuple(by_folded[folded] for folded in near)


def _parts(field_name: str) -> tuple[str, ...]:
    return tuple(field_name.split("."))
