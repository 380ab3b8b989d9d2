/* SPDX-License-Identifier: MIT */
/* A row of the register as JSON, the same over HTTP and from pc-auth. */
#include "auth/token.h"

static void put_words(struct jsonw *w, const char *key, struct str words)
{
	struct str word;

	jsonw_key(w, key);
	jsonw_array(w);
	while (scope_next(&words, &word))
		jsonw_str(w, word);
	jsonw_end(w);
}

/* What stands there is JSON, or was put there by somebody else. */
static void put_json(struct jsonw *w, const char *key, struct str text)
{
	const struct json *j;
	struct arena a;

	arena_init(&a, JSON_SIZE_MAX);
	j = text.n ? json_parse(text, &a, NULL, NULL) : NULL;
	jsonw_key(w, key);
	if (j && j->type == JSON_OBJECT)
		jsonw_value(w, j);
	else
		jsonw_null(w);
	arena_release(&a);
}

void token_row_write(struct jsonw *w, const struct store_token *t)
{
	jsonw_object(w);
	jsonw_text(w, "jti", t->jti);
	jsonw_text(w, "user_id", t->user_id);
	jsonw_text(w, "subject", t->subject);
	jsonw_text(w, "client_id", t->client_id);
	put_words(w, "scopes", t->scopes);
	jsonw_time(w, "expires_at", t->expires_ms);
	jsonw_time(w, "revoked_at", t->revoked_ms);
	jsonw_time(w, "created_at", t->created_ms);
	jsonw_text(w, "created_via", t->created_via);
	put_json(w, "permissions", t->permissions);
	jsonw_end(w);
}
