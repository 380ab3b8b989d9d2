# SPDX-License-Identifier: MIT
"""What lives on after a stop, and after kill -9 of the supervisor.

Every supervisor gets the same random trees of processes (t/tools/tree), in the
setting that stops most thoroughly: process groups where it knows them, SIGKILL
after a second. What lives is found by a mapped file that no supervisor knows
of. systemd is booted in a container, if one can be had.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import main as bench
import peers
from kit import Failed, Kit, Table, below, end, eventually, reap

TREE = os.path.join(os.environ["PC_BUILD"], "t/tools/tree")
GROW_S = 1.0            # for the trees to be whole
PATIENCE_S = 40         # for a stop
SECOND_S = 4            # in which a new supervisor starts its copies

INTRO = """# What lives on

What follows was printed by `t/bench/survivors --markdown`: the same random
trees of processes under each supervisor. They ignore SIGTERM, leave their
session and their parents, fork while dying, wash their environment, close
every descriptor, change user, pretend to be others; `t/tools/tree.c` has them
all. A survivor is a process of a tree that lives after the stop was over.

    make survivors                                  this table
    t/bench/survivors --markdown >doc/survivors.md  this page

Each is set to stop as well as it can: supervisord with stopasgroup and
killasgroup, s6 with timeout-kill, runit with force-stop, systemd with its
defaults; SIGKILL follows after a second. Then the supervisor itself, all of
its processes, gets SIGKILL, is started again, is given a few seconds and told
to stop. A second copy is a tree that was started while an older one of the same
module lived.
"""


def alive(top):
    """(pid, module/file) of each process of the trees below."""
    r = subprocess.run([TREE, "--alive", top], text=True, check=False,
                       capture_output=True)
    return [tuple(line.split()[:2]) for line in r.stdout.splitlines()]


# --- how each is told to stop all that it keeps

def stop_pc(it, names):
    return ["pc-stop", "--home", f"{it.dir}/home", "--all"]


def stop_runit(it, names):
    return ["sv", "-w", "3", "force-stop",
            *(f"{it.dir}/scan/{n}" for n in names)]


def stop_s6(it, names):
    words = " && ".join(f"s6-svc -wD -T 8000 -d '{it.dir}/scan/{n}'"
                        for n in names)
    return ["sh", "-c", words]


def stop_supervisord(it, names):
    return ["supervisorctl", "-c", f"{it.dir}/conf", "stop", "all"]


STOP = {"pc": stop_pc, "runit": stop_runit, "s6": stop_s6,
        "supervisord": stop_supervisord}


def thorough(it, names):
    """Settings that peers.py does not have, for a stop that is meant."""
    if it.peer.name == "s6":
        for n in names:
            peers.put(f"{it.dir}/scan/{n}/timeout-kill", "1000\n")
    if it.peer.name == "supervisord":
        conf = f"{it.dir}/conf"
        with open(conf, encoding="utf-8") as f:
            text = f.read()
        peers.put(conf, text.replace(
            "autorestart=true\n", "autorestart=true\nstopasgroup=true\n"
            "killasgroup=true\nstopwaitsecs=1\n"))
    if it.peer.name == "pc":
        for n in names:
            peers.put(f"{it.dir}/mod/{n}/.parachute/module.json",
                      open(f"{it.dir}/mod/{n}/.parachute/module.json",
                           encoding="utf-8").read()[:-1]
                      + ', "supervise": {"stopTimeoutMs": 1000}}')


def stopped(it, names):
    """(exit status, seconds) of a stop; None where it did not end."""
    begin = time.monotonic()
    try:
        r = subprocess.run(STOP[it.peer.name](it, names), check=False,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return None, PATIENCE_S
    return r.returncode, time.monotonic() - begin


def plant(kit, peer, top, seeds):
    """An instance with its trees, grown; and their names."""
    it = kit.instance(peer, 0)
    shutil.rmtree(it.dir)
    os.mkdir(it.dir)
    names = [f"m{i}" for i in range(len(seeds))]
    peer.layout(it.dir, [
        (n, p, [TREE, "--seed", str(s), "--ban", "leave,daemonise", "--bind",
                "root", "--port", str(p), f"{top}/{n}"])
        for n, p, s in zip(names, kit.ports(len(seeds)), seeds)])
    thorough(it, names)
    it.start()
    eventually(f"{peer.name} to start its trees", lambda:
               {f.split("/")[0] for _, f in alive(top)} >= set(names))
    time.sleep(GROW_S)
    return it, names


def uproot(it, top):
    """The supervisor first, then what it would start anew."""
    end(lambda: below(os.getpid()))
    end(lambda: [int(p) for p, _ in alive(top)])
    end(lambda: below(os.getpid()))     # one that was only being started
    it.stop()


def measure(kit, peer, seeds):
    """One row: first a stop, then a kill, a start and a stop."""
    top = tempfile.mkdtemp(dir=kit.dir)
    it, names = plant(kit, peer, top, seeds)
    before = len(alive(top))
    status, took = stopped(it, names)
    left = alive(top)
    uproot(it, top)
    top = tempfile.mkdtemp(dir=kit.dir)
    it, names = plant(kit, peer, top, seeds)
    trees = {int(p) for p, _ in alive(top)}
    for pid in it.pids():
        if pid not in trees:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)    # it went with another
    reap()
    kit.roots.remove(it.root)
    it.start()
    time.sleep(SECOND_S)
    copies = sum(name.endswith(".double") for name in os.listdir(top))
    stopped(it, names)
    after = alive(top)
    uproot(it, top)
    return row_of(peer.name, before, status, took, left, copies, after)


def row_of(name, before, status, took, left, copies, after):
    return {"name": name, "before": before, "status": status, "took": took,
            "left": len(left), "trees": len({f for _, f in left}),
            "copies": copies, "after": after if after is None else len(after)}


# --- systemd, as PID 1 of a container on an overlay of our own root

UNIT = """[Service]
ExecStart={tree} --seed {seed} --ban leave,daemonise --bind root --port {port} \
/out/trees/{name}
TimeoutStopSec=1
Restart=always
"""

INSIDE = """#!/bin/sh
mkdir -p /out/trees
systemctl daemon-reload
systemctl start $(cat /src/names)
sleep 1
tree=/src/tree
$tree --alive /out/trees >/out/before
date +%s%3N >/out/from
systemctl stop $(cat /src/names)
echo $? >/out/status
date +%s%3N >/out/to
$tree --alive /out/trees >/out/left
systemctl --no-block poweroff
"""

BOOT = """set -e
mount --make-rprivate /
mkdir -p "$1/u" "$1/w" "$1/r"
mount -t tmpfs tmpfs "$1/r"
mkdir "$1/r/u" "$1/r/w" "$1/r/root"
mount -t overlay overlay \
  -o lowerdir=/,upperdir="$1/r/u",workdir="$1/r/w" "$1/r/root"
