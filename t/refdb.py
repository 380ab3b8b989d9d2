# SPDX-License-Identifier: MIT
"""The reference's hub.db: its schema, version by version, and what is in one.

A module of refhome.py."""

import contextlib
import datetime
import json
import os
import re
import sqlite3
import sys
import time

# --- the schema, one step a version

STEPS = {
    1: """
        CREATE TABLE signing_keys (kid TEXT PRIMARY KEY,
            public_key_pem TEXT NOT NULL, private_key_pem TEXT NOT NULL,
            algorithm TEXT NOT NULL, created_at TEXT NOT NULL,
            retired_at TEXT);
        CREATE INDEX signing_keys_active ON signing_keys(retired_at)
            WHERE retired_at IS NULL;""",
    2: """
        CREATE TABLE users (id TEXT PRIMARY KEY,
            username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL,
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
        CREATE TABLE tokens (jti TEXT PRIMARY KEY,
            user_id TEXT NOT NULL REFERENCES users(id),
            client_id TEXT NOT NULL, scopes TEXT NOT NULL,
            refresh_token_hash TEXT, expires_at TEXT NOT NULL,
            revoked_at TEXT, created_at TEXT NOT NULL);
        CREATE INDEX tokens_user ON tokens(user_id);
        CREATE INDEX tokens_active_refresh ON tokens(refresh_token_hash)
            WHERE refresh_token_hash IS NOT NULL AND revoked_at IS NULL;""",
    3: """
        CREATE TABLE clients (client_id TEXT PRIMARY KEY,
            client_secret_hash TEXT, redirect_uris TEXT NOT NULL,
            scopes TEXT NOT NULL, client_name TEXT,
            registered_at TEXT NOT NULL);
        CREATE TABLE auth_codes (code TEXT PRIMARY KEY,
            client_id TEXT NOT NULL REFERENCES clients(client_id),
            user_id TEXT NOT NULL REFERENCES users(id),
            redirect_uri TEXT NOT NULL, scopes TEXT NOT NULL,
            code_challenge TEXT NOT NULL,
            code_challenge_method TEXT NOT NULL, expires_at TEXT NOT NULL,
            created_at TEXT NOT NULL, used_at TEXT);
        CREATE TABLE grants (user_id TEXT NOT NULL REFERENCES users(id),
            client_id TEXT NOT NULL REFERENCES clients(client_id),
            scopes TEXT NOT NULL, granted_at TEXT NOT NULL,
            PRIMARY KEY (user_id, client_id));
        CREATE TABLE sessions (id TEXT PRIMARY KEY,
            user_id TEXT NOT NULL REFERENCES users(id),
            expires_at TEXT NOT NULL, created_at TEXT NOT NULL);
        CREATE INDEX sessions_user ON sessions(user_id);""",
    4: """
        ALTER TABLE clients ADD COLUMN status TEXT NOT NULL
            DEFAULT 'pending';
        UPDATE clients SET status = 'approved';
        CREATE INDEX clients_status ON clients(status);""",
    5: """
        ALTER TABLE tokens ADD COLUMN family_id TEXT;
        UPDATE tokens SET family_id = jti;
        CREATE INDEX tokens_family ON tokens(family_id)
            WHERE family_id IS NOT NULL;""",
    6: """
        CREATE TABLE tokens_v6 (jti TEXT PRIMARY KEY,
            user_id TEXT REFERENCES users(id), client_id TEXT NOT NULL,
            scopes TEXT NOT NULL, refresh_token_hash TEXT, family_id TEXT,
            expires_at TEXT NOT NULL, revoked_at TEXT,
            created_at TEXT NOT NULL, permissions TEXT,
            created_via TEXT NOT NULL DEFAULT 'oauth_refresh',
            subject TEXT);
        INSERT INTO tokens_v6 (jti, user_id, client_id, scopes,
            refresh_token_hash, family_id, expires_at, revoked_at,
            created_at) SELECT jti, user_id, client_id, scopes,
            refresh_token_hash, family_id, expires_at, revoked_at,
            created_at FROM tokens;
        DROP TABLE tokens;
        ALTER TABLE tokens_v6 RENAME TO tokens;
        CREATE INDEX tokens_user ON tokens(user_id)
            WHERE user_id IS NOT NULL;
        CREATE INDEX tokens_active_refresh ON tokens(refresh_token_hash)
            WHERE refresh_token_hash IS NOT NULL AND revoked_at IS NULL;
        CREATE INDEX tokens_family ON tokens(family_id)
            WHERE family_id IS NOT NULL;
        CREATE INDEX tokens_revoked ON tokens(revoked_at)
            WHERE revoked_at IS NOT NULL;
        CREATE INDEX tokens_subject ON tokens(subject)
            WHERE subject IS NOT NULL;""",
    7: """
        CREATE TABLE hub_settings (key TEXT PRIMARY KEY,
            value TEXT NOT NULL, updated_at TEXT NOT NULL);""",
    8: """
        ALTER TABLE users ADD COLUMN password_changed INTEGER NOT NULL
            DEFAULT 0;
        UPDATE users SET password_changed = 1;
        ALTER TABLE users ADD COLUMN assigned_vault TEXT;""",
    9: """
        ALTER TABLE clients ADD COLUMN same_hub INTEGER NOT NULL
            DEFAULT 0;""",
    10: """
        CREATE TABLE user_vaults (user_id TEXT NOT NULL
            REFERENCES users(id) ON DELETE CASCADE,
            vault_name TEXT NOT NULL, role TEXT NOT NULL DEFAULT 'write',
            created_at TEXT NOT NULL, PRIMARY KEY (user_id, vault_name));
        CREATE INDEX user_vaults_vault ON user_vaults(vault_name);
        INSERT INTO user_vaults (user_id, vault_name, role, created_at)
            SELECT id, assigned_vault, 'write', created_at FROM users
            WHERE assigned_vault IS NOT NULL;
        ALTER TABLE users DROP COLUMN assigned_vault;""",
    11: """
        ALTER TABLE users ADD COLUMN totp_secret TEXT;
        ALTER TABLE users ADD COLUMN totp_backup_codes TEXT;
        ALTER TABLE users ADD COLUMN totp_enrolled_at TEXT;""",
    12: """
        CREATE TABLE invites (token TEXT PRIMARY KEY,
            created_by TEXT NOT NULL REFERENCES users(id), vault_name TEXT,
            role TEXT NOT NULL DEFAULT 'write',
            provision_vault INTEGER NOT NULL DEFAULT 0,
            default_mirror TEXT, expires_at TEXT NOT NULL, used_at TEXT,
            redeemed_user_id TEXT, revoked_at TEXT,
            created_at TEXT NOT NULL);
        CREATE INDEX invites_created ON invites(created_at);""",
    13: "ALTER TABLE invites ADD COLUMN username TEXT;",
    14: "ALTER TABLE tokens ADD COLUMN rotated_to TEXT;",
    15: """
        ALTER TABLE invites ADD COLUMN max_uses INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE invites ADD COLUMN used_count INTEGER NOT NULL
            DEFAULT 0;
        ALTER TABLE invites ADD COLUMN email TEXT;
        ALTER TABLE invites ADD COLUMN vault_cap_bytes INTEGER;
        ALTER TABLE users ADD COLUMN email TEXT;
        CREATE TABLE vault_caps (vault_name TEXT PRIMARY KEY,
            cap_bytes INTEGER NOT NULL CHECK (cap_bytes > 0),
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL);""",
    16: "CREATE INDEX tokens_client ON tokens(client_id);",
}


