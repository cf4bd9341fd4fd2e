"""The exceptions that Spanloom raises at its caller.

::

    SpanloomError
    ├── ConfigurationError (ValueError)   init or a decorator was given something that cannot work
    ├── NoCurrentCallError (LookupError)  require_current_call outside of every op
    ├── BindingError (TypeError)          a dataset's columns do not fit a model or scorer
    ├── MissingLibraryError (ImportError) something needs a library that is not installed
    ├── ObjectError (ValueError)          an object cannot be published, or is not what was asked for
    ├── PromptError (ValueError)          a prompt cannot be filled in
    └── ApiError                          the server did not answer a question, or refused it
        ├── UnreachableError (ConnectionError)  nobody answered, or the connection broke
        └── ServerError                         it answered with a problem
            ├── AccessError                     401 or 403: the token is missing or for another project
            └── NotFoundError (LookupError)     404: there is no such thing

Faults of tracing itself (an unreachable server, a value that cannot be encoded) are never raised:
they are logged once and counted. ``ApiError`` comes only from what asks the server for something.
"""


class SpanloomError(Exception):
    """Base of everything that Spanloom raises on purpose."""


class ConfigurationError(SpanloomError, ValueError):
    """An argument, environment variable or decorator option that cannot work; says what to use."""


class NoCurrentCallError(SpanloomError, LookupError):
    """There is no call to return: the code does not run inside an op, or tracing is off."""


class BindingError(SpanloomError, TypeError):
    """A model or scorer needs an argument that the dataset has no column for."""


class MissingLibraryError(SpanloomError, ImportError):
    """Something needs a library that is not installed; says the command that installs it."""


class ObjectError(SpanloomError, ValueError):
    """An object that cannot be published as data, or a published one of another type."""


class PromptError(SpanloomError, ValueError):
    """A prompt lacks the value of a variable, or its braces do not fit."""


class ApiError(SpanloomError):
    """The server did not answer a read or a change as it should."""


class UnreachableError(ApiError, ConnectionError):
    """Nobody answered in time, or the connection broke; whether a change was made is unknown."""


class ServerError(ApiError):
    """The server answered with a problem.

    Attributes:
        status: the HTTP status.
        title: what kind of problem it is, in a few words.
        detail: what was wrong and what would be right.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.title = title
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.title} ({self.status}): {self.detail}"


class AccessError(ServerError):
    """The server wants a token, or the token is for another project (401, 403)."""


class NotFoundError(ServerError, LookupError):
    """The server has no such thing (404)."""
