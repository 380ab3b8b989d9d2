/* SPDX-License-Identifier: MIT */
/* The schema of a new hub.db, and what becomes of older and newer ones. */
#include "auth/store.h"

#include "tap.h"
#include "unit/auth/store_rig.h"

/* Table, column, type, NN when not NULL, default, place in the key. */
static const char golden[] =
	"auth_codes.client_id TEXT NN\n"
	"auth_codes.code TEXT 1\n"
	"auth_codes.code_challenge TEXT NN\n"
	"auth_codes.code_challenge_method TEXT NN\n"
	"auth_codes.created_at TEXT NN\n"
	"auth_codes.expires_at TEXT NN\n"
	"auth_codes.redirect_uri TEXT NN\n"
	"auth_codes.scopes TEXT NN\n"
	"auth_codes.used_at TEXT\n"
	"auth_codes.user_id TEXT NN\n"
	"clients.client_id TEXT 1\n"
	"clients.client_name TEXT\n"
	"clients.client_secret_hash TEXT\n"
	"clients.redirect_uris TEXT NN\n"
	"clients.registered_at TEXT NN\n"
	"clients.same_hub INTEGER NN =0\n"
	"clients.scopes TEXT NN\n"
	"clients.status TEXT NN ='pending'\n"
	"grants.client_id TEXT NN 2\n"
	"grants.granted_at TEXT NN\n"
	"grants.scopes TEXT NN\n"
	"grants.user_id TEXT NN 1\n"
	"hub_settings.key TEXT 1\n"
	"hub_settings.updated_at TEXT NN\n"
	"hub_settings.value TEXT NN\n"
	"schema_version.applied_at TEXT NN\n"
	"schema_version.version INTEGER 1\n"
	"sessions.created_at TEXT NN\n"
	"sessions.expires_at TEXT NN\n"
	"sessions.id TEXT 1\n"
	"sessions.user_id TEXT NN\n"
	"signing_keys.algorithm TEXT NN\n"
	"signing_keys.created_at TEXT NN\n"
	"signing_keys.kid TEXT 1\n"
	"signing_keys.private_key_pem TEXT NN\n"
	"signing_keys.public_key_pem TEXT NN\n"
	"signing_keys.retired_at TEXT\n"
	"tokens.client_id TEXT NN\n"
	"tokens.created_at TEXT NN\n"
	"tokens.created_via TEXT NN ='oauth_refresh'\n"
	"tokens.expires_at TEXT NN\n"
	"tokens.family_id TEXT\n"
	"tokens.jti TEXT 1\n"
	"tokens.permissions TEXT\n"
	"tokens.refresh_token_hash TEXT\n"
	"tokens.revoked_at TEXT\n"
	"tokens.scopes TEXT NN\n"
	"tokens.subject TEXT\n"
	"tokens.user_id TEXT\n"
	"user_vaults.created_at TEXT NN\n"
	"user_vaults.role TEXT NN ='write'\n"
	"user_vaults.user_id TEXT NN 1\n"
	"user_vaults.vault_name TEXT NN 2\n"
	"users.created_at TEXT NN\n"
	"users.id TEXT 1\n"
	"users.password_changed INTEGER NN =0\n"
	"users.password_hash TEXT NN\n"
	"users.totp_backup_codes TEXT\n"
	"users.totp_enrolled_at TEXT\n"
	"users.totp_secret TEXT\n"
	"users.updated_at TEXT NN\n"
	"users.username TEXT NN";

static const char columns[] =
	"SELECT group_concat(line, char(10)) FROM (SELECT t.name || '.' ||"
	" c.name || ' ' || c.type || iif(c.\"notnull\", ' NN', '') ||"
	" coalesce(' =' || c.dflt_value, '') || iif(c.pk, ' ' || c.pk, '')"
	" AS line FROM sqlite_schema t, pragma_table_info(t.name) c"
	" WHERE t.type = 'table' ORDER BY t.name, c.name)";

