/* SPDX-License-Identifier: MIT */
#include "auth/store.h"

#include "tap.h"
#include "unit/auth/store_rig.h"

#define T0 INT64_C(1780377693123)       /* 2026-06-02T05:21:33.123Z */
#define T0_ISO "2026-06-02T05:21:33.123Z"
#define MINUTE INT64_C(60000)
#define DAY (INT64_C(1440) * MINUTE)

static struct store *s;
static struct err e;

static bool refused(enum store_mode mode, enum err_code code, const char *words)
{
	struct store *no;

	e = (struct err){ 0 };
	no = store_open(&home, mode, 0, &e);
	if (!no && e.code == code && strstr(e.msg, words))
		return true;
	tap_diag("%d: %s", (int)e.code, no ? "opened" : e.msg);
	store_close(no);
	return false;
}

static void test_open(void)
{
	struct stat st;

	ok(refused(STORE_READ, ERR_NOT_FOUND, "pc-front --prepare") &&
	   refused(STORE_WRITE, ERR_NOT_FOUND, "hub.db") &&
	   fstatat(home.fd, STORE_FILE, &st, 0) < 0,
	   "absent: refused, and not made");
	symlinkat("/dev/null", home.fd, STORE_FILE);
	ok(refused(STORE_MAKE, ERR_INVALID, "symbolic link"), "a symbolic link");
	rig_clean();
	mkdirat(home.fd, STORE_FILE, 0700);
	ok(refused(STORE_MAKE, ERR_INVALID, "no regular file"), "a directory");
	rig_clean();
	put(home.fd, STORE_FILE, "");
	ok(refused(STORE_WRITE, ERR_INVALID, "pc-front --prepare"),
	   "an empty file lacks every migration");
	rig_clean();
	store_close(rig_open(STORE_MAKE, 0));
	fchmodat(home.fd, STORE_FILE, 0640, 0);
	s = rig_open(STORE_WRITE, 0);
	ok(store_bits(s) == 0640, "its mode is known: %o", store_bits(s));
	ok(!fstatat(home.fd, STORE_FILE "-wal", &st, 0) &&
	   !fstatat(home.fd, STORE_FILE "-shm", &st, 0),
	   "the files beside it are there when it is open");
	store_close(s);
	s = rig_open(STORE_READ, 0);
	ok(store_set(s, "a", STR("b"), T0, &e) < 0 && e.code == ERR_DENIED,
	   "what was opened to read does not write");
	store_close(s);
	store_close(NULL);
	rig_clean();
}

static struct store_key key(const char *kid, int64_t created_ms)
{
	return (struct store_key){
		.kid = str_of(kid), .public_pem = STR("public\n"),
		.private_pem = STR("private\n"), .algorithm = STR("RS256"),
		.created_ms = created_ms,
	};
}

static void test_keys(void)
{
	struct store_key k = key("one", T0), *all;
	bool added = true;
	size_t n = 9;

	ok(!store_keys(s, &arena, &all, &n, &e) && n == 0, "no keys");
	ok(!store_add_key(s, &k, true, T0, &added, &e) && added, "the first");
	k = key("two", T0 + 1);
	ok(!store_add_key(s, &k, true, T0 + 1, &added, &e) && !added,
	   "not a first one when there is one");
	ok(!store_add_key(s, &k, false, T0 + 5, &added, &e) && added,
	   "another");
	ok(store_add_key(s, &k, false, T0 + 9, &added, &e) < 0 && !added &&
	   e.code == ERR_EXISTS, "the same again: %s", e.msg);
	ok(!store_keys(s, &arena, &all, &n, &e) && n == 2, "two keys");
	ok(n == 2 && str_is(all[0].kid, "two") && !all[0].retired_ms &&
	   all[0].created_ms == T0 + 1 && str_is(all[1].kid, "one") &&
	   all[1].retired_ms == T0 + 5, "the newest first, the others retired "
	   "once");
	ok(n == 2 && str_is(all[1].public_pem, "public\n") &&
	   str_is(all[1].private_pem, "private\n") &&
	   str_is(all[1].algorithm, "RS256"), "with all they have");
	ok(rig_is("SELECT created_at || retired_at FROM signing_keys"
		  " WHERE kid = 'one'", T0_ISO "2026-06-02T05:21:33.128Z"),
	   "instants as JavaScript writes them");
	ok(rig_is("SELECT count(*) FROM signing_keys WHERE retired_at IS NULL",
		  "1"), "one of them is active");
	for (int i = 0; i < 60; i++) {
		char kid[16];

		snprintf(kid, sizeof kid, "k%d", i);
		k = key(kid, T0 + 10 + i);
		store_add_key(s, &k, false, T0 + 10 + i, &added, &e);
	}
	ok(!store_keys(s, &arena, &all, &n, &e) && n == 62 &&
	   str_is(all[0].kid, "k59") && str_is(all[61].kid, "one"),
	   "as many as there are: %zu", n);
	rig_sql("UPDATE signing_keys SET created_at = 'yesterday'"
		" WHERE kid = 'two'");
	rig_sql("UPDATE signing_keys SET retired_at = 'today'"
		" WHERE kid = 'two'");
	ok(!store_keys(s, &arena, &all, &n, &e) && n == 62 &&
	   str_is(all[0].kid, "two") && all[0].created_ms == STORE_LONG_AGO &&
	   all[0].retired_ms == STORE_LONG_AGO && str_is(all[1].kid, "k59"),
	   "one bad instant hid all keys: %s", e.msg);
}

