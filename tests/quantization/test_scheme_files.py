"""A mixed scheme is a file: what it names is held as it says, what it does not know is an error."""

import pytest
import torch
from torch import nn

from lowering.export import export_method
from model.errors import ConfigError
from model.methods import Method
from quantization.apply import quantize
from quantization.scheme_files import adopt, find_scheme, kept, read_scheme, write_scheme
from quantization.schemes import SCHEMES

LAYER = nn.Linear(64, 64)
PARTS = {
    "smd": "8da4w",
    "smd.blocks.0": "8da8w",
    "smd.blocks.0.feed_forward": "fp32",
    "codec_decoder": "fp32",
}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "found.toml"
    write_scheme(path, "found by a search", "8da8w", PARTS)
    return path


@pytest.mark.parametrize(
    ("method", "name", "dtype"),
    [
        ("smd", "out", torch.int4),
        ("smd", "blocks.1.feed_forward.up", torch.int4),
        ("smd", "blocks.0.self_memory.key", torch.int8),
        ("smd", "blocks.01.self_memory.key", torch.int4),
        ("head_0", "", torch.int8),
    ],
)
def test_the_longest_part_decides(path, method, name, dtype):
    assert read_scheme(path).choose(method, name, LAYER).weight_dtype == dtype


def test_float_parts_and_averaging_layers_say_why_they_are_left(path):
    choose = read_scheme(path).choose
    assert "smd.blocks.0.feed_forward" in choose("smd", "blocks.0.feed_forward.up", LAYER)
    assert "codec_decoder" in choose("codec_decoder", "stem", LAYER)
    assert "averaging" in choose("smd", "norm.mean", nn.Linear(64, 1))


def test_a_file_that_was_adopted_is_found_by_name_after_it_is_gone(path):
    name = adopt(path)
    path.unlink()
    assert name.startswith("found-")
    assert find_scheme(name).summary == "found by a search"
    assert find_scheme("8da8w").summary == SCHEMES["8da8w"]().summary


def test_another_content_is_another_name(path):
    first = adopt(path)
    write_scheme(path, "found by a search", "8da4w", PARTS)
    assert adopt(path) != first
    assert len(first.removeprefix("found-")) * 4 >= 64  # bits


def test_a_kept_file_that_was_changed_is_refused_and_kept_anew(path):
    name = adopt(path)
    write_scheme(kept(name), "found by a search", "8da4w", PARTS)
    with pytest.raises(ConfigError, match="was changed: name its file by --scheme again"):
        find_scheme(name)
    assert adopt(path) == name
    assert find_scheme(name).parts == tuple(PARTS)


def test_no_kept_file_takes_the_place_of_a_registered_scheme(path):
    adopt(path)
    kept("8da8w").write_text(path.read_text())
    assert find_scheme("8da8w").summary == SCHEMES["8da8w"]().summary


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("default = 3", "default is 3"),
        ("[parts]\nsmd = 'int8-static'", "smd is 'int8-static', not fp32"),
        ("parts = 1", "parts must be a table"),
        ("layers = 1", "unknown key 'layers'"),
        ("=", "cannot be read"),
    ],
)
def test_what_a_file_may_not_say_is_one_line(tmp_path, content, said):
    (tmp_path / "bad.toml").write_text(content)
    with pytest.raises(ConfigError, match=said):
        adopt(tmp_path / "bad.toml")


def test_a_scheme_that_is_nowhere_is_unknown():
    with pytest.raises(ConfigError, match="unknown quantization scheme 'nowhere-123456'"):
        find_scheme("nowhere-123456")


def test_a_method_is_quantized_as_the_file_says(path):
    module = nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 64), nn.Linear(64, 8))
    method = Method(module, (torch.randn(1, 4, 64),), ({},))
    write_scheme(path, "by layer", "8da4w", {"smd.1": "fp32", "smd.2": "8da8w"})
    quantized = quantize("smd", method, read_scheme(path), export_method)
    assert quantized.coverage.quantized_macs == 4 * (64 * 32 + 64 * 8)
    assert [name for name, _ in quantized.coverage.left_out] == ["smd.1"]
    with torch.no_grad():
        error = quantized.program.module()(*method.inputs) - module(*method.inputs)
    assert 0 < error.pow(2).mean() < 0.01
