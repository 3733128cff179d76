"""On which file system does a folder stand, and do other machines see it? Linux tells; elsewhere
the answer is "unknown".

A file system of this machine may still be seen by several containers on it: the table of mounts
cannot say so, and ``home`` asks somebody to vouch for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Reach = Literal["shared", "local", "unknown"]

_SHARED = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "afs",
        "ocfs2",
        "gfs2",
        "9p",
        "pvfs2",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.sshfs",
        "fuse.juicefs",
        "fuse.gcsfuse",
        "fuse.s3fs",
        "fuse.mount-s3",
        "fuse.blobfuse2",
        "fuse.moosefs",
        "fuse.seaweedfs",
        "fuse.rclone",
    )
)
_LOCAL = frozenset(
    (
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "zfs",
        "f2fs",
        "jfs",
        "reiserfs",
        "bcachefs",
        "tmpfs",
        "ramfs",
        "overlay",
        "overlayfs",
        "aufs",
        "squashfs",
        "rootfs",
        "vfat",
        "exfat",
        "ntfs3",
    )
)


@dataclass(frozen=True, slots=True)
class Mount:
    """
    Attributes:
        point: where it is mounted.
        kind: type of the file system, as the kernel names it; empty where nobody says.
    """

    point: Path
    kind: str

    @property
    def reach(self) -> Reach:
        """
        >>> Mount(Path("/"), "ext4").reach, Mount(Path("/srv"), "nfs4").reach
        ('local', 'shared')
        >>> Mount(Path("/srv"), "fuse.somebodys").reach
        'unknown'
        """
        if self.kind in _SHARED:
            return "shared"
        return "local" if self.kind in _LOCAL else "unknown"


def mount_of(folder: Path, table: Path) -> Mount | None:
    """The file system of ``folder``, or of the nearest folder above that exists.

    Args:
        table: as in `/proc/self/mounts`. None is given where there is no such table.
    """
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = folder.resolve()
    except (OSError, RuntimeError):
        return None
    found: Mount | None = None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        deeper = found is None or len(point.parts) >= len(found.point.parts)  # later ones cover
        if place.is_relative_to(point) and deeper:
            found = Mount(point, fields[2])
    return found


def _unescaped(text: str) -> str:
    r"""
    >>> _unescaped(r"/srv/two\040words")
    '/srv/two words'
    """
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
