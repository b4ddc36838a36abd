"""Mixed schemes as TOML files: which parts of the model are held how.

    summary = "int4 feed-forwards"
    default = "8da8w"

    [parts]
    "smd.blocks.0.feed_forward" = "8da4w"
    codec_decoder = "fp32"

A part is a method, a module within it or a layer; the longest part that a layer belongs to decides.
A file that is named on the command line is kept in the cache under its name and a hash of its
content, by which processes, manifests and results know the scheme.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import ConfigError, reason_of
from model.files import read_regular, write_whole
from model.folders import cache_folder
from model.toml_files import LARGEST_BYTES, read_toml
from quantization.schemes import SCHEMES, Choose, Kind, Scheme

if TYPE_CHECKING:
    from torch import nn
    from torchao.core.config import AOBaseConfig

FLOAT = "fp32"
HELD = (FLOAT, "8da8w", "8da4w")  # what a part may be
KEYS = ("summary", "default", "parts")
SUFFIX = ".toml"
HASHED = 16  # digits of the hash in a scheme's name


def find_scheme(name: str) -> Scheme:
    """Make a scheme of the registry, or one that was kept from a file.

    Raises:
        ConfigError: There is none of that name, or what was kept is another file's content.
    """
    return read_scheme(kept(name)) if file_of(name) else SCHEMES[name]()


def file_of(name: str) -> str:
    """Return the SHA-256 of the file that a scheme was kept from; empty for one of the registry.

    Raises:
        ConfigError: What was kept is not the content that the scheme's name was made of.
    """
    path = kept(name)
    if name in list(SCHEMES) or not path.is_file():
        return ""
    try:
        found = hashlib.sha256(read_regular(path, LARGEST_BYTES)).hexdigest()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the scheme {path} cannot be read: {reason_of(error)}") from error
    if name.rpartition("-")[2] != found[:HASHED]:
        raise ConfigError(f"the scheme kept in {path} was changed: name its file by --scheme again")
    return found


def kept(name: str) -> Path:
    """Name the file that a scheme's definition is kept in."""
    return cache_folder() / "schemes" / f"{Path(name).name}{SUFFIX}"


def adopt(path: Path) -> str:
    """Check a scheme's file and keep its content; returns the name that it has from now on.

    Raises:
        ConfigError: It cannot be read, or says something that is not known.
    """
    read_scheme(path)
    content = read_regular(path, LARGEST_BYTES)
    name = f"{path.stem}-{hashlib.sha256(content).hexdigest()[:HASHED]}"
    target = kept(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, content)
    return name


def read_scheme(path: Path) -> Scheme:
    """Read a mixed scheme.

    Raises:
        ConfigError: It is no such file, or says something that is not known.
    """
    document = read_toml(path, "the scheme")
    for key in document:
        if key not in KEYS:
            raise ConfigError(f"{path}: unknown key {key!r:.80}. Known: {', '.join(KEYS)}")
    parts = document.get("parts", {})
    if not isinstance(parts, dict):
        raise ConfigError(f"{path}: parts must be a table, not {parts!r:.80}")
    default = document.get("default", FLOAT)
    for part, held in {"default": default, **parts}.items():
        if held not in HELD:
            raise ConfigError(f"{path}: {part:.80} is {held!r:.80}, not {', '.join(HELD)}")
    return mixed_scheme(str(document.get("summary", path.stem)), default, parts)


def write_scheme(path: Path, summary: str, default: str, parts: Mapping[str, str]) -> None:
    """Write a mixed scheme as a file that `read_scheme` takes."""
    lines = [f'summary = "{summary}"', f'default = "{default}"', "", "[parts]"]
    lines += [f'"{part}" = "{held}"' for part, held in parts.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "\n".join(lines) + "\n")


def mixed_scheme(summary: str, default: str, parts: Mapping[str, str]) -> Scheme:
    """Make a scheme of what each part is held in."""
    return Scheme(summary, Kind.DYNAMIC, chooser(default, parts), parts=tuple(parts))


def chooser(default: str, parts: Mapping[str, str]) -> Choose:
    """Choose for each layer as the longest part that it belongs to says."""

    def choose(method: str, name: str, module: "nn.Module") -> "AOBaseConfig | str":
        part = longest_part(f"{method}.{name}".rstrip("."), parts)
        held = parts.get(part, default)
        if held == FLOAT:
            return f"{part or 'the default'} is left in float by this scheme"
        registered = SCHEMES[held]().choose
        assert registered is not None  # of those in HELD but FLOAT
        return registered(method, name, module)

    return choose


def longest_part(layer: str, parts: Mapping[str, str]) -> str:
    """Name the longest part that a layer belongs to; empty where there is none."""
    names = layer.split(".")
    prefixes = (".".join(names[:length]) for length in range(len(names), 0, -1))
    return next((prefix for prefix in prefixes if prefix in parts), "")
