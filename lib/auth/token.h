/* SPDX-License-Identifier: MIT */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

/*
 * Who may: tokens made, checked, revoked. The one place that decides about a
 * bearer token (auth.md 2 and 3), used by the front door and by pc-auth.
 *
 * Order of a check, the first failure counts: form, alg (RS256, nothing
 * else), kid (one of our keys: active, retired for less than a day, or older
 * than a registered token that still lives), signature, exp (no leeway), nbf,
 * iss (one of the set; an empty set refuses), revocation of the jti, sub,
 * aud. Nothing of the claims is read before the signature is verified. Scopes
 * are the caller's to ask for, with claims_may().
 *
 * A token is meant for us when its audience is "hub" or "operator"; or when
 * the register has it as cli_mint, it carries a parachute:host:* scope and
 * its audience is what token_audience() makes of its scopes (so the reference
 * minted some); or, for a route that says so (vault_admin), "vault.<N>" with
 * the scope vault:<N>:admin and no host scope.
 *
 * A signature that was verified is remembered until exp or a change of keys;
 * whether the jti is revoked is remembered while nobody else has written
 * hub.db, which is asked on use, at most every AUTH_FRESH_MS.
 */

#include "auth/store.h"
#include "wire/json.h"

#define AUTH_FRESH_MS   500
#define AUTH_JWKS_MS    2       /* to sign a token with a new key, before a
				 * module can ask for that, takes longer */
#define AUTH_CACHED_MAX 256             /* verified tokens remembered */
#define TOKEN_MAX       8192            /* bytes of a JWT that is looked at */
#define AUTH_KEYS_MAX   32              /* that still count, newest first */
#define AUTH_KEYS_MS    60000           /* keys are read again after that even
					 * when nobody has written */
#define ISSUERS_MAX     8

enum auth_verdict {
	AUTH_OK,
	AUTH_ABSENT,            /* no token */
	AUTH_MALFORMED,
	AUTH_ALGORITHM,
	AUTH_KEY,               /* kid unknown */
	AUTH_SIGNATURE,
	AUTH_EXPIRED,
	AUTH_EARLY,             /* nbf */
	AUTH_ISSUER,
	AUTH_REVOKED,
	AUTH_SUBJECT,
	AUTH_AUDIENCE,
	AUTH_UNAVAILABLE,       /* no database, no key: 503 */
};
/* "the token has expired": for error_description and pc-auth. */
const char *auth_verdict_text(enum auth_verdict);

struct claims {
	struct str scope, sub, iss, aud, jti, client_id, scope_set;
	struct str vault_scope;         /* JSON text of the array, or empty */
	struct str permissions;         /* JSON text, or empty */
	int64_t iat_s, exp_s;
};

/* Exact membership in the scope claim: admin implies nothing. */
bool claims_may(const struct claims *, const char *scope);

/* The state of a checker: keys in memory, what was verified. */
struct auth;

/* The store is the caller's and must outlive it; NULL: AUTH_UNAVAILABLE. */
struct auth *auth_new(struct store *, struct err *);
void auth_free(struct auth *);          /* NULL is fine; wipes */

/*
 * Checks a compact JWT. issuers: those that count as ours, no trailing slash.
 * The claims are valid until the next call that takes the checker. now_ms is
 * wall clock, and mono_ms monotonic.
 */
struct auth_ask {
	struct str jwt;
	const struct str *issuers;
	size_t nissuers;
	int64_t now_ms, mono_ms;
	bool any_issuer;        /* operator.token alone: no such check */
	bool any_audience;      /* pc-auth looks at tokens of all kinds */
	bool vault_admin;       /* mint and revoke: a vault's own, too */
};
enum auth_verdict auth_check(struct auth *, const struct auth_ask *,
			     const struct claims **out);

/* Forgets what it remembers of a jti that we have just revoked ourselves. */
void auth_forget(struct auth *, struct str jti);

/* {"keys":[...]} as JSON, newest first; ready-made and valid until the next
 * call. An empty list without a store. */
struct str auth_jwks(struct auth *, int64_t now_ms, int64_t mono_ms);

/* A random identifier: 16 bytes, base64url (22 characters and NUL), the first
 * of which is no '-'. */
#define JTI_SIZE 23
int token_jti(char out[JTI_SIZE], struct err *);

/* "vault.<name>", the text before the first colon, or "hub" (auth.md 2.5). */
struct str token_audience(struct str scopes, struct arena *);

/* Scope vocabulary (auth.md 3.2, 4.2) */
const char *scope_set_scopes(struct str set);   /* NULL: no such set */
/* Takes the next off a list with white space between them. */
bool scope_next(struct str *rest, struct str *scope);
/* Neither a host scope (parachute:...) nor hub:admin nor scribe:admin. */
bool scope_is_requestable(struct str scope);
/* vault:<name>:<read|write|admin> */
bool scope_is_vault(struct str scope, struct str *name, struct str *verb);
/* Of three parts or more, the first of them "vault" in any case, and not
 * that. */
bool scope_is_malformed_vault(struct str scope);

