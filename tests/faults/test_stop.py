"""A stop under load: what was acknowledged stays, what was not may be sent again."""

import time
from pathlib import Path

from tests.support.load import Ledger, assert_kept, load_on, send_again
from tests.support.server import running_server
from tests.support.soak import scaled, seeded_random


def test_a_stop_under_load_is_clean_and_loses_nothing(tmp_path: Path) -> None:
    chance = seeded_random("stop under load")
    ledgers = [Ledger(f"stop-{number}") for number in range(scaled(1, 20))]
    for ledger in ledgers:
        with running_server(tmp_path) as server, load_on(server, ledger, chance):
            time.sleep(chance.uniform(0.3, 1.5))
            assert server.stop() == 0

    with running_server(tmp_path) as server:
        for ledger in ledgers:
            assert_kept(server, ledger)
            send_again(server, ledger)
            assert_kept(server, ledger)
