"""An engine that is away for a while: clients notice nothing, and nothing is missing afterwards."""

import time
from pathlib import Path

import pytest

from tests.support.load import Ledger, assert_kept, load_on, small_trace
from tests.support.mortal_engine import mortal_engine
from tests.support.server import running_server
from tests.support.soak import scaled, seeded_random

_CATCH_UP_TIMEOUT_S = 120
_BEYOND_EVERY_PAUSE_S = 7  # then the loader tries once in five seconds, as it will for ever


@pytest.mark.timeout(900)
def test_requests_are_acknowledged_through_an_outage_of_the_engine(tmp_path: Path) -> None:
    before, during = Ledger("before"), Ledger("during")
    chance = seeded_random("outage")
    with mortal_engine(tmp_path / "clickhouse") as engine:
        environment = {"SPANLOOM_CLICKHOUSE_URL": engine.url}
        with running_server(tmp_path / "data", environment=environment) as server:
            with load_on(server, before, chance, sender_count=2, make=small_trace):
                time.sleep(1)
                engine.kill()
            with load_on(server, during, chance, sender_count=2, make=small_trace):
                time.sleep(scaled(_BEYOND_EVERY_PAUSE_S, 120))
            engine.start()
            assert_kept(server, before, _CATCH_UP_TIMEOUT_S)
            assert_kept(server, during, _CATCH_UP_TIMEOUT_S)

    assert before.unclear == during.unclear == []
    assert during.acknowledged
