"""A corpus as codec tokens, packed small enough to move to whatever machine trains MobileSpeech.

`python -m model.training.tokens CORPUS... --codec CHECKPOINT --out DIR` encodes what is not encoded
yet; killed, or run again after the corpus has grown, it goes on where it was. A folder of tokens
holds pairs of files and a manifest:

    codes-00007.i16      (T, Q) int16 codes, little-endian, the utterances end to end
    items-00007.jsonl    the utterances, in the same order and form as in a corpus
    manifest.json        the codec that the codes belong to, and what there is in all

Utterances without phonemes are left out: there is no text to learn from them. Ten hours take 43 MB.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.config import N_CODEBOOK
from model.data.corpus import AudioShards, Samples, Utterance, finished_shards, read_items
from model.data.speed import at_speed, name_at_speed
from model.errors import ConfigError, HarnessError, InputError
from model.files import write_whole
from model.text.inventory import inventory_sha256, phoneme_ids

if TYPE_CHECKING:
    from model.codec.base import Codec

FORMAT = 1
UTTERANCES_PER_PACK = 200

Encode = Callable[[Tensor], Tensor]  # (1, N) samples to (1, Q, T) codes


@dataclass(frozen=True, eq=False)
class TokenisedUtterance:
    """One utterance as training sees it.

    Attributes:
        name: Unique within the corpus.
        speaker: Who says it.
        split: One of the corpus's.
        lang: ISO 639-1.
        text: What is said.
        phonemes: (S,) ids.
        durations: (S,) frames of each; they sum to T.
        codes: (T, Q) int16.
    """

    name: str
    speaker: str
    split: str
    lang: str
    text: str
    phonemes: NDArray[np.int64]
    durations: NDArray[np.int64]
    codes: NDArray[np.int16]

    @property
    def n_frame(self) -> int:
        """Length T in codec frames."""
        return len(self.codes)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a folder's manifest.

    Raises:
        InputError: There is none, or it was made for another phoneme inventory.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError(
            f"{folder} holds no tokens; make them with python -m model.training.tokens"
        )
    manifest: dict[str, Any] = json.loads(path.read_text())
    if manifest["inventory_sha256"] != inventory_sha256():
        raise InputError(
            f"{folder} was made with another phoneme inventory; delete it, encode anew"
        )
    return manifest


def read_tokens(folder: Path) -> list[TokenisedUtterance]:
    """Read all utterances of a folder of tokens.

    Raises:
        InputError: It holds none, or codes and items do not belong together.
    """
    read_manifest(folder)
    packs = [_codes_path(folder, number) for number in sorted(finished_shards(folder))]
    codes = np.concatenate([np.fromfile(path, "<i2").reshape(-1, N_CODEBOOK) for path in packs])
    items = list(read_items(folder))
    if sum(item.n_frames for item in items) != len(codes):
        raise InputError(f"codes and items in {folder} do not belong together; encode anew")
    utterances, start = [], 0
    for item in items:
        stop = start + item.n_frames
        utterances.append(
            TokenisedUtterance(
                name=item.name,
                speaker=item.speaker,
                split=item.split,
                lang=item.lang,
                text=item.text,
                phonemes=np.array(phoneme_ids(item.phonemes)),
                durations=np.array(item.durations),
                codes=codes[start:stop],
            )
        )
        start = stop
    return utterances


def encode_corpus(
    corpus: AudioShards,
    encode: Encode,
    codes_sha256: str,
    folder: Path,
    speeds: Sequence[float] = (),
) -> Iterator[int]:
    """Encode what a folder does not hold yet, pack by pack.

    Args:
        corpus: Utterances; those without phonemes are left out.
        encode: The codec.
        codes_sha256: Hash of what decides its codes.
        folder: Where to.
        speeds: At which to encode what is trained on once more, as other speakers.

    Yields:
        After each pack, how many utterances are still to do.

    Raises:
        ConfigError: The folder holds another codec's codes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started = (folder / "manifest.json").is_file()
    if started and read_manifest(folder)["codes_sha256"] != codes_sha256:
        raise ConfigError(f"{folder} holds another codec's codes: choose another folder")
    write_manifest(folder, codes_sha256)
    done = {item.name for item in read_items(folder)}
    missing = [
        (index, speed)
        for speed in (1.0, *speeds)
        for index, item in enumerate(corpus.items)
        if item.phonemes
        and (speed == 1 or item.split == "train")
        and name_at_speed(item.name, speed) not in done
    ]
    pack = max(finished_shards(folder), default=-1)
    for first in range(0, len(missing), UTTERANCES_PER_PACK):
        pack += 1
        chosen = missing[first : first + UTTERANCES_PER_PACK]
        pieces = [at_speed(corpus.items[index], corpus.audio(index), s) for index, s in chosen]
        codes = [_encode_one(samples, encode) for _, samples in pieces]
        write_pack(folder, pack, [item for item, _ in pieces], codes)
        yield len(missing) - first - len(chosen)
    write_manifest(folder, codes_sha256)


