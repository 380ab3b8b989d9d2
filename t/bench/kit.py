# SPDX-License-Identifier: MIT
"""What every measurement uses: places, processes, figures, tables.

Everything lives in one temporary directory, and every process below this one:
we are a subreaper, so what a killed supervisor leaves comes to us and is ended
by its pid, also after a failure.
"""

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

BUILD = os.path.join(os.environ["PC_BUILD"], "t/bench")
TINY = os.path.join(BUILD, "tiny")
CLOCK = os.path.join(BUILD, "clock")
NOTE = 48               # bytes of a note, see tiny.c
PATIENCE_S = 60         # for anything that is waited for
PR_SET_CHILD_SUBREAPER = 36


class Failed(Exception):
    """A measurement that cannot be had; the others go on."""


def eventually(what, fn, step_s=0.005):
    """The first true result of fn()."""
    until = time.monotonic() + PATIENCE_S
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > until:
            raise Failed(f"waited {PATIENCE_S} s for {what}")
        time.sleep(step_s)


# --- /proc

def proc(pid, name):
    """The text of /proc/PID/NAME; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="latin-1") as f:
            return f.read()
    except OSError:
        return ""


def field(pid, name, key):
    """A number of a file with lines "key: number"."""
    for line in proc(pid, name).splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise Failed(f"pid {pid} has no {key}")


def children():
    """Of every process, the living ones."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        rest = proc(name, "stat").rpartition(") ")[2].split()
        # A first thread may have ended, and others go on.
        if rest and (rest[0] not in "ZX" or int(rest[17]) > 1):
            found.setdefault(int(rest[1]), []).append(int(name))
    return found


def below(*roots):
    """The living processes below the roots, parents before their children."""
    tree, found = children(), list(roots)
    for pid in found:
        found += tree.get(pid, [])
    return found[len(roots):]


def is_tiny(pid):
    with contextlib.suppress(OSError):
        return os.path.samefile(f"/proc/{pid}/exe", TINY)
    return False


def reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end(which):
    """Ends the processes that which() names until it names none."""
    def left():
        pids = which()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap()
        return not pids

    eventually("processes to end", left)


# --- one supervisor with its modules