/* Index, its column, and the condition. */
static const char golden_indexes[] =
	"clients_status status\n"
	"sessions_user user_id\n"
	"signing_keys_active retired_at WHERE retired_at IS NULL\n"
	"tokens_active_refresh refresh_token_hash"
		" WHERE refresh_token_hash IS NOT NULL AND revoked_at IS NULL\n"
	"tokens_family family_id WHERE family_id IS NOT NULL\n"
	"tokens_revoked revoked_at WHERE revoked_at IS NOT NULL\n"
	"tokens_subject subject WHERE subject IS NOT NULL\n"
	"tokens_user user_id WHERE user_id IS NOT NULL\n"
	"user_vaults_vault vault_name";

static const char indexes[] =
	"SELECT group_concat(i.name || ' ' || c.name || iif(instr(i.sql,"
	" ' WHERE'), substr(i.sql, instr(i.sql, ' WHERE')), ''), char(10)"
	" ORDER BY i.name)"
	" FROM sqlite_schema i, pragma_index_info(i.name) c"
	" WHERE i.type = 'index' AND i.sql IS NOT NULL";

static const char golden_keys[] =
	"auth_codes.client_id clients.client_id NO ACTION\n"
	"auth_codes.user_id users.id NO ACTION\n"
	"grants.client_id clients.client_id NO ACTION\n"
	"grants.user_id users.id NO ACTION\n"
	"sessions.user_id users.id NO ACTION\n"
	"tokens.user_id users.id NO ACTION\n"
	"user_vaults.user_id users.id CASCADE";

static const char keys[] =
	"SELECT group_concat(t.name || '.' || k.\"from\" || ' ' || k.\"table\""
	" || '.' || k.\"to\" || ' ' || k.on_delete, char(10)"
	" ORDER BY t.name, k.\"from\")"
	" FROM sqlite_schema t, pragma_foreign_key_list(t.name) k"
	" WHERE t.type = 'table'";

static const char versions[] =
	"SELECT group_concat(version, ' ' ORDER BY version)"
	" FROM schema_version";

#define ALL "1 2 3 4 5 6 7 8 9 10 11"

static bool is_current(void)
{
	return rig_is(columns, golden) && rig_is(indexes, golden_indexes) &&
	       rig_is(keys, golden_keys);
}

static void make(void)
{
	store_close(rig_open(STORE_MAKE, 5000));
}

/* A database as a hub of that version left it, a row in every table. */
static void write_tables(char *sql, size_t size, int v)
{
	snprintf(sql, size,
		"CREATE TABLE schema_version (version INTEGER PRIMARY KEY,"
		" applied_at TEXT NOT NULL);"
		"CREATE TABLE signing_keys (kid TEXT PRIMARY KEY,"
		" public_key_pem TEXT NOT NULL, private_key_pem TEXT NOT NULL,"
		" algorithm TEXT NOT NULL, created_at TEXT NOT NULL,"
		" retired_at TEXT);"
		"CREATE INDEX signing_keys_active ON signing_keys(retired_at)"
		" WHERE retired_at IS NULL;"
		"INSERT INTO signing_keys VALUES ('k1', 'pub', 'priv', 'RS256',"
		" '2026-01-02T03:04:05.678Z', NULL);"
		"%s%s%s%s%s%s%s%s%s%s%s%s",
		v < 2 ? "" : "CREATE TABLE users (id TEXT PRIMARY KEY,"
		" username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL,"
		" created_at TEXT NOT NULL, updated_at TEXT NOT NULL",
		v < 8 ? "" : ", password_changed INTEGER NOT NULL DEFAULT 0",
		v == 8 || v == 9 ? ", assigned_vault TEXT" : "",
		v < 11 ? "" : ", totp_secret TEXT, totp_backup_codes TEXT,"
		" totp_enrolled_at TEXT",
		v < 2 ? "" : ");"
		"CREATE TABLE tokens (jti TEXT PRIMARY KEY, user_id TEXT",
		v < 2 || v > 5 ? "" : " NOT NULL",
		v < 2 ? "" : " REFERENCES users(id),"
		" client_id TEXT NOT NULL, scopes TEXT NOT NULL,"
		" refresh_token_hash TEXT, expires_at TEXT NOT NULL,"
		" revoked_at TEXT, created_at TEXT NOT NULL",
		v < 5 ? "" : ", family_id TEXT",
		v < 6 ? "" : ", permissions TEXT, created_via TEXT NOT NULL"
		" DEFAULT 'oauth_refresh', subject TEXT",
		v < 2 ? "" : ");"
		"CREATE INDEX tokens_user ON tokens(user_id);"
		"CREATE INDEX tokens_active_refresh ON"
		" tokens(refresh_token_hash);"
		"INSERT INTO users (id, username, password_hash, created_at,"
		" updated_at) VALUES ('u1', 'owner', '$argon2id$x',"
		" '2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z');"
		"INSERT INTO tokens (jti, user_id, client_id, scopes,"
		" expires_at, created_at, revoked_at) VALUES ('j1', 'u1', 'c1',"
		" 'vault:read', '2126-01-02T03:04:05.678Z',"
		" '2026-01-02T03:04:05.678Z', NULL);",
		v != 5 ? "" : "CREATE INDEX tokens_family ON tokens(family_id);"
		"UPDATE tokens SET family_id = 'f1';",
		v < 6 ? "" : "DROP INDEX tokens_user;"
		"DROP INDEX tokens_active_refresh;"
		"CREATE INDEX tokens_user ON tokens (user_id)"
		" WHERE user_id IS NOT NULL;"
		"CREATE INDEX tokens_active_refresh ON"
		" tokens (refresh_token_hash) WHERE refresh_token_hash IS NOT"
		" NULL AND revoked_at IS NULL;"
		"CREATE INDEX tokens_family ON tokens (family_id)"
		" WHERE family_id IS NOT NULL;"
		"CREATE INDEX tokens_revoked ON tokens (revoked_at)"
		" WHERE revoked_at IS NOT NULL;"
		"CREATE INDEX tokens_subject ON tokens (subject)"
		" WHERE subject IS NOT NULL;"
		"UPDATE tokens SET family_id = 'f1';");
}

