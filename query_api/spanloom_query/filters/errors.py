"""What is wrong with a filter, and where."""

from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of the filter's text, counted in characters from 0."""

    position: int
    length: int


class FilterError(ValueError):
    """A filter that cannot be run, told so that its writer can mend it.

    Attributes:
        message: One or two sentences: what is wrong and, where known, the remedy.
        position: Where in the text the fault begins, counted in characters from 0.
        length: How many characters are at fault.
        suggestions: Names which may have been meant, nearest first, ready to be put in.
    """

    def __init__(self, message: str, span: Span, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.position, self.length = span
        self.suggestions = suggestions
