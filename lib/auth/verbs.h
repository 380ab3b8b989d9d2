/* SPDX-License-Identifier: MIT */
#ifndef AUTH_VERBS_H
#define AUTH_VERBS_H

/*
 * What pc-auth can be told to do. What a verb says is on stdout, text or one
 * JSON object, and nothing else is; notices are on stderr. The result is the
 * exit status, or -1 with err.
 */

#include "auth/admin.h"

struct auth_args {
	bool json;
	struct str jti;                 /* revoke-token */
	struct str scope, aud, sub, permissions;        /* mint-token; empty:
					 * not given. sub: list-tokens, too */
	int64_t ttl_s;                  /* 0: as usual */
	struct str scope_set;           /* rotate-operator; empty: admin */
	struct str origin;              /* heal; no slash at its end */
	bool all;                       /* list-tokens */
};

typedef int auth_verb_fn(struct admin *, const struct auth_args *,
			 struct err *);

/* verbs_token.c */
auth_verb_fn verb_mint_token, verb_revoke_token, verb_rotate_operator,
	verb_heal, verb_rotate_key;
/* verbs_list.c */
auth_verb_fn verb_show, verb_list_tokens, verb_list_users;

/* Output of these alone (verbs_out.c): a title and its fields, which are the
 * members of one object in JSON. */
struct answer_out {
	bool json;
	struct buf text;
	struct jsonw w;
};
void out_begin(struct answer_out *, const struct auth_args *,
	       const char *title);
void out_field(struct answer_out *, const char *name, struct str);
void out_time(struct answer_out *, const char *name, int64_t unix_ms);
/* A last line, for people; or NULL. Prints it all. */
int  out_end(struct answer_out *, int status, const char *note);

#endif
