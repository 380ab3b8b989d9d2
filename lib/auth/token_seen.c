/* SPDX-License-Identifier: MIT */
#include "auth/token_seen.h"

#include "sys/os.h"

#include <string.h>

#define TEXT_MAX (4 * TOKEN_MAX)        /* of a token: itself, its claims */
#define END      64                     /* characters */

static uint64_t word(const unsigned char p[8])
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

static uint64_t turn(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = turn(v[1], 13) ^ v[0];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] = turn(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = turn(v[1], 17) ^ v[2];
		v[3] = turn(v[3], 21) ^ v[0];
		v[2] = turn(v[2], 32);
	}
}

uint64_t seen_hash(const uint64_t key[2], struct str s)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u,
	};
	unsigned char last[8] = { [7] = s.n & 0xff };
	size_t whole = s.n - s.n % 8;
	uint64_t m;

	for (size_t i = 0; i < whole; i += 8) {
		m = word((const unsigned char *)s.p + i);
		v[3] ^= m;
		rounds(v, 2);
		v[0] ^= m;
	}
	for (size_t i = whole; i < s.n; i++)
		last[i - whole] = (unsigned char)s.p[i];
	m = word(last);
	v[3] ^= m;
	rounds(v, 2);
	v[0] ^= m;
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int seen_init(struct seen *s, struct err *e)
{
	if (os_random(s->key, sizeof s->key) < 0)
		return err_sys(e, "random numbers for the tokens");
	for (size_t i = 0; i < AUTH_CACHED_MAX; i++)
		arena_init(&s->token[i].text, TEXT_MAX);
	return 0;
}

/* A token is as good as a password while it lives. */
static void release(struct seen_token *t)
{
	wipe((void *)(uintptr_t)t->jwt.p, t->jwt.n);
	arena_release(&t->text);
	t->jwt = STR_NULL;
}

void seen_clear(struct seen *s)
{
	for (size_t i = 0; i < AUTH_CACHED_MAX; i++)
		release(&s->token[i]);
}

static uint64_t hash_of(const struct seen *s, struct str jwt)
{
	return seen_hash(s->key, str_skip(jwt, jwt.n > END ? jwt.n - END : 0));
}

struct seen_token *seen_find(struct seen *s, struct str jwt)
{
	uint64_t hash = hash_of(s, jwt);

	for (size_t i = 0; i < AUTH_CACHED_MAX; i++) {
		if (s->hash[i] != hash || !str_eq(s->token[i].jwt, jwt))
			continue;
		s->token[i].used = ++s->clock;
		return &s->token[i];
	}
	return NULL;
}

static size_t place(const struct seen *s, int64_t now_ms)
{
	size_t oldest = 0;

	for (size_t i = 0; i < AUTH_CACHED_MAX; i++) {
		if (!s->token[i].jwt.n ||
		    s->token[i].claims.exp_s * 1000 <= now_ms)
			return i;
		if (s->token[i].used < s->token[oldest].used)
			oldest = i;
	}
	return oldest;
}

static struct claims copy(const struct claims *c, struct arena *a)
{
	return (struct claims){
		.scope = arena_str(a, c->scope), .sub = arena_str(a, c->sub),
		.iss = arena_str(a, c->iss), .aud = arena_str(a, c->aud),
		.jti = arena_str(a, c->jti),
		.client_id = arena_str(a, c->client_id),
		.scope_set = arena_str(a, c->scope_set),
		.vault_scope = arena_str(a, c->vault_scope),
		.permissions = arena_str(a, c->permissions),
		.iat_s = c->iat_s, .exp_s = c->exp_s,
	};
}

struct seen_token *seen_put(struct seen *s, struct str jwt, struct str kid,
			    const struct claims *c, int64_t nbf_s,
			    int64_t now_ms)
{
	size_t at = place(s, now_ms);
	struct seen_token *t = &s->token[at];

	release(t);
	t->claims = copy(c, &t->text);
	t->kid = arena_str(&t->text, kid);
	t->jwt = arena_str(&t->text, jwt);
	t->nbf_s = nbf_s;
	t->generation = 0;
	t->used = ++s->clock;
	s->hash[at] = hash_of(s, jwt);
	if (!arena_failed(&t->text))
		return t;
	release(t);
	return NULL;
}

void seen_forget(struct seen *s, struct str jti)
{
	for (size_t i = 0; i < AUTH_CACHED_MAX; i++)
		if (s->token[i].jwt.n && str_eq(s->token[i].claims.jti, jti))
			s->token[i].generation = 0;
}
