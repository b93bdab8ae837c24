"""Whom PostgreSQL runs as: it refuses uid 0, so under root it gets an account without rights.

Nothing outside the home is touched: no `useradd`, no opened parent folders. Where that account can't
pass a closed folder (root's own home is 0700), the server keeps one capability, the right to pass it.
"""

import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from setia.errors import SourceError

WITHOUT_RIGHTS = ("nobody", "daemon")

CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2

ADVICE = (
    "Run Setia as an ordinary user, or pass --home with a folder that every user may enter,"
    " or set SETIA_POSTGRES_URL to a server that runs already."
)


@dataclass(frozen=True)
class Account:
    """Who owns the data folder and runs the server, and whether that account has to pass closed folders."""

    uid: int
    gid: int
    passes_closed_folders: bool = False

    def own(self, path: Path) -> None:
        """Give `path` to this account; raises SourceError when this process may not."""
        if self.uid == os.geteuid():
            return
        try:
            os.chown(path, self.uid, self.gid)
        except OSError as error:
            raise SourceError(
                f"Root may not give {path} to uid {self.uid} ({error.strerror}).",
                "PostgreSQL refuses to run as root, so its data folder must belong to another account.",
                ADVICE,
            ) from error

    @property
    def process_options(self) -> dict[str, object]:
        """The keyword arguments that make `subprocess` start a program as this account."""
        if self.uid == os.geteuid():
            return {}
        if self.passes_closed_folders:
            return {"preexec_fn": become(self.uid, self.gid)}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for(data: Path, programs: Path) -> Account:
    """The account that runs the server of `data`: this user, or under root the folder's owner or `nobody`.

    Raises SourceError when the folder belongs to somebody else, or when root has no account to use.
    """
    owner = data.stat().st_uid if data.exists() else None
    here = os.geteuid()
    if here != 0:
        if owner not in (None, here):
            raise SourceError(
                f"The data folder {data} belongs to uid {owner}, and this is uid {here}.",
                "PostgreSQL only opens a data folder of the user who runs it.",
                "Run Setia as the user who made it, or pass --home with another folder.",
            )
        return Account(here, os.getegid())
    entry = _entry_for_root(owner)
    closed = is_closed(data.parent) or is_closed(programs)
    return Account(entry.pw_uid, entry.pw_gid, closed and sys.platform == "linux")


def check_has_name(uid: int) -> None:
    """Raises SourceError when `uid` has no name: PostgreSQL can't make a data folder for it."""
    try:
        pwd.getpwuid(uid)
    except KeyError as error:
        raise SourceError(
            f"uid {uid} has no name on this machine (/etc/passwd has no line for it).",
            "PostgreSQL looks its user up by name before it makes a data folder.",
            "Start the container with a user that has a name (docker run -u nobody), add a line for it,"
            " or set SETIA_POSTGRES_URL to a server that runs already.",
        ) from error


def is_closed(path: Path) -> bool:
    """Whether an account without rights is kept from entering `path` or a folder above it."""
    return any(not folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def become(uid: int, gid: int) -> Callable[[], None]:
    """What a child runs between fork and exec to be `uid` and yet pass closed folders.

    All is prepared here: between fork and exec another thread's lock may be held for ever.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 1 << CAP_DAC_OVERRIDE
    rights = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)

    def demanded(results: Iterable[int]) -> None:
        if any(results):
            raise OSError(ctypes.get_errno(), "the capability was refused")

    def in_the_child() -> None:
        # Without this bit access(2) would ignore the capability, and initdb asks it about its programs.
        demanded([libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)])
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        demanded([libc.capset(header, rights)])
        demanded([libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)])

    return in_the_child


def refused(error: Exception) -> SourceError:
    """The message for a child that could not become the account without rights."""
    return SourceError(
        f"Root could not start PostgreSQL as an account without rights ({error}).",
        "PostgreSQL refuses to run as root; handing it on takes the capabilities SETUID, SETGID and,"
        " for folders that only root may enter, SETPCAP and DAC_OVERRIDE.",
        ADVICE,
    )


def _entry_for_root(owner: int | None) -> pwd.struct_passwd:
    if owner:
        check_has_name(owner)
        return pwd.getpwuid(owner)
    for name in WITHOUT_RIGHTS:
        with suppress(KeyError):  # not every system has both; having neither is told below
            return pwd.getpwnam(name)
    raise SourceError(
        f"This is root, and none of the accounts {', '.join(WITHOUT_RIGHTS)} exists.",
        "PostgreSQL refuses to run as root and needs an account without rights.",
        ADVICE,
    )