static int add(const char *jti, const char *via, int64_t created,
	       int64_t expires)
{
	const struct store_token t = {
		.jti = str_of(jti), .client_id = STR("pc"),
		.scopes = STR("a b"), .created_via = str_of(via),
		.created_ms = created, .expires_ms = expires,
	};

	return store_token_add(s, &t, &e);
}

static void test_token(void)
{
	struct store_token t = {
		.jti = STR("full"), .user_id = STR("u1"), .client_id = STR("c"),
		.scopes = STR_NULL, .subject = STR("some\"one"),
		.created_via = STR("cli_mint"), .permissions = STR("{\"a\":1}"),
		.created_ms = T0, .expires_ms = T0 + DAY,
	}, got;
	int64_t at = 0;

	ok(store_token_add(s, &t, &e) < 0 && e.code == ERR_FAILED,
	   "of a user that there is not: %s", e.msg);
	rig_sql("INSERT INTO users (id, username, password_hash, created_at,"
		" updated_at) VALUES ('u1', 'x', '', '" T0_ISO "', '" T0_ISO
		"')");
	ok(!store_token_add(s, &t, &e), "registered %s", e.msg);
	ok(store_token_add(s, &t, &e) < 0 && e.code == ERR_EXISTS,
	   "once: %s", e.msg);
	ok(!store_token(s, STR("full"), &arena, &got, &e) &&
	   str_is(got.jti, "full") && str_is(got.user_id, "u1") &&
	   str_is(got.client_id, "c") && str_is(got.scopes, "") &&
	   str_is(got.subject, "some\"one") &&
	   str_is(got.created_via, "cli_mint") &&
	   str_is(got.permissions, "{\"a\":1}") && got.created_ms == T0 &&
	   got.expires_ms == T0 + DAY && !got.revoked_ms, "and found");
	ok(!add("bare", "operator_mint", T0, T0 + DAY) &&
	   !store_token(s, STR("bare"), &arena, &got, &e) &&
	   !got.user_id.p && !got.subject.p && !got.permissions.p,
	   "what it has not is NULL");
	ok(rig_is("SELECT user_id IS NULL AND subject IS NULL AND permissions"
		  " IS NULL AND family_id IS NULL AND refresh_token_hash IS"
		  " NULL FROM tokens WHERE jti = 'bare'", "1"), "also on disk");
	ok(store_token(s, STR("nobody's"), &arena, &got, &e) < 0 &&
	   e.code == ERR_NOT_FOUND && strstr(e.msg, "nobody's"), "no such");
	ok(store_token_revoke(s, STR("nobody's"), T0, &at, &e) < 0 &&
	   e.code == ERR_NOT_FOUND, "nor to be revoked");
	ok(!store_token_revoke(s, STR("full"), T0 + 7, &at, &e) &&
	   at == T0 + 7, "revoked");
	ok(!store_token_revoke(s, STR("full"), T0 + 9, &at, &e) &&
	   at == T0 + 7, "the first time counts");
	ok(!store_token(s, STR("full"), &arena, &got, &e) &&
	   got.revoked_ms == T0 + 7, "and is kept");
	rig_sql("DELETE FROM tokens; DELETE FROM users");
}