class Instance:
    """A peer keeping n modules, in a directory of its own."""

    def __init__(self, kit, peer, n, argv=None, first=None):
        self.kit, self.peer, self.n = kit, peer, n
        self.dir = tempfile.mkdtemp(dir=kit.dir)
        self.notes_path = os.path.join(self.dir, "notes")
        self.root = 0
        self.port = kit.ports(1)[0] if peer.door else 0
        names = [f"m{i}" for i in range(n)]
        argvs = [argv or [TINY]] * n
        if first:
            argvs[0] = first
        peer.layout(self.dir, list(zip(names, kit.ports(n), argvs)))

    def start(self):
        env = {"PATH": os.environ["PATH"], "HOME": self.dir,
               "LANG": "C", "BENCH_NOTES": self.notes_path}
        if self.port:
            env |= {"PORT": str(self.port),
                    "PARACHUTE_HOME": f"{self.dir}/home"}
        log = os.path.join(self.dir, "out")
        out = (log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = ("/dev/null", os.O_RDWR, 0)
        opened = [(os.POSIX_SPAWN_OPEN, 0, *null),
                  (os.POSIX_SPAWN_OPEN, 1, *(null if self.peer.quiet
                                             else out)),
                  (os.POSIX_SPAWN_OPEN, 2, *out)]
        self.root = os.posix_spawn(
            TINY, [TINY, "exec", *self.peer.start(self.dir)], env,
            file_actions=opened)
        self.kit.roots.append(self.root)

    def notes(self):
        """All notes so far: (ns, pid, module); the supervisor's come first."""
        try:
            with open(self.notes_path, encoding="ascii") as f:
                words = [line.split() for line in f if len(line) == NOTE]
        except FileNotFoundError:
            return []
        return [(int(w[0]), int(w[1]), w[2]) for w in words]

    def wait_notes(self, n):
        """Waits for n notes of modules; returns (exec of the root, those)."""
        def enough():
            with contextlib.suppress(FileNotFoundError):
                return os.stat(self.notes_path).st_size >= (n + 1) * NOTE
            return False

        eventually(f"{self.peer.name} to start {n} modules", enough)
        notes = self.notes()
        begin = [ns for ns, pid, _ in notes if pid == self.root]
        return begin[0], [x for x in notes if x[1] != self.root]

    def pids(self):
        """Of the supervisor itself, all its processes."""
        return [self.root] + [p for p in below(self.root) if not is_tiny(p)]

    def memory(self):
        """PSS in KiB of each of its processes."""
        kib = {self.root: field(self.root, "smaps_rollup", "Pss")}
        for pid in self.pids()[1:]:
            with contextlib.suppress(Failed):       # a child about to execute
                kib[pid] = field(pid, "smaps_rollup", "Pss")
        return kib

    def pss_kib(self):
        return sum(self.memory().values())

    def left(self):
        """What lives of us: top down, so that nothing comes back."""
        mine, noted = below(os.getpid()), {p for _, p, _ in self.notes()}
        ours = {self.root, *noted, *below(self.root)}
        return [p for p in mine if p in ours]

    def halt(self):
        """It is told to stop, and may be started again."""
        def gone():
            reap()
            return not proc(self.root, "stat")

        os.kill(self.root, signal.SIGTERM)
        eventually(f"{self.peer.name} to stop", gone)
        self.kit.roots.remove(self.root)
        self.root = 0

    def stop(self):
        if self.root:
            end(self.left)
            self.kit.roots.remove(self.root)
            self.root = 0
        shutil.rmtree(self.dir, ignore_errors=True)


class Kit:
    def __init__(self, peers, say):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.dir = tempfile.mkdtemp(prefix="pc-bench.")
        self.peers, self.say, self.roots = peers, say, []
        # Below where connections take theirs from.
        self.port = random.randrange(10000, 20000)

    def close(self):
        end(lambda: below(os.getpid()))
        shutil.rmtree(self.dir, ignore_errors=True)

    def ports(self, n):
        found = []
        while len(found) < n:
            self.port = self.port + 1 if self.port < 32000 else 10000
            with socket.socket() as s, contextlib.suppress(OSError):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", self.port))
                found.append(self.port)
        return found

    def instance(self, peer, n, **kw):
        return Instance(self, peer, n, **kw)

    @contextlib.contextmanager
    def running(self, peer, n, wait=True, **kw):
        """An instance with all its modules started."""
        it = self.instance(peer, n, **kw)
        try:
            it.start()
            if wait:
                it.wait_notes(n)
            yield it
        finally:
            it.stop()

    def clock(self, count, argv, env=None):
        """Wall times in ms of count runs of a command."""
        r = subprocess.run([CLOCK, str(count), *argv], text=True,
                           capture_output=True, check=False,
                           env={**os.environ, **(env or {})})
        if r.returncode:
            raise Failed(r.stderr.strip() or f"{argv[0]} failed")
        return [int(x) / 1e6 for x in r.stdout.split()]


# --- figures

def percentile(values, p):
    """The smallest value that p percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * p // 100) - 1)]


def number(x):
    if x >= 100:
        return f"{x:,.0f}"
    return f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def spread(values):
    """median (min-max)"""
    if not values:
        return "-"
    return (f"{number(statistics.median(values))} "
            f"({number(min(values))}-{number(max(values))})")


def ratio(values, ours):
    """How many times ours that is."""
    if not values or not ours:
        return "-"
    base = statistics.median(ours)
    return f"x {number(statistics.median(values) / base)}" if base else "-"


class Table:
    """The first column is text, the others are figures."""

    def __init__(self, title, head, goal=None):
        self.title, self.head, self.goal = title, head, goal
        self.rows, self.remarks = [], []

    def row(self, *cells):
        self.rows.append([str(c) for c in cells])

    def remark(self, text):
        self.remarks.append(text)

    def text(self):
        lines = [self.head, *self.rows]
        width = [max(len(r[i]) for r in lines) for i in range(len(self.head))]
        out = [self.title]
        if self.goal:
            out.append(f"  goal: {self.goal}")
        for r in lines:
            cells = [r[0].ljust(width[0])]
            cells += [c.rjust(w) for c, w in zip(r[1:], width[1:])]
            out.append("  " + "  ".join(cells))
        return "\n".join(out + [f"  {r}" for r in self.remarks])

    def markdown(self):
        out = [f"## {self.title}", ""]
        if self.goal:
            out += [f"Goal: {self.goal}.", ""]
        out += ["| " + " | ".join(self.head) + " |",
                "|---" + "|---:" * (len(self.head) - 1) + "|"]
        out += ["| " + " | ".join(r) + " |" for r in self.rows]
        for r in self.remarks:
            out += ["", r]
        return "\n".join(out)