static void write_more(char *sql, size_t size, int v)
{
	snprintf(sql, size, "%s%s%s%s%s%s%s%s",
		v < 3 ? "" : "CREATE TABLE clients (client_id TEXT PRIMARY KEY,"
		" client_secret_hash TEXT, redirect_uris TEXT NOT NULL,"
		" scopes TEXT NOT NULL, client_name TEXT,"
		" registered_at TEXT NOT NULL",
		v < 4 ? "" : ", status TEXT NOT NULL DEFAULT 'pending'",
		v < 9 ? "" : ", same_hub INTEGER NOT NULL DEFAULT 0",
		v < 3 ? "" : ");"
		"CREATE TABLE auth_codes (code TEXT PRIMARY KEY, client_id TEXT"
		" NOT NULL REFERENCES clients(client_id), user_id TEXT NOT NULL"
		" REFERENCES users(id), redirect_uri TEXT NOT NULL, scopes TEXT"
		" NOT NULL, code_challenge TEXT NOT NULL, code_challenge_method"
		" TEXT NOT NULL, expires_at TEXT NOT NULL, created_at TEXT NOT"
		" NULL, used_at TEXT);"
		"CREATE TABLE grants (user_id TEXT NOT NULL REFERENCES"
		" users(id), client_id TEXT NOT NULL REFERENCES"
		" clients(client_id), scopes TEXT NOT NULL, granted_at TEXT NOT"
		" NULL, PRIMARY KEY (user_id, client_id));"
		"CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT NOT"
		" NULL REFERENCES users(id), expires_at TEXT NOT NULL,"
		" created_at TEXT NOT NULL);"
		"CREATE INDEX sessions_user ON sessions(user_id);"
		"INSERT INTO clients (client_id, redirect_uris, scopes,"
		" registered_at) VALUES ('c1', '[]', 'vault:read',"
		" '2026-01-02T03:04:05.678Z');"
		"INSERT INTO grants VALUES ('u1', 'c1', 'vault:read',"
		" '2026-01-02T03:04:05.678Z');"
		"INSERT INTO sessions VALUES ('s1', 'u1',"
		" '2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z');",
		v < 4 ? "" :
		"CREATE INDEX clients_status ON clients(status);",
		v < 7 ? "" : "CREATE TABLE hub_settings (key TEXT PRIMARY KEY,"
		" value TEXT NOT NULL, updated_at TEXT NOT NULL);"
		"INSERT INTO hub_settings VALUES ('their_own', 'kept',"
		" '2026-01-02T03:04:05.678Z');",
		v == 8 || v == 9 ?
		"UPDATE users SET assigned_vault = 'work';"
		"INSERT INTO users (id, username, password_hash, created_at,"
		" updated_at) VALUES ('u2', 'guest', '',"
		" '2026-02-02T03:04:05.678Z', '2026-02-02T03:04:05.678Z');" : "",
		v < 10 ? "" : "CREATE TABLE user_vaults (user_id TEXT NOT NULL"
		" REFERENCES users(id) ON DELETE CASCADE, vault_name TEXT NOT"
		" NULL, role TEXT NOT NULL DEFAULT 'write', created_at TEXT NOT"
		" NULL, PRIMARY KEY (user_id, vault_name));"
		"CREATE INDEX user_vaults_vault ON user_vaults(vault_name);");
}

