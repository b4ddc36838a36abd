import hashlib
import unicodedata

import pytest

from model.errors import InputError
from model.text import inventory
from model.text.inventory import PHONEMES, inventory_sha256, phoneme_ids


def test_an_id_is_a_place_in_the_inventory_and_zero_is_padding():
    assert PHONEMES[0] == inventory.PADDING
    assert phoneme_ids(PHONEMES) == tuple(range(len(PHONEMES)))


def test_no_token_stands_twice_not_even_in_another_unicode_form():
    assert len({unicodedata.normalize("NFC", phoneme) for phoneme in PHONEMES}) == len(PHONEMES)


def test_stress_is_part_of_every_vowel_and_of_nothing_else():
    stressed = {p for p in PHONEMES if p[0] in "ˈˌ"}
    assert stressed == {s + v for s in "ˈˌ" for v in inventory.ENGLISH_VOWELS}


def test_an_unknown_phoneme_is_an_error_that_names_it():
    with pytest.raises(InputError, match="'ʘ'"):
        phoneme_ids(["h", "ʘ"])


def test_the_hash_changes_with_version_tokens_and_order():
    assert inventory_sha256() == hashlib.sha256("\n".join(("1", *PHONEMES)).encode()).hexdigest()


def test_version_1_stays_what_checkpoints_were_trained_with():
    assert inventory.INVENTORY_VERSION == "1"
    assert len(PHONEMES) == 294
    assert inventory_sha256().startswith("3c43f7a526a2c351")
