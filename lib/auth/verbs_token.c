/* SPDX-License-Identifier: MIT */
#include "auth/verbs.h"

#include "base/fmt.h"
#include "sys/cli.h"
#include "wire/date.h"

#define CLIENT_ID "parachute-hub"
#define MADE_BY   "cli_mint"

/* operator.token */

static void say_loose(const struct admin *a, unsigned mode)
{
	if (mode & 077)
		cli_say_error("%s: its mode is %04o, so others may use the "
			      "token in it; chmod 0600 it", a->token_path,
			      mode & 07777);
}

static int make_key(struct admin *a, struct err *e)
{
	bool made;

	if (token_ensure_key(a->store, a->now_ms, &made, e) < 0)
		return err_wrap(e, "signing key");
	if (made)
		cli_say_error("there was no signing key; made one");
	return 0;
}

int verb_rotate_operator(struct admin *a, const struct auth_args *args,
			 struct err *e)
{
	struct operator_report r;
	struct answer_out o;

	if (make_key(a, e) < 0 ||
	    operator_issue(&a->home, a->store, a->issuer, args->scope_set,
			   a->now_ms, &r, e) < 0)
		return -1;
	admin_tell(a);
	out_begin(&o, args, "New operator.token");
	out_field(&o, "subject", str_of(r.sub));
	out_field(&o, "scope_set", str_of(r.set));
	out_field(&o, "issuer", a->issuer);
	out_field(&o, "path", str_of(a->token_path));
	out_time(&o, "expires_at", r.exp_s * 1000);
	return out_end(&o, EXIT_DONE, "Earlier ones stay good until they "
		       "expire, or are revoked.");
}

/* Without keys and a register no token is known to be ours. */
static int heal_without_store(struct admin *a, struct operator_report *r,
			      struct err *e)
{
	struct admin_operator o;

	if (admin_operator(a, &o, e) < 0)
		return -1;
	*r = (struct operator_report){ .outcome = o.present ?
		OPERATOR_UNVERIFIABLE : OPERATOR_ABSENT,
		.verdict = o.verdict };
	return 0;
}

int verb_heal(struct admin *a, const struct auth_args *args, struct err *e)
{
	struct operator_report r;
	struct answer_out o;
	const char *word;
	bool skipped;

	if ((a->store ? operator_heal(&a->home, a->store, args->origin,
				      a->now_ms, &r, e) :
	     heal_without_store(a, &r, e)) < 0)
		return -1;
	if (r.outcome == OPERATOR_ROTATED)
		admin_tell(a);
	word = operator_outcome_text(r.outcome);
	skipped = r.outcome != OPERATOR_ROTATED &&
		  r.outcome != OPERATOR_FRESH && r.outcome != OPERATOR_ABSENT;
	if (skipped)
		cli_say_error("%s: left as it is, %s%s%s", a->token_path, word,
			      r.outcome == OPERATOR_UNVERIFIABLE ? ": " : "",
			      r.outcome == OPERATOR_UNVERIFIABLE ?
			      auth_verdict_text(r.verdict) : "");
	out_begin(&o, args, "operator.token");
	out_field(&o, "outcome", str_of(skipped ? "skipped" : word));
	if (skipped)
		out_field(&o, "reason", str_of(word));
	if (r.outcome == OPERATOR_UNVERIFIABLE)
		out_field(&o, "detail", str_of(auth_verdict_text(r.verdict)));
	if (r.outcome == OPERATOR_ROTATED) {
		out_field(&o, "issuer", args->origin);
		out_field(&o, "scope_set", str_of(r.set));
		out_field(&o, "path", str_of(a->token_path));
		out_time(&o, "expires_at", r.exp_s * 1000);
	}
	return out_end(&o, skipped ? EXIT_FAILED : EXIT_DONE, NULL);
}

/* Keys */

int verb_rotate_key(struct admin *a, const struct auth_args *args,
		    struct err *e)
{
	struct admin_operator old;
	struct operator_report r;
	struct answer_out o;
	char note[160];
	int64_t stranded;
	struct str kid;
	bool again;

	/* One that cannot be read is said before there is a new key. */
	if (admin_operator(a, &old, e) < 0)
		return -1;
	if (token_rotate_key(a->store, a->now_ms, &a->arena, &kid, &stranded,
			     e) < 0)
		return err_wrap(e, "signing key");
	if (operator_renew(&a->home, a->store, a->issuer, a->now_ms, &r,
			   e) < 0)
		return err_wrap(e, "the key is new, but " OPERATOR_FILE);
	again = r.outcome == OPERATOR_ROTATED;
	if (old.present && !again)
		cli_say_error("%s: left as it is, since it is not good; "
			      "pc-auth rotate-operator makes a new one",
			      a->token_path);
	admin_tell(a);
	out_begin(&o, args, "New signing key");
	out_field(&o, "kid", kid);
	out_time(&o, "created_at", a->now_ms);
	if (args->json) {
		jsonw_key(&o.w, "tokens_of_old_key");
		jsonw_int(&o.w, stranded);
		jsonw_key(&o.w, "operator_token_reissued");
		jsonw_bool(&o.w, again);
	}
	fmt(note, sizeof note, "%lld live tokens were signed before; the old "
	    "key is served until they expire, a day at least.%s",
	    (long long)stranded, again ? "\noperator.token is new, too." : "");
	return out_end(&o, EXIT_DONE, note);
}

