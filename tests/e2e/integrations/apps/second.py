"""An app that switches on instrumentations of its own, besides Spanloom's."""

import importlib
import sys


def switch_on() -> None:
    """Switch on what the command line names, each as ``module:Class``."""
    for name in sys.argv[2:]:
        module, _, instrumentor = name.partition(":")
        getattr(importlib.import_module(module), instrumentor)().instrument()
