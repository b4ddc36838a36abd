"""Whatever stands in bench.toml: it is followed, or refused in one line."""

import json

import pytest
from click.testing import CliRunner
from fuzzing import damaged, edited, fuzzed, tried
from hypothesis import given

from bench.cli import bench
from bench.config import load_config
from devices.kinds import find_profile

GOOD = {
    "devices": {"mine": {"kind": "android", "address": "192.0.2.1:5555", "like": "pixel8"},
                "board": {"kind": "linux", "address": "me@192.0.2.2:22", "threads": 2}},
    "suites": {"default": {"model": "tiny", "schemes": ["fp32"], "backends": ["xnnpack"],
                           "utterances": ["short"], "passes": [1]},
               "phone": {"device": "mine", "schemes": ["8da8w"]}},
    "schedule": {"repeats": 3, "warmup": 1, "iterations": 2, "cooldown_s": 0.5, "threads": 1,
                 "until": 0.02, "most_repeats": 9},
    "store": {"url": "results"},
    "lab": {"scheduler": "", "members": {"mine": ""}},
    "backends": {"xnnpack": {}},
}  # fmt: skip


def to_toml(table, head=""):
    """Write tables as TOML, as far as TOML can hold them."""
    lines, inner = [], []
    for key, value in table.items():
        name = json.dumps(key, ensure_ascii=True)
        if isinstance(value, dict):
            inner.append(to_toml(value, f"{head}.{name}" if head else name))
        elif value is not None:
            lines.append(f"{name} = {written(value)}")
    own = "".join(f"{line}\n" for line in lines)
    return (f"[{head}]\n" if head else "") + own + "".join(inner)


def written(value):
    if isinstance(value, float):
        return repr(value)  # nan and inf are TOML
    if isinstance(value, list):
        return "[" + ", ".join(written(one) for one in value if one is not None) + "]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {written(v)}" for k, v in value.items() if v is not None)
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value)


CONTENT = to_toml(GOOD).encode()
ANY = damaged(CONTENT) | edited(GOOD).map(to_toml).map(lambda text: text.encode("utf-8", "replace"))


def test_the_good_one_is_good(tmp_path):
    (tmp_path / "bench.toml").write_bytes(CONTENT)
    assert set(load_config(tmp_path / "bench.toml").suites) == {"default", "phone"}


@fuzzed
@given(ANY)
def test_any_configuration_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("lab") / "bench.toml"
    path.write_bytes(content)
    config, refused = tried(load_config, path)
    for name in () if refused else config.devices:
        tried(find_profile, name, config.devices)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "command", [("run", "--dry-run"), ("list", "runs"), ("say",)], ids=" ".join
)
@fuzzed
@given(content=ANY)
def test_commands_end_in_an_exit_code_of_theirs(tmp_path_factory, command, content):
    folder = tmp_path_factory.mktemp("lab")
    path = folder / "bench.toml"
    path.write_bytes(content)
    results = ["--results", str(folder / "results")]
    result = CliRunner().invoke(bench, ["--config", str(path), *results, *command])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in (0, 2)
    assert all(line.isprintable() for line in result.stderr.splitlines())
    assert [one.name for one in folder.iterdir()] == ["bench.toml"]
