"""Each model call's tokens counted once, however many spans report them.

Two things repeat tokens. A span around model calls reports their sum: its own count stands only
when no span below it reports any. And two instrumentations of one client report one call twice,
not always one inside the other: such spans count once as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from spanloom import conventions

_NATIVE_SCOPES: Final = ("com.anthropic.sdk.python",)
"""Spans that a client makes by itself; an instrumentation's say more."""

_MOST_AT_ONCE: Final = 200
"""How many calls alike and at the same time a span is compared with."""


class Tokens(NamedTuple):
    """Counts of tokens; None when nothing was reported."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None

    @property
    def reported(self) -> bool:
        """Whether there is any count."""
        return any(count is not None for count in self)


NO_TOKENS = Tokens(None, None, None)


class SpanUsage(NamedTuple):
    """One span's place in its tree, the tokens it reports itself, and which call they are of."""

    span_id: str
    parent_span_id: str
    own: Tokens
    is_call: bool = False
    """Whether it is a call of a model."""
    scope: str = ""
    provider: str = ""
    model: str = ""
    response_id: str = ""
    start_ns: int = 0
    end_ns: int = 0


def total_tokens(spans: Sequence[SpanUsage]) -> Tokens:
    """The tokens of all the spans.

    Example:
        >>> agent = SpanUsage("a", "", Tokens(3, 4, 7))
        >>> call = SpanUsage("b", "a", Tokens(3, 4, 7))
        >>> total_tokens([agent, call]).total_tokens
        7
    """
    second = duplicates(spans)
    return summed([span.own for span in _leaves(spans) if span.span_id not in second])


def subtree_tokens(spans: Sequence[SpanUsage]) -> Mapping[str, Tokens]:
    """The tokens of every span's subtree, by span id.

    Args:
        spans: of any number of trees, in any order; a parent may be missing.
    """
    second = duplicates(spans)
    children: dict[str, list[str]] = {}
    for span in spans:
        children.setdefault(span.parent_span_id, []).append(span.span_id)
    own = {span.span_id: span.own for span in spans}
    repeating = _above_reports(spans)
    totals: dict[str, Tokens] = {}
    for span_id in reversed(_parents_first(own, children, [span.parent_span_id for span in spans])):
        if span_id in repeating:
            totals[span_id] = summed([totals[child] for child in children[span_id]])
        else:
            totals[span_id] = NO_TOKENS if span_id in second else own[span_id]
    return totals


def duplicates(spans: Sequence[SpanUsage]) -> Mapping[str, str]:
    """Spans that report a call a second time, each with the span that counts for it.

    One call has one provider and response id. Where an instrumentation tells none, two model calls
    are one when different instrumentations report the same model and counts at the same time and
    place.
    """
    leaves = _leaves(spans)
    if len({span.scope for span in leaves}) < 2 and not any(span.response_id for span in leaves):
        return {}
    second = _counted_once(_same_response(leaves))
    firsts = [span for span in leaves if span.span_id not in second]
    twins = _counted_once(_twins(firsts, {span.span_id: span.parent_span_id for span in spans}))
    return {span_id: twins.get(first, first) for span_id, first in second.items()} | twins


def wrapped_duplicates(spans: Sequence[SpanUsage]) -> Mapping[str, str]:
    """Calls that one instrumentation reports right around what another reports of them.

    They do not count anyway, having a report below them.

    Returns:
        The outer span's id to the inner one's.
    """
    calls = {span.span_id: span for span in spans if span.is_call and span.own.reported}
    found: dict[str, str] = {}
    for inner in calls.values():
        outer = calls.get(inner.parent_span_id)
        if outer is not None and _is_same_call(outer, inner):
            found[outer.span_id] = inner.span_id
    return found


def _is_same_call(outer: SpanUsage, inner: SpanUsage) -> bool:
    return (
        (outer.model, outer.own) == (inner.model, inner.own)
        and outer.scope != inner.scope
        and conventions.SCOPE_NAME not in (outer.scope, inner.scope)
    )


