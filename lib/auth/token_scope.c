/* SPDX-License-Identifier: MIT */
/* The vocabulary of scopes: which there are, what they name. */
#include "auth/token.h"

#include "base/str.h"

#define HOST_SCOPES "parachute:"

static const struct { const char *set, *scopes; } sets[] = {
	{ "install", "parachute:host:install vault:read" },
	{ "start", "parachute:host:start" },
	{ "expose", "parachute:host:expose" },
	{ "auth", "parachute:host:auth" },
	{ "vault", "parachute:host:vault" },
	{ "admin", "hub:admin parachute:host:admin parachute:host:install "
	  "parachute:host:start parachute:host:expose parachute:host:auth "
	  "parachute:host:vault vault:admin scribe:admin channel:send" },
};

const char *scope_set_scopes(struct str set)
{
	for (size_t i = 0; i < LEN(sets); i++)
		if (str_is(set, sets[i].set))
			return sets[i].scopes;
	return NULL;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where blanks begin, or end. */
static size_t until(struct str s, bool blank)
{
	size_t n = 0;

	while (n < s.n && is_blank((unsigned char)s.p[n]) != blank)
		n++;
	return n;
}

bool scope_next(struct str *rest, struct str *scope)
{
	struct str s = str_skip(*rest, until(*rest, false));

	*scope = str_take(s, until(s, true));
	*rest = str_skip(s, scope->n);
	return scope->n > 0;
}

bool claims_may(const struct claims *c, const char *scope)
{
	struct str rest = c->scope, want = str_of(scope), one;

	while (scope_next(&rest, &one))
		if (str_eq(one, want))
			return true;
	return false;
}

bool scope_is_requestable(struct str scope)
{
	return !str_starts(scope, STR(HOST_SCOPES)) &&
	       !str_is(scope, "hub:admin") && !str_is(scope, "scribe:admin");
}

static bool is_name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool scope_is_vault(struct str scope, struct str *name, struct str *verb)
{
	struct str head, rest;

	if (!str_cut(scope, ':', &head, &rest) || !str_is(head, "vault") ||
	    !str_cut(rest, ':', name, verb))
		return false;
	return name->n && str_span(*name, is_name_char).n == name->n &&
	       (str_is(*verb, "read") || str_is(*verb, "write") ||
		str_is(*verb, "admin"));
}

bool scope_is_malformed_vault(struct str scope)
{
	struct str head, rest, name, verb;

	if (scope_is_vault(scope, &name, &verb))
		return false;
	return str_cut(scope, ':', &head, &rest) &&
	       str_eq_nocase(head, STR("vault")) && str_find(rest, ':') >= 0;
}

struct str token_audience(struct str scopes, struct arena *a)
{
	struct str rest = scopes, scope, name, verb, head;

	while (scope_next(&rest, &scope))
		if (scope_is_vault(scope, &name, &verb))
			return str_of(arena_printf(a, "vault.%.*s",
						   STR_ARG(name)));
	for (rest = scopes; scope_next(&rest, &scope);)
		if (str_cut(scope, ':', &head, &name) && head.n)
			return head;
	return STR("hub");
}
