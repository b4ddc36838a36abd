"""Every error that a user can meet, each with the exit code it ends the program with."""


class HarnessError(Exception):
    """Something in the user's world is wrong; the message says what to do about it."""

    exit_code = 1


class StageFailedError(HarnessError):
    """A stage of a case failed: quantizing, exporting, lowering, loading or running."""


class ResultError(HarnessError):
    """A result file cannot be read or written."""


class DeviceError(HarnessError):
    """A command on the device failed."""


class ConfigError(HarnessError):
    """A flag, a name or a configuration file is wrong."""

    exit_code = 2


class InputError(ConfigError):
    """The text or the audio that the user gave cannot be used."""


class CheckpointError(ConfigError):
    """A checkpoint is missing, damaged or foreign."""


class DeviceUnavailableError(HarnessError):
    """The device is not there, not authorised, or went away; trying again may help."""

    exit_code = 4


class UntrustworthyError(HarnessError):
    """The numbers should not be believed, and the caller asked for `--strict`."""

    exit_code = 5


class IncomparableError(HarnessError):
    """The runs were made under conditions too unlike to compare."""

    exit_code = 6
