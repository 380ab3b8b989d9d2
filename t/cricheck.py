#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cricheck.py FILE... - are they what a Kubernetes node writes for containers?

Written from the description of the CRI log format (Kubernetes design proposal
"Redirect container stdout/stderr logs", kubelet/CRI logging format), not from
what writes the files here. A line is

    TIME STREAM TAGS LOG LF

TIME is RFC 3339 with nanoseconds, STREAM is stdout or stderr, TAGS are words
with colons between them of which the first is P (the line goes on in the next
record of the stream) or F (it is whole now). Files are given oldest first: a
line may go on in the next. With --lines the contents are printed, whole lines
without a head. Ends with 1, naming file and line, at the first fault.
"""

import re
import sys

RECORD = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{9})"
    rb"(Z|[+-]\d\d:\d\d) (stdout|stderr) ([PF])(?::[^ :]+)* ?(.*)\Z", re.S)


def fault(path, n, what, line=b""):
    sys.exit(f"{path}:{n}: {what}: {line[:120]!r}")


def check(paths, out):
    begun = {}                          # stream -> what came of its line
    for path in paths:
        with open(path, "rb") as f:
            for n, line in enumerate(f, 1):
                if not line.endswith(b"\n"):
                    fault(path, n, "no newline at the end", line)
                m = RECORD.match(line[:-1])
                if not m:
                    fault(path, n, "no CRI record", line)
                month, day, hour, minute, second = map(int, m.groups()[1:6])
                if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24
                        and minute < 60 and second < 61):
                    fault(path, n, "no time", line)
                stream, tag, text = m.group(9), m.group(10), m.group(11)
                begun.setdefault(stream, []).append(text)
                if tag == b"F":
                    if out:
                        out.write(b"".join(begun[stream]) + b"\n")
                    del begun[stream]
    for stream in begun:
        fault(paths[-1], 0, f"the last line of {stream.decode()} has no end")


def main():
    args = sys.argv[1:]
    out = None
    if args[:1] == ["--lines"]:
        out = sys.stdout.buffer
        args = args[1:]
    if not args:
        sys.exit("usage: cricheck.py [--lines] FILE...")
    check(args, out)


if __name__ == "__main__":
    main()
