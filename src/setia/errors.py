"""Every error that Setia raises on purpose.

SetiaError                 a message for people: what was wrong, what would be right, what to type
├── UsageError             the call itself is wrong (exit code 2)
├── SourceError            the operational side can't be read as it is
├── WarehouseError         the warehouse can't be opened or written
│   └── MemoryShortage     a step needed more memory than it was allowed
├── BusyError              another run holds this home
├── TransformError         dbt could not build, or a test failed
├── PredictionError        what would be learned from tells what it has to foretell
└── PublishError           there is nothing that may be published
"""


class SetiaError(Exception):
    """A failure that a person can act on. Catch it to print `str(error)` without a traceback.

    The three parts are kept as attributes, so that `--json` and alerts can carry them apart.
    """

    exit_code = 1

    def __init__(self, wrong: str, right: str, do: str) -> None:
        self.wrong, self.right, self.do = wrong, right, do
        super().__init__(f"{wrong}\n{right}\n{do}")


class UsageError(SetiaError):
    """The command or a setting is not valid; nothing was started."""

    exit_code = 2


class SourceError(SetiaError):
    """PostgreSQL or a folder of files is missing, refused the connection or lacks what is needed."""


class WarehouseError(SetiaError):
    """The warehouse can't be opened, read or written."""


class MemoryShortage(WarehouseError):
    """A step needed more memory than it was allowed."""


class BusyError(SetiaError):
    """Another run holds the home directory."""


class TransformError(SetiaError):
    """dbt could not build every model, or one of its tests failed."""


class PredictionError(SetiaError):
    """What a model would be learned from knows the future, or can't be judged."""


class PublishError(SetiaError):
    """Publishing was refused; the last good snapshot stays."""
