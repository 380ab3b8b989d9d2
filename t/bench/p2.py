# SPDX-License-Identifier: MIT
"""P2: from exec of the supervisor to the last module running."""

from kit import Table, ratio, spread

SIZES = [(100, 5), (1000, 3)]           # modules, turns


def one(kit, peer, n):
    with kit.running(peer, n) as it:
        begin, notes = it.wait_notes(n)
        return (max(ns for ns, _, _ in notes) - begin) / 1e6


def measure(kit):
    got = {}
    for n, runs in SIZES:
        for turn in range(runs):
            for peer in kit.peers:
                if n > peer.most or turn >= peer.turns:
                    continue
                ms = one(kit, peer, n)
                kit.say(f"P2 {peer.name} {n}: {ms:.1f} ms")
                got.setdefault((peer.name, n), []).append(ms)
    t = Table("P2: exec of the supervisor to the last module running, ms",
              ["", "100 modules", "ratio", "1,000 modules", "ratio"],
              "60 ms for 100, 500 ms for 1,000")
    for peer in kit.peers:
        cells = []
        for n, _ in SIZES:
            mine = got.get((peer.name, n), [])
            cells += [spread(mine), ratio(mine, got.get(("pc", n)))]
        t.row(peer.name, *cells)
    t.remark("Median (min-max) of 3 to 5 runs, the supervisors taking turns. "
             "The modules of pc also open their ports. runsvdir waits a "
             "second before its first look; supervisord is not asked for "
             "1,000.")
    return [t]