static void write_home(int v)
{
	static char sql[16384];

	rig_clean();
	write_tables(sql, sizeof sql, v);
	rig_sql(sql);
	write_more(sql, sizeof sql, v);
	rig_sql(sql);
	snprintf(sql, sizeof sql, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
		 " SELECT i + 1 FROM n WHERE i < %d) INSERT INTO schema_version"
		 " SELECT i, '2026-01-02T03:04:05.678Z' FROM n", v);
	rig_sql(sql);
}

static void test_new(void)
{
	make();
	ok(is_current(), "a new one has the schema of today");
	ok(rig_is(versions, ALL), "and says so");
	ok(rig_is("SELECT count(*) FROM schema_version WHERE applied_at GLOB"
		  " '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
		  "[0-6][0-9].[0-9][0-9][0-9]Z'", "11"), "since when, in ISO");
	rig_clean();
}

/* What each step does to the rows that are there. */
static bool data_is_right(int v)
{
	return rig_is("SELECT kid FROM signing_keys", "k1") &&
		(v < 2 || (rig_is("SELECT coalesce(user_id, '?') || created_via"
				  " || coalesce(subject, '-') FROM tokens"
				  " WHERE jti = 'j1'", "u1oauth_refresh-") &&
			   rig_is("SELECT family_id FROM tokens",
				  v < 5 ? "j1" : "f1") &&
			   rig_is("SELECT password_changed FROM users"
				  " WHERE id = 'u1'", v < 8 ? "1" : "0"))) &&
		(v < 3 || (rig_is("SELECT status || same_hub FROM clients",
				  v < 4 ? "approved0" : "pending0") &&
			   rig_is("SELECT count(*) FROM grants JOIN sessions"
				  " USING (user_id)", "1"))) &&
		rig_is("SELECT count(*) FROM hub_settings",
		       v < 7 ? "0" : "1") &&
		rig_is("SELECT group_concat(user_id || vault_name || role ||"
		       " created_at) FROM user_vaults", v == 8 || v == 9
		       ? "u1workwrite2026-01-02T03:04:05.678Z" : "-");
}

/* Not migrated: shown, as far as it goes, and left alone. */
static bool readable(int v)
{
	struct store *s = rig_open(STORE_READ, 5000);
	struct store_filter f = { .revoked = -1, .limit = 5 };
	struct store_token *tokens, token;
	struct store_user *users;
	struct store_key *k;
	size_t nkeys = 0, nusers = 0, ntokens = 0, n = 1;
	struct err e = { 0 };
	struct str *jtis, value;
	int64_t live = -1;
	bool more, good;

	good = !store_keys(s, &arena, &k, &nkeys, &e) && nkeys == (v > 0) &&
		!store_users(s, &arena, &users, &nusers, &e) &&
		nusers == (v < 2 ? 0 : v == 8 || v == 9 ? 2 : 1) &&
		!store_tokens(s, &f, &arena, &tokens, &ntokens, &more, &e) &&
		ntokens == (v >= 2) &&
		store_token(s, STR("j1"), &arena, &token, &e) ==
			(v < 2 ? -1 : 0) &&
		!store_revoked(s, 0, &arena, &jtis, &n, &e) && n == 0 &&
		!store_live_before(s, INT64_C(1800000000000),
				   INT64_C(1800000000000), &live, &e) &&
		live == 0 &&
		!store_setting(s, "their_own", &arena, &value, &e) &&
		(v < 7 ? !value.p : str_is(value, "kept"));
	if (good && v >= 2)
		good = str_is(tokens[0].created_via, "oauth_refresh") &&
			!tokens[0].permissions.p && !tokens[0].subject.p &&
			str_is(token.user_id, "u1") &&
			users[0].has_password && !users[0].has_totp &&
			users[0].password_changed == (v < 8);
	if (!good)
		tap_diag("%s", e.msg);
	store_close(s);
	return good;
}

