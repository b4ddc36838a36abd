"""Fast cores: the same answer from either file of a phone, by values of upstream device trees."""

from dataclasses import dataclass

import pytest
from standin_phone.local_link import LocalLink, ScriptedLink

from devices.cores import fast_cores, granted_cores
from devices.profiles import Soc, socs


@dataclass(frozen=True)
class Kind:
    """Cores of one kind: how many, `capacity-dmips-mhz` (0: not given) and the highest clock."""

    count: int
    dmips: int
    khz: int


@dataclass(frozen=True)
class Part:
    """A processor as its device tree describes it, slowest cores first."""

    soc: str
    kinds: tuple[Kind, ...]
    fast: int


# Pixel 6. Linux, arch/arm64/boot/dts/exynos/google/gs101.dtsi: cpu nodes and opp-table-0 to -2.
GS101 = Part("tensor", (Kind(4, 250, 1803000), Kind(2, 620, 2253000), Kind(2, 1024, 2802000)), 0xF0)
# Pixel 8. Google's kernel modules for zuma, dts/zuma-cpu.dtsi: cpu nodes, exynos-acme max-freq.
ZUMA = Part(
    "tensor-g3", (Kind(4, 193, 1704000), Kind(4, 927, 2367000), Kind(1, 1024, 2556000)), 0x1F0
)
# Pixel 9. The same for zumapro, dts/zumapro-cpu.dtsi.
ZUMAPRO = Part(
    "tensor-g4", (Kind(4, 449, 1950000), Kind(3, 850, 2600000), Kind(1, 1024, 2802000)), 0xF0
)
# Galaxy S23 (kalama). Linux, arch/arm64/boot/dts/qcom/sm8550.dtsi: cpu nodes; its opp tables as
# posted to linux-arm-msm (sm8550-ddr-bw-scaling v4), which quote the clocks of a QCS8550.
SM8550 = Part(
    "snapdragon-8-gen-2", (Kind(3, 326, 2016000), Kind(4, 693, 2803200), Kind(1, 1024, 3187200)),
    0xF8,
)  # fmt: skip
# Galaxy S24 (pineapple). Linux, arch/arm64/boot/dts/qcom/sm8650.dtsi: cpu nodes and the opp tables
# of cpu0, cpu2, cpu5 and cpu7 as posted to linux-arm-msm.
SM8650 = Part(
    "snapdragon-8-gen-3",
    (
        *(Kind(2, 1024, 2265600), Kind(3, 1792, 3148800), Kind(2, 1792, 3148800)),
        Kind(1, 1894, 3187200),
    ),
    0xFC,
)
# Galaxy S24 with an Exynos. Samsung's kernel for SM-S921B, exynos/s5e9945-cpu.dtsi: cpu nodes and
# the last entry of each freq-table.
S5E9945 = Part(
    "exynos-2400",
    (Kind(4, 781, 2112000), Kind(3, 1378, 2592000), Kind(2, 1378, 2900000), Kind(1, 1631, 3226000)),
    0x3F0,
)
# A 1+4+3 part (cliffs). LineageOS, android_kernel_qcom_sm8650-devicetrees, qcom/cliffs.dtsi: cpu
# nodes. Its clocks are in no device tree (the firmware has them): Qualcomm's product brief.
CLIFFS = Part(
    "snapdragon-8s-gen-3", (Kind(3, 1024, 2000000), Kind(4, 1690, 2800000), Kind(1, 1843, 3000000)),
    0xF8,
)  # fmt: skip
# Galaxy S25. Linux, arch/arm64/boot/dts/qcom/sm8750.dtsi gives no capacity-dmips-mhz. Clocks:
# Qualcomm's product brief. All its cores are large ones.
SM8750 = Part("snapdragon-8-elite", (Kind(6, 0, 3530000), Kind(2, 0, 4320000)), 0xFF)
PARTS = (GS101, ZUMA, ZUMAPRO, SM8550, SM8650, S5E9945, CLIFFS, SM8750)


