import platform
import shutil
import subprocess
import zipfile
from importlib.metadata import PackageNotFoundError

import pytest

from devices import bundle
from devices.bundle import FLAGS, TARGETS, Target, build_bundle, folder_sha256
from devices.host_native import host_abi
from model.errors import DeviceError

ELSEWHERE = Target("elsewhere64", "ld-linux-elsewhere.so.1")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the runner's sources."""
    copy = shutil.copytree(bundle.SOURCES, tmp_path / "runner")
    monkeypatch.setattr(bundle, "SOURCES", copy)
    return copy


@pytest.fixture
def compilations(monkeypatch):
    """Lists the targets that a bundle was made for, in place of making it."""
    made = []

    def fill(folder, target, runtime):
        made.append(target.machine)
        (folder / "runner").write_bytes(b"runner")

    monkeypatch.setattr(bundle, "fill_bundle", fill)
    monkeypatch.setattr(bundle, "compiler_version", lambda target: "g++ 1.0")
    monkeypatch.setattr(bundle, "c_library_sha256", lambda target: "glibc 2.0")
    return made


def write_wheel(folder, target, content=b"library"):
    folder.mkdir(parents=True, exist_ok=True)
    name = f"executorch-{bundle.executorch_version()}-cp311-cp311-manylinux_2_28_{target.machine}"
    with zipfile.ZipFile(folder / f"{name}.whl", "w") as wheel:
        wheel.writestr("executorch/lib/libexecutorch.so", content)
        wheel.writestr("executorch/include/executorch/runtime.h", b"")
        wheel.writestr("executorch/exir/__init__.py", b"")
    return folder / f"{name}.whl"


def test_an_unknown_instruction_set_is_answered_with_the_known_ones():
    with pytest.raises(DeviceError, match=r"'armeabi-v7a'.*arm64-v8a and x86_64"):
        build_bundle("armeabi-v7a")


