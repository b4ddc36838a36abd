"""Compile options are typed and checked, and flags win over `bench.toml`."""

import pytest

from bench.backend_options import chosen_options
from lowering.backends import BACKENDS, make_backend
from model.errors import ConfigError


def test_flags_win_over_the_table_and_defaults_are_left_out():
    tables = {"coreml": {"compute_units": "cpu_only", "deployment_target": "iOS16"}}
    flags = ["coreml.deployment_target=iOS18", "vulkan.small_textures=true"]
    assert chosen_options(tables, flags) == {
        "coreml": (("compute_units", "cpu_only"),),  # iOS18 is the default
        "vulkan": (("small_textures", True),),
    }


def test_chosen_options_make_the_backend():
    options = chosen_options({}, ["coreml.deployment_target=iOS17"])["coreml"]
    assert make_backend("coreml", options).options()["deployment_target"] == "iOS17"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("coreml.deployment_target=iOS12", "Known: iOS16"),
        ("coreml.target=iOS18", "Known: deployment_target"),
        ("corml.deployment_target=iOS18", "Did you mean 'coreml'?"),
        ("vulkan.small_textures=7", "must be true or false"),
        ("qnn.steps=many", "must be a number"),
        ("coreml=iOS18", "BACKEND.OPTION=VALUE"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_remedy(flag, said):
    with pytest.raises(ConfigError, match=said):
        chosen_options({}, [flag])


def test_a_table_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="must be a table"):
        chosen_options({"coreml": "iOS18"}, [])


@pytest.mark.parametrize("name", [*BACKENDS])
def test_backends_without_options_are_their_defaults(name):
    assert chosen_options({name: {}}, []) == {name: ()}