/* The jtis of a page, in order. */
static const char *page(struct store_filter f, bool *more)
{
	static char out[2000];
	struct store_token *t;
	size_t n = 0, len = 0;

	out[0] = '\0';
	if (store_tokens(s, &f, &arena, &t, &n, more, &e) < 0)
		return e.msg;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, sizeof out - len, "%.*s ",
					STR_ARG(t[i].jti));
	return out;
}

static bool is_page(struct store_filter f, const char *want, bool want_more)
{
	bool more = !want_more;

	return is_text(str_of(page(f, &more)), want) && more == want_more;
}

static void test_list(void)
{
	struct store_filter f = { .revoked = -1, .limit = 50 };
	int64_t at;

	ok(is_page(f, "", false), "an empty register");
	add("a", "cli_mint", T0, T0 + DAY);
	add("b", "cli_mint", T0, T0 + DAY);
	add("c", "operator_mint", T0 + 1, T0 + DAY);
	add("d", "cli_mint", T0 - 1, T0 + DAY);
	store_token_revoke(s, STR("b"), T0, &at, &e);
	rig_sql("UPDATE tokens SET subject = 'me' WHERE jti IN ('a', 'c')");
	ok(is_page(f, "c b a d ", false), "newest first, then by jti");
	f.revoked = 0;
	ok(is_page(f, "c a d ", false), "those that are not revoked");
	f.revoked = 1;
	ok(is_page(f, "b ", false), "those that are");
	f.revoked = -1;
	f.subject = STR("me");
	ok(is_page(f, "c a ", false), "of one subject");
	f.created_via = STR("cli_mint");
	ok(is_page(f, "a ", false), "and made in one way");
	f.subject = STR_NULL;
	ok(is_page(f, "b a d ", false), "made in one way");
	f.created_via = STR_NULL;
	f.limit = 4;
	ok(is_page(f, "c b a d ", false), "as many as fit: no more");
	f.limit = 2;
	ok(is_page(f, "c b ", true), "a page, and more");
	f.after_created_at = STR(T0_ISO);
	f.after_jti = STR("b");
	ok(is_page(f, "a d ", false), "the page behind it");
	f.after_jti = STR("a");
	f.limit = 1;
	ok(is_page(f, "d ", false), "behind the last of an instant");
	f.after_created_at = STR("2026-06-02T05:21:33.122Z");
	f.after_jti = STR("d");
	ok(is_page(f, "", false), "behind the last");
	rig_sql("DELETE FROM tokens");
}

/* One row with an instant that is none made the whole list unreadable. */
static void test_bad_instants(void)
{
	static const char *const bad[] = { "yesterday", "2026 June",
		"2026-13-45T99:00:00.000Z", "1970-01-01T00:00:00.000Z" };
	struct store_filter f = { .revoked = -1, .limit = 1 };
	struct store_token t, *all;
	struct str *jtis;
	int64_t at;
	size_t n;
	bool more;

	for (size_t i = 0; i < LEN(bad); i++) {
		char sql[200];

		add("a", "cli_mint", T0, T0 + DAY);
		add("x", "cli_mint", T0, T0 + DAY);
		add("y", "cli_mint", T0, T0 + DAY);
		add("z", "oauth_refresh", T0, T0 + DAY);
		snprintf(sql, sizeof sql, "UPDATE tokens SET revoked_at = '%s'"
			 " WHERE jti <> 'a'", bad[i]);
		rig_sql(sql);
		ok(!store_token(s, STR("x"), &arena, &t, &e) &&
		   t.revoked_ms == STORE_LONG_AGO &&
		   !store_token_revoke(s, STR("x"), T0, &at, &e) &&
		   at == STORE_LONG_AGO, "revoked at '%s'", bad[i]);
		snprintf(sql, sizeof sql, "UPDATE tokens SET expires_at = '%s'"
			 " WHERE jti IN ('x', 'a'); UPDATE tokens SET"
			 " created_at = '%s' WHERE jti > 'x'", bad[i], bad[i]);
		rig_sql(sql);
		ok(!store_token(s, STR("a"), &arena, &t, &e) &&
		   t.expires_ms == STORE_LONG_AGO && !t.revoked_ms,
		   "it has expired");
		ok(!store_revoked(s, T0, &arena, &jtis, &n, &e) && n >= 1 &&
		   (i > 1 || (n == 3 && str_is(jtis[0], "x") &&
			      str_is(jtis[2], "z"))), "still revoked: %zu", n);
		f.after_created_at = f.after_jti = STR_NULL;
		for (at = 0, more = true; more && at < 9; at++) {
			more = !store_tokens(s, &f, &arena, &all, &n, &more,
					     &e) && more;
			f.after_created_at = n ? all[0].created_at : STR_NULL;
			f.after_jti = n ? all[0].jti : STR_NULL;
		}
		ok(at == 4 && n == 1, "all are listed: %d", (int)at);
		rig_sql("DELETE FROM tokens");
	}
	rig_sql("INSERT INTO users (id, username, password_hash, created_at,"
		" updated_at) VALUES ('1', 'who', '', 'once', '')");
}

