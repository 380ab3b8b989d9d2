#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""refhome.py - a home as the reference hub writes it, and its statements.

	refhome.py make HOME [OPTION...]        builds it; facts on stdout
	refhome.py schema HOME N                an empty hub.db of that version
	refhome.py dump HOME                    every value of every table
	refhome.py kept BEFORE AFTER            is every value of a dump still
						there, in another one?
	refhome.py shape HOME N                 has hub.db all of version N?
	refhome.py use HOME                     the statements of the reference,
						while whoever has it open
	refhome.py newer HOME N                 the migrations up to N, as a newer
						reference applies them
	refhome.py sign HOME CLAIMS             a token, by the active key
	refhome.py sql HOME STATEMENT [ARG...]  rows as JSON

Facts are JSON: what a hub that opens the home has to say. Signatures and keys
are made by openssl, the database by Python's own sqlite3.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
from refdb import (dump_db, insert, iso, kept, migrate, now, open_db, shape,
                   transaction)

HOUR, DAY = 3600, 86400

# --- keys and tokens

def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, stdin=b""):
    done = subprocess.run(("openssl",) + args, input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit("refhome.py: openssl %s: %s" % (
            args[0], done.stderr.decode().strip()))
    return done.stdout


class Key:
    def __init__(self, private, public=None):
        self.private = private
        self.public = public or openssl("pkey", "-pubout",
                                        stdin=private.encode()).decode()
        self.kid = b64u(hashlib.sha256(self.public.encode()).digest())

    @classmethod
    def make(cls, form="pkcs8"):
        pem = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt",
                      "rsa_keygen_bits:2048").decode()
        if form == "pkcs1":
            pem = openssl("rsa", "-traditional", stdin=pem.encode()).decode()
            assert "BEGIN RSA PRIVATE KEY" in pem
        return cls(pem)

    def jwk(self):
        text = openssl("pkey", "-pubin", "-noout", "-text",
                       stdin=self.public.encode()).decode()
        digits = re.search(r"Modulus:\s*((?:[0-9a-f]{2}:?\s*)+)", text)
        n = bytes.fromhex(re.sub(r"[:\s]", "", digits.group(1)))
        return {"kty": "RSA", "n": b64u(n.lstrip(b"\0")), "e": "AQAB",
                "kid": self.kid, "alg": "RS256", "use": "sig"}

    def sign(self, claims, **header):
        head = {"alg": "RS256", "kid": self.kid, **header}
        text = ".".join(b64u(json.dumps(part, separators=(",", ":")).encode())
                        for part in (head, claims))
        # The key goes through a pipe: it is on no command line and no disk.
        there, here = os.pipe()
        os.write(here, self.private.encode())
        os.close(here)
        done = subprocess.run(
            ("openssl", "dgst", "-sha256", "-sign", "/dev/fd/%d" % there),
            input=text.encode(), stdout=subprocess.PIPE, check=True,
            pass_fds=(there,))
        os.close(there)
        return text + "." + b64u(done.stdout)


def claims(iss, aud, scope, sub, ttl=HOUR, at=None, **more):
    at = int(at or now())
    return {"scope": scope, "client_id": "parachute-hub", "vault_scope": [],
            **more, "sub": sub, "iss": iss, "iat": at, "exp": at + ttl,
            "aud": aud, "jti": b64u(secrets.token_bytes(16))}


ADMIN = ("hub:admin parachute:host:admin parachute:host:install "
         "parachute:host:start parachute:host:expose parachute:host:auth "
         "parachute:host:vault vault:admin scribe:admin channel:send")
HASH = "$argon2id$v=19$m=19456,t=2,p=1$%s$%s" % (
    "c2FsdHNhbHRzYWx0c2FsdA", "dGhpcyBpcyBubyByZWFsIHRhZywgMzIgYnl0ZXMgaXQ")


# --- a home

