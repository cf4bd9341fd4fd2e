"""``python -m spanloom_query`` is the command ``spanloom``."""

import sys

from spanloom_query.cli import main

sys.exit(main())
