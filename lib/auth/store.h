/* SPDX-License-Identifier: MIT */
#ifndef AUTH_STORE_H
#define AUTH_STORE_H

/*
 * hub.db: keys, the register of tokens, users, settings. The schema is the
 * reference's (v11), so that either hub can open what the other wrote; rows,
 * columns and versions that we do not know are left as they are.
 *
 * No struct of SQLite is seen outside of sys/db. Instants are milliseconds
 * since 1970 here and exactly the ISO form of Date.toISOString() on disk,
 * where they are compared as text. Text that is handed out lives in the
 * caller's arena; an absent (NULL) column is STR_NULL, an absent instant 0.
 * Text that is no instant counts as STORE_LONG_AGO: such a token has expired
 * or was revoked, such a key was retired, and all other rows work.
 *
 * A write is one short IMMEDIATE transaction. With busy_ms 0 one that finds
 * another writer is ERR_BUSY, nothing was done, and the caller tries again
 * later; with busy_ms it waits so long first. Other failures: ERR_INVALID
 * (no database, or damaged), ERR_DENIED, ERR_FULL (disk), ERR_FAILED.
 */

#include "base/arena.h"
#include "base/err.h"
#include "hub/home.h"

#define STORE_FILE "hub.db"
#define STORE_VERSION 11        /* of the schema that we create */
#define STORE_LONG_AGO 1        /* ms: shown as 1970 */

struct store;

enum store_mode {
	STORE_READ,             /* what is there; makes and changes nothing */
	STORE_WRITE,            /* an existing, migrated one */
	STORE_MAKE,             /* creates (0600 from the first byte), migrates */
};

/*
 * NULL and err: ERR_NOT_FOUND when it is not there (READ, WRITE). STORE_WRITE
 * of one that lacks migrations is ERR_INVALID, with what to run; STORE_READ
 * shows of it what there is. A volume on which WAL does not work is ERR_FAILED
 * and says so. Opening waits as a write does: with busy_ms 0, ERR_BUSY.
 *
 * Has been read from when it returns: hub.db-wal and hub.db-shm exist, and
 * stay until the last process has closed it. While it is open this process
 * must not open and close one of the three by hand.
 */
struct store *store_open(const struct home *, enum store_mode, int busy_ms,
			 struct err *);
void store_close(struct store *);       /* NULL is fine */
/* How long writes wait from now on. */
void store_wait(struct store *, int busy_ms);

/* A number that changes when another process wrote (PRAGMA data_version);
 * what we write ourselves does not change it. */
int  store_version(struct store *, int64_t *out, struct err *);

/* Whether the path still leads to the file that is open; PARTED: to it, but
 * not to its log (hub.db-wal, hub.db-shm), so what others write is not seen. */
enum store_place { STORE_THERE, STORE_GONE, STORE_REPLACED, STORE_PARTED };
enum store_place store_place(const struct store *);

/* The permission bits of hub.db when it was opened; the reference makes it by
 * umask, and 077 of them are worth a warning. */
unsigned store_bits(const struct store *);

/* Something was read from it now: "ok", or how it fails, in a few words that
 * /health shows ("error: fatal", "error: transient", "error: path-gone",
 * "error: path-replaced": it, or a file beside it). */
const char *store_health(struct store *);

/* Signing keys */

struct store_key {
	struct str kid, public_pem, private_pem, algorithm;
	int64_t created_ms, retired_ms; /* retired_ms 0: active */
};

/* All, newest first. */
int store_keys(struct store *, struct arena *, struct store_key **out,
	       size_t *n, struct err *);
/* The new key becomes the active one, all others are retired now. first: only
 * when there is no active key; *added false when there was one. */
int store_add_key(struct store *, const struct store_key *, bool first,
		  int64_t now_ms, bool *added, struct err *);
/* The register's rows that are unexpired, not revoked, and were made before
 * that instant: how many tokens a key retired then still has to serve. A
 * refresh row counts as long as its access token can live. */
int store_live_before(struct store *, int64_t made_ms, int64_t now_ms,
		      int64_t *n, struct err *);
/* When the oldest of those was made, INT64_MAX when there are none: one look
 * at the register, for any number of keys. */
int store_oldest_live(struct store *, int64_t made_ms, int64_t now_ms,
		      int64_t *oldest_ms, struct err *);

/* The register of tokens */

struct store_token {
	struct str jti, user_id, client_id, scopes, subject, created_via;
	struct str permissions;         /* JSON text */
	int64_t expires_ms, revoked_ms, created_ms;
	struct str created_at;          /* read: the text that orders rows */
};

/* ERR_EXISTS: there is one of that jti. */
int store_token_add(struct store *, const struct store_token *, struct err *);
/* ERR_NOT_FOUND */
int store_token(struct store *, struct str jti, struct arena *,
		struct store_token *, struct err *);
/* Leaves an earlier revocation as it is; *at_ms is the instant that counts. */
int store_token_revoke(struct store *, struct str jti, int64_t now_ms,
		       int64_t *at_ms, struct err *);

struct store_filter {
	int revoked;                    /* -1 all, 0 not, 1 only */
	struct str subject, created_via;        /* STR_NULL: any */
	struct str after_created_at;    /* STR_NULL: from the first on; else */
	struct str after_jti;           /* those behind this one */
	size_t limit;
};
/* Newest first (created_at, then jti, both descending); *more: others follow. */
int store_tokens(struct store *, const struct store_filter *, struct arena *,
		 struct store_token **out, size_t *n, bool *more,
		 struct err *);

/* Revoked and not yet expired, ascending by jti; of refresh rows only while
 * their access token could still live. */
int store_revoked(struct store *, int64_t now_ms, struct arena *,
		  struct str **jtis, size_t *n, struct err *);

/* Users */

struct store_user {
	struct str id, username;
	bool has_password, has_totp, password_changed;
	int64_t created_ms;
};

/* By creation; the first is the administrator. Of a database that has no such
 * table yet there are none. */
int store_users(struct store *, struct arena *, struct store_user **out,
		size_t *n, struct err *);

/* Settings (hub_settings) */

/* An unset one is STR_NULL and no error. */
int store_setting(struct store *, const char *key, struct arena *,
		  struct str *out, struct err *);
/* STR_NULL removes it. */
int store_set(struct store *, const char *key, struct str value,
	      int64_t now_ms, struct err *);

#endif