def clocks(part: Part) -> list[int]:
    return [kind.khz for kind in part.kinds for _ in range(kind.count)]


def capacities(part: Part) -> list[int]:
    """As the kernel computes them: drivers/base/arch_topology.c, topology_normalize_cpu_scale."""
    raw = [kind.dmips * kind.khz for kind in part.kinds for _ in range(kind.count)]
    return [value * 1024 // max(raw) if max(raw) else 1024 for value in raw]


def sysfs(capacity: list[int], clock_khz: list[int]) -> ScriptedLink:
    """What a phone answers that lets both, one or none of the two files be read."""
    cores = range(max(len(capacity), len(clock_khz)))
    lines = (
        f"cpu{n} {capacity[n] if capacity else ''} @{clock_khz[n] if clock_khz else ''}\n"
        for n in cores
    )
    return ScriptedLink("".join(lines))


def test_the_capacities_of_a_pixel_6_are_those_that_its_kernel_gives():
    assert sorted(set(capacities(GS101))) == [160, 498, 1024]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.soc)
def test_either_file_gives_the_same_cores(part):
    soc, capacity, clock_khz = socs()[part.soc], capacities(part), clocks(part)
    assert fast_cores(sysfs(capacity, clock_khz), soc) == part.fast
    assert fast_cores(sysfs(capacity, []), soc) == part.fast
    assert fast_cores(sysfs([], clock_khz), soc) == part.fast


@pytest.mark.parametrize("part", PARTS[:-1], ids=lambda part: part.soc)
def test_either_file_gives_the_same_cores_of_a_processor_that_nobody_knows(part):
    assert fast_cores(sysfs(capacities(part), [])) == part.fast
    assert fast_cores(sysfs([], clocks(part))) == part.fast


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.soc)
def test_the_clusters_of_a_known_processor_are_those_of_its_device_tree(part):
    assert sum(socs()[part.soc].clusters) == sum(kind.count for kind in part.kinds)
    silent = ScriptedLink("".join(f"cpu{n}  @\n" for n in range(len(clocks(part)))))
    assert fast_cores(silent, socs()[part.soc]) == part.fast


def test_capacities_that_are_all_alike_leave_it_to_the_clocks():
    assert fast_cores(sysfs([1024] * 4, [1800000, 1800000, 2400000, 2400000])) == 0b1100


def test_a_file_that_tells_of_every_core_counts_before_one_that_does_not():
    text = "cpu0 160 @1800000\ncpu1  @1800000\ncpu2  @2800000\ncpu3 1024 @3200000\n"
    assert fast_cores(ScriptedLink(text)) == 0b1100


def test_equal_cores_are_all_fast():
    assert fast_cores(sysfs([], [2000000] * 2)) == 0b11
    assert fast_cores(sysfs([1024] * 4, [2400000] * 4)) == 0b1111


def test_a_phone_that_tells_no_speeds_is_judged_by_its_processor_if_that_is_known():
    silent = ScriptedLink("".join(f"cpu{n}  @\n" for n in range(8)))
    assert fast_cores(silent, Soc("x", "y", (), (4, 3, 1))) == 0b1111_0000
    assert fast_cores(silent, Soc("x", "y", (), (4, 4, 1))) == 0
    assert fast_cores(silent) == 0


def test_the_kernel_is_asked_which_cores_a_process_gets(tmp_path):
    assert granted_cores(LocalLink(tmp_path / "here"), 1) == 1
    part = LocalLink(tmp_path / "part", {"taskset": "echo Cpus_allowed:\tff,000000f0"})
    assert granted_cores(part, 0xFFF0) == 0xFF000000F0
    refusing = {
        "taskset": 'echo "taskset: failed to set pid 7\'s affinity: Invalid argument" >&2; exit 1'
    }
    assert granted_cores(LocalLink(tmp_path / "no", refusing), 0xF0) == 0
    assert granted_cores(ScriptedLink("no such thing"), 0xF0) == 0
