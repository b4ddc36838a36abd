"""Cached results are found again, and only by what they were made of."""

import ast
import hashlib
import sys
from importlib.metadata import packages_distributions

import pytest

from lowering import cache
from lowering.cache import MODEL_PACKAGES, PINS, ROOT, cache_key, cache_root, source_hash
from lowering.lower import LoweringSpec
from lowering.reference import ReferenceSpec
from model.choice import RANDOM, ModelChoice
from model.codec.providers import CODECS, ENCODEC_WEIGHTS
from model.decoding import DecodingOptions, decoding_plan
from model.errors import CheckpointError
from model.utterance import built_in_utterances
from quantization.scheme_files import adopt


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))


def spec(**changes):
    fields = {
        "choice": ModelChoice("tiny"),
        "utterance": built_in_utterances()["short"],
        "options": DecodingOptions(),
        **changes,
    }
    return ReferenceSpec(**fields)


def test_whatever_goes_in_changes_the_folder():
    folders = {
        spec().folder(),
        spec(choice=ModelChoice("base")).folder(),
        spec(utterance=built_in_utterances()["medium"]).folder(),
        spec(options=DecodingOptions(plan=decoding_plan((16,)))).folder(),
        spec(sources="other code").folder(),
    }
    assert len(folders) == 5
    assert spec().folder() in folders


def test_the_folder_stays_the_planned_one_when_code_changes_under_way(monkeypatch):
    planned = spec()
    before = planned.folder()
    monkeypatch.setattr("lowering.reference.source_hash", lambda *_: "changed")
    assert planned.folder() == before


def test_sources_of_different_packages_differ():
    assert source_hash("model") != source_hash("lowering")


def test_a_key_depends_on_what_is_described_and_not_on_its_order():
    assert cache_key({"a": 1, "b": [2]}) == cache_key({"b": [2], "a": 1})
    different = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": {"b": 1}}, {}]
    assert len({cache_key(parts) for parts in different}) == len(different)


def lowering(**changes):
    choice = changes.pop("choice", ModelChoice("tiny"))
    reference = spec(choice=choice)
    fields = {
        "choice": choice, "scheme": "fp32", "backend": "xnnpack", "calibration": (reference,),
        "verification": reference, **changes,
    }  # fmt: skip
    return LoweringSpec(**fields)


def weights(path, content):
    path.write_bytes(content)
    return path


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_whatever_shapes_an_artifact_changes_its_folder(tmp_path):
    medium = spec(utterance=built_in_utterances()["medium"])
    checkpoint = weights(tmp_path / "a.safetensors", b"a")
    folders = [
        made.folder()
        for made in (
            lowering(),
            lowering(choice=ModelChoice("base")),
            lowering(choice=ModelChoice("tiny", checkpoint=checkpoint)),
            lowering(choice=ModelChoice("tiny", codec_checkpoint=checkpoint)),
            lowering(choice=ModelChoice("tiny", codec="encodec-24khz")),
            lowering(scheme="8da8w"),
            lowering(backend="portable"),
            lowering(backend="vulkan"),
            lowering(backend="vulkan", options=(("small_textures", True),)),
            lowering(verification=medium),
            lowering(calibration=(medium,)),
            lowering(sources="other code"),
        )
    ]
    assert len(set(folders)) == len(folders)


@pytest.mark.parametrize("codec", ["own", "encodec-24khz"])
def test_another_checkpoint_of_a_codec_is_another_artifact_and_another_record(codec, tmp_path):
    first, second = (
        ModelChoice("tiny", codec=codec, codec_checkpoint=weights(tmp_path / name, name.encode()))
        for name in ("first.safetensors", "second.safetensors")
    )
    assert lowering(choice=first).folder() != lowering(choice=second).folder()
    assert first.identity()["codec_weights"] == sha256(b"first.safetensors")


def test_weights_that_only_the_environment_names_count_too(tmp_path, monkeypatch):
    choice = ModelChoice("tiny", codec="encodec-24khz")
    random = lowering(choice=choice).folder()
    assert choice.identity()["codec_weights"] == RANDOM
    monkeypatch.setenv(ENCODEC_WEIGHTS, str(weights(tmp_path / "e.th", b"learnt")))
    assert choice.identity()["codec_weights"] == sha256(b"learnt")
    assert lowering(choice=choice).folder() != random
    monkeypatch.setenv(ENCODEC_WEIGHTS, str(tmp_path / "gone.th"))
    with pytest.raises(CheckpointError, match=f"gone.th, which {ENCODEC_WEIGHTS} names"):
        choice.identity()


def test_a_checkpoint_that_is_written_anew_is_hashed_anew(tmp_path):
    path = weights(tmp_path / "a.safetensors", b"first")
    choice = ModelChoice("tiny", checkpoint=path)
    before = choice.identity()["weights"]
    weights(path, b"second")
    assert choice.identity()["weights"] != before


@pytest.mark.parametrize("package", [*PINS, *MODEL_PACKAGES])
def test_another_version_of_any_package_is_another_folder(package, monkeypatch):
    reference, artifact = spec().folder(), lowering().folder()
    known = cache.installed
    monkeypatch.setattr(cache, "installed", lambda name: "9" if name == package else known(name))
    assert spec().folder() != reference
    assert lowering().folder() != artifact
    assert lowering().packages()[package] == "9"


@pytest.mark.parametrize(
    ("package", "changes"),
    [
        ("coremltools", {"backend": "coreml"}),
        ("scikit-learn", {"backend": "coreml"}),
        ("encodec", {"choice": ModelChoice("tiny", codec="encodec-24khz")}),
    ],
)
def test_a_compiler_s_or_a_codec_s_package_counts_where_it_is_used(package, changes, monkeypatch):
    uses, does_not = lowering(**changes), lowering()
    before = uses.folder(), does_not.folder()
    known = cache.installed
    monkeypatch.setattr(cache, "installed", lambda name: "9" if name == package else known(name))
    assert uses.folder() != before[0]
    assert does_not.folder() == before[1]


def test_every_package_that_the_model_imports_is_in_the_keys():
    """But those that only read a file whose content is hashed."""
    imported = set()
    for path in (ROOT / "model").rglob("*.py"):
        if not path.relative_to(ROOT).as_posix().startswith(cache.BESIDE):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) else []
                imported |= {name.split(".")[0] for name in names}
    distributions = packages_distributions()
    used = {
        distribution.lower().replace("_", "-")
        for module in imported - sys.stdlib_module_names - {"model"}
        for distribution in distributions.get(module, [module])
    }
    readers = {"safetensors", "platformdirs"}
    of_codecs = {package for provider in CODECS.values() for package in provider.packages}
    assert used - readers <= {*PINS, *MODEL_PACKAGES, *of_codecs}


def test_a_scheme_file_is_known_by_its_whole_content(tmp_path, monkeypatch):
    path = tmp_path / "found.toml"
    monkeypatch.setattr("quantization.scheme_files.HASHED", 0)  # every name the same
    folders = set()
    for held in ("8da8w", "8da4w"):
        path.write_text(f'default = "{held}"\n')
        assert adopt(path) == "found-"
        folders.add(lowering(scheme="found-").folder())
    assert len(folders) == 2


def test_the_cache_is_where_the_variable_says(tmp_path):
    assert cache_root() == tmp_path / "cache"
