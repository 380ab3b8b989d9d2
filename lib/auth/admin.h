/* SPDX-License-Identifier: MIT */
#ifndef AUTH_ADMIN_H
#define AUTH_ADMIN_H

/*
 * What pc-auth has around auth/token: everything of one home that belongs
 * together, with or without a hub that runs there, and how it all stands.
 *
 *	admin_open(&a, home, ADMIN_CHANGE, &e);
 *	admin_bearer(&a, &claims, &e);          may we? by operator.token
 *	token_...(a.store, ...);
 *	admin_tell(&a);                         a hub that runs
 *	admin_close(&a);
 */

#include "auth/token.h"
#include "hub/origin.h"
#include "wire/json.h"

/* Without hub.db the first two have no store, and that is no error. */
enum admin_mode {
	ADMIN_READ,             /* makes and changes nothing */
	ADMIN_CHANGE,           /* migrates it */
	ADMIN_MAKE,             /* makes it */
};

struct admin {
	struct home home;
	char token_path[4096 + sizeof OPERATOR_FILE];
	struct store *store;            /* NULL: there is no hub.db */
	struct auth *auth;              /* NULL then */
	struct arena arena;             /* of all that is handed out */
	struct str stored;              /* the origin in the settings */
	struct origins origins;
	struct str issuer;              /* of what is signed now */
	int64_t now_ms;
};

/* A changing one also brings hub/run/origin up to date. */
int  admin_open(struct admin *, const char *home, enum admin_mode,
		struct err *);
void admin_close(struct admin *);       /* wipes; also after a failed open */

/* operator.token as it is. */
struct admin_operator {
	bool present;
	unsigned mode;                  /* & 077: others may read it */
	enum auth_verdict verdict;      /* as the hub would judge it */
	/* What it says, if it is ours and good but for issuer and audience;
	 * else NULL. Valid until the next check. */
	const struct claims *claims;
};
int admin_operator(struct admin *, struct admin_operator *, struct err *);

/*
 * The same, when it is good for changing tokens: it has parachute:host:auth.
 * The message says what to do otherwise.
 */
int admin_bearer(struct admin *, struct admin_operator *, struct err *);

/* A running hub prepares its front door anew; none is no error. */
void admin_tell(struct admin *);

/*
 * Each row of the register that is wanted, newest first; -1 from fn, with
 * err, ends it. The row is valid during the call.
 */
struct admin_rows {
	bool all;                       /* revoked and expired ones, too */
	struct str subject;             /* STR_NULL: anybody's */
};
typedef int admin_row_fn(void *ctx, const struct store_token *, struct err *);
int admin_each(struct admin *, const struct admin_rows *, admin_row_fn *,
	       void *ctx, struct err *);

/* "live", "expired", "revoked" */
const char *token_row_state(const struct store_token *, int64_t now_ms);

/* How it all stands (admin_show.c): gathered at once, then as JSON or as
 * text for people. */
struct admin_key {
	struct str kid, algorithm;
	int64_t created_ms, retired_ms;
	bool served;
};
struct admin_state {
	struct admin_operator operator;
	struct store_user *users;
	struct admin_key *keys;         /* newest first */
	size_t nusers, nkeys;
	uint64_t live, expired, revoked;        /* rows of the register */
};
int  admin_look(struct admin *, struct admin_state *, struct err *);
/* The members of an object of the caller's. */
void admin_write(struct jsonw *, const struct admin *,
		 const struct admin_state *);
void admin_print(struct buf *, const struct admin *,
		 const struct admin_state *);
void admin_user_write(struct jsonw *, const struct store_user *);

#endif
