"""Qualcomm's libraries are found, fitted to ExecuTorch, or missed with a remedy."""

import ctypes
import os
import subprocess
import sys

import pytest

from lowering.qnn import sdk
from model.errors import StageFailedError

# Stands for Qualcomm's library: its deviceCreate takes the SoC of a custom option from byte UNION,
# and its core API is 2.MINOR.
NEWER = """
#include <stdint.h>
typedef struct { uint32_t option; const uint32_t *custom; } Config;
typedef struct { uint32_t backend; const char *name; uint32_t core[3], own[3]; void *f[82]; } P;
static uint64_t device_create(void *logger, const Config **configs, void *device) {
  const uint32_t *soc = (const uint32_t *)((const char *)configs[0]->custom + UNION);
  *(uint32_t *)device = *soc;
  return *soc ? 0 : 14001;
}
static P provider = {6, "HTP", {2, MINOR, 0}, {5, 0, 0}, {[40] = (void *)device_create}};
static const P *list[] = {&provider};
uint64_t QnnInterface_getProviders(const P ***providers, uint32_t *count) {
  *providers = list;
  *count = 1;
  return 0;
}
"""
# Asks for SoC 57 as ExecuTorch does, with the union at byte 4, twice: nothing of it may be changed.
CALLER = """
import ctypes, sys
class Config(ctypes.Structure):
    _fields_ = [("option", ctypes.c_uint32), ("custom", ctypes.POINTER(ctypes.c_uint32 * 3))]
class P(ctypes.Structure):
    _fields_ = [("head", ctypes.c_char * 40), ("f", ctypes.c_void_p * 82)]
library = ctypes.CDLL(sys.argv[1])
providers, count = ctypes.POINTER(ctypes.POINTER(P))(), ctypes.c_uint32()
get = library.QnnInterface_getProviders
get.restype = ctypes.c_uint64
assert get(ctypes.byref(providers), ctypes.byref(count)) == 0 and count.value == 1
kind = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
create = kind(providers[0].contents.f[40])
custom = (ctypes.c_uint32 * 3)(0, 57, 0)
config = Config(0, ctypes.pointer(custom))
configs = (ctypes.POINTER(Config) * 2)(ctypes.pointer(config), None)
for _ in range(2):
    soc = ctypes.c_uint32()
    status = create(None, ctypes.cast(configs, ctypes.c_void_p), ctypes.addressof(soc))
    print(status, soc.value, list(custom))
assert ctypes.CDLL("libQnnHtp.so")._handle == library._handle  # by name, too, it is the shim
"""

needs_compiler = pytest.mark.skipif(sdk.compiler() is None, reason="needs a C compiler: gcc")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="QNN compiles on Linux only")
pytestmark = [needs_linux]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def make_sdk(root, monkeypatch, minor=40, union=8):
    """Lay out an SDK whose library does what Qualcomm's does where the shim is concerned."""
    folder = root / sdk.LIBRARIES
    folder.mkdir(parents=True)
    source = root / "htp.c"
    source.write_text(NEWER)
    command = [sdk.compiler(), "-shared", "-fPIC", f"-DMINOR={minor}", f"-DUNION={union}"]
    command += [f"-Wl,-soname,{sdk.HTP}", str(source), "-o", str(folder / sdk.HTP)]
    subprocess.run(command, check=True)
    monkeypatch.setenv(sdk.ROOT_VARIABLE, str(root))
    return sdk.find_sdk()


@needs_compiler
@pytest.mark.parametrize(
    ("minor", "union"),
    [(40, 8), (30, 4), (27, 4)],
    ids=["a newer library", "one in between that is as before", "the one ExecuTorch knows"],
)
def test_the_shim_gives_the_library_its_soc_and_leaves_the_caller_s_data_alone(
    tmp_path, monkeypatch, minor, union
):
    found = make_sdk(tmp_path / "sdk", monkeypatch, minor, union)
    shim = sdk.fit(found) / sdk.LIBRARIES / sdk.HTP
    done = subprocess.run(
        [sys.executable, "-c", CALLER, str(shim)], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["0 57 [0, 57, 0]"] * 2, done.stderr


@needs_compiler
def test_the_shim_is_built_once_per_library(tmp_path, monkeypatch):
    found = make_sdk(tmp_path / "sdk", monkeypatch)
    folder = sdk.fit(found)
    built = (folder / sdk.LIBRARIES / sdk.HTP).stat().st_mtime_ns
    assert sdk.fit(found) == folder
    assert (folder / sdk.LIBRARIES / sdk.HTP).stat().st_mtime_ns == built
    assert sdk.fit(sdk.Sdk("another version", found.folder)) != folder


@needs_compiler
def test_a_missing_library_behind_the_shim_is_said_and_not_a_crash(tmp_path):
    shim = sdk.fit(sdk.Sdk("gone", tmp_path)) / sdk.LIBRARIES / sdk.HTP
    providers, count = ctypes.c_void_p(), ctypes.c_uint32()
    library = ctypes.CDLL(str(shim))
    assert library.QnnInterface_getProviders(ctypes.byref(providers), ctypes.byref(count)) == 1


def test_without_package_and_sdk_the_remedy_names_both(monkeypatch):
    monkeypatch.delenv(sdk.ROOT_VARIABLE, raising=False)
    monkeypatch.setattr(sdk, "PACKAGE", "a-package-that-nobody-has")
    assert sdk.find_sdk() is None
    assert "[qnn]" in sdk.unavailable()
    assert sdk.ROOT_VARIABLE in sdk.unavailable()


def test_a_wrong_sdk_root_is_named_and_no_package_is_taken_in_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv(sdk.ROOT_VARIABLE, str(tmp_path))
    assert sdk.find_sdk() is None
    assert sdk.ROOT_VARIABLE in sdk.unavailable()
    assert sdk.HTP in sdk.unavailable()


def test_without_a_compiler_the_remedy_is_to_install_one(tmp_path, monkeypatch):
    (tmp_path / sdk.LIBRARIES).mkdir(parents=True)
    (tmp_path / sdk.LIBRARIES / sdk.HTP).write_bytes(b"a library")
    monkeypatch.setenv(sdk.ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "gcc" in sdk.unavailable()
    with pytest.raises(StageFailedError, match="gcc"):
        sdk.fit(sdk.find_sdk())


@needs_compiler
def test_what_the_compiler_complains_of_is_the_reason(tmp_path, monkeypatch):
    broken = tmp_path / "shim.c"
    broken.write_text("this is no C\n")
    monkeypatch.setattr(sdk, "SHIM", broken)
    with pytest.raises(StageFailedError, match=r"could not build shim\.c: .*error"):
        sdk.fit(sdk.Sdk("any", tmp_path))
    assert {path.name for path in (tmp_path / "cache" / "qnn").iterdir()} <= {".lock"}


def test_other_machines_are_told_where_it_works(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert "Linux x86-64" in sdk.unavailable()


def test_the_variable_is_as_before_when_the_sdk_is_no_longer_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr(sdk, "load_sdk", lambda: tmp_path)
    monkeypatch.setenv(sdk.ROOT_VARIABLE, "the user's")
    with sdk.sdk_in_use():
        assert os.environ[sdk.ROOT_VARIABLE] == str(tmp_path)
    assert os.environ[sdk.ROOT_VARIABLE] == "the user's"
    monkeypatch.delenv(sdk.ROOT_VARIABLE)
    with sdk.sdk_in_use():
        assert os.environ[sdk.ROOT_VARIABLE] == str(tmp_path)
    assert sdk.ROOT_VARIABLE not in os.environ