class Home:
    def __init__(self, o):
        self.o, self.home, self.tokens = o, o.home, []
        os.makedirs(o.home, exist_ok=True)
        self.db = open_db(o.home)

    def token(self, name, key, status, row=None, **c):
        """A token, and its row when it has one."""
        c = claims(self.o.iss, **c)
        self.tokens.append({"name": name, "jwt": key.sign(c), "jti": c["jti"],
                            "status": status})
        if row is None:
            return
        insert(self.db, "tokens", **{
            "jti": c["jti"], "client_id": "parachute-hub",
            "scopes": c["scope"], "expires_at": iso(c["exp"]),
            "created_at": iso(c["iat"]), "created_via": "cli_mint",
            "user_id": None, "subject": c["sub"], "family_id": None, **row})

    def users(self):
        self.owner, self.ada = str(uuid.uuid4()), str(uuid.uuid4())
        for i, (uid, name) in enumerate(((self.owner, "owner"),
                                         (self.ada, "ada"))):
            insert(self.db, "users", id=uid, username=name,
                   password_hash=HASH, created_at=iso(now() - 90 * DAY + i),
                   updated_at=iso(now() - 9 * DAY), password_changed=1 - i,
                   assigned_vault="default" if i else None,
                   totp_secret=None if i else "JBSWY3DPEHPK3PXP",
                   totp_backup_codes=None if i else json.dumps([HASH]),
                   totp_enrolled_at=None if i else iso(now() - 9 * DAY),
                   email=None if i else "owner@example.org")

    def keys(self):
        """One rotation two days, one an hour ago."""
        self.days, self.hour, self.active = (
            Key.make(self.o.keys) for _ in range(3))
        for key, made, retired in ((self.days, 40 * DAY, 2 * DAY),
                                   (self.hour, 2 * DAY, HOUR),
                                   (self.active, HOUR, None)):
            insert(self.db, "signing_keys", kid=key.kid,
                   public_key_pem=key.public, private_key_pem=key.private,
                   algorithm="RS256", created_at=iso(now() - made),
                   retired_at=iso(now() - retired) if retired else None)

    def registry(self):
        db, host = self.db, "parachute:host:auth"
        self.token("operator", self.active, 200, aud="operator", scope=ADMIN,
                   sub=self.owner, ttl=90 * DAY - HOUR, at=now() - 60,
                   pa_scope_set="admin",
                   row={"created_via": "operator_mint",
                        "subject": "operator"})
        self.token("spa", self.active, 200, aud="hub", sub=self.owner,
                   scope="parachute:host:admin parachute:host:auth", ttl=600)
        self.token("minted", self.active, 200, aud="hub", scope=host,
                   sub="cron", ttl=90 * DAY, row={}, permissions={"a": [1]})
        self.token("an hour old key", self.hour, 200, aud="hub", scope=host,
                   sub="old", ttl=30 * DAY, at=now() - DAY, row={})
        self.token("a key of two days", self.days,
                   200 if self.o.long else 401, aud="hub", scope=host,
                   sub="older", ttl=90 * DAY, at=now() - 10 * DAY,
                   row={} if self.o.long else None)
        self.token("revoked", self.active, 401, aud="hub", scope=host,
                   sub="x", ttl=DAY, row={"revoked_at": iso(now() - 60)})
        self.token("expired", self.active, 401, aud="hub", scope=host,
                   sub="x", ttl=HOUR, at=now() - DAY, row={})
        self.token("a key that is not ours", Key.make(), 401, aud="hub",
                   scope=host, sub="x")
        for i, via in enumerate((
                "oauth_refresh", "operator_mint", "cli_mint",
                "connection_provision", "connection_credential",
                "agent_grant", "surface_token")):
            insert(db, "tokens", jti="live-" + via, user_id=self.owner,
                   client_id=str(uuid.uuid4()), scopes="vault:default:read",
                   refresh_token_hash=hashlib.sha256(via.encode()).hexdigest()
                   if via == "oauth_refresh" else None,
                   family_id=str(uuid.uuid4()), created_via=via, subject=None,
                   permissions='{"scoped_tags":["a","\u00e9"]}' if i else None,
                   created_at=iso(now() - HOUR),
                   expires_at=iso(now() + 20 * DAY))
        with transaction(db):
            for i in range(self.o.revoked):
                self.revoked_row("rev-%05d" % (i * 7919 % 100000), DAY, 30)
            for i in range(self.o.revoked // 10):
                self.revoked_row("over-%05d" % i, 40 * DAY, -1)
        # The access token of a refresh row is dead after 15 minutes.
        self.revoked_row("fresh-refresh", 60, 30, "oauth_refresh")
        self.revoked_row("stale-refresh", 2 * HOUR, 30, "oauth_refresh")

    def revoked_row(self, jti, age, days, via="cli_mint"):
        insert(self.db, "tokens", jti=jti, user_id=self.ada, client_id="c",
               scopes="vault:default:read", family_id="f" + jti,
               created_via=via, created_at=iso(now() - age),
               expires_at=iso(now() + days * DAY), revoked_at=iso(now() - 30))

    def rest(self):
        db, client = self.db, str(uuid.uuid4())
        insert(db, "clients", client_id=client, client_secret_hash=None,
               redirect_uris='["https://claude.example/cb"]',
               scopes="vault:default:read", client_name="A \u201cclient\u201d",
               registered_at=iso(now() - DAY), status="approved", same_hub=1)
        insert(db, "auth_codes", code=b64u(secrets.token_bytes(32)),
               client_id=client, user_id=self.owner,
               redirect_uri="https://claude.example/cb", scopes="vault:read",
               code_challenge="x", code_challenge_method="S256",
               expires_at=iso(now() - HOUR), created_at=iso(now() - HOUR),
               used_at=None)
        insert(db, "grants", user_id=self.owner, client_id=client,
               scopes="vault:default:read", granted_at=iso(now() - DAY))
        for n in range(3):
            insert(db, "sessions", id=b64u(secrets.token_bytes(32)),
                   user_id=self.owner, expires_at=iso(now() + (n - 1) * DAY),
                   created_at=iso(now() - DAY))
        insert(db, "user_vaults", user_id=self.owner, vault_name="work",
               role="read", created_at=iso(now() - DAY))
        insert(db, "invites", token="0" * 64, created_by=self.owner,
               vault_name="work", expires_at=iso(now() + DAY),
               created_at=iso(now()), email="new@example.org")
        insert(db, "vault_caps", vault_name="work", cap_bytes=1 << 40,
               created_at=iso(now()), updated_at=iso(now()))
        for key, value in (("setup_expose_mode", "localhost"),
                           ("setup_vault_name", "default"),
                           ("module_install_channel", "rc"),
                           ("notes_redirect_disabled", "true"),
                           ("admin_lock_idle_seconds", "300"),
                           ("x_unknown", "two\nlines, \u00fc, ' and \"")):
            insert(db, "hub_settings", key=key, value=value,
                   updated_at=iso(now() - DAY))
        if self.o.origin:
            insert(db, "hub_settings", key="hub_origin", value=self.o.origin,
                   updated_at=iso(now() - DAY))

    def strange(self):
        """What no version that we know of has."""
        db = self.db
        db.execute("CREATE TABLE x_later (a, b BLOB, c REAL)")
        db.execute("INSERT INTO x_later VALUES (?, ?, ?)",
                   (None, bytes(range(256)), 0.1))
        db.execute("INSERT INTO x_later VALUES (?, ?, ?)",
                   ("nul\0in it", "text", 2**53 + 1))
        db.execute("CREATE INDEX x_later_a ON x_later(a)")
        for table in ("signing_keys", "users", "tokens"):
            db.execute("ALTER TABLE %s ADD COLUMN x_note TEXT "
                       "DEFAULT 'none'" % table)
        db.execute("UPDATE tokens SET x_note = 'of ' || jti "
                   "WHERE jti LIKE 'live-%'")
        db.execute("UPDATE signing_keys SET x_note = NULL")
        for version in (17, 23):
            db.execute("INSERT INTO schema_version VALUES (?, ?)",
                       (version, iso(now())))

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)

    def files(self):
        self.write("operator.token", self.tokens[0]["jwt"] + "\n",
                   0o644 if self.o.loose else 0o600)
        self.write("services.json", json.dumps({"services": [
            {"name": "parachute-vault", "port": 1940, "x-later": {"a": [1]},
             "paths": ["/vault/default", "/vault/work"],
             "health": "/vault/default/health", "version": "0.7.1",
             "displayName": "Vault", "publicExposure": "loopback"},
            {"name": "gone-without-a-trace", "port": 4,
             "paths": ["/gone"], "health": "/", "version": "1"},
        ], "x-top": True}, indent=2) + "\n")
        self.write("vault/.env", "SCRIBE_URL=http://127.0.0.1:1943\n", 0o600)
        self.write("well-known/hub.html", "<!doctype html><p>old</p>\n")
        if self.o.expose:
            self.write("expose-state.json", json.dumps({
                "version": 1, "layer": "public", "mode": "path",
                "canonicalFqdn": self.o.expose.split("//")[1],
                "hubOrigin": self.o.expose, "port": self.o.port,
                "funnel": True, "entries": []}, indent=2) + "\n")

    def facts(self):
        served = [self.active, self.hour] + [self.days] * self.o.long
        listed = [jti for (jti,) in self.db.execute(
            "SELECT jti FROM tokens WHERE revoked_at IS NOT NULL AND "
            "expires_at > ? AND NOT (created_via = 'oauth_refresh' AND "
            "created_at < ?) ORDER BY jti",
            (iso(now()), iso(now() - 15 * 60)))]
        return {"schema": self.o.schema, "iss": self.o.iss,
                "jwks": [k.jwk() for k in served], "revoked": listed,
                "tokens": self.tokens, "owner": self.owner, "ada": self.ada,
                "operator_jti": self.tokens[0]["jti"]}


