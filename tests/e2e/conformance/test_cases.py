"""Each of the sixty cases has a test that bears its number."""

import re
from pathlib import Path

_CASE_COUNT = 60


def test_every_case_has_a_test() -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    names = re.findall(r"def test_case_((?:\d\d_)+)", "\n".join(texts))
    tested = {int(number) for name in names for number in name.strip("_").split("_")}

    assert tested == set(range(1, _CASE_COUNT + 1))