static void test_old(int v)
{
	struct err e = { 0 };
	char had[64] = "-";

	write_home(v);
	snprintf(had, sizeof had, "%.*s", STR_ARG(rig_ask(versions)));
	ok(readable(v), "version %d: can be looked at", v);
	ok(v == STORE_VERSION ||
	   (!store_open(&home, STORE_WRITE, 5000, &e) &&
	    e.code == ERR_INVALID && strstr(e.msg, "pc-front --prepare")),
	   "version %d: not written to", v);
	ok(rig_is(versions, had), "version %d: left as it was", v);
	make();
	ok(is_current() && rig_is(versions, ALL), "version %d: brought here",
	   v);
	ok(data_is_right(v), "version %d: what was in it", v);
	ok(rig_intact(), "version %d: intact", v);
	make();
	ok(rig_is(versions, ALL) && data_is_right(v),
	   "version %d: once more changes nothing", v);
}

/* A hub of tomorrow has been here: columns, tables and versions of its own. */
static void test_newer(void)
{
	const struct store_token t = {
		.jti = STR("j2"), .client_id = STR("pc"),
		.created_via = STR("cli_mint"), .expires_ms = 1, .created_ms = 1,
	};
	struct err e = { 0 };
	struct store *s;

	write_home(11);
	rig_sql("CREATE TABLE invites (token TEXT PRIMARY KEY);"
		"ALTER TABLE tokens ADD COLUMN rotated_to TEXT;"
		"ALTER TABLE users ADD COLUMN email TEXT;"
		"ALTER TABLE signing_keys ADD COLUMN note TEXT DEFAULT 'x';"
		"CREATE INDEX tokens_client ON tokens (client_id);"
		"UPDATE tokens SET rotated_to = 'j9';"
		"INSERT INTO schema_version VALUES (12, '-'), (13, '-'),"
		" (14, '-'), (15, '-'), (16, '-'), (99, '-')");
	s = rig_open(STORE_MAKE, 5000);
	ok(store_token_add(s, &t, &e) == 0 &&
	   store_set(s, "k", STR("v"), 1, &e) == 0, "written to %s", e.msg);
	store_close(s);
	ok(rig_is("SELECT count(*) FROM tokens", "2") &&
	   rig_is("SELECT value FROM hub_settings WHERE key = 'k'", "v"),
	   "and there it is");
	ok(rig_is(versions, ALL " 12 13 14 15 16 99") &&
	   rig_is("SELECT rotated_to FROM tokens WHERE jti = 'j1'", "j9") &&
	   rig_is("SELECT count(*) FROM invites", "0"),
	   "what we do not know is left alone");
}

/* One in the middle is missing: only that is run. */
static void test_gap(void)
{
	struct err e = { 0 };

	write_home(11);
	rig_sql("DROP TABLE hub_settings;"
		"DELETE FROM schema_version WHERE version = 7");
	make();
	ok(is_current() && rig_is(versions, ALL), "a gap is filled");

	write_home(9);
	rig_sql("DELETE FROM schema_version WHERE version = 4");
	ok(!store_open(&home, STORE_MAKE, 5000, &e) &&
	   e.code == ERR_INVALID && strstr(e.msg, "migration 4: ") &&
	   strstr(e.msg, "restore a copy"), "tables that say otherwise: %s",
	   e.msg);
	ok(rig_is(versions, "1 2 3 5 6 7 8 9") &&
	   rig_is("SELECT assigned_vault FROM users WHERE id = 'u1'", "work"),
	   "and of the steps none was made");
}

int main(void)
{
	rig_start();
	test_new();
	for (int v = 1; v <= STORE_VERSION; v++)
		test_old(v);
	test_newer();
	test_gap();
	rig_clean();
	return rig_end();
}