def make(o):
    h = Home(o)
    # Rows are there before the migrations that change them.
    migrate(h.db, o.schema)
    h.users()
    h.keys()
    h.registry()
    h.rest()
    if o.strange:
        h.strange()
    h.files()
    if o.loose:
        for name in os.listdir(o.home):
            if name.startswith("hub.db"):
                os.chmod(os.path.join(o.home, name), 0o644)
    print(json.dumps(h.facts()))
    if o.leave_wal:         # as after a crash: the side files stay
        os._exit(0 if sys.stdout.flush() is None else 1)
    h.db.close()


# --- the statements of the reference

ACTIVE = ("SELECT kid, public_key_pem, private_key_pem, algorithm, "
          "created_at, retired_at FROM signing_keys WHERE retired_at IS NULL "
          "ORDER BY created_at DESC LIMIT 1")


def active_key(db):
    row = db.execute(ACTIVE).fetchone()
    if not row:
        sys.exit("refhome.py: there is no active key")
    key = Key(row[2], row[1])
    key.kid = row[0]
    return key


def use(o):
    """Reads and writes as the reference does, one after the other; any
    failure is an exception. Prints what the hub must know of afterwards."""
    db = open_db(o.home)
    t, wrong = iso(now()), []

    def check(what, fine):
        if not fine:
            wrong.append(what)

    key = active_key(db)
    served = db.execute(
        "SELECT kid, public_key_pem, algorithm FROM signing_keys WHERE "
        "retired_at IS NULL OR retired_at >= ? ORDER BY created_at DESC",
        (iso(now() - DAY),)).fetchall()
    check("the active key is the first of the served ones",
          served[0][0] == key.kid)
    db.execute("SELECT jti FROM tokens WHERE revoked_at IS NOT NULL AND "
               "expires_at > ? ORDER BY jti ASC", (t,)).fetchall()
    page = db.execute(
        "SELECT jti, user_id, client_id, scopes, expires_at, revoked_at, "
        "created_at, permissions, created_via, subject FROM tokens WHERE "
        "(created_at < ? OR (created_at = ? AND jti < ?)) ORDER BY "
        "created_at DESC, jti DESC LIMIT 51", (t, t, "~")).fetchall()
    check("a page of tokens", len(page) > 0)

    first = db.execute("SELECT id, username FROM users ORDER BY created_at "
                       "ASC LIMIT 1").fetchone()
    owner = first[0] if first else str(uuid.uuid4())
    if not first:
        db.execute("INSERT INTO users (id, username, password_hash, "
                   "created_at, updated_at, password_changed) VALUES "
                   "(?, ?, ?, ?, ?, 1)", (owner, "owner", HASH, t, t))
    other = str(uuid.uuid4())
    db.execute("INSERT INTO users (id, username, password_hash, created_at, "
               "updated_at, password_changed) VALUES (?, ?, ?, ?, ?, 0)",
               (other, "u" + other[:8], HASH, t, t))
    db.execute("UPDATE users SET password_hash = ?, updated_at = ? WHERE "
               "id = ?", (HASH, t, other))
    db.execute("UPDATE users SET totp_secret = ?, totp_backup_codes = ?, "
               "totp_enrolled_at = ? WHERE id = ?",
               ("JBSWY3DPEHPK3PXP", "[]", t, other))
    db.execute("INSERT INTO user_vaults (user_id, vault_name, role, "
               "created_at) VALUES (?, 'default', 'write', ?)", (other, t))

    session = b64u(secrets.token_bytes(32))
    db.execute("INSERT INTO sessions (id, user_id, expires_at, created_at) "
               "VALUES (?, ?, ?, ?)", (session, owner, iso(now() + DAY), t))
    check("a session", db.execute(
        "SELECT user_id FROM sessions WHERE id = ? AND expires_at > ?",
        (session, t)).fetchone() == (owner,))
    db.execute("DELETE FROM sessions WHERE id = ?", (session,))

    client, code = str(uuid.uuid4()), b64u(secrets.token_bytes(32))
    db.execute("INSERT INTO clients (client_id, client_secret_hash, "
               "redirect_uris, scopes, client_name, registered_at, status, "
               "same_hub) VALUES (?, NULL, '[]', 'vault:read', 'n', ?, "
               "'pending', 0)", (client, t))
    db.execute("UPDATE clients SET status = 'approved' WHERE client_id = ?",
               (client,))
    db.execute("INSERT INTO grants (user_id, client_id, scopes, granted_at) "
               "VALUES (?, ?, 'vault:read', ?) ON CONFLICT (user_id, "
               "client_id) DO UPDATE SET scopes = excluded.scopes",
               (owner, client, t))
    db.execute("INSERT INTO auth_codes (code, client_id, user_id, "
               "redirect_uri, scopes, code_challenge, code_challenge_method, "
               "expires_at, created_at) VALUES (?, ?, ?, 'https://x', "
               "'vault:read', 'c', 'S256', ?, ?)",
               (code, client, owner, iso(now() + 60), t))
    check("a code is used once", [db.execute(
        "UPDATE auth_codes SET used_at = ? WHERE code = ? AND "
        "used_at IS NULL", (t, code)).rowcount for _ in range(2)] == [1, 0])

    # A refresh rotation: the old row goes, its successor comes.
    old, new, family = (b64u(secrets.token_bytes(16)) for _ in range(3))

    def refresh(jti):
        db.execute("INSERT INTO tokens (jti, user_id, client_id, scopes, "
                   "refresh_token_hash, family_id, expires_at, created_at, "
                   "created_via) VALUES (?, ?, ?, 'vault:read', ?, ?, ?, ?, "
                   "'oauth_refresh')", (
                       jti, owner, client,
                       hashlib.sha256(jti.encode()).hexdigest(), family,
                       iso(now() + 30 * DAY), t))
    refresh(old)
    with transaction(db):
        db.execute("UPDATE tokens SET revoked_at = ? WHERE jti = ? AND "
                   "revoked_at IS NULL", (t, old))
        refresh(new)

    # Minted and revoked by the command of the reference.
    made = []
    for revoked in (None, t):
        c = claims(o.iss, "hub", "parachute:host:auth", "of the reference",
                   ttl=DAY)
        db.execute("INSERT INTO tokens (jti, user_id, client_id, scopes, "
                   "expires_at, created_at, permissions, created_via, "
                   "subject) VALUES (?, NULL, 'parachute-hub', ?, ?, ?, NULL,"
                   " 'cli_mint', ?)", (c["jti"], c["scope"], iso(c["exp"]),
                                       t, c["sub"]))
        if revoked:
            db.execute("UPDATE tokens SET revoked_at = ? WHERE jti = ? AND "
                       "revoked_at IS NULL", (revoked, c["jti"]))
        made.append({"jti": c["jti"], "jwt": key.sign(c)})

    for _ in range(2):
        db.execute("INSERT INTO hub_settings (key, value, updated_at) VALUES "
                   "('x_of_reference', 'v', ?) ON CONFLICT (key) DO UPDATE "
                   "SET value = excluded.value, updated_at = "
                   "excluded.updated_at", (t,))

    rotated = Key.make()
    with transaction(db):
        db.execute("UPDATE signing_keys SET retired_at = ? WHERE "
                   "retired_at IS NULL", (t,))
        db.execute("INSERT INTO signing_keys (kid, public_key_pem, "
                   "private_key_pem, algorithm, created_at, retired_at) "
                   "VALUES (?, ?, ?, 'RS256', ?, NULL)", (
                       rotated.kid, rotated.public, rotated.private,
                       iso(now())))
    check("the key after the rotation", active_key(db).kid == rotated.kid)
    for line in wrong:
        print(line, file=sys.stderr)
    print(json.dumps({"good": made[0], "bad": made[1],
                      "revoked": [made[1]["jti"], old],
                      "before": key.kid, "kid": rotated.kid}))
    sys.exit(1 if wrong else 0)


