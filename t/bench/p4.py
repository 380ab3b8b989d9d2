# SPDX-License-Identifier: MIT
"""P4: memory of the supervisor, without its modules."""

import time

from front import FRONT, NO_REFERENCE, Client, documents, hubs, role, \
    wait_door
from kit import TINY, Table, number

SETTLE_S = 1.5
FILL = [TINY, "lines", "5000"]          # more than a ring holds
REQUESTS = 10_000
CLIENTS = 16
ROLES = ["keeper", "log writer", "front worker", "its dialer"]


def load(it):
    """REQUESTS from CLIENTS, of all kinds, one after the other."""
    all_kinds = documents(it)
    clients = [Client(it.port) for _ in range(CLIENTS)]
    for i in range(REQUESTS):
        clients[i % CLIENTS].ask(*all_kinds[i // CLIENTS % len(all_kinds)])
    for c in clients:
        c.close()


class Memory:
    """Of an instance as it is now: each process, and their sum."""

    def __init__(self, it):
        time.sleep(SETTLE_S)
        kib = it.memory()
        self.sum, self.processes = sum(kib.values()), len(kib)
        self.each = {}
        for pid, size in kib.items():
            self.each.setdefault(role(pid), []).append(size)


def look(kit, peer, n, loaded=False, **kw):
    with kit.running(peer, n, **kw) as it:
        if peer.door:
            wait_door(it)
        if kw:
            it.wait_notes(2 * n)        # all has been written
        before = Memory(it)
        if not loaded:
            return before
        load(it)
        return before, Memory(it)


def of_all(kit):
    t = Table("P4: memory of the supervisor (PSS), KiB",
              ["", "no module", "100 modules", "ratio", "processes",
               "100 with output", "ratio"],
              "keeper alone 512; keeper and front 3,072 with no module, "
              "10,240 with 100 modules and full rings")
    base = None
    for peer in kit.peers:
        idle = look(kit, peer, 0).sum
        quiet = look(kit, peer, 100)
        loud = look(kit, peer, 100, argv=FILL).sum if peer.keeps_output else 0
        base = base or (quiet.sum, loud)
        t.row(peer.name, number(idle), number(quiet.sum),
              f"x {number(quiet.sum / base[0])}", quiet.processes,
              number(loud) if loud else "-",
              f"x {number(loud / base[1])}" if loud else "-")
        kit.say(f"P4 {peer.name}: {idle}, {quiet.sum}, {loud} KiB")
    t.remark("One run. pc without a front door; with output, every module "
             "wrote 5,000 lines, which fills its ring. runit and s6 run "
             "without loggers here, and keep no output themselves; "
             "supervisord writes it to files.")
    return t


def of_hub(kit, peer):
    """The hub with its front door: each process, and all together."""
    idle, after = look(kit, peer, 0, loaded=True)
    quiet = look(kit, peer, 100)
    loud, worked = look(kit, peer, 100, loaded=True, argv=FILL)
    columns = [idle, after, quiet, loud, worked]
    t = Table(f"P4: memory of {peer.name} (PSS), KiB",
              ["", "no module", "and 10,000 requests", "100 modules",
               "with output", "and 10,000 requests"],
              "3,072 with no module, 10,240 with 100 modules and full rings")
    t.row(f"all {idle.processes} processes",
          *(number(c.sum) for c in columns))
    for name in ROLES if peer is FRONT else []:
        t.row(name, *(" + ".join(map(number, c.each.get(name, [])))
                      for c in columns))
    kit.say(f"P4 {peer.name}: " + ", ".join(str(c.sum) for c in columns))
    return t


def measure(kit):
    tables = [of_all(kit)] + [of_hub(kit, peer) for peer in hubs()]
    tables[1].remark(
        f"One run, a worker for each processor. The requests are GET, one "
        f"after the other on {CLIENTS} connections: /health, two documents, "
        "/api/modules with a token, the page. A dialer opens connections "
        "for a worker, which may not do so itself.")
    if len(tables) == 2:
        tables[1].remark(NO_REFERENCE)
    return tables