struct mint {
	struct str scope, sub, client_id, iss;
	struct str aud;                 /* empty: token_audience() */
	struct str scope_set;           /* empty: none */
	struct str permissions;         /* JSON text of an object; empty */
	struct str vault_scope[16];     /* names; none: unrestricted */
	size_t nvault_scope;
	struct str created_via;         /* of the row; empty: no row */
	struct str user_id;             /* of the row */
	struct str subject;             /* of the row; empty: sub */
	int64_t now_ms, ttl_s;
};
struct minted {
	struct str jwt, jti;            /* in the arena */
	int64_t exp_s;
};
/*
 * Signs with the active key (ERR_NOT_FOUND when there is none), then writes
 * the row. ERR_BUSY: nothing was written; mint again.
 */
int token_mint(struct store *, const struct mint *, struct arena *,
	       struct minted *, struct err *);

/*
 * What a bearer may give away (auth.md 6.3): each scope must be requestable
 * and the bearer have host:auth, or be vault:<N>:admin for host:admin, or
 * vault:<N>:<verb> for vault:<N>:admin. Completes the mint: scope with single
 * spaces, sub (the bearer's own when empty), ttl_s (MINT_TTL_S when 0), aud,
 * vault_scope; what it adds is in the arena. A bearer with neither host scope
 * mints in its own name only, for the audience that follows from the scopes,
 * for at most MINT_TTL_S, and with what its own permissions restrict.
 * Whether there is a vault <N> is the caller's to ask.
 *
 * ERR_DENIED: it may mint nothing at all, or not for that subject (403);
 * ERR_INVALID: names the scope (400 invalid_scope); ERR_USAGE: another
 * parameter (400 invalid_request).
 */
#define MINT_TTL_S      (90 * 86400)
#define MINT_TTL_MAX_S  (365 * 86400)
int token_may_mint(const struct claims *, struct mint *, struct arena *,
		   struct err *);
/* The same for revoking; row from store_token(). */
bool token_may_revoke(const struct claims *, const struct store_token *row);

/* A row of the register as JSON: {"jti","user_id","subject","client_id",
 * "scopes","expires_at","revoked_at","created_at","created_via",
 * "permissions"}. */
void token_row_write(struct jsonw *, const struct store_token *);

/* The active key exists after it: made when there is none, which takes a
 * fifth of a second, or a whole one. */
int token_ensure_key(struct store *, int64_t now_ms, bool *made,
		     struct err *);
/* A new active key; *stranded: registered tokens that the old one signed and
 * that are still alive (it keeps serving them). kid is in the arena. */
int token_rotate_key(struct store *, int64_t now_ms, struct arena *,
		     struct str *kid, int64_t *stranded, struct err *);

/* operator.token (auth.md 3) */

#define OPERATOR_FILE "operator.token"
#define OPERATOR_TTL_S (90 * 86400)
#define OPERATOR_ROTATE_S (7 * 86400)   /* left when it is replaced */

/* Absent or empty: *jwt is STR_NULL. *mode (0 when absent) are its permissions:
 * that others may read it (mode & 077) is the caller's to say. */
int operator_read(const struct home *, struct arena *, struct str *jwt,
		  unsigned *mode, struct err *);

enum operator_outcome {
	OPERATOR_ABSENT,
	OPERATOR_FRESH,                 /* left as it is, byte for byte */
	OPERATOR_MADE,                  /* there was none */
	OPERATOR_ROTATED,               /* the same set and subject, anew */
	OPERATOR_LOOPBACK,              /* not re-issued towards loopback */
	OPERATOR_UNVERIFIABLE,          /* and the verdict says why */
	OPERATOR_NOT_OPERATOR,          /* aud-mismatch */
	OPERATOR_NO_SUBJECT,
	OPERATOR_NO_SET,
};
/* "fresh", "rotated", "issuer-loopback", ... as auth.md 3.5 spells them. */
const char *operator_outcome_text(enum operator_outcome);

struct operator_report {
	enum operator_outcome outcome;
	enum auth_verdict verdict;
	char set[16], sub[128];
	int64_t exp_s;
};
/* Writes a new one: set "" is "admin". sub: the first user's id, "operator"
 * while there is none. MADE, or ROTATED where there was one; that stays good
 * until it expires. */
int operator_issue(const struct home *, struct store *, struct str iss,
		   struct str set, int64_t now_ms, struct operator_report *,
		   struct err *);
/*
 * What follows re-issues one that this hub signed, whatever its issuer, that
 * lives and was made for the operator: the same set and subject, for iss, or
 * still for its own issuer when that is public and iss is not. Only an
 * outcome of MADE or ROTATED has written anything.
 */
/* Made when absent, rotated when near its end (3.4), never from an expired. */
int operator_keep(const struct home *, struct store *, struct str iss,
		  int64_t now_ms, struct operator_report *, struct err *);
/* Rotated now, for a new key; not made. */
int operator_renew(const struct home *, struct store *, struct str iss,
		   int64_t now_ms, struct operator_report *, struct err *);
/* Re-issued for a changed issuer, by the guards of 3.5. */
int operator_heal(const struct home *, struct store *, struct str iss,
		  int64_t now_ms, struct operator_report *, struct err *);

#endif