def now():
    return time.time()


def iso(at):
    when = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + \
        "%03dZ" % (when.microsecond // 1000)


def open_db(home):
    db = sqlite3.connect(os.path.join(home, "hub.db"), isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA foreign_keys=ON")
    return db


@contextlib.contextmanager
def transaction(db):
    db.execute("BEGIN")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def statements(script):
    return [s for s in (part.strip() for part in script.split(";")) if s]


def migrate(db, upto, between=lambda version: None):
    """What the reference does at every start. between(version) is called
    after each step that was applied."""
    db.execute("CREATE TABLE IF NOT EXISTS schema_version ("
               "version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)")
    there = {v for (v,) in db.execute("SELECT version FROM schema_version")}
    for version in sorted(STEPS):
        if version in there or version > upto:
            continue
        with transaction(db):
            for statement in statements(STEPS[version]):
                db.execute(statement)
            db.execute("INSERT INTO schema_version (version, applied_at) "
                       "VALUES (?, ?)", (version, iso(now())))
        between(version)


def has(db, table, column=None):
    columns = [row[1] for row in db.execute(
        "SELECT * FROM pragma_table_info(?)", (table,))]
    return column in columns if column else bool(columns)


def insert(db, table, **row):
    """Only what this version of the table has."""
    if not has(db, table):
        return
    row = {k: v for k, v in row.items() if has(db, table, k)}
    db.execute("INSERT INTO %s (%s) VALUES (%s)" % (
        table, ", ".join(row), ", ".join("?" * len(row))), list(row.values()))


# --- what is in a database

def dump_db(db):
    """{table: {"columns": [...], "rows": [[type and bytes, ...], ...]}}"""
    tables = {}
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE "
                              "type = 'table' AND name NOT LIKE 'sqlite_%' "
                              "ORDER BY name").fetchall():
        columns = [r[1] for r in db.execute(
            "SELECT * FROM pragma_table_info(?)", (name,))]
        exact = ", ".join("typeof(\"%s\") || ':' || hex(CAST(\"%s\" AS BLOB))"
                          % (c, c) for c in columns)
        tables[name] = {"columns": columns, "rows": [
            list(r) for r in db.execute("SELECT %s FROM \"%s\"" % (
                exact, name))]}
    return tables


def key_of(table, columns, row):
    """The row's identity: its first column, of pairs both."""
    n = 2 if table in ("grants", "user_vaults") else 1
    return row if table.startswith("x_") else [
        row[columns.index(c)] for c in columns[:n]]


def kept(o):
    before, after = (json.load(open(f)) for f in (o.before, o.after))
    wrong = []
    for table, was in before.items():
        if table not in after:
            wrong.append("table %s is gone" % table)
            continue
        columns = after[table]["columns"]
        # Version 10 moves this one to a table of its own.
        same = [c for c in was["columns"]
                if c in columns or (table, c) != ("users", "assigned_vault")]
        wrong += ["column %s.%s is gone" % (table, c)
                  for c in same if c not in columns]
        same = [c for c in same if c in columns]
        now_there = {json.dumps(key_of(table, was["columns"], [
            r[columns.index(c)] if c in columns else "" for c in
            was["columns"]])): r for r in after[table]["rows"]}
        for row in was["rows"]:
            row = dict(zip(was["columns"], row))
            key = json.dumps(key_of(table, was["columns"], [
                row[c] if c in columns else "" for c in was["columns"]]))
            new = now_there.get(key)
            if new is None:
                wrong.append("%s: row %s is gone" % (table, key))
                continue
            wrong += ["%s: row %s: %s was %s, is %s" % (
                table, key, c, row[c], new[columns.index(c)])
                for c in same if row[c] != new[columns.index(c)]]
    finish(wrong)


def finish(wrong):
    for line in wrong[:40]:
        print(line)
    sys.exit(1 if wrong else 0)


def squeeze(text):
    return re.sub(r"\s+", " ", text or "").strip().strip("()").lower()


def shape_of(db):
    """What decides how the tables behave, in comparable form."""
    facts = {}
    tables = [r[0] for r in db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND "
        "name NOT LIKE 'sqlite_%'")]
    for t in tables:
        for r in db.execute("SELECT name, type, \"notnull\", dflt_value, pk "
                            "FROM pragma_table_info(?)", (t,)):
            facts["%s.%s" % (t, r[0])] = [r[1].upper(), r[2], squeeze(r[3]),
                                          r[4]]
        for r in db.execute("SELECT \"from\", \"table\", \"to\", on_delete "
                            "FROM pragma_foreign_key_list(?)", (t,)):
            facts["%s.%s references" % (t, r[0])] = list(r[1:])
        for name, unique in db.execute(
                "SELECT name, \"unique\" FROM pragma_index_list(?)", (t,)):
            columns = [r[0] for r in db.execute(
                "SELECT name FROM pragma_index_info(?)", (name,))]
            if name.startswith("sqlite_autoindex"):
                facts["%s unique %s" % (t, columns)] = True
                continue
            (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE "
                                "name = ?", (name,)).fetchone()
            where = re.split(r"\bwhere\b", squeeze(sql))
            facts["index " + name] = [t, columns, unique,
                                      squeeze(where[1]) if len(where) > 1
                                      else ""]
    return facts


