"""F4: what is acknowledged survives a power cut. Seen from the kernel's side, call by call.

Killing a process does not show a missing fsync, since the kernel still holds the bytes. So the
calls are recorded (by ``strace``; where it is not installed, by wrapping ``os``) and judged by a
model of a disk that keeps only what was synced:

1. A folder is given its final name only when every file in it was synced after its last write, and
   so was the folder itself.
2. At the acknowledgement, every folder whose names changed was synced after the change.

The same holds for what follows from a decision: manifests, the link, and last the mark that says
that they are there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from governance import Governance, files
from governance.effects import registry_files
from governance.registry.artifacts import ArtifactStore
from tests.versions import NAME, champion

PLACE = "models/momentum/2013-02-01/0123456789ab"
DOCUMENTS = {"meta.json": b"{}", "manifest.json": b"{}"}
PROGRAM = f"""
import os, sys
from pathlib import Path
from governance.files import write_atomic
from governance.registry.artifacts import ArtifactStore
home = Path(sys.argv[1])
store = ArtifactStore(home)
staged = store.stage({{"model.a.txt": b"a" * 100_000, "model.b.txt": b"b"}})
store.publish(staged, relative_path={PLACE!r}, documents={DOCUMENTS!r})
write_atomic(home / "index.json", b"1")
os.write(1, b"acknowledged")
"""
EFFECTS = f"""
import os, sys
from pathlib import Path
from governance.effects.active_models.place import ActivePlace
from governance.files import append_line, make_folders
home = Path(sys.argv[1])
make_folders(home / {PLACE!r})
place = ActivePlace(home, "momentum")
for number in b"12":
    place.write({{"manifest_active_prev.json": b"0", "manifest_active.json": bytes([number])}})
    place.point({PLACE!r})
    place.point(None)
    place.point({PLACE!r})
    append_line(home / "models" / "registry_index.log", b"{{}}")
