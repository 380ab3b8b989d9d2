#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nodrop.py FORM FILE RUN... - is every line there, or a gap that counts it?

FORM says what FILE is: "sse" (server-sent events of GET logs) or "json" (of
pc-logs --json). A RUN is BOOT:N: in that BOOT an instance of the module wrote
"line 1" to "line N"; runs of a BOOT follow each other. The cursor of a line
says which it must be. Gaps name the lines that they stand for by their cursors
and their count, or, of a BOOT that is over, only from where on; after all of it no line may be missing, doubled, out of order
or another's. Prints how many came and how many gaps said they did not.
"""

import json
import sys


def stop(what):
    print(what)
    sys.exit(1)


def cursor(text):
    boot, seq = text.split(".")
    return int(boot), int(seq)


def from_sse(lines):
    """(cursor, text) of lines and (None, gap) of gaps."""
    event = {}
    for line in lines:
        line = line.rstrip("\n")
        if line:
            key, _, value = line.partition(":")
            event[key] = value.removeprefix(" ")
            continue
        if event.get("event") == "line":
            yield event["id"], json.loads(event["data"])["text"]
        elif event.get("event") == "gap":
            yield None, json.loads(event["data"])
        event = {}


def from_json(lines):
    for line in lines:
        if not line.endswith("\n"):
            return                      # the reader was ended in it
        row = json.loads(line)
        if "gap" in row:
            yield None, row["gap"]
        else:
            yield row.get("cursor") or row["seq"], row.get("line",
                                                           row.get("text"))


def expected(runs):
    """BOOT -> how long its runs are, one after the other."""
    out = {}
    for run in runs:
        boot, _, n = run.partition(":")
        out.setdefault(int(boot), []).append(int(n))
    return out


def text_at(runs, seq):
    for n in runs:
        if seq <= n:
            return f"line {seq}"
        seq -= n
    return None


def main():
    form, path, *runs = sys.argv[1:]
    want = expected(runs)
    came, gaps = {}, {}
    last = (0, 0)
    with open(path, encoding="utf-8", errors="replace") as f:
        rows = from_sse(f) if form == "sse" else from_json(f)
        for at, what in rows:
            if at is None:
                if not isinstance(what, dict):
                    stop(f"a gap of {what} that does not say where")
                if what["from"] is None:
                    stop(f"a gap without a beginning: {what}")
                boot, first = cursor(what["from"])
                end, to = cursor(what["to"]) if what["to"] else (boot, None)
                # A keeper that is gone took its number of lines with it.
                while what["count"] is None and (boot < end or to is None):
                    gaps.setdefault(boot, set()).update(
                        range(first, sum(want.get(boot, [])) + 1))
                    if boot == end:
                        break
                    boot, first = boot + 1, 1
                if what["count"] is None:
                    gaps.setdefault(end, set()).update(
                        range(first, (to or 0) + 1))
                    continue
                if boot != end or what["count"] != to - first + 1:
                    stop(f"a gap that does not add up: {what}")
                gaps.setdefault(boot, set()).update(range(first, to + 1))
                continue
            boot, seq = cursor(at)
            if (boot, seq) <= last:
                stop(f"{at} came after {last[0]}.{last[1]}")
            last = boot, seq
            if what != text_at(want.get(boot, []), seq):
                stop(f"{at} is {what[:60]!r}, expected "
                     f"{text_at(want.get(boot, []), seq)!r}")
            came.setdefault(boot, set()).add(seq)
    for boot, lengths in want.items():
        all_of = set(range(1, sum(lengths) + 1))
        both = came.get(boot, set()) & gaps.get(boot, set())
        if both:
            stop(f"{boot}.{min(both)} came, and a gap says it did not")
        lost = all_of - came.get(boot, set()) - gaps.get(boot, set())
        if lost:
            stop(f"{len(lost)} lines lost in silence, from "
                 f"{boot}.{min(lost)} on")
    print(f"{sum(map(len, came.values()))} came, "
          f"{sum(map(len, gaps.values()))} in gaps")


if __name__ == "__main__":
    main()
