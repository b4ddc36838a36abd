"""A manifest that is none is refused in one line that says what is wrong with it."""

import os

import pytest

from lowering.artifact import read_artifact
from model.errors import StageFailedError


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 100_000, "maximum recursion depth"),
        ("[]", "is not of format 1"),
        ('"format"', "is not of format 1"),
        ("{}", "is not of format 1"),
        ('{"format": 1}', "missing required field `model`"),
        ('{"format": 1, "model": 3}', "Expected `str`, got `int` - at `$.model`"),
        ("{", "Expecting property name"),
    ],
    ids=["deep", "list", "text", "empty", "nothing", "type", "cut"],
)
def test_what_is_no_manifest_is_refused_in_one_line(tmp_path, content, said):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StageFailedError) as caught:
        read_artifact(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pipe_for_a_manifest_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(StageFailedError, match="it is a pipe"):
        read_artifact(tmp_path)
