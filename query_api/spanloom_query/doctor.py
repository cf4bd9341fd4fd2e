"""``spanloom doctor``: looks at everything a server needs, and says what to do about it."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from spanloom_query import checkups
from spanloom_query.checkups import Checkup, Level, Patient

_EXAMINATIONS: tuple[Callable[[Patient], Iterable[Checkup]], ...] = (
    checkups.packages,
    checkups.clock,
    checkups.data_folder,
    checkups.disk,
    checkups.server,
    checkups.ports,
    checkups.engine,
    checkups.journal,
    checkups.quarantine,
    checkups.page,
    checkups.access,
)


@dataclass(frozen=True)
class Report:
    """All that was found."""

    checkups: tuple[Checkup, ...]

    @property
    def failed(self) -> bool:
        """Whether anything must be mended before a server can work."""
        return any(checkup.level is Level.FAIL for checkup in self.checkups)

    def lines(self) -> Iterator[str]:
        """One line for each checkup, for people."""
        for checkup in self.checkups:
            advice = f" -> {checkup.advice}" if checkup.advice else ""
            yield f"{checkup.level.value:4}  {checkup.name:17}  {checkup.detail}{advice}"

    def json(self) -> str:
        """The same for machines."""
        found = [checkup._asdict() | {"level": checkup.level.value} for checkup in self.checkups]
        return json.dumps({"ok": not self.failed, "checks": found}, indent=1, ensure_ascii=False)


def examined(patient: Patient) -> Report:
    """Look at everything. Nothing is changed, and a server that runs is only asked."""
    return Report(tuple(found for look in _EXAMINATIONS for found in look(patient)))
