"""Profiles of phones: each finds its own model and no other."""

import pytest

from devices.conditions import Discipline
from devices.kinds import find_profile
from devices.profiles import excluded, load_profiles, matching, soc_of, socs
from model.errors import ConfigError

PIXEL8 = {
    "ro.product.device": "shiba",
    "ro.product.model": "Pixel 8",
    "ro.soc.model": "Tensor G3",
    "ro.product.cpu.abi": "arm64-v8a",
}
S24_EUROPE = {
    "ro.product.device": "e1s",
    "ro.product.model": "SM-S921B",
    "ro.soc.model": "s5e9945",
    "ro.product.cpu.abi": "arm64-v8a",
}


def phone_of(profile, soc):
    """What a phone of this profile says of itself."""
    said = {key: patterns[0].replace("*", "B") for key, patterns in profile.match.items()}
    says = {"ro.soc.model": socs()[soc].says[0].replace("*", "")} if soc else {}
    return {**said, **says, "ro.product.cpu.abi": profile.abi}


@pytest.mark.parametrize("name", load_profiles())
def test_each_profile_finds_its_own_phones_before_any_other(name):
    profile = load_profiles()[name]
    for soc in profile.socs or ("",):
        found = matching(load_profiles(), phone_of(profile, soc))
        assert found[0].name == name
        assert profile.title


def test_a_phone_fits_its_model_its_processor_and_any_phone():
    assert [p.name for p in matching(load_profiles(), PIXEL8)] == ["pixel8", "tensor-g3", "android"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ro.product.device": "husky"}, "its ro.product.device is 'husky', not shiba"),
        ({"ro.soc.model": "SM8650"}, "its ro.soc.model is 'SM8650', not Tensor G3"),
        ({"ro.product.cpu.abi": "armeabi-v7a"}, "its ro.product.cpu.abi is 'armeabi-v7a'"),
    ],
)
def test_a_phone_that_does_not_fit_is_told_why(change, reason):
    assert reason in load_profiles()["pixel8"].mismatch({**PIXEL8, **change})


def test_backends_that_do_not_apply_have_a_reason_and_the_others_none():
    profiles = load_profiles()
    assert profiles["pixel8"].why_not("qnn") == "a Tensor SoC has no Hexagon NPU"
    assert profiles["pixel8"].why_not("coreml")
    assert profiles["pixel8"].why_not("xnnpack") == ""


def test_vulkan_and_qnn_need_a_runner_of_one_s_own():
    profiles = load_profiles({"mine": {"like": "s25", "runner": "build/qnn_executor_runner"}})
    for backend in ("vulkan", "qnn"):
        assert "--runner" in profiles["s25"].why_not(backend)
        assert profiles["mine"].why_not(backend) == ""


def test_a_model_sold_with_two_processors_is_judged_by_the_one_it_has():
    s24 = load_profiles()["s24"]
    assert "--runner" in s24.why_not("qnn")
    assert s24.why_not("qnn", S24_EUROPE) == "an Exynos SoC has no Hexagon NPU"
    assert soc_of(S24_EUROPE).title == "Exynos 2400"


def test_every_family_says_what_it_excludes_and_every_cluster_has_cores():
    for soc in socs().values():
        assert "coreml" in excluded(soc.family)
        assert all(cores > 0 for cores in soc.clusters)
        assert soc.family == "emulated" or 6 <= sum(soc.clusters) <= 10


def test_a_lab_adds_its_own_phones_and_overrides_packaged_ones():
    profiles = load_profiles(
        {"left": {"like": "pixel8", "address": "usb:LEFT"}, "s24": {"threads": 2}}
    )
    assert profiles["left"].match == profiles["pixel8"].match
    assert profiles["left"].address == "usb:LEFT"
    assert (profiles["s24"].threads, profiles["s24"].socs) == (2, load_profiles()["s24"].socs)


def test_a_lab_says_how_its_phones_are_treated():
    own = {"s24": {"discipline": {"pin_clocks": True, "max_battery_c": 35}}}
    assert load_profiles(own)["s24"].discipline == Discipline(max_battery_c=35.0, pin_clocks=True)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"x": {"adress": "y"}}, "bench.toml [devices.x]: unknown key 'adress'. Known: name"),
        ({"x": {"like": "pixel88"}}, "bench.toml [devices.x]: unknown device 'pixel88'"),
        ({"x": {"socs": ["tensor-g9"]}}, "bench.toml [devices.x]: unknown processor 'tensor-g9'"),
        ({"x": {"discipline": {"pin": 1}}}, "[devices.x] discipline: unknown key 'pin'"),
        ({"x": 3}, "bench.toml [devices.x] must be a table"),
    ],
)
def test_a_wrong_table_of_a_lab_is_named(own, message):
    with pytest.raises(ConfigError) as caught:
        load_profiles(own)
    assert message in str(caught.value)


def test_the_number_of_the_one_snapdragon_is_what_a_phone_is_compiled_for():
    profiles = load_profiles()
    assert profiles["s24-ultra"].snapdragon() == "SM8650"
    assert profiles["s24"].snapdragon() == "SM8650"  # sold with an Exynos, too, which has no HTP
    assert profiles["pixel8"].snapdragon() == ""
    assert profiles["android"].snapdragon() == ""


@pytest.mark.parametrize("name", ["host", "host-native"])
def test_this_machine_points_to_the_simulator_for_qnn(name):
    assert "htp-simulator" in find_profile(name, {}).why_not("qnn")
    assert find_profile(name, {}).why_not("xnnpack") == ""
    assert find_profile("htp-simulator", {}).why_not("qnn") == ""
    assert "qnn" in find_profile("htp-simulator", {}).why_not("xnnpack")
