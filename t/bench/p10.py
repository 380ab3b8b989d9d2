# SPDX-License-Identifier: MIT
"""P10: sizes of the programs, stripped."""

import os
import shutil
import subprocess

from kit import Table, number

SHARED = ("libs6", "libskarnet", "libexecline")


def stripped(kit, path):
    to = os.path.join(kit.dir, "stripped")
    r = subprocess.run(["strip", "-o", to, path], capture_output=True,
                       check=False)
    return os.stat(to if r.returncode == 0 else path).st_size


def libraries(path):
    """What it brings along beside the C library."""
    r = subprocess.run(["ldd", path], text=True, capture_output=True,
                       check=False)
    words = [line.split() for line in r.stdout.splitlines()]
    return {os.path.realpath(w[2]) for w in words
            if len(w) > 2 and w[0].startswith(SHARED)}


def measure(kit):
    t = Table("P10: sizes, stripped, KiB", ["", "parts", "largest", "all"],
              "each 1,536, those with neither SQLite nor TLS 250, all "
              "together 5,120")
    remark = []
    for peer in kit.peers:
        paths = [shutil.which(p) for p in peer.programs]
        sizes = {os.path.basename(p): stripped(kit, p) for p in paths}
        for lib in set().union(*map(libraries, paths)):
            sizes[os.path.basename(lib)] = stripped(kit, lib)
        largest = max(sizes, key=sizes.get)
        t.row(peer.name, len(sizes),
              f"{largest} {number(sizes[largest] / 1024)}",
              number(sum(sizes.values()) / 1024))
        if peer.name == "pc":
            remark = [f"{n} {number(s / 1024)}" for n, s in sizes.items()]
    t.remark("pc is static and whole: " + ", ".join(remark) + ".")
    t.remark("runit and s6 are dynamic and need the C library of the system; "
             "of supervisord only two short scripts are counted, without "
             "Python and its packages.")
    return [t]
