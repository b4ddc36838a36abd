"""Where speech goes, sentence by sentence: a file, standard output, or a player."""

import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np

from model.config import SAMPLE_RATE_HZ
from model.errors import HarnessError, InputError, ResultError, reason_of
from model.files import replacing
from model.generate import Float32

if TYPE_CHECKING:
    from soundfile import SoundFile

LITTLE_BYTES = 2**20  # of room on a disk that is as good as full
UNKNOWN_LENGTH = 0xFFFFFFFF  # what players take for "until the stream ends"
# Players in order of preference; all but the last read a WAV from standard input.
PLAYERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "aplay": ("-q", "-"),
        "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error", "-"),
        "paplay": ("--raw", "--format=s16le", f"--rate={SAMPLE_RATE_HZ}", "--channels=1"),
        "afplay": (),
    }
)


class Sink(Protocol):
    """Takes samples as they come."""

    def write(self, waveform: Float32) -> None:
        """Take (N,) more samples."""


class FileSink:
    """Writes 16-bit samples to an open sound file.

    Args:
        file: Open for writing.

    Attributes:
        count: How often something was written.
    """

    def __init__(self, file: "SoundFile") -> None:
        self.file = file
        self.count = 0

    def write(self, waveform: Float32) -> None:
        """Append (N,) samples."""
        self.file.write(np.clip(waveform, -1, 1))
        self.file.flush()
        self.count += 1


class StreamSink:
    """Writes a WAV of unknown length to a stream that cannot go back to fill it in.

    Args:
        stream: Where to.
        header: False for the bare samples.
    """

    def __init__(self, stream: IO[bytes], *, header: bool = True) -> None:
        self.stream = stream
        if not header:
            return
        bytes_per_s = SAMPLE_RATE_HZ * 2
        layout = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE_HZ, bytes_per_s, 2, 16)
        length = struct.pack("<I", UNKNOWN_LENGTH)
        stream.write(b"RIFF" + length + b"WAVEfmt " + layout + b"data" + length)

    def write(self, waveform: Float32) -> None:
        """Append 16-bit samples."""
        self.stream.write((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
        self.stream.flush()


@contextmanager
def open_audio(target: str) -> Iterator[Sink]:
    """Open a WAV or FLAC for writing; `-` is standard output, as WAV.

    The file takes its name when all is written, or when an error or Ctrl-C ends the speech after
    its first sentence. Where writing fails, what was there before stays.

    Raises:
        InputError: The file's name says another format.
        ResultError: The file cannot be written.
    """
    import soundfile

    if target == "-":
        yield StreamSink(sys.stdout.buffer)
        return
    path = Path(target)
    check_format(path)
    kind = path.suffix[1:].upper()
    ended: BaseException | None = None
    try:
        with (
            replacing(path) as temporary,
            soundfile.SoundFile(temporary, "w", SAMPLE_RATE_HZ, 1, "PCM_16", format=kind) as file,
        ):
            sink = FileSink(file)
            try:
                yield sink
            except soundfile.SoundFileError:
                raise
            except BaseException as error:
                if not sink.count:
                    raise
                ended = error  # what was said until then is kept
    except soundfile.SoundFileError as error:
        full = shutil.disk_usage(path.parent).free < LITTLE_BYTES
        why = "no space is left" if full else error  # of which libsndfile says "System error"
        raise ResultError(f"{target} cannot be written: {why}") from error
    except OSError as error:
        raise ResultError(f"{target} cannot be written: {reason_of(error)}") from error
    if ended is not None:
        raise ended


def check_format(path: Path) -> None:
    """Make sure that a file's name says a format that speech is written in.

    Raises:
        InputError: It says another.
    """
    if path.suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"{path}: speech is written as .wav or .flac")


class FilePlayerSink:
    """Plays with a player that takes files only: one sentence plays while the next is made.

    Args:
        player: Its command.
        folder: For the files.
    """

    def __init__(self, player: str, folder: Path) -> None:
        self.player = player
        self.folder = folder
        self.count = 0
        self.playing: subprocess.Popen[bytes] | None = None

    def write(self, waveform: Float32) -> None:
        """Play (N,) samples after those before them."""
        path = self.folder / f"{self.count}.wav"
        self.count += 1
        with open_audio(str(path)) as file:
            file.write(waveform)
        self.finish()
        self.playing = subprocess.Popen([self.player, str(path)], stderr=subprocess.PIPE)

    def finish(self) -> None:
        """Wait until all is heard."""
        if self.playing is not None:
            check_player(self.playing)


class BothSink:
    """Writes the same to several sinks."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = sinks

    def write(self, waveform: Float32) -> None:
        """Take (N,) more samples."""
        for sink in self.sinks:
            sink.write(waveform)


def find_player() -> str:
    """Name the first known player that this machine has.

    Raises:
        InputError: It has none.
    """
    for name in PLAYERS:
        if shutil.which(name):
            return name
    raise InputError(
        "no player here: install aplay (alsa-utils), ffplay (ffmpeg) or paplay (pulseaudio-utils),"
        " or write a file with -o"
    )


@contextmanager
def open_player() -> Iterator[Sink]:
    """Start a player that plays samples as they come, and wait until all is heard.

    Raises:
        InputError: This machine has none that is known.
        HarnessError: It ended before all was heard.
    """
    name = find_player()
    if name == "afplay":
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            files = FilePlayerSink(name, Path(folder))
            yield files
            files.finish()
        return
    player = subprocess.Popen([name, *PLAYERS[name]], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert player.stdin is not None
    try:
        yield StreamSink(player.stdin, header="--raw" not in PLAYERS[name])
    except BrokenPipeError:
        pass  # it has ended; what it said tells why
    except BaseException:
        player.kill()
        player.wait()
        raise
    check_player(player)


def check_player(player: "subprocess.Popen[bytes]") -> None:
    """Wait for a player to end.

    Raises:
        HarnessError: It failed; the message has the last of what it said.
    """
    _, said = player.communicate()
    if player.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise HarnessError(f"the player failed; last it said: {lines[-1]}")


def check_outputs(target: str, *, play: bool) -> None:
    """Make sure that speech can go where it is wanted, before anything slow is done.

    Raises:
        InputError: The file's name says another format, standard output is a terminal, or there is
            no player.
    """
    if play:
        find_player()
    if target not in ("", "-"):
        check_format(Path(target))
    if target == "-" and sys.stdout.isatty():
        raise InputError("a terminal cannot show sound: give -o FILE, or --play")


@contextmanager
def open_outputs(target: str, *, play: bool) -> Iterator[Sink]:
    """Open all that speech goes to.

    Args:
        target: As `open_audio` takes it; None where only a player is wanted.
        play: Whether to play it.

    Raises:
        InputError: A target cannot be opened.
        HarnessError: The player failed.
    """
    with ExitStack() as stack:
        sinks = [stack.enter_context(open_audio(target))] if target else []
        if play:
            sinks.append(stack.enter_context(open_player()))
        yield BothSink(sinks)