/* Tokens */

/* It is renewed when near its end; the caller hears of that. */
static int keep(struct admin *a, struct err *e)
{
	struct operator_report r;
	char at[DATE_ISO_SIZE];

	if (operator_keep(&a->home, a->store, a->issuer, a->now_ms, &r,
			  e) < 0)
		return err_wrap(e, OPERATOR_FILE);
	date_iso(r.exp_s * 1000, at);
	if (r.outcome == OPERATOR_ROTATED)
		cli_say_error("operator.token was near its end and is new "
			      "(scope set %s), good until %s", r.set, at);
	return 0;
}

static int bearer(struct admin *a, struct admin_operator *o, struct err *e)
{
	int rc = admin_bearer(a, o, e);

	say_loose(a, o->mode);
	return rc;
}

static int print_minted(struct admin *a, const struct auth_args *args,
			const struct mint *m, const struct minted *t)
{
	struct answer_out o;

	if (!args->json) {
		cli_put(t->jwt);
		cli_put(STR("\n"));
		return EXIT_DONE;
	}
	out_begin(&o, args, NULL);
	out_field(&o, "jti", t->jti);
	out_field(&o, "token", t->jwt);
	out_time(&o, "expires_at", t->exp_s * 1000);
	out_field(&o, "scope", m->scope);
	out_field(&o, "audience", m->aud);
	if (m->permissions.n) {
		jsonw_key(&o.w, "permissions");
		jsonw_value(&o.w, json_parse(m->permissions, &a->arena, NULL,
					     NULL));
	}
	return out_end(&o, EXIT_DONE, NULL);
}

int verb_mint_token(struct admin *a, const struct auth_args *args,
		    struct err *e)
{
	struct mint m = { .scope = args->scope, .aud = args->aud,
		.sub = args->sub, .permissions = args->permissions,
		.ttl_s = args->ttl_s, .now_ms = a->now_ms, .iss = a->issuer,
		.client_id = STR(CLIENT_ID), .created_via = STR(MADE_BY) };
	struct admin_operator o;
	struct minted t;

	if (bearer(a, &o, e) < 0 || keep(a, e) < 0)
		return -1;
	if (token_may_mint(o.claims, &m, &a->arena, e) < 0 ||
	    token_mint(a->store, &m, &a->arena, &t, e) < 0)
		return err_wrap(e, "mint-token");
	return print_minted(a, args, &m, &t);
}

static int print_revoked(const struct auth_args *args,
			 const struct store_token *row, int64_t at_ms)
{
	struct str who = row->user_id.n ? row->user_id : row->subject;
	char at[DATE_ISO_SIZE], line[600];
	struct answer_out o;

	date_iso(at_ms, at);
	out_begin(&o, args, NULL);
	if (args->json) {
		out_field(&o, "jti", row->jti);
		out_field(&o, "subject", who);
		out_field(&o, "scope", row->scopes);
		out_time(&o, "revoked_at", at_ms);
		jsonw_key(&o.w, "already");
		jsonw_bool(&o.w, row->revoked_ms != 0);
		return out_end(&o, EXIT_DONE, NULL);
	}
	fmt(line, sizeof line, "%.*s %s (%.*s: %.*s)%s%s", STR_ARG(row->jti),
	    row->revoked_ms ? "was revoked already" : "is revoked",
	    STR_ARG(str_take(who, 128)), STR_ARG(str_take(row->scopes, 256)),
	    row->revoked_ms ? ", at " : "", row->revoked_ms ? at : "");
	cli_clean(line);
	return out_end(&o, EXIT_DONE, line);
}

int verb_revoke_token(struct admin *a, const struct auth_args *args,
		      struct err *e)
{
	struct admin_operator o;
	struct store_token row;
	int64_t at_ms;

	if (bearer(a, &o, e) < 0 || keep(a, e) < 0)
		return -1;
	if (store_token(a->store, args->jti, &a->arena, &row, e) < 0) {
		if (e && e->code == ERR_NOT_FOUND)
			err_set(e, ERR_NOT_FOUND, "no token %.*s is "
				"registered; pc-auth list-tokens --all shows "
				"those that are", STR_ARG(args->jti));
		return -1;
	}
	if (!token_may_revoke(o.claims, &row))
		return err_set(e, ERR_DENIED, "operator.token may not revoke "
			       "that: it could not have made it");
	if (store_token_revoke(a->store, args->jti, a->now_ms, &at_ms,
			       e) < 0)
		return -1;
	return print_revoked(args, &row, at_ms);
}
