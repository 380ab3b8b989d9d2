# SPDX-License-Identifier: MIT
"""What is measured over TCP: the hubs with their front door, nginx beside
them, and who asks them.

Tokens are handed to wrk in a file, never in its arguments.
"""

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess

from kit import Failed, below, eventually, proc, reap
from peers import Peer, pc_layout, put

DOCUMENTS = [           # path, needs a token
    ("/health", False),
    ("/.well-known/parachute.json", False),
    ("/.well-known/jwks.json", False),
    ("/api/modules", True),
    ("/", False),
]

# --- hubs

FRONT = Peer(
    name="pc with its front door", layout=pc_layout, quiet=True, door=True,
    keeps_output=True,
    start=lambda top: ["pc-serve", "--home", f"{top}/home"],
    status=[], programs=["pc-serve", "pc-front", "pc-logd"])

ONE_WORKER = dataclasses.replace(
    FRONT, start=lambda top: ["pc-serve", "--home", f"{top}/home",
                              "--workers", "1"])


def reference():
    """The hub that pc takes over from, where its directory is named."""
    place, bun = os.environ.get("REFERENCE_DIR"), os.environ.get("BUN")
    if not place or not bun:
        return None
    place = os.path.abspath(place)
    return Peer(name="reference", layout=pc_layout, door=True,
                start=lambda top: [bun, f"{place}/src/cli.ts", "serve"],
                status=[], programs=[bun])


NO_REFERENCE = ("The reference hub is not measured: REFERENCE_DIR and BUN "
                "name no directory of it.")


def hubs(ours=FRONT):
    ref = reference()
    return [ours] + ([ref] if ref and ref.present() else [])


def role(pid):
    """Which of our processes that is."""
    name = os.path.basename(proc(pid, "cmdline").split("\0")[0])
    parent = proc(pid, "stat").rpartition(") ")[2].split()[1]
    if name == "pc-front" and proc(parent, "comm").strip() == "pc-front":
        return "its dialer"
    return {"pc-serve": "keeper", "pc-logd": "log writer",
            "pc-front": "front worker"}.get(name, name)


def workers(it):
    return [p for p in it.pids() if role(p) == "front worker"]


def wait_door(it):
    """Until it answers over TCP, and has made what it makes at first."""
    eventually(f"{it.peer.name} to open", lambda: healthy(it.port))
    if it.peer.programs == FRONT.programs:
        eventually("operator.token", lambda: token_of(it))


def token_of(it):
    """That of the operator; empty where there is none."""
    with contextlib.suppress(FileNotFoundError), \
            open(f"{it.dir}/home/operator.token", encoding="ascii") as f:
        return f.read().strip()
    return ""


def documents(it):
    """What it serves: (path, token)."""
    token, client, found = token_of(it), Client(it.port), []
    for path, needs in DOCUMENTS:
        status, body = client.answer_to(path, token if needs else "")
        if status == 200:
            found.append((path, token if needs else ""))
        elif it.peer.programs == FRONT.programs:
            raise Failed(f"{path} answers {status}: {body[:200]!r}")
    client.close()
    return found


# --- asking

def healthy(where):
    """Whether GET /health answers 200, on a port or at a path."""
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    with socket.socket(family) as s, contextlib.suppress(OSError):
        s.settimeout(5)
        s.connect(where if isinstance(where, str) else ("127.0.0.1", where))
        s.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                  b"Connection: close\r\n\r\n")
        return s.recv(64).startswith(b"HTTP/1.1 200")
    return False


class Client:
    """One connection, and one request after the other on it."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def answer_to(self, path, token="", body=None):
        """GET, or POST where there is a body: status and body."""
        head = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
                "Host: 127.0.0.1"]
        if token:
            head.append(f"Authorization: Bearer {token}")
        if body is not None:
            head += ["Content-Type: application/json",
                     f"Content-Length: {len(body)}"]
        text = "\r\n".join(head) + "\r\n\r\n" + (body or "")
        self.sock.sendall(text.encode())
        return self.answer()

    def ask(self, path, token="", body=None, want=200):
        status, answer = self.answer_to(path, token, body)
        if status != want:
            raise Failed(f"{path} answers {status}: {answer[:200]!r}")
        return answer

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Failed("the connection was closed before the answer")
        self.rest += got

    def answer(self):
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, _, v in
                  (line.partition(":") for line in lines[1:])}
        length = int(fields["content-length"])
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(lines[0].split()[1]), body

    def close(self):
        self.sock.close()


UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def milliseconds(text):
    number = text.rstrip("mus")
    return float(number) * UNITS[text[len(number):]]


@dataclasses.dataclass
class Load:
    requests: int
    per_second: float
    p99_ms: float


def wrk(kit, port, path, connections, token=""):
    """A second of load from one thread."""
    script = os.path.join(kit.dir, "wrk.lua")
    put(script, f'wrk.headers["Authorization"] = "Bearer {token}"\n'
        if token else "", 0o600)
    r = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", "-d1s", "--latency", "-s", script,
         f"http://127.0.0.1:{port}{path}"], text=True, capture_output=True,
        check=False)
    words = [line.split() for line in r.stdout.splitlines() if line.strip()]
    said = {" ".join(w[:2]) if w[0] == "Socket" else w[0]: w for w in words}
    if r.returncode or "Non-2xx" in said or "Socket errors:" in said:
        raise Failed(f"wrk of {path}: {r.stdout}{r.stderr}")
    requests = next(int(w[0]) for w in words if w[1:3] == ["requests", "in"])
    return Load(requests, float(said["Requests/sec:"][1]),
                milliseconds(said["99%"][1]))


# --- nginx

NGINX = """daemon off;
worker_processes 1;
pid {top}/pid;
error_log {top}/error;
events {{ worker_connections 1024; }}
http {{
	access_log off;
	keepalive_requests 1000000000;
	default_type application/json;
	client_body_temp_path {top}/body;
	proxy_temp_path {top}/proxy;
	fastcgi_temp_path {top}/fastcgi;
	uwsgi_temp_path {top}/uwsgi;
	scgi_temp_path {top}/scgi;
	server {{
		listen 127.0.0.1:{port};
		location / {{ return 200 '{text}'; }}
	}}
}}
"""


@contextlib.contextmanager
def nginx(kit, text):
    """One worker of nginx that answers text: (port, pid)."""
    if not shutil.which("nginx"):
        raise Failed("nginx is not here")
    top = os.path.join(kit.dir, "nginx")
    os.mkdir(top)
    port = kit.ports(1)[0]
    put(f"{top}/conf", NGINX.format(top=top, port=port, text=text))
    with open(f"{top}/out", "wb") as out:
        master = subprocess.Popen(
            ["nginx", "-p", top, "-c", f"{top}/conf", "-e", f"{top}/error"],
            stdout=out, stderr=out)
    try:
        eventually("nginx to answer", lambda: healthy(port))
        yield port, below(master.pid)[0]
    finally:
        master.terminate()
        master.wait()
        reap()
        shutil.rmtree(top)
