"""Every error that a user can meet, each with the exit code it ends the program with."""

import errno

# What the system says where the user named a file or folder that cannot be used.
WRONG_NAME = {
    errno.EACCES, errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG,
    errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.EPERM, errno.EROFS,
}  # fmt: skip


class HarnessError(Exception):
    """Something in the user's world is wrong; the message says what to do about it."""

    exit_code = 1


class StageFailedError(HarnessError):
    """A stage of a case failed: quantizing, exporting, lowering, loading or running."""


class ResultError(HarnessError):
    """A result file cannot be read or written."""


class CacheError(HarnessError):
    """The cache cannot be written, or what it holds has changed under way."""


class DeviceError(HarnessError):
    """A command on the device failed."""


class ConfigError(HarnessError):
    """A flag, a name or a configuration file is wrong."""

    exit_code = 2


class InputError(ConfigError):
    """The text or the audio that the user gave cannot be used."""


class CheckpointError(ConfigError):
    """A checkpoint is missing, damaged or foreign."""


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C was pressed while a run was measured, whose journal is kept.

    Args:
        run: Name of the run.
    """

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run


class DeviceUnavailableError(HarnessError):
    """The device is not there, not authorised, or went away; trying again may help."""

    exit_code = 4


class UntrustworthyError(HarnessError):
    """The numbers should not be believed, and the caller asked for `--strict`."""

    exit_code = 5


class IncomparableError(HarnessError):
    """The runs were made under conditions too unlike to compare."""

    exit_code = 6


def reason_of(error: BaseException) -> str:
    """Say what went wrong in the system's words, without the number and the name of a file."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__


def line_of(error: OSError | UnicodeError | MemoryError | HarnessError) -> tuple[str, int]:
    """Turn an error that no code of ours has given words into a message and an exit code.

    Args:
        error: What the system, a decoder or the project itself raised.

    Returns:
        The message, which may hold anything the error quotes, and the exit code: 2 where a name
        that the user gave is the cause, 1 for a full disk and everything else.
    """
    if isinstance(error, HarnessError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError):
        return (
            "out of memory: close other programs, or use a smaller --model",
            HarnessError.exit_code,
        )
    if isinstance(error, UnicodeError):
        return f"text that is not valid UTF-8: {error}", 2
    code = 2 if error.errno in WRONG_NAME else 1
    names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return (f"{names}: {reason_of(error)}" if names else reason_of(error)), code
