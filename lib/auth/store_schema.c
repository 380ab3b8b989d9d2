/* SPDX-License-Identifier: MIT */
#include "auth/store_db.h"

#include "base/fmt.h"

/*
 * The steps to the schema of today, each recorded in schema_version. One that
 * was released is never changed. Those of a newer hub have higher numbers and
 * only add, so what is not in this list is none of our business.
 */

static const char *const steps[STORE_VERSION + 1] = {
[1] =
	"CREATE TABLE signing_keys ("
	" kid TEXT PRIMARY KEY,"
	" public_key_pem TEXT NOT NULL,"
	" private_key_pem TEXT NOT NULL,"
	" algorithm TEXT NOT NULL,"
	" created_at TEXT NOT NULL,"
	" retired_at TEXT);"
	"CREATE INDEX signing_keys_active ON signing_keys (retired_at)"
	" WHERE retired_at IS NULL;",

[2] =
	"CREATE TABLE users ("
	" id TEXT PRIMARY KEY,"
	" username TEXT UNIQUE NOT NULL,"
	" password_hash TEXT NOT NULL,"
	" created_at TEXT NOT NULL,"
	" updated_at TEXT NOT NULL);"
	"CREATE TABLE tokens ("
	" jti TEXT PRIMARY KEY,"
	" user_id TEXT NOT NULL REFERENCES users (id),"
	" client_id TEXT NOT NULL,"
	" scopes TEXT NOT NULL,"
	" refresh_token_hash TEXT,"
	" expires_at TEXT NOT NULL,"
	" revoked_at TEXT,"
	" created_at TEXT NOT NULL);",

[3] =
	"CREATE TABLE clients ("
	" client_id TEXT PRIMARY KEY,"
	" client_secret_hash TEXT,"
	" redirect_uris TEXT NOT NULL,"
	" scopes TEXT NOT NULL,"
	" client_name TEXT,"
	" registered_at TEXT NOT NULL);"
	"CREATE TABLE auth_codes ("
	" code TEXT PRIMARY KEY,"
	" client_id TEXT NOT NULL REFERENCES clients (client_id),"
	" user_id TEXT NOT NULL REFERENCES users (id),"
	" redirect_uri TEXT NOT NULL,"
	" scopes TEXT NOT NULL,"
	" code_challenge TEXT NOT NULL,"
	" code_challenge_method TEXT NOT NULL,"
	" expires_at TEXT NOT NULL,"
	" created_at TEXT NOT NULL,"
	" used_at TEXT);"
	"CREATE TABLE grants ("
	" user_id TEXT NOT NULL REFERENCES users (id),"
	" client_id TEXT NOT NULL REFERENCES clients (client_id),"
	" scopes TEXT NOT NULL,"
	" granted_at TEXT NOT NULL,"
	" PRIMARY KEY (user_id, client_id));"
	"CREATE TABLE sessions ("
	" id TEXT PRIMARY KEY,"
	" user_id TEXT NOT NULL REFERENCES users (id),"
	" expires_at TEXT NOT NULL,"
	" created_at TEXT NOT NULL);"
	"CREATE INDEX sessions_user ON sessions (user_id);",

/* Who was registered before there was an approval had been let in. */
[4] =
	"ALTER TABLE clients ADD COLUMN"
	" status TEXT NOT NULL DEFAULT 'pending';"
	"UPDATE clients SET status = 'approved';"
	"CREATE INDEX clients_status ON clients (status);",

[5] =
	"ALTER TABLE tokens ADD COLUMN family_id TEXT;"
	"UPDATE tokens SET family_id = jti;",

/* user_id may be NULL from here on, and no ALTER does that. The indexes went
 * with the old table. */
[6] =
	"CREATE TABLE tokens_new ("
	" jti TEXT PRIMARY KEY,"
	" user_id TEXT REFERENCES users (id),"
	" client_id TEXT NOT NULL,"
	" scopes TEXT NOT NULL,"
	" refresh_token_hash TEXT,"
	" family_id TEXT,"
	" expires_at TEXT NOT NULL,"
	" revoked_at TEXT,"
	" created_at TEXT NOT NULL,"
	" permissions TEXT,"
	" created_via TEXT NOT NULL DEFAULT 'oauth_refresh',"
	" subject TEXT);"
	"INSERT INTO tokens_new (jti, user_id, client_id, scopes,"
	" refresh_token_hash, family_id, expires_at, revoked_at, created_at)"
	" SELECT jti, user_id, client_id, scopes, refresh_token_hash,"
	" family_id, expires_at, revoked_at, created_at FROM tokens;"
	"DROP TABLE tokens;"
	"ALTER TABLE tokens_new RENAME TO tokens;"
	"CREATE INDEX tokens_user ON tokens (user_id)"
	" WHERE user_id IS NOT NULL;"
	"CREATE INDEX tokens_active_refresh ON tokens (refresh_token_hash)"
	" WHERE refresh_token_hash IS NOT NULL AND revoked_at IS NULL;"
	"CREATE INDEX tokens_family ON tokens (family_id)"
	" WHERE family_id IS NOT NULL;"
	"CREATE INDEX tokens_revoked ON tokens (revoked_at)"
	" WHERE revoked_at IS NOT NULL;"
	"CREATE INDEX tokens_subject ON tokens (subject)"
	" WHERE subject IS NOT NULL;",

[7] =
	"CREATE TABLE hub_settings ("
	" key TEXT PRIMARY KEY,"
	" value TEXT NOT NULL,"
	" updated_at TEXT NOT NULL);",

/* Who was there before there were first passwords has chosen one. */
[8] =
	"ALTER TABLE users ADD COLUMN"
	" password_changed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE users ADD COLUMN assigned_vault TEXT;"
	"UPDATE users SET password_changed = 1;",

[9] =
	"ALTER TABLE clients ADD COLUMN same_hub INTEGER NOT NULL DEFAULT 0;",

[10] =
	"CREATE TABLE user_vaults ("
	" user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" vault_name TEXT NOT NULL,"
	" role TEXT NOT NULL DEFAULT 'write',"
	" created_at TEXT NOT NULL,"
	" PRIMARY KEY (user_id, vault_name));"
	"CREATE INDEX user_vaults_vault ON user_vaults (vault_name);"
	"INSERT INTO user_vaults (user_id, vault_name, created_at)"
	" SELECT id, assigned_vault, created_at FROM users"
	" WHERE assigned_vault IS NOT NULL;"
	"ALTER TABLE users DROP COLUMN assigned_vault;",

[11] =
	"ALTER TABLE users ADD COLUMN totp_secret TEXT;"
	"ALTER TABLE users ADD COLUMN totp_backup_codes TEXT;"
	"ALTER TABLE users ADD COLUMN totp_enrolled_at TEXT;",
};

