"""Names for runs of an evaluation, easy to say and to tell apart."""

import random
from datetime import date
from typing import Final

ADJECTIVES: Final = (
    "amber bold brave bright calm clear clever cosy crisp curious deft eager fair fleet fond gentle"
    " glad golden grand hardy honest jolly keen kind lively lucid lucky mellow merry mild neat"
    " nimble noble patient plain polite proud quick quiet ready rosy sage serene sharp shiny silver"
    " sleek snug solid spry stable steady still sunny swift tidy vivid warm wise witty zesty"
)
NOUNS: Final = (
    "anchor arrow badger basil beacon birch bobbin bridge brook canyon cedar clover comet compass"
    " cove crane delta ember falcon fern finch fjord garnet glade harbor hazel heron hollow iris"
    " island ivy kestrel lagoon lantern larch lark lotus maple meadow mesa olive opal orchard otter"
    " pebble pine plover quartz raven reef ridge robin shuttle spindle summit thistle tulip valley"
    " walnut weaver willow wren"
)


def run_name(today: date, source: random.Random) -> str:
    """Return a name such as ``eval-2026-11-23-quiet-heron``."""
    words = source.choice(ADJECTIVES.split()), source.choice(NOUNS.split())
    return f"eval-{today.isoformat()}-{'-'.join(words)}"