def summed(parts: Sequence[Tokens]) -> Tokens:
    """Add up, leaving out what was not reported."""
    return Tokens(*(_sum(column) for column in zip(*parts, strict=True))) if parts else NO_TOKENS


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _leaves(spans: Sequence[SpanUsage]) -> list[SpanUsage]:
    above = _above_reports(spans)
    return [span for span in spans if span.own.reported and span.span_id not in above]


def _above_reports(spans: Sequence[SpanUsage]) -> set[str]:
    parents = {span.span_id: span.parent_span_id for span in spans}
    above: set[str] = set()
    for span in spans:
        if span.own.reported:
            parent = span.parent_span_id
            while parent in parents and parent not in above:
                above.add(parent)
                parent = parents[parent]
    return above


def _counted_once(calls: Iterable[Sequence[SpanUsage]]) -> dict[str, str]:
    second: dict[str, str] = {}
    for spans in calls:
        first = min(spans, key=lambda span: (span.scope in _NATIVE_SCOPES, span.start_ns))
        second |= {span.span_id: first.span_id for span in spans if span is not first}
    return second


def _same_response(leaves: Iterable[SpanUsage]) -> Iterator[Sequence[SpanUsage]]:
    by_response: dict[tuple[str, str], list[SpanUsage]] = {}
    for span in leaves:
        if span.response_id:
            by_response.setdefault((span.provider, span.response_id), []).append(span)
    return iter(by_response.values())


def _twins(
    leaves: Iterable[SpanUsage], parents: Mapping[str, str]
) -> Iterator[Sequence[SpanUsage]]:
    alike: dict[tuple[str, Tokens], list[SpanUsage]] = {}
    for span in leaves:
        if span.is_call:
            alike.setdefault((span.model, span.own), []).append(span)
    for spans in alike.values():
        if len({span.scope for span in spans}) > 1:
            yield from _calls(sorted(spans, key=lambda span: span.start_ns), parents)


def _calls(spans: Sequence[SpanUsage], parents: Mapping[str, str]) -> list[list[SpanUsage]]:
    """Spans that are alike, in order of their start, put together where they are one call."""
    calls: list[list[SpanUsage]] = []
    under_way: list[list[SpanUsage]] = []
    for span in spans:
        under_way = [call for call in under_way if any(s.end_ns >= span.start_ns for s in call)]
        fitting = (call for call in under_way[:_MOST_AT_ONCE] if _belongs(span, call, parents))
        found = next(fitting, None)
        if found is None:
            found = []
            calls.append(found)
            under_way.append(found)
        found.append(span)
    return calls


def _belongs(span: SpanUsage, call: Sequence[SpanUsage], parents: Mapping[str, str]) -> bool:
    ids = {other.response_id for other in call if other.response_id}
    return (
        all(span.scope != other.scope for other in call)
        and (not span.response_id or not ids or span.response_id in ids)
        and (_is_beside(span, call[0], parents) or _is_beside(call[0], span, parents))
    )


def _is_beside(span: SpanUsage, other: SpanUsage, parents: Mapping[str, str]) -> bool:
    """Whether a span hangs on something that the other is below of."""
    seen: set[str] = set()
    above = other.parent_span_id
    while above != span.parent_span_id and above in parents and above not in seen:
        seen.add(above)
        above = parents[above]
    return above == span.parent_span_id


def _parents_first(
    own: Mapping[str, Tokens], children: Mapping[str, list[str]], parents: Sequence[str]
) -> list[str]:
    waiting = [child for parent in dict.fromkeys(parents) if parent not in own
               for child in children[parent]]  # fmt: skip
    ordered: list[str] = []
    while waiting:
        span_id = waiting.pop()
        ordered.append(span_id)
        waiting.extend(children.get(span_id, ()))
    return ordered
