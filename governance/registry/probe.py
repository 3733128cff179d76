"""The first parse of an artifact, in a fresh interpreter with limits: does it survive its bytes?

A changed LightGBM text ends the process that parses it more often than not, and a pickle may do
anything, so nobody else parses an artifact before a probe called it loadable. A fork would not do:
after OpenMP has run it hangs. ``registry.probe_child`` is the child; ``registry.load_verdicts``
keeps what it says. The verdict is about bytes, libraries and limits, not about the model's worth.

Not promised: that a model which survived here predicts every row safely (the child tries some),
and the memory limit on systems without ``RLIMIT_AS`` (macOS).
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from governance.errors import ArtifactUnloadableError, ProbeUnavailableError, UnsafeFormatError
from governance.registry.formats.loader import identify, require_allowed

PROBE = 2  # raise it when the probe asks more, so that older verdicts do not count

_LIBRARIES = ("lightgbm", "numpy", "joblib", "pandas", "scikit-learn", "skops")
_CHILD = Path(__file__).with_name("probe_child.py")
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# glibc fills memory it hands out and takes back, so that reading outside an array does not pass
# by luck. Other C libraries do not know it.
_UNLUCKY = {"MALLOC_PERTURB_": "165"}
_LAST_WORDS = 2.0  # seconds to read what a killed child had answered
# These say something about this machine or this setting, so the next probe may say otherwise.
_PASSING = frozenset({"timeout", "killed", "cpu_limit", "memory_limit", "unsafe_format"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """
    Attributes:
        loadable: the child parsed, predicted and lived.
        code: ``ok``, or why not: ``refused`` by the parser, ``inconsistent``, ``not_finite``,
            ``crashed``, ``cpu_limit``, ``memory_limit``, ``timeout``, ``killed``,
            ``unsafe_format``.
        reason: the same in words, for people.
        duration_ms: wall time of the child.
        libraries: what parsed it, as ``libraries()`` gives it.
    """

    loadable: bool
    code: str
    reason: str
    duration_ms: float
    libraries: str

    @property
    def lasting(self) -> bool:
        """Worth storing: the same bytes with the same libraries would be judged so again."""
        return self.code not in _PASSING

    def require_loadable(self) -> None:
        """``UnsafeFormatError`` or ``ArtifactUnloadableError`` unless ``loadable``."""
        if not self.loadable:
            kind = UnsafeFormatError if self.code == "unsafe_format" else ArtifactUnloadableError
            raise kind(f"the artifact cannot be loaded ({self.code}): {self.reason}")


@cache
def libraries() -> str:
    """Versions that decide how bytes are read here, as one short text: the key of a verdict.

    >>> libraries()
    'probe=2;python=3...;lightgbm=...;numpy=...'
    """
    python = ".".join(platform.python_version_tuple()[:2])
    found = [f"{name}={_version(name)}" for name in _LIBRARIES]
    return ";".join([f"probe={PROBE}", f"python={python}", *found])


def probe(
    members: Mapping[str, bytes],
    *,
    allow_pickle: bool = False,
    digest_is_registered: bool = False,
    cpu_seconds: int = 10,
    memory_mib: int = 2048,
    timeout: float = 60.0,
) -> ProbeResult:
    """Parse verified ``members`` in a child. Whatever they do, this process lives and says so.

    Args:
        members: the bytes by member name, as ``OpenedArtifact.members``.
        allow_pickle, digest_is_registered: as in ``formats.loader``; without both, a pickle gets
            the verdict ``unsafe_format`` and no child is started.
        cpu_seconds: CPU time of the child, importing its libraries included.
        memory_mib: address space of the child in MiB, its libraries included (about 150).
        timeout: wall time in seconds, after which the child is killed.

    Raises:
        ProbeUnavailableError: the child could not be started or prepared; no verdict.
    """
    started = time.monotonic()

    def result(code: str, reason: str) -> ProbeResult:
        return ProbeResult(
            loadable=code == "ok",
            code=code,
            reason=reason,
            duration_ms=round((time.monotonic() - started) * 1000, 1),
            libraries=libraries(),
        )

    refusal = format_refusal(
        members, allow_pickle=allow_pickle, digest_is_registered=digest_is_registered
    )
    if refusal is not None:
        return result("unsafe_format", refusal)
    request = request_for(members, cpu_seconds=cpu_seconds, memory_mib=memory_mib, timeout=timeout)
    return result(*_run(request, timeout))


def format_refusal(
    members: Mapping[str, bytes], *, allow_pickle: bool, digest_is_registered: bool
) -> str | None:
    """Why the format of ``members`` may not be read here at all; ``None`` if it may."""
    try:
        require_allowed(
            identify(members),
            allow_pickle=allow_pickle,
            digest_is_registered=digest_is_registered,
        )
    except UnsafeFormatError as error:
        return error.message
    return None


def request_for(
    members: Mapping[str, bytes], *, cpu_seconds: int, memory_mib: int, timeout: float = 60.0
) -> bytes:
    """What the child reads: a line of JSON, then the bytes of the members in the order it names."""
    header = {
        "format": identify(members),
        "members": {name: len(data) for name, data in members.items()},
        "sys_path": [os.path.abspath(entry) for entry in sys.path],
        "cpu_seconds": cpu_seconds,
        "memory_mib": memory_mib,
        "timeout": timeout,
    }
    return b"".join([json.dumps(header).encode() + b"\n", *members.values()])


def _run(request: bytes, timeout: float) -> tuple[str, str]:
    """Start the child, give it the request, and turn its end into code and reason."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment.update(dict.fromkeys(_ONE_THREAD, "1"), LC_ALL="C.UTF-8", **_UNLUCKY)
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise ProbeUnavailableError(
            f"no probe process can be started ({error.strerror}); try again later"
        ) from error
    output, errors, timed_out = _talk(child, request, timeout)
    answers = output.decode("ascii", "replace").splitlines()
    if not answers or answers[0] != '"ready"':
        raise ProbeUnavailableError(
            f"the probe process could not begin ({_last_line(errors, child.returncode)}); "
            "check that LightGBM (with its OpenMP library) and skops are installed, and the "
            "probe's limits"
        )
    if timed_out:
        return "timeout", f"it was not parsed within {timeout:g} s"
    verdict = _parsed(answers[-1])
    if child.returncode == 0 and verdict is not None:
        return verdict
    if child.returncode == -signal.SIGXCPU:
        return "cpu_limit", "parsing it takes more CPU time than the probe allows"
    if child.returncode == -signal.SIGKILL:
        return "killed", "something outside ended the process (SIGKILL), perhaps for its memory"
    return "crashed", f"the process that parses it ends with {_end_of(child.returncode)}"


def _talk(
    child: subprocess.Popen[bytes], request: bytes, timeout: float
) -> tuple[bytes, bytes, bool]:
    """What the child answered, what it complained of, and whether it had to be killed."""
    with child.stdin, child.stdout, child.stderr:  # type: ignore[union-attr]  # all are pipes
        with suppress(subprocess.TimeoutExpired):
            try:
                return *child.communicate(request, timeout=timeout), False
            finally:
                _end(child)
        try:
            return *child.communicate(timeout=_LAST_WORDS), True
        except subprocess.TimeoutExpired as late:  # a runaway grandchild holds the pipes open
            child.wait()
            return late.output or b"", late.stderr or b"", True


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's session if it was not waited for yet: its number is still its own."""
    if child.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # a session of one that has just ended
            os.killpg(child.pid, signal.SIGKILL)
        child.kill()


def _parsed(line: str) -> tuple[str, str] | None:
    try:
        answer: Any = json.loads(line)
    except ValueError:
        return None
    return (str(answer["code"]), str(answer["reason"])) if isinstance(answer, dict) else None


def _end_of(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def _last_line(errors: bytes, returncode: int) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else _end_of(returncode)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
