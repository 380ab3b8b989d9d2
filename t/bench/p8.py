# SPDX-License-Identifier: MIT
"""P8: one worker of the front door beside one worker of nginx."""

import collections
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import statistics
import subprocess
import time

from front import NO_REFERENCE, ONE_WORKER, Client, documents, hubs, nginx, \
    token_of, wait_door, workers, wrk
from kit import Failed, Table, eventually, field, number, percentile, proc, \
    spread

SERVICES = 20
ROUNDS = 5
CONNECTIONS = (16, 64)
MINTS = 200             # fewer than tokens are remembered
SCOPE = "scribe:transcribe"     # not what the list of modules takes: 403


@dataclasses.dataclass
class Target:
    label: str
    port: int
    path: str
    token: str
    pid: int                            # whose processor time counts
    loads: list = dataclasses.field(default_factory=list)
    us: list = dataclasses.field(default_factory=list)


def cpu_ns(pid):
    return int(proc(pid, "schedstat").split()[0])


def press(kit, target, connections):
    before = cpu_ns(target.pid)
    load = wrk(kit, target.port, target.path, connections, target.token)
    target.loads.append(load)
    target.us.append((cpu_ns(target.pid) - before) / 1000 / load.requests)


def race(kit, targets, connections):
    """They take turns; the first is nginx, the measure of the others."""
    for t in targets:
        t.loads, t.us = [], []
    for _ in range(ROUNDS):
        for t in targets:
            press(kit, t, connections)
    base = targets[0].loads
    table = Table(
        f"P8: one worker, {connections} connections, {SERVICES} services",
        ["", "requests/s", "of nginx", "p99, ms", "processor, us"],
        "/health as many as nginx, the others half of that, p99 no worse")
    for t in targets:
        parts = [a.per_second / b.per_second for a, b in zip(t.loads, base)]
        table.row(t.label, spread([x.per_second for x in t.loads]),
                  f"x {spread(parts)}", spread([x.p99_ms for x in t.loads]),
                  spread(t.us))
        kit.say(f"P8 {t.label}, {connections} connections: "
                f"x {spread(parts)} of nginx")
    return table


# --- system calls

def calls(kit, target):
    """{name: calls a request}, while wrk is served by it."""
    if not shutil.which("strace"):
        raise Failed("strace is not here")
    path = os.path.join(kit.dir, "strace")
    tracer = subprocess.Popen(
        ["strace", "-qq", "-c", "-U", "name,calls", "-o", path,
         "-p", str(target.pid)], stderr=subprocess.PIPE, text=True)

    def attached():
        if tracer.poll() is not None:
            raise Failed(f"strace: {tracer.stderr.read().strip()}")
        return field(target.pid, "status", "TracerPid")

    try:
        eventually("strace to attach", attached)
        load = wrk(kit, target.port, target.path, CONNECTIONS[0],
                   target.token)
    finally:
        with contextlib.suppress(ProcessLookupError):
            tracer.send_signal(signal.SIGINT)
        tracer.wait()
    with open(path, encoding="ascii") as f:
        words = [line.split() for line in f]
    return {w[0]: int(w[1]) / load.requests for w in words
            if len(w) == 2 and w[1].isdigit() and w[0] != "total"}


def budget(kit, targets):
    t = Table("P8: system calls of a request, "
              f"{CONNECTIONS[0]} connections", ["", "all", "which"])
    for target in targets:
        each = calls(kit, target)
        often = {n: c for n, c in each.items() if c >= 0.01}
        t.row(target.label, number(sum(each.values())), ", ".join(
            f"{n} {number(c)}" for n, c in
            sorted(often.items(), key=lambda nc: -nc[1])))
    t.remark("Counted by strace, which slows what it watches.")
    return t


# --- tokens

def timed(fn, *args):
    begin = time.monotonic_ns()
    got = fn(*args)
    return got, (time.monotonic_ns() - begin) / 1e6


def tokens(kit, it):
    """One client: minting, and the first and second use of each token."""
    client, operator = Client(it.port), token_of(it)
    pid = workers(it)[0]
    row = collections.namedtuple("row", "label ms us")
    rows, minted = [], []

    def measured(label, fn):
        before, ms = cpu_ns(pid), []
        for i in range(MINTS):
            ms.append(fn(i))
        rows.append(row(label, ms, (cpu_ns(pid) - before) / 1000 / MINTS))

    def mint(_):
        body, ms = timed(client.ask, "/api/auth/mint-token", operator,
                         json.dumps({"scope": SCOPE, "audience": "hub"}))
        minted.append(json.loads(body)["token"])
        return ms

    def use(i):
        return timed(client.ask, "/api/modules", minted[i], None, 403)[1]

    measured("POST /api/auth/mint-token", mint)
    measured("GET, a token seen for the first time", use)
    measured("GET, a token seen before", use)
    client.close()
    t = Table(f"P8: tokens, {MINTS} requests one after the other, ms",
              ["", "median (min-max)", "p99", "a second", "processor, us"])
    t.remark("The tokens that are used lack the scope that /api/modules "
             "takes: 403, once everything about them has been verified.")
    for r in rows:
        t.row(r.label, spread(r.ms), number(percentile(r.ms, 99)),
              number(1000 / statistics.median(r.ms)), number(r.us))
        kit.say(f"P8 {r.label}: {spread(r.ms)} ms")
    return t


# --- all of it

def targets_of(it, label):
    pids = workers(it) if it.peer is ONE_WORKER else [it.root]
    return [Target(f"{label} {path}", it.port, path, token, pids[0])
            for path, token in documents(it)]


def measure(kit):
    if not shutil.which("wrk"):
        raise Failed("wrk is not here")
    tables = []
    with contextlib.ExitStack() as stack:
        its = [stack.enter_context(kit.running(peer, SERVICES))
               for peer in hubs(ONE_WORKER)]
        for it in its:
            wait_door(it)
        client = Client(its[0].port)
        health = client.ask("/health").decode()
        client.close()
        port, pid = stack.enter_context(nginx(kit, health))
        base = Target("nginx, a constant", port, "/health", "", pid)
        ours = targets_of(its[0], "pc")
        others = [t for it in its[1:]
                  for t in targets_of(it, it.peer.name)]
        for t in [base, *ours, *others]:
            press(kit, t, CONNECTIONS[0])       # warms what is cold
        for connections in CONNECTIONS:
            tables.append(race(kit, [base, *ours, *others], connections))
        tables.append(tokens(kit, its[0]))
        try:
            tables.append(budget(kit, [base, *ours]))
        except Failed as e:
            kit.say(f"P8: system calls are not counted: {e}")
    tables[0].remark(
        f"{ROUNDS} seconds each, taking turns; the share of nginx is taken "
        "turn by turn. wrk has one thread and nothing is pinned, on "
        f"{os.cpu_count()} processors. nginx has one worker, keeps "
        "connections, writes no log, and answers the bytes of /health from "
        "its configuration. /api/modules is asked with operator.token. "
        "Processor time is that of the worker, a request.")
    if not others:
        tables[0].remark(NO_REFERENCE)
    return tables
