# SPDX-License-Identifier: MIT
"""Runs the measurements that were asked for and prints their tables."""

import argparse
import importlib
import os
import signal
import subprocess
import sys

from kit import Failed, Kit
from peers import PEERS

ALL = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P10"]

INTRO = """# Figures

What follows was printed by `t/bench/run --markdown`, all of it in one run:
medians with their minimum and maximum, and ratios to pc. Figures of another
machine are other figures; the ratios say more.

    make bench                              everything, some minutes
    t/bench/run P2 P3                       what you name, after a make
    t/bench/run --markdown >doc/bench.md    this page

Every supervisor keeps the same static program, `t/bench/tiny.c`, which notes
its start and pauses. How each is laid out, started and asked stands in
`t/bench/peers.py` and, with a front door, in `t/bench/front.py`.
Where REFERENCE_DIR and BUN name the reference hub and what runs it, it is
measured, too.
"""


def output(*argv):
    r = subprocess.run(argv, text=True, capture_output=True, check=False)
    return r.stdout.strip() if r.returncode == 0 else ""


def machine(peers):
    kernel = ".".join(os.uname().release.split(".")[:2])
    cc = output(os.environ.get("CC") or "musl-gcc", "--version")
    lines = [f"{os.cpu_count()} cores, {os.uname().machine}, Linux {kernel}; "
             + (cc.splitlines() or ["unknown compiler"])[0]]
    versions = []
    for peer in peers:
        v = peer.package and output("dpkg-query", "-W", "-f", "${Version}",
                                    peer.package)
        if v:
            versions.append(f"{peer.name} {v}")
    v = output("dpkg-query", "-W", "-f", "${Version}", "nginx")
    if v:
        versions.append(f"nginx {v}")
    if versions:
        lines.append("Debian's " + ", ".join(versions))
    return lines


def arguments():
    p = argparse.ArgumentParser(prog="t/bench/run")
    p.add_argument("--markdown", action="store_true",
                   help="print doc/bench.md")
    p.add_argument("what", nargs="*", metavar="P", type=str.upper,
                   help="of " + " ".join(ALL))
    a = p.parse_args()
    for w in a.what:
        if w not in ALL:
            p.error(f"there is no {w}; there are " + " ".join(ALL))
    return a


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(kit, what):
    tables, failed = [], False
    for name in what:
        try:
            tables += importlib.import_module(name.lower()).measure(kit)
        except Failed as e:
            say(f"t/bench/run: {name}: {e}")
            failed = True
    return tables, failed


def main():
    args = arguments()
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, lambda n, _: sys.exit(128 + n))
    peers = [p for p in PEERS if p.present()]
    for p in PEERS:
        if p not in peers:
            say(f"t/bench/run: {p.name} is not here and is left out")
    load = os.getloadavg()[0]
    kit = Kit(peers, say)
    try:
        tables, failed = run(kit, args.what or ALL)
    finally:
        kit.close()
    lines = machine(peers)
    lines.append(f"load before the run {load:.1f}")
    if args.markdown:
        print(INTRO)
        print("Machine: " + ".\n".join(lines) + ".")
        for t in tables:
            print("\n" + t.markdown())
    else:
        print("\n".join(lines))
        for t in tables:
            print("\n" + t.text())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