os.write(1, b"acknowledged")
"""


@dataclass
class Disk:
    """What a power cut would take: contents and names that were changed and not synced since."""

    home: Path
    contents: set[Path] = field(default_factory=set)
    names: set[Path] = field(default_factory=set)
    renamed: list[Path] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def _ours(self, path: Path) -> bool:
        return path.is_relative_to(self.home)

    def created(self, path: Path) -> None:
        if self._ours(path):
            self.names.add(path.parent)

    def written(self, path: Path) -> None:
        if self._ours(path):
            self.contents.add(path)

    def synced(self, path: Path) -> None:
        self.contents.discard(path)
        self.names.discard(path)

    def moved(self, old: Path, new: Path) -> None:
        if not self._ours(new):
            return
        torn = [p for p in self.contents | self.names if p == old or p.is_relative_to(old)]
        if torn:
            self.violations.append(f"{new.name} gets its name with {torn} not synced")
        self.names |= {old.parent, new.parent}
        self.renamed.append(new)

    def acknowledged(self) -> None:
        lost = self.contents | self.names
        if lost:
            self.violations.append(f"acknowledged with {sorted(lost)} not synced")


CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)\) += +(-?\d+)(?:<(.*)>)?")
STRINGS = re.compile(r'"((?:[^"\\]|\\.)*)"')
DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>")


def replay(trace: str, home: Path) -> Disk:
    disk = Disk(home)
    for line in trace.splitlines():
        call = CALL.match(line)
        if call is None or int(call[3]) < 0:
            continue
        name, arguments = call[1], call[2]
        strings = [Path(text) for text in STRINGS.findall(arguments)]
        opened = DESCRIPTOR.match(arguments)
        if name == "openat" and "O_CREAT" in arguments:
            disk.created(Path(call[4]))
        elif name in ("mkdir", "mkdirat"):
            disk.created(strings[0])
        elif name in ("symlink", "symlinkat"):
            disk.created(strings[1])
        elif name in ("unlink", "unlinkat"):
            disk.created(strings[0])  # as a new name, one that is gone waits for its folder's sync
        elif name in ("write", "pwrite64") and opened:
            if opened[1] == "1":
                disk.acknowledged()
            disk.written(Path(opened[2]))
        elif name in ("fsync", "fdatasync") and opened:
            disk.synced(Path(opened[2]))
        elif name in ("rename", "renameat", "renameat2"):
            disk.moved(strings[0], strings[1])
    return disk


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("program", "named"),
    [
        pytest.param(PROGRAM, [PLACE, "index.json"], id="registration"),
        pytest.param(
            EFFECTS,
            ["active/momentum/manifest_active.json", "active/momentum_active"],
            id="effects",
        ),
    ],
)
def test_the_kernel_sees_every_sync_before_the_name_and_before_the_acknowledgement(
    tmp_path: Path, program: str, named: list[str]
) -> None:
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    calls = "openat,mkdir,mkdirat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2"
    calls += ",symlink,symlinkat,unlink,unlinkat"
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", f"trace={calls}"]
    ended = subprocess.run(
        [*command, sys.executable, "-B", "-c", program, str(home)],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
    )
    if b"ptrace" in ended.stderr.lower():
        pytest.skip("this system does not let strace attach")
    assert ended.stdout == b"acknowledged", ended.stderr
    disk = replay(trace.read_text(), home)
    assert {home / name for name in named} <= {*disk.renamed}
    assert disk.violations == []


class Recorder:
    """The same model, fed by wrapped calls of ``os`` (without strace; Python's calls only)."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.disk = Disk(home)
        self.real = {name: getattr(os, name) for name in ("fsync", "rename", "replace", "mkdir")}
        for name in self.real:
            monkeypatch.setattr(os, name, getattr(self, name))

    def fsync(self, descriptor: int) -> None:
        self.real["fsync"](descriptor)
        self.disk.synced(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    def mkdir(self, path: Any, *arguments: Any, **options: Any) -> None:
        self.real["mkdir"](path, *arguments, **options)
        self.disk.created(Path(path))

    def _move(self, name: str, old: Any, new: Any) -> None:
        self.real[name](old, new)
        self.disk.moved(Path(old), Path(new))

    def rename(self, old: Any, new: Any) -> None:
        self._move("rename", old, new)

    def replace(self, old: Any, new: Any) -> None:
        self._move("replace", old, new)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_folders_are_synced_after_each_change_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path, monkeypatch)
    store = ArtifactStore(tmp_path / "home")
    staged = store.stage({"model.txt": b"tree"})
    store.publish(staged, relative_path=PLACE, documents=DOCUMENTS)
    recorder.disk.acknowledged()
    files.write_atomic(tmp_path / "index.json", b"1")
    recorder.disk.acknowledged()
    again = store.stage({"model.txt": b"tree"})
    store.publish(again, relative_path=PLACE, documents={"meta.json": b"second"})
    recorder.disk.names.discard(again.folder.parent)  # the discarded stage may come back: no harm
    recorder.disk.acknowledged()
    assert recorder.disk.renamed[0] == tmp_path / "home" / PLACE
    assert recorder.disk.violations == []
    store.remove(PLACE)
    assert (store.home / PLACE).parent not in recorder.disk.names  # the removal itself is durable


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_the_mark_moves_after_everything_that_it_stands_for_is_on_the_disk(
    sqlite_gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark ahead of its files would keep them from being mended after a power cut."""
    recorder = Recorder(sqlite_gov.settings.home, monkeypatch)
    moved: list[int] = []
    for name in ("advance_index", "write_index"):
        real = getattr(registry_files, name)

        def move(*arguments: Any, real: Any = real) -> None:
            recorder.disk.acknowledged()
            moved.append(len(recorder.disk.renamed))
            real(*arguments)

        monkeypatch.setattr(registry_files, name, move)
    for seed in range(2):
        champion(sqlite_gov, seed)
        sqlite_gov.files.catch_up()
        recorder.disk.acknowledged()
    assert recorder.disk.violations == []
    assert sqlite_gov.settings.home / "active" / f"{NAME}_active" in recorder.disk.renamed
    assert len(moved) == 2 and moved[0] < moved[1]


def test_the_model_of_the_disk_finds_each_missing_sync(tmp_path: Path) -> None:
    """Sequences with one call left out, so that a silent model cannot pass for a good store."""
    steps = [
        ("created", tmp_path / "stage"),
        ("synced", tmp_path),
        ("created", tmp_path / "stage" / "model.txt"),
        ("written", tmp_path / "stage" / "model.txt"),
        ("synced", tmp_path / "stage" / "model.txt"),
        ("synced", tmp_path / "stage"),
        ("moved", tmp_path / "stage", tmp_path / "final" / "id"),
        ("synced", tmp_path),
        ("synced", tmp_path / "final"),
    ]

    def judged(chosen: list[Any]) -> list[str]:
        disk = Disk(tmp_path)
        for name, *paths in chosen:
            getattr(disk, name)(*paths)
        disk.acknowledged()
        return disk.violations

    assert judged(steps) == []
    assert all(judged(steps[:i] + steps[i + 1 :]) for i in (4, 5, 7, 8))
