"""Choosing a codec and loading its weights."""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model.checkpoint import load_checkpoint, save_checkpoint
from model.codec.encodec import without_torchaudio
from model.codec.own import CodecConfig, OwnCodec, load_own
from model.codec.providers import CODECS, SHIPPED, codec_of, load_codec
from model.errors import CheckpointError, ConfigError

SMALL = CodecConfig(
    code_width=8, encoder_width=16, encoder_layers=1, decoder_width=16, decoder_layers=1
)
needs_encodec = pytest.mark.skipif(
    importlib.util.find_spec("encodec") is None, reason="the encodec package is not installed"
)


def metadata(**changes: object) -> dict[str, object]:
    return {"kind": "codec", "config": dataclasses.asdict(SMALL), **changes}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    path = tmp_path / "codec.safetensors"
    save_checkpoint(path, OwnCodec(SMALL).learned_state(), metadata(steps=7))
    return path


def test_an_unknown_codec_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'encodec'. Did you mean 'encodec-24khz'\?"):
        load_codec("encodec")


def test_a_flag_names_a_codec_its_weights_or_a_checkpoint_of_the_own_codec(
    checkpoint: Path,
) -> None:
    assert codec_of("own").codes_sha256() == load_codec("own").codes_sha256()
    for text in (f"own:{checkpoint}", str(checkpoint)):
        assert codec_of(text).codes_sha256() == load_own(checkpoint).codes_sha256()
    with pytest.raises(CheckpointError, match=r"no checkpoint at nowhere\.safetensors"):
        codec_of("nowhere.safetensors")
    with pytest.raises(CheckpointError, match=r"no checkpoint at nowhere"):
        codec_of("own:nowhere")
    with pytest.raises(ConfigError, match="unknown codec 'encodec'"):
        codec_of("encodec:weights.th")


@needs_encodec
def test_a_flag_names_encodec_with_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    network = load_codec("encodec-24khz").decoder.network
    save_file({n: t.contiguous().clone() for n, t in network.state_dict().items()}, path)
    codec = codec_of(f"encodec-24khz:{path}")
    assert (codec.name, codec.trained) == ("encodec-24khz", True)


def test_without_a_checkpoint_weights_are_random_but_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model.codec.providers.SHIPPED", Path("nowhere"))
    torch.manual_seed(1)
    first = load_codec()
    torch.manual_seed(2)
    second = load_codec()
    assert not first.trained
    torch.testing.assert_close(first.codebooks, second.codebooks, atol=0, rtol=0)


def test_the_shipped_checkpoint_is_loaded_by_default_and_is_small_enough() -> None:
    assert load_codec().trained
    assert SHIPPED.stat().st_size <= 12e6


def test_a_checkpoint_gives_back_its_codec(checkpoint: Path) -> None:
    codec = load_own(checkpoint)
    assert codec.trained
    assert codec.config == SMALL
    torch.manual_seed(3)
    for name, tensor in OwnCodec(SMALL).learned_state().items():
        loaded = codec.learned_state()[name]
        torch.testing.assert_close(loaded, tensor, atol=2e-3, rtol=1e-3, msg=name)


def test_saving_keeps_the_facts_and_a_hash(checkpoint: Path) -> None:
    _, facts = load_checkpoint(checkpoint, "codec")
    assert facts["steps"] == 7
    assert len(facts["sha256"]) == 64


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_own(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [4, 200, -1])
def test_a_truncated_checkpoint_is_refused(checkpoint: Path, kept: int) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="cut short"):
        load_own(checkpoint)


def test_a_changed_byte_is_noticed(checkpoint: Path) -> None:
    data = bytearray(checkpoint.read_bytes())
    data[-5] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(CheckpointError, match="altered"):
        load_own(checkpoint)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="not one of this project's"):
        load_own(path)


def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "speech.safetensors"
    save_checkpoint(path, {"weight": torch.zeros(3)}, metadata(kind="speech"))
    with pytest.raises(CheckpointError, match="holds a speech, not a codec"):
        load_own(path)


def test_a_configuration_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    save_checkpoint(path, OwnCodec(SMALL).learned_state(), metadata(config={"depth": 3}))
    with pytest.raises(CheckpointError, match="another version"):
        load_own(path)


def test_a_configuration_that_does_not_fit_the_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    for change in ({"decoder_layers": 2}, {"code_width": 9}):
        config = dataclasses.asdict(dataclasses.replace(SMALL, **change))
        save_checkpoint(path, OwnCodec(SMALL).learned_state(), metadata(config=config))
        with pytest.raises(CheckpointError, match="configuration"):
            load_own(path)


def test_the_torchaudio_stub_lasts_only_as_long_as_the_import() -> None:
    if importlib.util.find_spec("torchaudio") is not None:
        pytest.skip("a real torchaudio is installed")
    with without_torchaudio():
        assert "torchaudio" in sys.modules
    assert "torchaudio" not in sys.modules


@needs_encodec
def test_encodec_codes_have_the_family_shape_and_its_weights_can_be_named(tmp_path: Path) -> None:
    codec = load_codec("encodec-24khz")
    assert not codec.trained
    codes = codec.encode(torch.rand(1, 1000) - 0.5)
    assert codes.shape == (1, 8, 4)
    assert codec.codebooks.shape == (8, 1024, 128)
    assert codec.decode(codes).shape == (1, 4 * 320)


@needs_encodec
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_encodec_with_the_weights_of_a_file_codes_and_decodes_as_the_network_they_are_from(
    tmp_path: Path, suffix: str
) -> None:
    codec = load_codec("encodec-24khz")
    with torch.no_grad():  # other weights than those of seed 0, which it would have without a file
        for parameter in codec.network.parameters():  # type: ignore[attr-defined]
            parameter.mul_(1.1)
    state = codec.network.state_dict()  # type: ignore[attr-defined]
    weights = tmp_path / f"encodec{suffix}"
    if suffix == ".pt":
        torch.save(state, weights)
    else:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, weights)
    again, untrained = load_codec("encodec-24khz", weights), load_codec("encodec-24khz")
    assert again.trained
    assert again.codes_sha256() == codec.codes_sha256() != untrained.codes_sha256()
    loaded = again.network.state_dict()  # type: ignore[attr-defined]
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    waveform = torch.sin(torch.arange(3200) / 20)[None]
    codes = codec.encode(waveform)
    assert torch.equal(again.encode(waveform), codes)
    assert torch.equal(again.decode(codes), codec.decode(codes))
    assert not torch.equal(untrained.decode(codes), codec.decode(codes))


@needs_encodec
def test_a_file_that_is_no_encodec_is_refused(tmp_path: Path) -> None:
    wrong, foreign = tmp_path / "text.pt", tmp_path / "other.safetensors"
    wrong.write_text("not weights")
    save_file({"weight": torch.zeros(3)}, foreign)
    with pytest.raises(CheckpointError, match="cannot read weights"):
        load_codec("encodec-24khz", wrong)
    with pytest.raises(CheckpointError, match="does not hold the weights"):
        load_codec("encodec-24khz", foreign)


def test_encodec_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "encodec" else real(name, *a)
    )
    with pytest.raises(ConfigError, match="pip install --no-deps encodec"):
        load_codec("encodec-24khz")


def test_both_codecs_are_registered() -> None:
    assert list(CODECS) == ["own", "encodec-24khz"]
