# ruff: noqa: RUF001 - phonetic letters are meant
"""English text to phonemes: gruut, as this project uses it, beside espeak-ng.

Run: `python benchmarks/text_front_ends.py [--words N] [--json FILE]`.
espeak-ng (GPL-3) is measured where `phonemizer-fork` and `espeakng-loader` are installed, accuracy
where `misaki` and `wordfreq` are, for their word lists; the project itself needs none of them.

Metrics: CPU seconds from a bare interpreter to the first sentence, for a sentence and for 10,000
characters once warm, and peak memory, in processes of their own, median of five; and how far the
phonemes of frequent and of any dictionary words are from misaki's dictionary: edits per hundred of
its phonemes, stress and the colour of reduced vowels apart, and the share of words without any.
"""

import argparse
import importlib.util
import json
import multiprocessing
import random
import re
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

SENTENCES = (
    "The old captain watched the harbour lights fade slowly into the evening mist.",
    "Nobody on the deck said a word until the morning bell rang.",
    "Dr. Smith paid $5.20 for 3 km of rope on March 4, 2020.",
    "She read the letter twice, folded it, and put it back in the drawer.",
)
REPEATS = 5
Speak = Callable[[str], str]

# One symbol per phoneme, whatever the engine writes it as. Every reduced vowel counts as schwa.
UNIFORM = (
    *(("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("aʊ", "W"), ("ɔɪ", "Y"), ("tʃ", "ʧ"), ("dʒ", "ʤ")),
    *(("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ɝ", "ɜɹ"), ("ɜɹ", "əɹ"), ("ɐ", "ə")),
    *(
        ("ᵻ", "ə"),
        ("ᵊ", "ə"),
        ("ɪ", "ə"),
        ("ɾ", "t"),
        ("T", "t"),
        ("ʔ", "t"),
        ("g", "ɡ"),
        ("r", "ɹ"),
    ),
    *(("oːɹ", "ɔɹ"), ("oː", "ɔ"), ("n̩", "ən"), ("l̩", "əl"), ("ɫ", "l"), ("əɹɹ", "əɹ")),
)


def gruut() -> Speak:
    from model.text.frontend import phonemize

    return lambda text: "".join(p for s in phonemize(text, "en") for p in s.phonemes[1:-2])


def espeak() -> Speak:
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    backend = EspeakBackend("en-us", with_stress=True)
    return lambda text: str(backend.phonemize([text], strip=True)[0])


ENGINES: dict[str, tuple[Callable[[], Speak], str]] = {
    "gruut": (gruut, "gruut"),
    "espeak-ng": (espeak, "phonemizer"),
}


def cost(name: str) -> dict[str, float]:
    """Measure one engine; call it in a fresh process."""
    start = time.process_time()
    speak = ENGINES[name][0]()
    speak(SENTENCES[0])
    first_s = time.process_time() - start
    for sentence in SENTENCES:
        speak(sentence)
    start = time.process_time()
    for _ in range(10):
        for sentence in SENTENCES:
            speak(sentence)
    sentence_ms = (time.process_time() - start) * 1000 / (10 * len(SENTENCES))
    page = " ".join(SENTENCES * 100)[:10_000]
    start = time.process_time()
    speak(page)
    return {
        "first_sentence_cpu_s": first_s,
        "sentence_cpu_ms": sentence_ms,
        "page_cpu_s": time.process_time() - start,
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def references(n_words: int) -> dict[str, dict[str, str]]:
    """Return words of misaki's dictionary that have one pronunciation: frequent ones, and any."""
    from wordfreq import top_n_list

    (folder,) = importlib.util.find_spec("misaki").submodule_search_locations
    entries = json.loads((Path(folder) / "data" / "us_gold.json").read_text())
    plain = [w for w, p in entries.items() if isinstance(p, str) and re.fullmatch("[a-z]{3,}", w)]
    known = set(plain)
    frequent = [w for w in top_n_list("en", 10 * n_words) if w in known][:n_words]
    drawn = random.Random(0).sample(plain, n_words)
    return {
        kind: {word: entries[word] for word in words}
        for kind, words in (("frequent", frequent), ("any", drawn))
    }


def uniform(phonemes: str) -> str:
    phonemes = re.sub(r"[ˈˌ‿\s]", "", phonemes)
    for written, symbol in UNIFORM:
        phonemes = phonemes.replace(written, symbol)
    return phonemes.replace("ː", "")


def edits(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the edit distance of two sequences."""
    row = list(range(len(other) + 1))
    for index, symbol in enumerate(one, 1):
        best = [index]
        for (diagonal, above), against in zip(pairwise(row), other, strict=True):
            best.append(min(above + 1, best[-1] + 1, diagonal + (symbol != against)))
        row = best
    return row[-1]


def accuracy(name: str, kind: str, words: dict[str, str]) -> dict[str, float]:
    speak = ENGINES[name][0]()
    distances = [edits(uniform(speak(word)), uniform(said)) for word, said in words.items()]
    return {
        f"{kind}_edits_percent": 100
        * sum(distances)
        / sum(len(uniform(said)) for said in words.values()),
        f"{kind}_exact_percent": 100 * distances.count(0) / len(distances),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=5000, help="dictionary words to compare")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    spawn = multiprocessing.get_context("spawn")
    for name, (_, package) in ENGINES.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name}: left out, {package} is not installed")
            continue
        samples = []
        for _ in range(REPEATS):
            with spawn.Pool(1) as pool:
                samples.append(pool.apply(cost, (name,)))
        figures[name] = {key: statistics.median(s[key] for s in samples) for key in samples[0]}
        if importlib.util.find_spec("misaki") and importlib.util.find_spec("wordfreq"):
            for kind, words in references(options.words).items():
                figures[name] |= accuracy(name, kind, words)
        print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in figures[name].items()))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
