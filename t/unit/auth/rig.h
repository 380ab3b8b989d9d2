/* SPDX-License-Identifier: MIT */
#ifndef T_AUTH_RIG_H
#define T_AUTH_RIG_H

/* A home with a hub.db and a signing key, and tokens of any form. Tests say
 * what time it is. */

#include "auth/token.h"

#include "auth/keys.h"
#include "base/b64.h"
#include "unit/auth/scratch.h"

#define NOW_S  1800000000
#define NOW    (NOW_S * 1000ll)
#define DAY_MS (86400 * 1000ll)
#define LOCAL  "http://127.0.0.1:1939"
#define PUBLIC "https://hub.example"

static struct home home;
static struct store *db;
static struct arena arena;
static int dir;

static inline void rig(void)
{
	struct err e = { 0 };
	bool made = false;

	alarm(300);
	dir = scratch();
	arena_init(&arena, 64 << 20);
	if (home_open(&home, scratch_path, false, &e) < 0 ||
	    !(db = store_open(&home, STORE_MAKE, 5000, &e)) ||
	    token_ensure_key(db, NOW - DAY_MS, &made, &e) < 0)
		scratch_bail(e.msg);
	ok(made, "a home with a key");
}

static inline void rig_end(void)
{
	store_close(db);
	home_close(&home);
	arena_release(&arena);
}

/* Another process does it: this program, told so by its arguments. */
__attribute__((format(printf, 1, 2)))
static inline bool other(const char *fmt, ...)
{
	char self[4096], args[1000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	va_list ap;

	self[n < 0 ? 0 : n] = '\0';
	va_start(ap, fmt);
	vsnprintf(args, sizeof args, fmt, ap);
	va_end(ap);
	return sh("'%s' '%s' %s", self, scratch_path, args) == 0;
}

/* One of the keys in hub.db; 0 is the newest. */
static inline struct store_key key_at(size_t i)
{
	struct store_key *rows;
	size_t n;

	if (store_keys(db, &arena, &rows, &n, NULL) < 0 || i >= n)
		scratch_bail("no such key");
	return rows[i];
}

static inline struct str text(const char *s)
{
	return arena_str(&arena, str_of(s));
}

static inline struct str b64u(struct str s)
{
	char *p = arena_alloc(&arena, B64U_SIZE(s.n));

	return (struct str){ p, b64u_write(s, p, B64U_SIZE(s.n)) };
}

/* Any header and claims, signed by that key; KID in the header is its kid. */
static inline struct str forge(size_t key, const char *header,
			       const char *claims)
{
	struct store_key k = key_at(key);
	const char *at = strstr(header, "KID");
	struct str head = str_of(header), body = b64u(str_of(claims)), all;
	char signature[RSA_BYTES_MAX];
	struct err e = { 0 };
	size_t n;

	if (at)
		head = str_of(arena_printf(&arena, "%.*s%.*s%s",
			(int)(at - header), header, STR_ARG(k.kid), at + 3));
	head = b64u(head);
	all = str_of(arena_printf(&arena, "%.*s.%.*s", STR_ARG(head),
				  STR_ARG(body)));
	if (key_sign(k.private_pem, all, signature, &n, &e) < 0)
		scratch_bail(e.msg);
	body = b64u((struct str){ signature, n });
	return str_of(arena_printf(&arena, "%.*s.%.*s", STR_ARG(all),
				   STR_ARG(body)));
}

static inline struct mint a_mint(const char *scope)
{
	return (struct mint){ .scope = str_of(scope), .sub = STR("u1"),
		.client_id = STR("parachute-hub"), .iss = STR(LOCAL),
		.now_ms = NOW, .ttl_s = 600 };
}

static inline struct minted mint(const struct mint *m)
{
	struct minted out = { .exp_s = 0 };
	struct err e = { 0 };

	if (token_mint(db, m, &arena, &out, &e) < 0)
		scratch_bail(e.msg);
	return out;
}

#endif