static void test_revoked(void)
{
	static const char *const want[] = { "a", "c", "fresh" };
	struct arena small;
	int64_t at, n = 0;
	size_t count = 0;
	struct str *jtis;
	bool same = true;

	add("c", "cli_mint", T0 - DAY, T0 + 1);
	add("a", "operator_mint", T0 - DAY, T0 + DAY);
	add("gone", "cli_mint", T0 - DAY, T0);
	add("old", "oauth_refresh", T0 - 15 * MINUTE, T0 + DAY);
	add("fresh", "oauth_refresh", T0 - 15 * MINUTE + 1, T0 + DAY);
	ok(!store_revoked(s, T0, &arena, &jtis, &count, &e) && count == 0,
	   "nothing is revoked");
	ok(!store_live_before(s, T0, T0, &n, &e) && n == 3, "three live");
	ok(!store_live_before(s, T0 - DAY + 1, T0, &n, &e) && n == 2,
	   "two of them from before yesterday");
	ok(!store_live_before(s, T0 - DAY, T0, &n, &e) && n == 0,
	   "and none from before that");
	ok(!store_oldest_live(s, T0, T0, &at, &e) && at == T0 - DAY &&
	   !store_oldest_live(s, T0 - DAY, T0, &at, &e) && at == INT64_MAX,
	   "the oldest is known");
	rig_sql("UPDATE tokens SET revoked_at = created_at");
	add("alive", "cli_mint", T0 - DAY, T0 + DAY);
	ok(!store_live_before(s, T0, T0, &n, &e) && n == 1,
	   "what is revoked does not count");
	ok(!store_oldest_live(s, T0, T0, &at, &e) && at == T0 - DAY,
	   "nor for the oldest");
	store_revoked(s, T0, &arena, &jtis, &count, &e);
	for (size_t i = 0; i < count && i < LEN(want); i++)
		same = same && str_is(jtis[i], want[i]);
	ok(same && count == LEN(want), "in order, as long as they matter");
	store_token_revoke(s, STR("alive"), T0, &at, &e);

	rig_sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM"
		" n WHERE i < 20000) INSERT INTO tokens (jti, client_id,"
		" scopes, expires_at, created_at, revoked_at, created_via)"
		" SELECT printf('%06d', i), '', '', '" T0_ISO "', '" T0_ISO
		"', '" T0_ISO "', 'x' FROM n");
	ok(!store_revoked(s, T0 - 1, &arena, &jtis, &count, &e) &&
	   count == 20006 && str_is(jtis[0], "000001") &&
	   str_is(jtis[19999], "020000") && str_is(jtis[20005], "old"),
	   "a long list");
	arena_init(&small, 100000);
	ok(store_revoked(s, T0 - 1, &small, &jtis, &count, &e) < 0 &&
	   e.code == ERR_NO_MEMORY, "is not cut: %s", e.msg);
	arena_release(&small);
	rig_sql("DELETE FROM tokens");
}

