"""The exceptions that Spanloom raises at its caller.

::

    SpanloomError
    ├── ConfigurationError (ValueError)   init or a decorator was given something that cannot work
    ├── NoCurrentCallError (LookupError)  require_current_call outside of every op
    └── BindingError (TypeError)          a dataset's columns do not fit a model or scorer

Faults of tracing itself (an unreachable server, a value that cannot be encoded) are never raised:
they are logged once and counted.
"""


class SpanloomError(Exception):
    """Base of everything that Spanloom raises on purpose."""


class ConfigurationError(SpanloomError, ValueError):
    """An argument, environment variable or decorator option that cannot work; says what to use."""


class NoCurrentCallError(SpanloomError, LookupError):
    """There is no call to return: the code does not run inside an op, or tracing is off."""


class BindingError(SpanloomError, TypeError):
    """A model or scorer needs an argument that the dataset has no column for."""
