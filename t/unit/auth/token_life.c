/* SPDX-License-Identifier: MIT */
/* For how long a token is believed: time, revocation, keys that come and go. */
#include "unit/auth/check_rig.h"

static enum auth_verdict check_at(struct str jwt, int64_t now_ms)
{
	struct auth_ask q = ask(jwt);

	q.now_ms = now_ms;
	return auth_check(auth, &q, &claims);
}

static void time_goes_by(void)
{
	struct mint m = a_mint("hub:x");
	struct str jwt = mint(&m).jwt;

	ok(is(check_at(jwt, NOW), AUTH_OK), "valid");
	ok(is(check_at(jwt, NOW + 599999), AUTH_OK), "to the last ms");
	ok(is(check_at(jwt, NOW + 600000), AUTH_EXPIRED), "not to the next");
	ok(is(check_at(jwt, NOW), AUTH_OK), "the clock was set back");
}

static void revoked_here(void)
{
	struct mint m = a_mint("hub:x");
	struct minted t;
	int64_t at = 0;

	m.created_via = STR("cli_mint");
	t = mint(&m);
	ok(is(check(t.jwt), AUTH_OK), "minted");
	ok(!store_token_revoke(db, t.jti, NOW, &at, NULL) && at == NOW,
	   "revoked by us");
	auth_forget(auth, t.jti);
	ok(is(check(t.jwt), AUTH_REVOKED), "told so: at once");
	ok(is(check_at(t.jwt, NOW + DAY_MS), AUTH_EXPIRED),
	   "expired counts before revoked");
}

static void revoked_there(void)
{
	struct mint m = a_mint("hub:x");
	struct minted t, fresh;

	m.created_via = STR("cli_mint");
	t = mint(&m);
	fresh = mint(&m);
	mono += 10000;
	ok(is(check(t.jwt), AUTH_OK), "valid, just asked");
	ok(other("revoke %.*s", STR_ARG(t.jti)), "revoked by another "
	   "process: %s", said(dir));
	mono += AUTH_FRESH_MS - 1;
	ok(is(check(t.jwt), AUTH_OK), "not asked again so soon");
	mono++;
	ok(is(check(t.jwt), AUTH_REVOKED), "then asked and seen");
	ok(is(check(t.jwt), AUTH_REVOKED), "and known");
	ok(is(check(fresh.jwt), AUTH_OK), "the other one stands");
	ok(other("revoke %.*s", STR_ARG(fresh.jti)), "that one, too");
	mono += AUTH_FRESH_MS;
	ok(is(check(fresh.jwt), AUTH_REVOKED), "seen at the next ask");
}

/* When cannot be read; that it was, can. */
static void revoked_nobody_knows_when(void)
{
	struct mint m = a_mint("hub:x");
	struct minted t, fine;

	m.created_via = STR("cli_mint");
	t = mint(&m);
	fine = mint(&m);
	ok(is(check(t.jwt), AUTH_OK) && is(check(fine.jwt), AUTH_OK), "valid");
	ok(!sh("python3 -c 'import sqlite3; d = sqlite3.connect(\"hub.db\"); "
	       "d.execute(\"update tokens set revoked_at = ? where jti = ?\", "
	       "(\"yesterday\", \"%.*s\")); d.commit()'", STR_ARG(t.jti)),
	   "somebody writes when, in words: %s", said(dir));
	mono += AUTH_FRESH_MS;
	ok(is(check(t.jwt), AUTH_REVOKED), "revoked");
	ok(is(check(fine.jwt), AUTH_OK), "the other one stands");
}

static void many(void)
{
	struct str all[AUTH_CACHED_MAX + 20];
	struct mint m = a_mint("hub:x");
	unsigned first = 0, again = 0;

	for (size_t i = 0; i < LEN(all); i++)
		all[i] = mint(&m).jwt;
	for (size_t i = 0; i < LEN(all); i++)
		first += check(all[i]) == AUTH_OK &&
			 str_is(claims->sub, "u1");
	for (size_t i = 0; i < LEN(all); i++)
		again += check(all[i]) == AUTH_OK &&
			 str_is(claims->scope, "hub:x");
	ok(first == LEN(all) && again == LEN(all),
	   "more than are remembered: %u, %u of %zu", first, again, LEN(all));
}

/* Keys come and go */

static bool in_jwks(struct str kid, int64_t now)
{
	put_str(dir, "jwks", auth_jwks(auth, now, mono));
	return !sh("jq -e '[.keys[].kid] | index(\"%.*s\")' jwks",
		   STR_ARG(kid));
}