static void test_users(void)
{
	struct store_user *u;
	size_t n = 9;

	ok(!store_users(s, &arena, &u, &n, &e) && n == 1 &&
	   u[0].created_ms == STORE_LONG_AGO, "a user from nobody knows when");
	rig_sql("DELETE FROM users");
	ok(!store_users(s, &arena, &u, &n, &e) && n == 0, "no users");
	rig_sql("INSERT INTO users (id, username, password_hash, created_at,"
		" updated_at, password_changed, totp_secret) VALUES"
		" ('9', 'later', '', '2026-06-03T00:00:00.000Z', '', 0, ''),"
		" ('8', 'first', 'x', '" T0_ISO "', '', 1, 'secret'),"
		" ('1', 'tie', 'x', '" T0_ISO "', '', 0, NULL)");
	ok(!store_users(s, &arena, &u, &n, &e) && n == 3, "three");
	ok(n == 3 && str_is(u[0].username, "first") && str_is(u[0].id, "8") &&
	   u[0].has_password && u[0].has_totp && u[0].password_changed &&
	   u[0].created_ms == T0, "the first is the administrator");
	ok(n == 3 && str_is(u[1].username, "tie") && u[1].has_password &&
	   !u[1].has_totp && !u[1].password_changed,
	   "of two at once it is the one that was written first");
	ok(n == 3 && !u[2].has_password && !u[2].has_totp,
	   "an empty secret is none");
	rig_sql("DELETE FROM users");
}

static void test_settings(void)
{
	struct str v;

	ok(!store_setting(s, "hub_origin", &arena, &v, &e) && !v.p, "unset");
	ok(!store_set(s, "hub_origin", STR("https://a"), T0, &e) &&
	   !store_setting(s, "hub_origin", &arena, &v, &e) &&
	   str_is(v, "https://a"), "set");
	ok(!store_set(s, "hub_origin", STR("https://b"), T0 + 1, &e) &&
	   rig_is("SELECT value || ' ' || updated_at FROM hub_settings",
		  "https://b 2026-06-02T05:21:33.124Z"), "and again");
	rig_sql("INSERT INTO hub_settings VALUES ('root_mode', 'x', '-')");
	ok(!store_set(s, "hub_origin", STR_NULL, T0, &e) &&
	   !store_setting(s, "hub_origin", &arena, &v, &e) && !v.p &&
	   !store_set(s, "hub_origin", STR_NULL, T0, &e), "removed");
	ok(rig_is("SELECT key FROM hub_settings", "root_mode"),
	   "others are left alone");
	ok(!store_set(s, "e", STR(""), T0, &e) &&
	   !store_setting(s, "e", &arena, &v, &e) && v.p && !v.n,
	   "an empty one is set");
}

static void test_truth(void)
{
	int64_t a = 0, b = 0, c = 0;

	ok(!strcmp(store_health(s), "ok"), "well");
	store_version(s, &a, &e);
	store_set(s, "x", STR("1"), T0, &e);
	ok(!store_version(s, &b, &e) && a == b, "our own writes do not count");
	rig_sql("INSERT INTO hub_settings VALUES ('y', '2', '-')");
	ok(!store_version(s, &c, &e) && c != b, "those of others do");
	ok(store_place(s) == STORE_THERE, "it is there");
	renameat(home.fd, STORE_FILE, home.fd, "away");
	ok(store_place(s) == STORE_GONE &&
	   !strcmp(store_health(s), "error: path-gone"), "gone");
	ok(store_set(s, "x", STR("2"), T0, &e) < 0 &&
	   e.code == ERR_NOT_FOUND, "and not written to: %s", e.msg);
	put(home.fd, STORE_FILE, "");
	ok(store_place(s) == STORE_REPLACED &&
	   !strcmp(store_health(s), "error: path-replaced"),
	   "a replaced file is not said to be gone");
	renameat(home.fd, "away", home.fd, STORE_FILE);
	ok(store_place(s) == STORE_THERE && !strcmp(store_health(s), "ok"),
	   "and back");
}

int main(void)
{
	rig_start();
	test_open();
	s = rig_open(STORE_MAKE, 5000);
	test_keys();
	test_token();
	test_list();
	test_bad_instants();
	test_revoked();
	test_users();
	test_settings();
	test_truth();
	store_close(s);
	rig_clean();
	return rig_end();
}
