"""What can go wrong, named by what the caller does next.

DuettoError
├── ConfigError      a setting is wrong: the user changes it
└── SourceError      an external system did not give what was asked
    ├── RetryLater   a passing fault (time-out, 5xx, rate limit): the same call may work later
    └── GiveUp       it will not work until somebody acts (refused token, missing repository)
        └── Lost     a partition that was there is no longer listed: deleted, or access was withdrawn
"""

from __future__ import annotations


class DuettoError(Exception):
    """Base of every error whose message is meant for a person: who, what, value, next step."""


class ConfigError(DuettoError):
    """A setting is missing or wrong, or an argument names what there is not."""


class SourceError(DuettoError):
    """An external system did not give what was asked. What is stored stays as it is."""


class RetryLater(SourceError):
    """A passing fault.

    :param after_s: Seconds the remote system asked to wait, if it did.
    """

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class GiveUp(SourceError):
    """The same call fails until somebody acts.

    :param status: The HTTP status of the answer, if there was one.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Lost(GiveUp):
    """A partition is no longer listed, which looks the same whether it was deleted or access to it was withdrawn."""