static void rotated(void)
{
	struct mint m = a_mint("hub:x");
	struct str old_kid = key_at(0).kid, kid = STR_NULL, was, is_now, long_one;
	int64_t before, stranded = -1, late = NOW + DAY_MS;
	struct err e = { 0 };
	bool done;

	m.ttl_s = 86400 * 30;
	was = mint(&m).jwt;
	ok(is(check(was), AUTH_OK), "signed by the first key");
	ok(other("rotate"), "another process rotates: %s", said(dir));
	kid = key_at(0).kid;
	ok(!str_eq(kid, old_kid), "there is a new key");
	m.now_ms = NOW + 1;
	is_now = mint(&m).jwt;
	ok(is(check(is_now), AUTH_OK), "it is known at once, when asked for");
	ok(is(check(was), AUTH_OK), "so is the old one");
	ok(in_jwks(kid, NOW) && in_jwks(old_kid, NOW) &&
	   !sh("jq -e '.keys[0].kid == \"%.*s\"' jwks", STR_ARG(kid)),
	   "both are in the JWKS, the new one first");
	mono += AUTH_KEYS_MS;
	ok(is(check_at(was, late - 1), AUTH_OK) && in_jwks(old_kid, late - 1),
	   "for a day");
	ok(is(check_at(was, late), AUTH_KEY) && !in_jwks(old_kid, late) &&
	   in_jwks(kid, late), "and no longer");
	ok(is(check_at(is_now, late), AUTH_OK), "the new one stays");

	store_live_before(db, NOW + 10, NOW + 10, &before, &e);
	m.created_via = STR("cli_mint");
	long_one = mint(&m).jwt;
	done = !token_rotate_key(db, NOW + 10, &arena, &kid, &stranded, &e);
	ok(done && stranded == before + 1 && str_eq(kid, key_at(0).kid),
	   "rotated by us, %ld tokens need the old one: %s", (long)stranded,
	   e.msg);
	mono += AUTH_KEYS_MS;
	late = NOW + 20 * DAY_MS;
	ok(is(check_at(long_one, late), AUTH_OK) &&
	   in_jwks(key_at(1).kid, late) && !in_jwks(old_kid, late),
	   "a registered token keeps its key");
	mono += AUTH_KEYS_MS;
	late = NOW + 1 + 30 * DAY_MS;
	ok(check_at(long_one, late) != AUTH_OK &&
	   !in_jwks(key_at(1).kid, late), "until it expires");
}

static void asked_for_each_jwks(void)
{
	struct str was;

	mono += AUTH_JWKS_MS;
	was = arena_str(&arena, auth_jwks(auth, NOW, mono));
	ok(other("rotate"), "another process rotates: %s", said(dir));
	mono += AUTH_JWKS_MS - 1;
	ok(str_eq(was, auth_jwks(auth, NOW, mono)),
	   "hub.db is not asked for each JWKS");
	mono++;
	ok(!str_eq(was, auth_jwks(auth, NOW, mono)), "but %d ms later",
	   AUTH_JWKS_MS);
}

static bool set_public(struct str kid, const char *file)
{
	return !sh("python3 -c 'import sqlite3; "
		   "d = sqlite3.connect(\"hub.db\"); d.execute(\"update "
		   "signing_keys set public_key_pem = ? where kid = ?\", "
		   "(open(\"%s\").read(), \"%.*s\")); d.commit()'", file,
		   STR_ARG(kid));
}

/* Another key under the same name: what the old one signed is not believed
 * any longer, whether it was seen before or not. */
static void rekeyed(void)
{
	struct str jwt = forge(0, HEAD, CLAIMS), kid = key_at(0).kid;
	struct key_pair odd = { .kid = "" };

	ok(is(check(jwt), AUTH_OK), "believed");
	put_str(dir, "pub", key_at(0).public_pem);
	key_make(&odd, &arena, NULL);
	put_str(dir, "odd", odd.public_pem);
	ok(set_public(kid, "odd"), "another process changes the key: %s",
	   said(dir));
	mono += AUTH_FRESH_MS;
	ok(is(check(jwt), AUTH_SIGNATURE), "not believed");
	ok(set_public(kid, "pub"), "and back: %s", said(dir));
	mono += AUTH_FRESH_MS;
	ok(is(check(jwt), AUTH_OK), "believed");
}

/* Rows that are none of ours, or damaged, are passed over. */
static void odd_keys(void)
{
	struct store_key odd = { .kid = STR("odd"), .public_pem = STR("-"),
		.private_pem = STR("-"), .algorithm = STR("RS256"),
		.created_ms = NOW + 50 };
	struct mint m = a_mint("hub:x");
	struct minted t;
	struct err e = { 0 };
	struct str was = mint(&m).jwt;
	bool added;

	ok(!store_add_key(db, &odd, false, NOW + 50, &added, &e),
	   "a damaged row: %s", e.msg);
	ok(token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_INVALID &&
	   strstr(e.msg, "odd"), "does not sign: %s", e.msg);
	mono += AUTH_KEYS_MS;
	ok(is(check(was), AUTH_OK) && !in_jwks(STR("odd"), NOW),
	   "nor is it shown; the others serve");
	odd.kid = STR("es");
	odd.algorithm = STR("ES256");
	ok(!store_add_key(db, &odd, false, NOW + 51, &added, &e) &&
	   token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_NOT_FOUND,
	   "no active key of our kind: %s", e.msg);
}

/* argv: HOME revoke JTI, HOME rotate */
static int act(char **argv)
{
	struct err e = { 0 };
	int64_t at, stranded;
	struct str kid;
	int rc = -1;

	arena_init(&arena, 1 << 20);
	if (home_open(&home, argv[1], false, &e) == 0 &&
	    (db = store_open(&home, STORE_WRITE, 5000, &e)))
		rc = !strcmp(argv[2], "revoke") ?
		     store_token_revoke(db, str_of(argv[3]), NOW, &at, &e) :
		     token_rotate_key(db, NOW, &arena, &kid, &stranded, &e);
	if (rc < 0)
		puts(e.msg);
	rig_end();
	return rc < 0;
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return act(argv);
	rig();
	auth = auth_new(db, NULL);
	time_goes_by();
	revoked_here();
	revoked_there();
	revoked_nobody_knows_when();
	many();
	rekeyed();
	rotated();
	asked_for_each_jwks();
	odd_keys();
	auth_free(auth);
	rig_end();
	return tap_done();
}
