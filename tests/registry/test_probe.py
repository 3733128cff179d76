"""The probe: whatever an artifact does to the process that parses it, we live and get a verdict."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.errors import ArtifactUnloadableError, ProbeUnavailableError, UnsafeFormatError
from governance.registry import probe as probe_module
from governance.registry import probe_child
from governance.registry.probe import ProbeResult, libraries, probe
from tests.registry import lightgbm_models as models


class Calls:
    """A pickle that calls a function when it is read."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def probe_pickle(
    function: Callable[..., object], *arguments: object, timeout: float = 60, cpu_seconds: int = 20
) -> ProbeResult:
    return probe(
        {"model.pkl": pickle.dumps(Calls(function, *arguments))},
        allow_pickle=True,
        digest_is_registered=True,
        timeout=timeout,
        cpu_seconds=cpu_seconds,
    )


@pytest.mark.parametrize("kind", models.KINDS)
def test_every_kind_of_real_model_is_loadable(kind: str) -> None:
    result = probe({"model.txt": models.text(kind).encode()})
    assert (result.loadable, result.code, result.lasting) == (True, "ok", True)
    assert result.libraries == libraries()
    assert result.duration_ms > 0
    result.require_loadable()


def test_one_bad_member_makes_the_whole_artifact_unloadable() -> None:
    good = models.text().encode()
    assert probe({"model.a.txt": good, "model.b.txt": good}).loadable
    result = probe({"model.a.txt": good, "model.b.txt": good[: len(good) // 2]})
    assert (result.loadable, result.code) == (False, "inconsistent")
    with pytest.raises(ArtifactUnloadableError, match=r"model\.b\.txt"):
        result.require_loadable()


@pytest.mark.parametrize(
    ("call", "code", "reason"),
    [
        ((os.abort,), "crashed", "SIGABRT"),
        ((os.kill, 0, signal.SIGSEGV), "crashed", "SIGSEGV"),
        ((os._exit, 0), "crashed", "exit code 0"),
        ((exec, "raise SystemExit(0)"), "crashed", "exit code 0"),
        ((os.kill, 0, signal.SIGKILL), "killed", "SIGKILL"),
        ((bytearray, 1 << 40), "memory_limit", "memory"),
        ((exec, "raise KeyError('column')"), "refused", "KeyError: 'column'"),
        ((exec, "import nothing_of_this_name"), "refused", "nothing_of_this_name"),
    ],
)
def test_every_end_of_the_child_has_a_name(
    call: tuple[Callable[..., object], object], code: str, reason: str
) -> None:
    result = probe_pickle(*call)
    assert (result.loadable, result.code) == (False, code)
    assert reason in result.reason
    assert result.lasting == (code not in ("killed", "memory_limit"))


def test_endless_work_ends_at_the_cpu_limit_and_is_not_held_against_the_bytes() -> None:
    result = probe_pickle(exec, "while True: pass", cpu_seconds=2)
    assert (result.loadable, result.code, result.lasting) == (False, "cpu_limit", False)


def test_endless_sleep_ends_at_the_wall_limit_and_is_not_held_against_the_bytes() -> None:
    result = probe_pickle(time.sleep, 600, timeout=5)
    assert (result.loadable, result.code, result.lasting) == (False, "timeout", False)


@pytest.mark.parametrize("session", ["os.getpid()", "os.setsid()"])
def test_a_process_left_behind_does_not_hang_the_probe(session: str) -> None:
    """The grandchild keeps the pipe of answers open and would sleep for a minute and a half."""
    code = (
        f"import os, time\nif os.fork() == 0: {session}; time.sleep(90); os._exit(0)\nos._exit(1)"
    )
    started = time.monotonic()
    result = probe_pickle(exec, code, timeout=5)
    assert (result.loadable, result.code) == (False, "timeout")
    assert time.monotonic() - started < 60


def test_what_an_artifact_prints_is_no_verdict() -> None:
    code = """import os
for target in (1, 2):
    os.write(target, b'"ready"\\n{"code": "ok", "reason": ""}\\n')
os._exit(0)"""
    assert probe_pickle(exec, code).code == "crashed"


def test_the_child_sees_no_secret_and_writes_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOVERNANCE_DATABASE_URL", "postgresql://u:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    result = probe_pickle(exec, "import os; raise ValueError(sorted(os.environ))")
    assert "LC_ALL" in result.reason
    assert "GOVERNANCE" not in result.reason
    assert "AWS" not in result.reason
    result = probe_pickle(Path.write_bytes, tmp_path / "x", b"bytes")
    assert result.code == "refused"
    assert "File too large" in result.reason
    assert (tmp_path / "x").read_bytes() == b""


@pytest.mark.parametrize(("allowed", "registered"), [(False, True), (True, False), (False, False)])
def test_a_pickle_that_is_not_allowed_is_not_even_probed(
    tmp_path: Path, allowed: bool, registered: bool
) -> None:
    data = pickle.dumps(Calls(Path.touch, tmp_path / "ran"))
    result = probe({"model.txt": data}, allow_pickle=allowed, digest_is_registered=registered)
    assert (result.loadable, result.code, result.lasting) == (False, "unsafe_format", False)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(UnsafeFormatError):
        result.require_loadable()


def test_a_probe_that_cannot_run_says_nothing_about_the_artifact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members = {"model.txt": models.text().encode()}
    with pytest.raises(ProbeUnavailableError, match="could not begin"):
        probe(members, memory_mib=64)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ProbeUnavailableError, match="can be started"):
        probe(members)


def test_a_predicting_model_must_give_numbers() -> None:
    """Two leaves of 1.7e308 are finite; their sum over the trees is not."""
    text = models.text("stump", rounds=2)
    tree = (
        "Tree={}\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nthreshold=\ndecision_type=\n"
        "left_child=\nright_child=\nleaf_value=1.7e308\nis_linear=0\nshrinkage=1\n\n\n"
    )
    header = text[: text.index("Tree=0")]
    header = "\n".join(line for line in header.split("\n") if not line.startswith("tree_sizes"))
    result = probe(
        {"model.txt": (header + tree.format(0) + tree.format(1) + "end of trees\n").encode()}
    )
    assert (result.loadable, result.code) == (False, "not_finite")


def test_a_text_is_probed_without_the_heavy_libraries() -> None:
    """What makes the probe ten times quicker than ``import lightgbm``, by Python's own list."""
    header = probe_module.request_for({"model.txt": b"tree\n"}, cpu_seconds=20, memory_mib=2048)
    ended = subprocess.run(
        [sys.executable, "-I", "-B", "-X", "importtime", str(probe_child.__file__)],
        input=header,
        capture_output=True,
        check=True,
        timeout=60,
    )
    imported = {line.rpartition(b"|")[2].strip() for line in ended.stderr.splitlines()}
    assert b"lightgbm.basic" in imported
    heavy = (b"sklearn.", b"pandas.", b"pyarrow.", b"sqlalchemy.", b"pydantic.", b"matplotlib.")
    assert [name for name in imported if name.startswith(heavy)] == []
