#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gate.py SOCKET TOKENS LOG ADDRESS PORT - hub.sock over TCP, for who may.

TOKENS is JSON, {"TOKEN": "SCOPE SCOPE ..."}, read anew for each request. LOG
gets a line for each: METHOD TARGET HOST, and the token's first five letters or
"-". What is let through is answered by the hub behind SOCKET, byte for byte,
for as long as it has something to say. Prints a line once it listens.
"""

import http.server
import json
import os
import socket
import sys

directory, sock = os.path.split(os.path.abspath(sys.argv[1]))
tokens_file, log_file = map(os.path.abspath, sys.argv[2:4])
os.chdir(directory)  # the path of a socket is short


def wanted(method, path):
    """Any of these scopes will do; none: it is open."""
    if path in ("/health", "/api/ready"):
        return []
    if method == "POST":
        return ["parachute:host:admin", "parachute:host:start"]
    if path.endswith("/logs") or path == "/api/hub":
        return ["parachute:host:admin"]
    return ["parachute:host:auth"]


class Gate(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def refuse(self, status, code, text):
        body = json.dumps({"error": code, "error_description": text}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def may(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        with open(log_file, "a", encoding="ascii") as log:
            log.write("%s %s %s %s\n" % (self.command, self.path,
                                         self.headers["Host"],
                                         token[:5] or "-"))
        scopes = wanted(self.command, self.path.partition("?")[0])
        if not scopes:
            return True
        with open(tokens_file, encoding="ascii") as known:
            has = json.load(known).get(token)
        if scheme != "Bearer" or has is None:
            self.refuse(401, "unauthenticated", "no token of this hub")
        elif not set(scopes) & set(has.split()):
            self.refuse(403, "insufficient_scope",
                        "it needs " + " or ".join(scopes))
        else:
            return True
        return False

    def pass_on(self):
        if not self.may():
            return
        with socket.socket(socket.AF_UNIX) as hub:
            hub.connect(sock)
            head = "%s %s HTTP/1.1\r\nHost: hub\r\n" % (self.command,
                                                       self.path)
            for name in "Accept", "Last-Event-ID", "Content-Length":
                if name in self.headers:
                    head += "%s: %s\r\n" % (name, self.headers[name])
            hub.sendall((head + "Connection: close\r\n\r\n").encode())
            while data := hub.recv(65536):
                self.connection.sendall(data)

    do_GET = do_POST = pass_on


class Server(http.server.ThreadingHTTPServer):
    address_family = (socket.AF_INET6 if ":" in sys.argv[4]
                      else socket.AF_INET)


server = Server((sys.argv[4], int(sys.argv[5])), Gate)
print("listening", flush=True)
server.serve_forever()