bool schema_complete(uint32_t have)
{
	for (int v = 1; v <= STORE_VERSION; v++)
		if (!STORE_HAS(have, v))
			return false;
	return true;
}

int schema_read(struct db *db, uint32_t *have, struct err *e)
{
	struct db_query q;
	int got;

	*have = 0;
	db_ask(&q, db, "SELECT 1 FROM sqlite_schema"
	       " WHERE type = 'table' AND name = 'schema_version'");
	got = db_row(&q, e);
	db_done(&q);
	if (got <= 0)
		return got;
	db_ask(&q, db, "SELECT version FROM schema_version");
	while ((got = db_row(&q, e)) > 0) {
		int64_t v = db_int(&q, 0);

		if (v >= 1 && v <= STORE_VERSION)
			*have |= (uint32_t)1 << v;
	}
	db_done(&q);
	return got;
}

static int record(struct db *db, int version, struct str now, struct err *e)
{
	struct db_query q;

	db_ask(&q, db, "INSERT INTO schema_version (version, applied_at)"
	       " VALUES (?1, ?2)");
	db_bind_int(&q, 1, version);
	db_bind_text(&q, 2, now);
	return db_do(&q, e);
}

/* Tables or columns that a step wants to make are there, or the other way
 * round: what is recorded is not what is. */
static int explain(int version, struct err *e)
{
	if (!e)
		return -1;
	err_wrap(e, "migration %d", version);
	if (e->code == ERR_FAILED) {
		e->code = ERR_INVALID;
		err_add(e, "; schema_version and the tables disagree: move it "
			"away with its -wal and -shm, and restore a copy");
	}
	return -1;
}

/* Who came first may have done it all while we waited for the lock. */
static int run(struct db *db, int64_t now_ms, struct err *e)
{
	char now[DATE_ISO_SIZE];
	struct str iso = store_iso(now, now_ms);
	uint32_t have;

	if (db_run(db, "CREATE TABLE IF NOT EXISTS schema_version ("
		   " version INTEGER PRIMARY KEY,"
		   " applied_at TEXT NOT NULL)", e) < 0 ||
	    schema_read(db, &have, e) < 0)
		return -1;
	for (int v = 1; v <= STORE_VERSION; v++) {
		if (STORE_HAS(have, v))
			continue;
		if (db_run(db, steps[v], e) < 0 || record(db, v, iso, e) < 0)
			return explain(v, e);
	}
	return 0;
}

int schema_migrate(struct db *db, int64_t now_ms, struct err *e)
{
	if (db_begin(db, e) < 0)
		return -1;
	return db_finish(db, run(db, now_ms, e), e);
}
