"""Kills at random moments under load: nothing acknowledged is lost, nothing is shown twice."""

import random
import time
from pathlib import Path

import pytest

from spanloom_collector.delivery.journal import OPEN_SUFFIX
from spanloom_collector.delivery.records import intact_length
from tests.support.load import Ledger, assert_kept, load_on, send_again
from tests.support.server import running_server, start
from tests.support.soak import rounds, seeded_random

_SHORT_ROUNDS = 6
_LONGEST_LOAD_S = 1.5
_LONGEST_START_S = 3.0
_KEPT_LEDGERS = 2


@pytest.mark.timeout(14_400)
def test_random_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    chance = seeded_random("random kills")
    ledgers: list[Ledger] = []
    for number in rounds(_SHORT_ROUNDS):
        if chance.random() < 0.2:
            _kill_while_starting(tmp_path, chance)
        ledgers.append(Ledger(f"round-{number}"))
        _round(tmp_path, ledgers[-_KEPT_LEDGERS:], chance)
        _scribble_behind_records(tmp_path / "journal", chance)

    with running_server(tmp_path) as server:
        for ledger in ledgers:
            assert_kept(server, ledger)
    assert not list((tmp_path / "journal" / "quarantine").iterdir())
    print(f"{sum(len(ledger.acknowledged) for ledger in ledgers)} requests in {len(ledgers)} kills")


def _round(folder: Path, ledgers: list[Ledger], chance: random.Random) -> None:
    """Check what earlier rounds left, then load the server and kill it."""
    with running_server(folder) as server:
        for ledger in ledgers[:-1]:
            assert_kept(server, ledger)
            send_again(server, ledger)
        with load_on(server, ledgers[-1], chance):
            time.sleep(chance.uniform(0.05, _LONGEST_LOAD_S))
            server.kill()


def _kill_while_starting(folder: Path, chance: random.Random) -> None:
    """Kill a server that may be replaying what its predecessor left."""
    process = start(folder)
    time.sleep(chance.uniform(0.3, _LONGEST_START_S))
    process.kill()
    process.communicate()


def _scribble_behind_records(journal: Path, chance: random.Random) -> None:
    """What a power cut may leave behind the last record: anything."""
    for path in journal.glob(f"*{OPEN_SUFFIX}"):
        with path.open("r+b") as file:
            file.seek(intact_length(path.read_bytes()))
            file.write(chance.randbytes(chance.randint(0, 5_000)))