def main():
    p = argparse.ArgumentParser()
    sub = p.add_subparsers(dest="do", required=True)

    s = sub.add_parser("make")
    s.add_argument("home")
    s.add_argument("--schema", type=int, default=11)
    s.add_argument("--keys", choices=("pkcs8", "pkcs1"), default="pkcs8")
    s.add_argument("--iss", default="http://127.0.0.1:1939")
    s.add_argument("--port", type=int, default=1939)
    s.add_argument("--origin", help="the stored hub_origin")
    s.add_argument("--expose", help="hubOrigin of expose-state.json")
    s.add_argument("--revoked", type=int, default=3000)
    s.add_argument("--long", action="store_true",
                   help="a token lives longer than its key's retention")
    s.add_argument("--strange", action="store_true")
    s.add_argument("--loose", action="store_true", help="modes of umask 022")
    s.add_argument("--leave-wal", action="store_true")
    for name, *args in (("schema", "home", "version"), ("dump", "home"),
                        ("kept", "before", "after"),
                        ("shape", "home", "version"), ("use", "home"),
                        ("newer", "home", "version"),
                        ("sign", "home", "claims"), ("sql", "home", "text")):
        s = sub.add_parser(name)
        for a in args:
            s.add_argument(a, type=int if a == "version" else str)
        if name == "use":
            s.add_argument("--iss", required=True)
        if name == "sql":
            # An identifier may begin with a dash.
            s.add_argument("args", nargs=argparse.REMAINDER)
    o = p.parse_args()

    if o.do == "make":
        make(o)
    elif o.do == "kept":
        kept(o)
    elif o.do == "shape":
        shape(o)
    elif o.do == "use":
        use(o)
    elif o.do == "schema":
        os.makedirs(o.home, exist_ok=True)
        db = open_db(o.home)
        # In the oldest ones there is already somebody, to be carried along.
        def settle(version):
            if version == 2:
                insert(db, "users", id="u-1", username="owner",
                       password_hash=HASH, created_at=iso(now() - DAY),
                       updated_at=iso(now() - DAY))
                insert(db, "tokens", jti="t-1", user_id="u-1", client_id="c",
                       scopes="vault:read", expires_at=iso(now() + DAY),
                       created_at=iso(now() - DAY))
            if version == 3:
                insert(db, "clients", client_id="c", redirect_uris="[]",
                       scopes="vault:read", registered_at=iso(now() - DAY))
            if version == 8:
                db.execute("UPDATE users SET assigned_vault = 'default'")
        migrate(db, o.version, settle)
        db.close()
    elif o.do == "dump":
        print(json.dumps(dump_db(open_db(o.home))))
    elif o.do == "newer":
        migrate(open_db(o.home), o.version)
    elif o.do == "sign":
        print(active_key(open_db(o.home)).sign(json.loads(o.claims)))
    else:
        print(json.dumps(open_db(o.home).execute(o.text,
                                                 o.args).fetchall()))


main()