def _encode_one(samples: Samples, encode: Encode) -> NDArray[np.int64]:
    """Encode an utterance to (T, Q) codes."""
    waveform = torch.from_numpy(samples.astype(np.float32) / 32768)
    codes: NDArray[np.int64] = encode(waveform[None])[0].T.numpy()
    return codes


def write_pack(
    folder: Path,
    pack: int,
    items: Sequence[Utterance],
    codes: Sequence[NDArray[np.integer[Any]]],
) -> None:
    """Write a pack of utterances, codes (T, Q) of each, so that it is there whole or not at all."""
    write_whole(_codes_path(folder, pack), np.concatenate(codes).astype("<i2").tobytes())
    write_whole(_items_path(folder, pack), _lines(items))


def write_manifest(folder: Path, codes_sha256: str) -> None:
    """Sum up what a folder holds, and say which codec its codes belong to."""
    items = list(read_items(folder))
    facts = {
        "format": FORMAT,
        "codes_sha256": codes_sha256,
        "inventory_sha256": inventory_sha256(),
        "utterances": len(items),
        "hours": round(sum(item.seconds for item in items) / 3600, 3),
        "speakers": len({item.speaker for item in items}),
        "sources": sorted({item.source for item in items}),
        "licences": sorted({item.licence for item in items}),
    }
    write_whole(folder / "manifest.json", (json.dumps(facts, indent=2) + "\n").encode())


def _lines(items: Sequence[Utterance]) -> bytes:
    lines = [json.dumps(dataclasses.asdict(item), ensure_ascii=False) for item in items]
    return "".join(line + "\n" for line in lines).encode()


def _codes_path(folder: Path, pack: int) -> Path:
    return folder / f"codes-{pack:05d}.i16"


def _items_path(folder: Path, pack: int) -> Path:
    return folder / f"items-{pack:05d}.jsonl"


def encoder_on(codec: "Codec", device: torch.device) -> Encode:
    """Let a codec encode on a device: samples and codes stay on the processor."""
    if isinstance(codec, torch.nn.Module):
        codec.to(device)
    return lambda waveform: codec.encode(waveform.to(device)).cpu()


def main() -> None:
    """Parse the command line and encode; a wrong one is told in one line."""
    from model.codec.providers import codec_of

    parser = argparse.ArgumentParser(
        prog="python -m model.training.tokens", description="Encode a corpus to codec tokens."
    )
    parser.add_argument("corpus", nargs="+", type=Path, help="folders of audio and items")
    parser.add_argument(
        "--codec", required=True, metavar="NAME[:PATH]", help="codec, or a checkpoint of `own`"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of tokens")
    parser.add_argument("--device", type=torch.device, default="cpu", help="cpu, cuda, ...")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--speeds",
        type=float,
        nargs="*",
        default=(),
        metavar="S",
        help="encode what is trained on at these speeds too, as other speakers",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        codec = codec_of(arguments.codec)
        encode = encoder_on(codec, arguments.device)
        corpus = AudioShards.open(*arguments.corpus)
        sha256 = codec.codes_sha256()
        for remaining in encode_corpus(corpus, encode, sha256, arguments.out, arguments.speeds):
            print(f"{remaining} utterances to go", flush=True)
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    manifest = read_manifest(arguments.out)
    print(f"{manifest['hours']} h of {manifest['speakers']} speakers in {arguments.out}")


if __name__ == "__main__":
    main()