def test_a_missing_compiler_is_answered_with_its_package(cache, monkeypatch):
    monkeypatch.setitem(TARGETS, "elsewhere", ELSEWHERE)
    with pytest.raises(DeviceError, match=r"sudo apt install g\+\+-elsewhere64-linux-gnu"):
        build_bundle("elsewhere")


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Puts a script in the place of a cross compiler: what it does, in shell."""

    def put(script):
        path = tmp_path / "programs" / ELSEWHERE.compiler
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=":")
        monkeypatch.setitem(TARGETS, "elsewhere", ELSEWHERE)

    return put


def test_a_compiler_without_its_c_library_is_one_line_with_the_package(
    cache, compiler, monkeypatch
):
    # GCC prints a name as it was given where it finds no such file: gcc/gcc.cc, find_file.
    compiler('echo "${1#-print-file-name=}"')
    monkeypatch.setattr(bundle, "runtime_folder", lambda target: cache)
    with pytest.raises(DeviceError) as caught:
        build_bundle("elsewhere")
    assert str(caught.value) == (
        "elsewhere64-linux-gnu-g++ finds no libc.so.6, which the runner takes to the device: run"
        " `sudo apt install g++-elsewhere64-linux-gnu libc6-dev-elsewhere64-cross`"
    )


@pytest.mark.parametrize(
    "said",
    [
        "runner.cpp:3:10: fatal error: cstdint: No such file or directory",
        "/usr/bin/ld: cannot find crt1.o: No such file or directory",
    ],
)
def test_a_compiler_that_lacks_a_file_says_which_and_not_that_it_was_terminated(
    cache, compiler, said
):
    compiler(f"echo '{said}' >&2; echo 'compilation terminated.' >&2; exit 1")
    with pytest.raises(DeviceError) as caught:
        bundle.compiler_run(ELSEWHERE, "runner.cpp")
    assert said in str(caught.value)
    assert "libc6-dev-elsewhere64-cross" in str(caught.value)


def test_the_cross_compiler_of_x86_is_named_as_debian_does():
    assert Target("x86_64", "").package in ("g++", "g++-x86-64-linux-gnu")
    assert Target("aarch64", "").compiler in ("g++", "aarch64-linux-gnu-g++")


def test_a_missing_executorch_is_answered_with_the_command(cache, monkeypatch):
    def missing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(bundle, "version", missing)
    with pytest.raises(DeviceError, match=r"pip install 'mobilespeech-bench\[run\]'"):
        build_bundle(host_abi())


def test_an_unchanged_runner_is_not_compiled_again(cache, sources, compilations):
    first, second = build_bundle(host_abi()), build_bundle(host_abi())
    assert first == second
    assert compilations == [platform.machine()]


def test_a_changed_source_makes_another_bundle(cache, sources, compilations):
    first = build_bundle(host_abi())
    (sources / "clock.h").write_text("// changed\n")
    second = build_bundle(host_abi())
    assert first.folder != second.folder
    assert len(compilations) == 2


def test_changed_flags_another_compiler_and_another_c_library_make_another_bundle(
    cache, sources, compilations, monkeypatch
):
    folders = {build_bundle(host_abi()).folder}
    monkeypatch.setattr(bundle, "FLAGS", (*FLAGS, "-DNOTHING"))
    folders.add(build_bundle(host_abi()).folder)
    monkeypatch.setattr(bundle, "compiler_version", lambda target: "g++ 1.1")
    folders.add(build_bundle(host_abi()).folder)
    monkeypatch.setattr(bundle, "c_library_sha256", lambda target: "glibc 2.1")
    folders.add(build_bundle(host_abi()).folder)
    assert len(folders) == 4


def test_a_source_that_does_not_compile_leaves_no_bundle(cache, sources):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    (sources / "runner.cpp").write_text("#error nothing here\n")
    with pytest.raises(DeviceError, match=r"g\+\+ failed"):
        build_bundle(host_abi())
    assert not list(cache.rglob("runner"))


def test_the_hash_covers_names_and_contents(tmp_path):
    hashes = set()
    for name, content in [("a", b"1"), ("a", b"2"), ("b", b"2")]:
        folder = tmp_path / f"{name}{content!r}"
        folder.mkdir()
        (folder / name).write_bytes(content)
        hashes.add(folder_sha256(folder))
    assert len(hashes) == 3


def test_a_wheel_that_is_there_is_unpacked_without_a_network(cache, monkeypatch):
    def refuse(command):
        raise AssertionError(command)

    monkeypatch.setattr(bundle, "run", refuse)
    write_wheel(cache / "wheels", ELSEWHERE)
    folder = bundle.runtime_folder(ELSEWHERE)
    assert (folder / "lib" / "libexecutorch.so").read_bytes() == b"library"
    assert (folder / "include" / "executorch" / "runtime.h").is_file()
    assert not (folder / "exir").exists()


def test_a_missing_wheel_without_a_network_is_answered_with_the_command(cache, monkeypatch):
    def offline(command):
        raise subprocess.CalledProcessError(1, command, stderr="WARNING: no\nERROR: no network\n")

    monkeypatch.setattr(bundle, "run", offline)
    with pytest.raises(DeviceError) as caught:
        bundle.runtime_folder(ELSEWHERE)
    assert "(ERROR: no network)" in str(caught.value)
    assert "--platform=manylinux_2_28_elsewhere64 executorch==" in str(caught.value)
    assert str(cache / "wheels") in str(caught.value)


def test_a_damaged_wheel_is_named(cache):
    wheel = write_wheel(cache / "wheels", ELSEWHERE)
    wheel.write_bytes(wheel.read_bytes()[:50])
    with pytest.raises(DeviceError, match=f"{wheel.name} is damaged: delete it"):
        bundle.runtime_folder(ELSEWHERE)


def test_the_bundle_loads_nothing_of_this_machine(native_bundle):
    loader = native_bundle.command[0]
    listed = subprocess.run(
        [loader, "--library-path", ".", "--list", "./runner"],
        cwd=native_bundle.folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    libraries = [line.split("=>")[1].split()[0] for line in listed.splitlines() if "=>" in line]
    outside = [path for path in libraries if not path.startswith("./")]
    assert len(libraries) > 10
    assert [path for path in outside if "ld-linux" not in path] == []


@pytest.mark.slow
def test_the_bundle_for_phones_runs_under_an_emulator():
    for program in (TARGETS["arm64-v8a"].compiler, "qemu-aarch64-static"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    built = build_bundle("arm64-v8a")
    emulator = () if platform.machine() == "aarch64" else ("qemu-aarch64-static",)
    done = subprocess.run(
        [*emulator, *built.command], cwd=built.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout.startswith('{"error":"usage"')
    assert sum(path.stat().st_size for path in built.folder.iterdir()) < 20e6