def shape(o):
    want = sqlite3.connect(":memory:", isolation_level=None)
    migrate(want, o.version)
    db = open_db(o.home)
    is_now, wrong = shape_of(db), []
    for what, fact in shape_of(want).items():
        if what not in is_now:
            wrong.append("%s is missing" % what)
        elif is_now[what] != fact:
            wrong.append("%s is %s, not %s" % (what, is_now[what], fact))
    versions = {r[0] for r in db.execute("SELECT version FROM "
                                         "schema_version")}
    wrong += ["schema_version lacks %d" % v
              for v in range(1, o.version + 1) if v not in versions]
    if has(db, "users", "assigned_vault") and o.version >= 10:
        wrong.append("users.assigned_vault is still there")
    for name in ("integrity_check", "foreign_key_check"):
        wrong += ["%s: %s" % (name, r) for r in
                  db.execute("PRAGMA " + name).fetchall() if r != ("ok",)]
    if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        wrong.append("no WAL")
    finish(wrong + odd_times(db))


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def odd_times(db):
    """Text that SQL compares as an instant has exactly one form."""
    wrong = []
    for t in [r[0] for r in db.execute("SELECT name FROM sqlite_schema "
                                       "WHERE type = 'table'")]:
        for c in [r[1] for r in db.execute(
                "SELECT * FROM pragma_table_info(?)", (t,))]:
            if not c.endswith("_at"):
                continue
            wrong += ["%s.%s is %r" % (t, c, v) for (v,) in db.execute(
                "SELECT %s FROM %s WHERE %s IS NOT NULL" % (c, t, c))
                if not isinstance(v, str) or not INSTANT.match(v)]
    return wrong
