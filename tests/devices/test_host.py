"""What this machine says of itself, from files as the kernel writes them."""

import pytest

from devices.host import INSTRUCTION_SETS, instruction_sets


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("flags\t\t: fpu sse4_2 avx avx2 fma", ("AVX2",)),
        ("flags\t\t: avx2 avx512f avx512_vnni", ("AVX2", "AVX-512", "AVX-512 VNNI")),
        (
            "flags\t\t: avx2 avx512f avx_vnni avx512_vnni amx_bf16 amx_tile amx_int8",
            ("AVX2", "AVX-512", "AVX-VNNI", "AVX-512 VNNI", "AMX INT8", "AMX BF16"),
        ),
        ("flags\t\t: fpu sse2", ()),
        ("Features\t: fp asimd evtstrm asimddp sve i8mm", ("NEON", "dot product", "I8MM", "SVE")),
        ("Processor\t: something", ()),
    ],
)
def test_instruction_sets_are_read_from_the_kernel_s_flags(tmp_path, line, names):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\nbugs\t\t: avx512f amx_int8\n\n")
    assert instruction_sets(tmp_path / "cpuinfo") == names


def test_a_system_without_that_file_names_none(tmp_path):
    assert instruction_sets(tmp_path / "none") == ()
    assert len(set(INSTRUCTION_SETS.values())) == len(INSTRUCTION_SETS)
