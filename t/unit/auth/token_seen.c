/* SPDX-License-Identifier: MIT */
/* What is remembered of verified tokens. */
#include "auth/token_seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NOW 1800000000000ll

static struct seen *seen;

/* SipHash-2-4, key 00 01 ... 0f, of 00 01 ... (n - 1): the authors' own. */
static const struct { size_t n; uint64_t want; } vectors[] = {
	{ 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu },
	{ 7, 0xab0200f58b01d137u }, { 8, 0x93f5f5799a932462u },
	{ 15, 0xa129ca6149be45e5u }, { 63, 0x958a324ceb064572u },
};

static void hashes(void)
{
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	char in[64];

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (char)i;
	for (size_t i = 0; i < LEN(vectors); i++)
		ok(seen_hash(key, guarded(0, (struct str){ in, vectors[i].n }))
		   == vectors[i].want, "SipHash of %zu bytes", vectors[i].n);
}

static struct str name(char *out, size_t size, size_t i)
{
	snprintf(out, size, "token.%zu", i);
	return str_of(out);
}

static struct seen_token *put(size_t i, int64_t exp_s)
{
	struct claims c = { .sub = STR("u"), .scope = STR("a b"),
			    .exp_s = exp_s };
	char jwt[40], jti[40];

	snprintf(jti, sizeof jti, "jti%zu", i % 100);
	c.jti = str_of(jti);
	return seen_put(seen, name(jwt, sizeof jwt, i), STR("kid"), &c, 7,
			NOW);
}

static struct seen_token *find(size_t i)
{
	char jwt[40];

	return seen_find(seen, name(jwt, sizeof jwt, i));
}

static size_t found(size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += find(i) != NULL;
	return n;
}

static void remembered(void)
{
	struct seen_token *t;
	char same[100];

	ok(!find(0), "nothing is known");
	ok(!seen_find(seen, STR_NULL), "nor the empty one");
	t = put(0, 2000000000);
	ok(t && t == find(0) && str_is(t->claims.jti, "jti0") &&
	   str_is(t->claims.scope, "a b") && str_is(t->kid, "kid") &&
	   t->nbf_s == 7 && t->claims.exp_s == 2000000000 &&
	   !t->generation, "all of it is copied");
	ok(!seen_find(seen, STR("token.")) && !seen_find(seen, STR("token.00")),
	   "and no other is it");
	memset(same, 's', sizeof same);
	same[0] = 'a';
	ok(seen_put(seen, (struct str){ same, sizeof same }, STR("kid"),
		    &t->claims, 0, NOW) &&
	   !seen_find(seen, (struct str){ same + 1, sizeof same - 1 }) &&
	   seen_find(seen, (struct str){ same, sizeof same }),
	   "nor one that ends alike");
	same[0] = 'b';
	ok(!seen_find(seen, (struct str){ same, sizeof same }),
	   "and is as long");
	t->generation = 5;
	seen_forget(seen, STR("jti1"));
	ok(t->generation == 5, "another is forgotten");
	seen_forget(seen, STR("jti0"));
	ok(find(0) && !t->generation, "its row is, the token is not");
	seen_clear(seen);
	ok(!find(0), "all is forgotten");
}

static void full(void)
{
	for (size_t i = 0; i < AUTH_CACHED_MAX; i++)
		put(i, 2000000000);
	ok(found(0, AUTH_CACHED_MAX) == AUTH_CACHED_MAX, "as many as fit");
	find(0);
	put(1000, 2000000000);
	ok(found(0, AUTH_CACHED_MAX) == AUTH_CACHED_MAX - 1 && find(0) &&
	   !find(1) && find(1000), "the one that was used longest ago goes");
	seen_clear(seen);
	for (size_t i = 0; i < AUTH_CACHED_MAX; i++)
		put(i, i == 77 ? NOW / 1000 : 2000000000);
	find(77);
	put(1000, 2000000000);
	ok(found(0, AUTH_CACHED_MAX) == AUTH_CACHED_MAX - 1 && !find(77),
	   "before it, one that has expired");
	seen_clear(seen);
}

static void large(void)
{
	static char text[3 * TOKEN_MAX];
	struct claims c = { .scope = { text, sizeof text },
			    .exp_s = 2000000000 };

	memset(text, 'x', sizeof text);
	put(1, 2000000000);
	ok(!seen_put(seen, (struct str){ text, sizeof text }, STR("k"), &c, 0,
		     NOW) &&
	   !seen_find(seen, (struct str){ text, sizeof text }) && find(1),
	   "what does not fit is not kept");
}

int main(void)
{
	struct err e = { 0 };

	seen = calloc(1, sizeof *seen);
	ok(seen && !seen_init(seen, &e), "ready: %s", e.msg);
	hashes();
	remembered();
	full();
	large();
	seen_clear(seen);
	free(seen);
	return tap_done();
}