echo 0123456789abcdef0123456789abcdef >"$1/r/root/etc/machine-id"
cp "$1"/src/*.service "$1/r/root/etc/systemd/system/"
exec timeout -k 5 90 systemd-nspawn -q -D "$1/r/root" --private-network \
  --register=no --keep-unit --bind-ro="$1/src:/src" --bind="$1/out:/out" \
  -b systemd.unit=inside.service quiet
"""


def systemd(kit, seeds):
    if os.getuid() or not shutil.which("systemd-nspawn"):
        raise Failed("systemd-nspawn and root are needed")
    place = tempfile.mkdtemp(dir=kit.dir)
    src, out = f"{place}/src", f"{place}/out"
    os.mkdir(src)
    os.mkdir(out)
    shutil.copy(TREE, f"{src}/tree")
    names = [f"m{i}" for i in range(len(seeds))]
    for i, (n, s) in enumerate(zip(names, seeds)):
        peers.put(f"{src}/{n}.service", UNIT.format(
            tree="/src/tree", seed=s, port=20000 + i, name=n))
    peers.put(f"{src}/names", " ".join(names))
    peers.put(f"{src}/inside.sh", INSIDE, 0o755)
    peers.put(f"{src}/inside.service",
              "[Unit]\nAfter=basic.target\n[Service]\nType=exec\n"
              "ExecStart=/src/inside.sh\n")
    with open(f"{place}/log", "w", encoding="utf-8") as log:
        subprocess.run(["unshare", "--mount", "sh", "-c", BOOT, "boot", place],
                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                       check=False)
    try:
        def text(name):
            with open(f"{out}/{name}", encoding="utf-8") as f:
                return f.read()
        left = [tuple(x.split()[:2]) for x in text("left").splitlines()]
        return row_of("systemd", len(text("before").splitlines()),
                      int(text("status")),
                      (int(text("to")) - int(text("from"))) / 1000, left,
                      None, None)
    except (OSError, ValueError) as e:
        raise Failed(f"systemd did not boot in a container: {e}") from e


def dash(x):
    return "-" if x is None else x


def table(rows, n):
    t = Table(f"Survivors of {n} trees",
              ["", "processes", "exit status of the stop", "s", "survivors",
               "trees with survivors", "second copies after kill -9",
               "left after a stop then"], "0")
    for r in rows:
        t.row(r["name"], r["before"], dash(r["status"]), f"{r['took']:.1f}",
              r["left"], r["trees"], dash(r["copies"]), dash(r["after"]))
    t.remark("An exit status of 0 says that all is stopped. systemd is PID 1 "
             "of its container, where nobody can kill it.")
    return t


def arguments():
    p = argparse.ArgumentParser(prog="t/bench/survivors")
    p.add_argument("--markdown", action="store_true",
                   help="print doc/survivors.md")
    p.add_argument("--trees", type=int, default=40)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("peer", nargs="*", help="only these")
    return p.parse_args()


def measure_all(kit, args):
    seeds = range(args.seed, args.seed + args.trees)
    rows, failed = [], False
    cases = [(p.name, lambda p=p: measure(kit, p, seeds)) for p in kit.peers]
    cases.append(("systemd", lambda: systemd(kit, seeds)))
    for name, fn in cases:
        if args.peer and name not in args.peer:
            continue
        try:
            rows.append(fn())
            bench.say(f"{name}: {rows[-1]}")
        except Failed as e:
            bench.say(f"t/bench/survivors: {name} is left out: {e}")
            failed = failed or name == "pc"
    return rows, failed


def main():
    args = arguments()
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, lambda n, _: sys.exit(128 + n))
    kit = Kit([p for p in peers.PEERS if p.present()], bench.say)
    try:
        rows, failed = measure_all(kit, args)
    finally:
        kit.close()
    t = table(rows, args.trees)
    t.remark(f"Seeds {args.seed} to {args.seed + args.trees - 1}.")
    if args.markdown:
        print(INTRO)
        print("Machine: " + ".\n".join(bench.machine(kit.peers)) + ".\n")
        print(t.markdown())
    else:
        print(t.text())
    ours = [r for r in rows if r["name"] == "pc"]
    bad = any(r["left"] or r["copies"] or r["after"] for r in ours)
    return 1 if failed or bad else 0


if __name__ == "__main__":
    sys.exit(main())
