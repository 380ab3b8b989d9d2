#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""raw.py WHERE [GROUP...] - bytes that no HTTP client sends

WHERE is HOST:PORT, or the path of a socket. TAP: one line a check.

  refused   malformed or ambiguous requests: status and reason of each, nothing
            of it served, the connection closed
  served    odd but sound ones
  cut       each good request ends after every number of bytes: no answer
  split     each good request in two parts, cut at every byte, and byte by
            byte: the answer of the whole
"""

import array
import fcntl
import json
import re
import socket
import sys
import termios

LIMIT = 20.0            # for what never comes; nothing is measured with it
HEAD = 16384
BODY = 65536
H = b"Host: a\r\n"
GET = b"GET /health HTTP/1.1\r\n"
POST = b"POST /health HTTP/1.1\r\n"
CHUNKED = POST + H + b"Transfer-Encoding: chunked\r\n\r\n"


def get(line=b"", target=b"/health", version=b"HTTP/1.1", host=H):
    return b"GET %s %s\r\n%s%s\r\n" % (target, version, host, line)


def post(line, body=b""):
    return POST + H + line + b"\r\n" + body


NO_LF = "bare carriage return"
LF = "bare line feed"
CTL = "control or invalid character"
NAME = "malformed field name"
SPACE = "white space before a colon"
LENGTH = "malformed Content-Length"
BOTH = "Content-Length with Transfer-Encoding"
CODING = "unsupported transfer coding"
TARGET = "malformed request target"
METHOD = "malformed method"
VERSION = "malformed HTTP version"
OTHER = "unsupported HTTP version"
HOST = "malformed Host"
CHUNK = "malformed chunk"

# name, bytes, status, reason
REFUSED = [
    # which of two lengths
    ("length and chunked",
     post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
          b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"), 400, BOTH),
    ("chunked and length",
     post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
          b"0\r\n\r\n"), 400, BOTH),
    ("chunked and length 0",
     post(b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
          b"0\r\n\r\n"), 400, BOTH),
    ("two lengths",
     post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"), 400,
     "more than one Content-Length"),
    ("the same length twice",
     post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"), 400,
     "more than one Content-Length"),
    ("a list of lengths", post(b"Content-Length: 5, 5\r\n", b"hello"), 400,
     LENGTH),
    ("an empty length", post(b"Content-Length:\r\n"), 400, LENGTH),
    ("a negative length", post(b"Content-Length: -1\r\n"), 400, LENGTH),
    ("a length with a sign", post(b"Content-Length: +5\r\n", b"hello"), 400,
     LENGTH),
    ("a length in hex", post(b"Content-Length: 0x5\r\n", b"hello"), 400,
     LENGTH),
    ("a length with a point", post(b"Content-Length: 5.0\r\n", b"hello"), 400,
     LENGTH),
    ("a length with a space", post(b"Content-Length: 5 0\r\n", b"hello"), 400,
     LENGTH),
    ("a length of 2^64", post(b"Content-Length: 18446744073709551616\r\n"),
     400, LENGTH),
    ("a length of 2^64 + 5",
     post(b"Content-Length: 18446744073709551621\r\n", b"hello"), 400,
     LENGTH),
    ("a length of 2^63", post(b"Content-Length: 9223372036854775808\r\n"),
     400, LENGTH),
    ("a length of 2^63 - 1", post(b"Content-Length: 9223372036854775807\r\n"),
     413, "body too large"),
    ("a byte too long", post(b"Content-Length: %d\r\n" % (BODY + 1)), 413,
     "body too large"),
    # which coding
    ("chunked twice", post(b"Transfer-Encoding: chunked\r\n" * 2,
                           b"0\r\n\r\n"), 400,
     "more than one Transfer-Encoding"),
    ("chunked, chunked", post(b"Transfer-Encoding: chunked, chunked\r\n"),
     501, CODING),
    ("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked\r\n"), 501,
     CODING),
    ("identity", post(b"Transfer-Encoding: identity\r\n"), 501, CODING),
    ("xchunked", post(b"Transfer-Encoding: xchunked\r\n"), 501, CODING),
    ("chunked in quotes", post(b'Transfer-Encoding: "chunked"\r\n'), 501,
     CODING),
    ("chunked with a parameter", post(b"Transfer-Encoding: chunked;q=1\r\n"),
     501, CODING),
    ("no coding", post(b"Transfer-Encoding:\r\n"), 501, CODING),
    ("a vertical tab before chunked",
     post(b"Transfer-Encoding: \x0bchunked\r\n"), 400, CTL),
    ("chunked in HTTP/1.0",
     b"POST /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "Transfer-Encoding in HTTP/1.0"),
    ("space before the colon of the coding",
     post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400, SPACE),
    ("folded coding", post(b"Transfer-Encoding:\r\n chunked\r\n",
                           b"0\r\n\r\n"), 501, CODING),
    # lines and fields
    ("bare LF", b"GET /health HTTP/1.1\nHost: a\n\n", 400, LF),
    ("bare LF after a field", GET + b"Host: a\n\r\n", 400, LF),
    ("bare LF at the end", GET + H + b"\n", 400, LF),
    ("bare CR", get(b"X: 1\rY: 2\r\n"), 400, NO_LF),
    ("CR CR LF", GET + b"Host: a\r\r\n\r\n", 400, NO_LF),
    ("a folded field", get(b"X: 1\r\n 2\r\n"), 400, "folded field"),
    ("a field folded by a tab", get(b"X: 1\r\n\t2\r\n"), 400, "folded field"),
    ("a fold before the first field",
     GET + b" X: 1\r\n" + H + b"\r\n", 400, "folded field"),
    ("space before a colon", get(b"X : 1\r\n"), 400, SPACE),
    ("tab before a colon", get(b"X\t: 1\r\n"), 400, SPACE),
    ("no name", get(b": 1\r\n"), 400, "empty field name"),
    ("no colon", get(b"X\r\n"), 400, NAME),
    ("a bracket in a name", get(b"X(: 1\r\n"), 400, NAME),
    ("a byte of UTF-8 in a name", get(b"\xc3\xa4: 1\r\n"), 400, NAME),
    ("NUL in a name", get(b"X\0: 1\r\n"), 400, NAME),
    ("NUL in a value", get(b"X: a\0b\r\n"), 400, CTL),
    ("a control character in a value", get(b"X: a\x01b\r\n"), 400, CTL),
    ("DEL in a value", get(b"X: a\x7fb\r\n"), 400, CTL),
    ("an escape in a value", get(b"X: \x1b[2J\r\n"), 400, CTL),
    ("101 fields", get(b"X: 1\r\n" * 100), 431, "too many fields"),
    ("a huge head", get(b"X: " + b"x" * HEAD + b"\r\n"), 431,
     "head too long"),
    ("a head that never ends", GET + H + b"X: 1\r\n" * 50 + b"Y: " +
     b"y" * 2 * HEAD, 431, "head too long"),
    ("a huge target", b"GET /" + b"x" * HEAD, 414, "first line too long"),
    ("a huge method", b"G" * (HEAD + 1), 414, "first line too long"),
    # the first line
    ("HTTP/0.9", b"GET /health\r\n\r\n", 400, TARGET),
    ("no target", b"GET HTTP/1.1\r\n" + H + b"\r\n", 400, TARGET),
    ("no method", b" /health HTTP/1.1\r\n" + H + b"\r\n", 400, METHOD),
    ("two spaces", b"GET  /health HTTP/1.1\r\n" + H + b"\r\n", 400, TARGET),
    ("a tab", b"GET\t/health HTTP/1.1\r\n" + H + b"\r\n", 400, METHOD),
    ("a space in the target", get(target=b"/he alth"), 400, VERSION),
    ("two spaces before the version", get(target=b"/health "), 400, VERSION),
    ("a space after the version", get(version=b"HTTP/1.1 "), 400, CTL),
    ("HTTP/2.0", get(version=b"HTTP/2.0"), 505, OTHER),
    ("HTTP/1.2", get(version=b"HTTP/1.2"), 505, OTHER),
    ("HTTP/1.10", get(version=b"HTTP/1.10"), 400, CTL),
    ("HTTP/1", get(version=b"HTTP/1"), 400, VERSION),
    ("http/1.1", get(version=b"http/1.1"), 400, VERSION),
    ("HTTP/1,1", get(version=b"HTTP/1,1"), 400, VERSION),
    ("another protocol", get(version=b"ICAP/1.0"), 400, VERSION),
    ("what HTTP/2 begins with", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505,
     OTHER),
    ("what TLS begins with",
     b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\x03\x03", 400, METHOD),
    ("what SSH begins with", b"SSH-2.0-OpenSSH_9.2\r\n", 400, METHOD),
    ("two empty lines before", b"\r\n\r\n" + get(), 400, METHOD),
    ("an empty LF before", b"\n" + get(), 400, METHOD),
    ("NUL in the method", b"GE\0T /health HTTP/1.1\r\n", 400, METHOD),
    ("NUL in the target", get(target=b"/health\0"), 400, TARGET),
    ("a control character in the target", get(target=b"/\x01"), 400, TARGET),
    ("a byte over ASCII in the target", get(target=b"/\xe4"), 400, TARGET),
    ("a fragment", get(target=b"/health#x"), 400, TARGET),
    ("a target without a slash", get(target=b"health"), 400, TARGET),
    ("an asterisk", get(target=b"*"), 400, TARGET),
    ("CONNECT", b"CONNECT a:1 HTTP/1.1\r\n" + H + b"\r\n", 400, TARGET),
    ("another scheme", get(target=b"ftp://a/health"), 400, TARGET),
    ("an absolute target without a host", get(target=b"http:///health"), 400,
     TARGET),
    ("a user in the target", get(target=b"http://u@a/health"), 400, TARGET),
    ("another host in the target", get(target=b"http://b/health"), 400,
     "Host is not that of the request target"),
    ("another port in the target", get(target=b"http://a:1/health"), 400,
     "Host is not that of the request target"),
    # whom it is for
    ("no Host", get(host=b""), 400, "no Host"),
    ("two Hosts", get(host=H * 2), 400, "more than one Host"),
    ("two other Hosts", get(host=H + b"Host: b\r\n"), 400,
     "more than one Host"),
    ("a Host with a path", get(host=b"Host: a/b\r\n"), 400, HOST),
    ("a Host with a user", get(host=b"Host: u@a\r\n"), 400, HOST),
    ("a list of Hosts", get(host=b"Host: a, b\r\n"), 400, HOST),
    ("a Host with a bad port", get(host=b"Host: a:b\r\n"), 400, HOST),
    ("half a bracket in the Host", get(host=b"Host: [::1\r\n"), 400, HOST),
    ("space before the colon of Host", get(host=b"Host : a\r\n"), 400, SPACE),
    # chunks
    ("a chunk without a size", CHUNKED + b"\r\nhello\r\n0\r\n\r\n", 400,
     CHUNK),
    ("a size that is no number", CHUNKED + b"x\r\n", 400, CHUNK),
    ("a negative size", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", 400, CHUNK),
    ("a size with 0x", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400, CHUNK),
    ("a size with a sign", CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", 400, CHUNK),
    ("space before a size", CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", 400,
     CHUNK),
    ("space after a size", CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n", 400, CHUNK),
    ("a size of 17 digits", CHUNKED + b"00000000000000005\r\nhello\r\n", 400,
     CHUNK),
    ("a size of 2^64", CHUNKED + b"10000000000000000\r\n", 400, CHUNK),
    ("a size of 2^64 - 1", CHUNKED + b"ffffffffffffffff\r\nx", 413,
     "body too large"),
    ("bare LF after a size", CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400, CHUNK),
    ("data longer than its size", CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", 400,
     CHUNK),
    ("data shorter than its size", CHUNKED + b"6\r\nhello\r\n0\r\n\r\n", 400,
     CHUNK),
    ("bare LF after data", CHUNKED + b"5\r\nhello\n0\r\n\r\n", 400, CHUNK),
    ("bare CR in an extension", CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n",
     400, CHUNK),
    ("bare LF in an extension", CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
     400, CHUNK),
    ("a long extension", CHUNKED + b"5;" + b"a" * 300, 413,
     "chunk framing too long"),
    ("a trailer without a colon", CHUNKED + b"0\r\nX\r\n\r\n", 400, CHUNK),
    ("a folded trailer", CHUNKED + b"0\r\nX: 1\r\n 2\r\n\r\n", 400, CHUNK),
    ("NUL in a trailer", CHUNKED + b"0\r\nX: \0\r\n\r\n", 400, CHUNK),
    ("endless trailers", CHUNKED + b"0\r\n" + b"X: 1\r\n" * 4000, 413,
     "chunk framing too long"),
    # and
    ("an unknown expectation", post(b"Expect: 200-ok\r\n"
                                    b"Content-Length: 1\r\n", b"x"), 417,
     "unknown expectation"),
]

# name, bytes, number of answers
SERVED = [
    ("an empty line before", b"\r\n" + get(), 1),
    ("HTTP/1.0 without Host", b"GET /health HTTP/1.0\r\n\r\n", 1),
    ("an empty Host", get(host=b"Host:\r\n"), 1),
    ("an IPv6 Host", get(host=b"Host: [::1]:1939\r\n"), 1),
    ("no space after colons", get(b"X:1\r\n", host=b"Host:a\r\n"), 1),
    ("tabs around a value", get(b"X:\t1\t\r\n"), 1),
    ("bytes over ASCII in a value", get(b"X: \xe4\xff\r\n"), 1),
    ("an absolute target", get(target=b"http://a/health"), 1),
    ("one whose host is in capitals", get(target=b"http://A/health"), 1),
    ("100 fields", get(b"X: 1\r\n" * 99), 1),
    ("a query of anything", get(target=b"/health?a=%zz&b[]={|}"), 1),
    ("Chunked in capitals", post(b"TRANSFER-ENCODING: Chunked\r\n",
                                 b"0\r\n\r\n"), 1),
    ("a coding on a line with blanks",
     post(b"Transfer-Encoding: \t chunked \r\n", b"0\r\n\r\n"), 1),
    ("chunk extensions", CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n', 1),
    ("space before an extension", CHUNKED + b"5 ;a\r\nhello\r\n0\r\n\r\n", 1),
    ("a size of 16 digits", CHUNKED +
     b"0000000000000005\r\nhello\r\n0\r\n\r\n", 1),
    ("trailers", CHUNKED + b"0\r\nX: 1\r\nContent-Length: 5\r\n\r\n", 1),
    ("length 0", post(b"Content-Length: 0\r\n"), 1),
    ("a length with zeros before", post(b"Content-Length: 0005\r\n",
                                        b"hello"), 1),
    ("the longest body", post(b"Content-Length: %d\r\n" % BODY,
                              b"x" * BODY), 1),
    ("two at once", get() + get(), 2),
    ("a body, then another request", post(b"Content-Length: 5\r\n",
                                          b"hello") + get(), 2),
    ("a request in a body", post(b"Content-Length: %d\r\n" % len(get()),
                                 get()), 1),
    ("a body of GET", get(b"Content-Length: 5\r\n") + b"hello" + get(), 2),
    ("one, then nonsense", get() + b"\x16\x03\x01\r\n\r\n", 2),
    ("one, then a request cut short", get() + b"GET /he", 1),
    ("20 at once", get() * 20, 20),
]

GOOD = [
    ("GET", get()),
    ("HEAD", b"HEAD /health HTTP/1.1\r\n" + H + b"\r\n"),
    ("GET of nothing", get(target=b"/no/such?a=b")),
    ("an absolute target", get(target=b"http://a/health")),
    ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n"),
    ("an old GET", b"GET /health HTTP/1.0\r\n\r\n"),
    ("a POST", b"POST /no HTTP/1.1\r\n" + H + b"Content-Length: 5\r\n\r\n"
     b"hello"),
    ("a chunked POST", b"POST /no HTTP/1.1\r\n" + H +
     b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n"),
]
BAD = [
    ("length and chunked",
     post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
    ("a folded field", get(b"X: 1\r\n 2\r\n")),
    ("a bad chunk", CHUNKED + b"5\r\nhelloX"),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\n"),
]

count = failed = 0


def ok(good, name, *why):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", name)
    for text in why if not good else ():
        print("# ", repr(text))


def connect(where):
    if "/" in where:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(LIMIT)
        s.connect(where)
        return s
    host, port = where.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), LIMIT)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def send(s, data):
    """False when the server has closed: it had its say then."""
    try:
        s.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def taken(s):
    """Until the other end has read what was sent, where that can be asked."""
    left = array.array("i", [1])
    if s.family != socket.AF_UNIX:
        return
    while left[0]:
        fcntl.ioctl(s, termios.TIOCOUTQ, left)


def end(s):
    try:
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def receive(s):
    got = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return got
            got += part
    except ConnectionResetError:
        return got


def ask(where, *parts):
    """The answer to these parts, then the end of what we send."""
    with connect(where) as s:
        for i, part in enumerate(parts):
            if i:
                taken(s)
            if not send(s, part):
                break
        end(s)
        return receive(s)


def same(answer):
    return re.sub(rb"Date: [^\r]*", b"Date:", answer)


def statuses(answer):
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def is_refusal(answer, status, reason):
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = head.split(b"\r\n")[1:]
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return statuses(answer) == [status] and \
        b"Connection: close" in fields and \
        b"Content-Length: %d" % len(body) in fields and \
        said.get("error_description") == reason


def refused(where):
    for name, data, status, reason in REFUSED:
        with connect(where) as s:
            # We do not end: that it closes is its own doing.
            send(s, data)
            try:
                answer = receive(s)
            except socket.timeout:
                answer = b"(kept open)"
        ok(is_refusal(answer, status, reason),
           "%s: %d, %s" % (name, status, reason), answer[:400])


def served(where):
    for name, data, answers in SERVED:
        got = statuses(ask(where, data))
        ok(len(got) == answers, "%s: answered" % name, got)


def cut(where):
    for name, data in GOOD:
        wrong = [n for n in range(len(data)) if ask(where, data[:n])]
        ok(not wrong, "%s, cut short at every byte: no answer" % name, wrong)
    for name, data in BAD:
        # Refused as soon as it is seen, then in the same way.
        whole = same(ask(where, data))
        wrong = [n for n in range(len(data))
                 if same(ask(where, data[:n])) not in (b"", whole)]
        ok(not wrong, "%s, cut short: refused the same, or not yet" % name,
           wrong)


def split(where):
    for name, data in GOOD + BAD:
        whole = same(ask(where, data))
        wrong = [n for n in range(1, len(data))
                 if same(ask(where, data[:n], data[n:])) != whole]
        ok(whole and not wrong, "%s, split at every byte" % name, whole,
           wrong)
        bytewise = same(ask(where, *[data[n:n + 1]
                                     for n in range(len(data))]))
        ok(bytewise == whole, "%s, byte by byte" % name, bytewise, whole)
        twice = same(ask(where, data + data))
        for n in (1, len(data) - 1, len(data), len(data) + 1):
            got = same(ask(where, (data + data)[:n], (data + data)[n:]))
            ok(got == twice, "%s twice, split at %d" % (name, n), got, twice)


def main():
    groups = {"refused": refused, "served": served, "cut": cut,
              "split": split}
    for name in sys.argv[2:] or groups:
        groups[name](sys.argv[1])
    print("1..%d" % count)
    sys.exit(failed != 0)


main()
