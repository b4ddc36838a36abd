"""What all fuzz tests share: how many examples, and how good content is damaged.

A few examples belong to every run of the tests. More are made by

    FUZZ_EXAMPLES=2000 pytest tests/fuzz

Examples follow from the name of the test alone, so that a failure comes back; FUZZ_SEED=1 and so on
gives others.
"""

import os

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st

from bench.commands.output import one_line
from model.errors import HarnessError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 15)
SEED = os.environ.get("FUZZ_SEED")
MOST_EDITS = 4
LONGEST_EDIT = 200
LONGEST_LINE = 2000


def fuzzed(test):
    """Run a test on `EXAMPLES` examples, the same ones each time."""
    made = settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=not SEED,
        suppress_health_check=list(HealthCheck),
    )(test)  # fmt: skip
    return seed(int(SEED))(made) if SEED else made


@st.composite
def damaged(draw, content):
    """Bytes, with some flipped, taken out, put in, said twice, or cut off."""
    for _ in range(draw(st.integers(1, MOST_EDITS))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(1, LONGEST_EDIT))
        kind = draw(st.sampled_from(("flip", "remove", "insert", "double", "cut", "zero")))
        if kind == "flip" and at < len(content):
            changed = content[at] ^ draw(st.integers(1, 255))
            content = content[:at] + bytes([changed]) + content[at + 1 :]
        elif kind == "remove":
            content = content[:at] + content[at + length :]
        elif kind == "insert":
            content = content[:at] + draw(st.binary(max_size=LONGEST_EDIT)) + content[at:]
        elif kind == "double":
            content = content[:at] + content[at : at + length] + content[at:]
        elif kind == "cut":
            content = content[:at]
        else:
            content = content[:at] + bytes(length) + content[at + length :]
    return content


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.integers(), st.floats(),
    st.text(max_size=20), st.sampled_from(["fp32", "rtf", "host", "\x1b[2J", "../..", "a" * 300]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@st.composite
def edited(draw, document):
    """A document of tables and lists, with some values exchanged, taken out or said twice."""
    document = copy_of(document)
    for _ in range(draw(st.integers(1, MOST_EDITS))):
        place = document
        for _ in range(draw(st.integers(0, 6))):  # how deep to go
            inner = [key for key in keys_of(place) if isinstance(place[key], dict | list)]
            if not inner:
                break
            place = place[draw(st.sampled_from(inner))]
        keys = keys_of(place)
        kind = draw(st.sampled_from(("exchange", "remove", "add")))
        if keys and kind == "exchange":
            place[draw(st.sampled_from(keys))] = draw(VALUES)
        elif keys and kind == "remove":
            del place[draw(st.sampled_from(keys))]
        elif isinstance(place, dict):
            place[draw(st.text(max_size=8))] = draw(VALUES)
        else:
            place.append(copy_of(place[0]) if place and draw(st.booleans()) else draw(VALUES))
    return document


def keys_of(place):
    """The keys of a table, or the places in a list."""
    return list(place) if isinstance(place, dict) else list(range(len(place)))


def copy_of(value):
    """A deep copy of tables and lists."""
    if isinstance(value, dict):
        return {key: copy_of(inner) for key, inner in value.items()}
    return [copy_of(inner) for inner in value] if isinstance(value, list | tuple) else value


def tried(function, *arguments, **named):
    """Call something; returns what it gives, and the line that it refuses with, or an empty one."""
    try:
        return function(*arguments, **named), ""
    except HarnessError as error:
        line = one_line(str(error))
        assert line
        assert len(line) < LONGEST_LINE
        return None, line
