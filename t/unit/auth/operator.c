/* SPDX-License-Identifier: MIT */
/* operator.token: made, kept, healed, and left alone. */
#include "unit/auth/rig.h"

#include "hub/origin.h"

#define FILE_NAME OPERATOR_FILE

static struct operator_report r;
static struct err e;

static struct str token(void)
{
	const char *s = get(dir, FILE_NAME);

	return s ? str_trim(text(s), "\n") : STR_NULL;
}

static const struct claims *claims_at(struct auth *a, int64_t now_ms)
{
	const struct claims *c;
	struct auth_ask q = { .jwt = token(), .now_ms = now_ms,
			      .any_issuer = true };

	return auth_check(a, &q, &c) == AUTH_OK ? c : NULL;
}

static bool keep(int64_t now_ms)
{
	e = (struct err){ 0 };
	return !operator_keep(&home, db, STR(LOCAL), now_ms, &r, &e);
}

static bool heal(const char *iss, int64_t now_ms)
{
	e = (struct err){ 0 };
	return !operator_heal(&home, db, str_of(iss), now_ms, &r, &e);
}

static bool came(enum operator_outcome want)
{
	if (r.outcome != want)
		tap_diag("%s, %s", operator_outcome_text(r.outcome),
			 auth_verdict_text(r.verdict));
	return r.outcome == want;
}

/* As it was, to the byte and the inode. */
static bool untouched(const struct stat *was, struct str content)
{
	struct stat st;

	return fstatat(dir, FILE_NAME, &st, 0) == 0 &&
	       st.st_ino == was->st_ino &&
	       str_eq(text(get(dir, FILE_NAME)), content);
}

static void reading(void)
{
	struct str jwt = STR("x");
	unsigned mode = 1;

	ok(!operator_read(&home, &arena, &jwt, &mode, &e) && !jwt.n && !mode,
	   "absent");
	put(dir, FILE_NAME, "");
	ok(!operator_read(&home, &arena, &jwt, &mode, &e) && !jwt.n, "empty");
	put(dir, FILE_NAME, " \n\t\r\n");
	ok(!operator_read(&home, &arena, &jwt, &mode, &e) && !jwt.n, "blank");
	put(dir, FILE_NAME, "  a.b.c \r\n\n");
	ok(!operator_read(&home, &arena, &jwt, &mode, &e) &&
	   str_is(jwt, "a.b.c") && mode == 0644, "read, and its mode: %04o",
	   mode);
	fchmodat(dir, FILE_NAME, 0600, 0);
	ok(!operator_read(&home, &arena, &jwt, &mode, &e) && mode == 0600,
	   "0600");
	sh("mv " FILE_NAME " elsewhere; ln -s elsewhere " FILE_NAME);
	ok(!operator_read(&home, &arena, &jwt, &mode, &e) &&
	   str_is(jwt, "a.b.c") && mode == 0600, "through a link");
	sh("rm " FILE_NAME "; mkdir " FILE_NAME);
	ok(operator_read(&home, &arena, &jwt, &mode, &e) < 0 && e.msg[0],
	   "a directory: %s", e.msg);
	ok(!keep(NOW) && strstr(e.msg, scratch_path), "kept as little: %s",
	   e.msg);
	sh("rmdir " FILE_NAME "; head -c 100000 /dev/zero >" FILE_NAME);
	ok(operator_read(&home, &arena, &jwt, &mode, &e) < 0 && e.msg[0],
	   "a large one: %s", e.msg);
	sh("rm " FILE_NAME);
}

static void made(void)
{
	struct auth *a = auth_new(db, NULL);
	struct store_token row;
	const struct claims *c;
	struct stat st;

	umask(0);
	ok(keep(NOW) && came(OPERATOR_MADE), "made where there was none: %s",
	   e.msg);
	umask(022);
	ok(fstatat(dir, FILE_NAME, &st, 0) == 0 &&
	   (st.st_mode & 07777) == 0600 &&
	   (size_t)st.st_size == token().n + 1, "0600, the token and LF");
	c = claims_at(a, NOW);
	ok(c && str_is(c->sub, "operator") && str_is(c->aud, "operator") &&
	   str_is(c->client_id, "parachute-hub") && str_is(c->iss, LOCAL) &&
	   str_is(c->vault_scope, "[]") && str_is(c->scope_set, "admin") &&
	   str_is(c->scope, scope_set_scopes(STR("admin"))) &&
	   c->exp_s == NOW_S + 90 * 86400 && c->jti.n == 22,
	   "for the operator, 90 days");
	ok(r.exp_s == NOW_S + 90 * 86400 && !strcmp(r.set, "admin") &&
	   !strcmp(r.sub, "operator"), "and so it is told");
	ok(c && !store_token(db, c->jti, &arena, &row, &e) &&
	   str_is(row.created_via, "operator_mint") &&
	   str_is(row.subject, "operator") && !row.user_id.n, "registered");
	auth_free(a);
}

static void issued(void)
{
	struct auth *a = auth_new(db, NULL);
	const struct claims *c;
	struct str old = token();
	struct stat st;

	ok(!sh("python3 -c 'import sqlite3; d = sqlite3.connect(\"hub.db\"); "
	       "[d.execute(\"insert into users (id, username, password_hash, "
	       "created_at, updated_at) values (?, ?, ?, ?, ?)\", "
	       "(i, i, \"\", t, t)) for i, t in "
	       "[(\"second\", \"2026-02-01T00:00:00.000Z\"), "
	       "(\"first\", \"2026-01-01T00:00:00.000Z\")]]; d.commit()'"),
	   "two users: %s", said(dir));
	ok(!operator_issue(&home, db, STR(LOCAL), STR("start"), NOW, &r, &e) &&
	   came(OPERATOR_ROTATED), "issued in place of another: %s", e.msg);
	c = claims_at(a, NOW);
	ok(c && str_is(c->sub, "first") && str_is(c->scope_set, "start") &&
	   str_is(c->scope, "parachute:host:start") && !str_eq(token(), old),
	   "for the first user");
	ok(fstatat(dir, FILE_NAME, &st, 0) == 0 &&
	   (st.st_mode & 07777) == 0600, "0600");
	old = token();
	ok(operator_issue(&home, db, STR(LOCAL), STR("root"), NOW, &r, &e) <
	   0 && e.code == ERR_USAGE && str_eq(token(), old),
	   "no such set: %s", e.msg);
	sh("rm " FILE_NAME "; printf old >elsewhere; "
	   "ln -s elsewhere " FILE_NAME);
	ok(!operator_issue(&home, db, STR(LOCAL), STR_NULL, NOW, &r, &e) &&
	   !sh("[ ! -L " FILE_NAME " ] && grep -qx old elsewhere"),
	   "a link is replaced, what it names stays");
	auth_free(a);
}

/* What stands in the file, and what becomes of it near its end. */
static const struct {
	const char *name, *set, *sub, *aud, *iss;
	int64_t left_s;
	enum operator_outcome kept, healed;
} cases[] = {
	{ "fresh", "start", "u1", "operator", LOCAL, OPERATOR_ROTATE_S + 1,
	  OPERATOR_FRESH, OPERATOR_ROTATED },
	{ "near its end", "start", "u1", "operator", LOCAL, OPERATOR_ROTATE_S,
	  OPERATOR_ROTATED, OPERATOR_ROTATED },
	{ "in its last second", "install", "u1", "operator", LOCAL, 1,
	  OPERATOR_ROTATED, OPERATOR_ROTATED },
	{ "expired", "start", "u1", "operator", LOCAL, 0,
	  OPERATOR_UNVERIFIABLE, OPERATOR_UNVERIFIABLE },
	{ "of another port", "start", "u1", "operator", "http://localhost:1",
	  1, OPERATOR_ROTATED, OPERATOR_ROTATED },
	{ "of another issuer", "start", "u1", "operator", "https://x.example",
	  1, OPERATOR_ROTATED, OPERATOR_ROTATED },
	{ "of the right issuer", "start", "u1", "operator", PUBLIC, 1,
	  OPERATOR_ROTATED, OPERATOR_FRESH },
	{ "for another service", "start", "u1", "vault.a", LOCAL, 1,
	  OPERATOR_NOT_OPERATOR, OPERATOR_NOT_OPERATOR },
	{ "for the hub", "admin", "u1", "hub", LOCAL, 1,
	  OPERATOR_NOT_OPERATOR, OPERATOR_NOT_OPERATOR },
	{ "without a set", "", "u1", "operator", LOCAL, 1, OPERATOR_NO_SET,
	  OPERATOR_NO_SET },
	{ "of an unknown set", "root", "u1", "operator", LOCAL, 1,
	  OPERATOR_NO_SET, OPERATOR_NO_SET },
	{ "without a subject", "start", "", "operator", LOCAL, 1,
	  OPERATOR_NO_SUBJECT, OPERATOR_NO_SUBJECT },
};

static bool renewed(const char *iss, const char *set, const char *sub)
{
	struct auth *a = auth_new(db, NULL);
	const struct claims *c = claims_at(a, NOW);
	bool yes = c && str_is(c->iss, iss) && str_is(c->scope_set, set) &&
		   str_is(c->sub, sub) && str_is(c->aud, "operator") &&
		   str_is(c->scope, scope_set_scopes(c->scope_set)) &&
		   c->exp_s == NOW_S + OPERATOR_TTL_S;

	auth_free(a);
	return yes;
}

/* Kept while nothing is configured. */
static const char *issuer_kept(const char *was)
{
	return origin_is_public(str_of(was)) ? was : LOCAL;
}

static void outcomes(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct mint m = a_mint("parachute:host:start");
		struct str content;
		struct stat st;

		m.sub = str_of(cases[i].sub);
		m.aud = str_of(cases[i].aud);
		m.iss = str_of(cases[i].iss);
		m.scope_set = str_of(cases[i].set);
		m.ttl_s = cases[i].left_s;
		/* Without the LF, which would be written. */
		content = mint(&m).jwt;
		put_str(dir, FILE_NAME, content);
		fstatat(dir, FILE_NAME, &st, 0);
		ok(keep(NOW) && came(cases[i].kept), "%s, kept: %s",
		   cases[i].name, operator_outcome_text(cases[i].kept));
		ok(cases[i].kept == OPERATOR_ROTATED ?
		   renewed(issuer_kept(cases[i].iss), cases[i].set,
			   cases[i].sub) :
		   untouched(&st, content), "%s",
		   cases[i].kept == OPERATOR_ROTATED ?
		   "the same set and subject" : "as it was");
		put_str(dir, FILE_NAME, content);
		fstatat(dir, FILE_NAME, &st, 0);
		ok(heal(PUBLIC, NOW) && came(cases[i].healed),
		   "%s, healed: %s", cases[i].name,
		   operator_outcome_text(cases[i].healed));
		ok(cases[i].healed == OPERATOR_ROTATED ?
		   renewed(PUBLIC, cases[i].set, cases[i].sub) :
		   untouched(&st, content), "%s",
		   cases[i].healed == OPERATOR_ROTATED ?
		   "the same set and subject" : "as it was");
	}
}

static void public_became_local(void)
{
	struct mint m = a_mint("parachute:host:auth");
	struct str content;
	struct stat st;

	m.aud = STR("operator");
	m.sub = STR("me");
	m.scope_set = STR("auth");
	m.iss = STR(PUBLIC);
	m.ttl_s = OPERATOR_TTL_S;
	put_str(dir, FILE_NAME, mint(&m).jwt);
	ok(!operator_renew(&home, db, STR(LOCAL), NOW, &r, &e) &&
	   came(OPERATOR_ROTATED) && renewed(PUBLIC, "auth", "me"),
	   "renewed: a public one stays public, its set and subject its own");
	ok(!operator_renew(&home, db, STR("https://b.example"), NOW, &r, &e) &&
	   renewed("https://b.example", "auth", "me"), "or is for the next");
	m.iss = STR(LOCAL);
	put_str(dir, FILE_NAME, mint(&m).jwt);
	ok(!operator_renew(&home, db, STR(PUBLIC), NOW, &r, &e) &&
	   renewed(PUBLIC, "auth", "me"), "a local one becomes public");
	m.aud = STR("hub");
	content = mint(&m).jwt;
	put_str(dir, FILE_NAME, content);
	fstatat(dir, FILE_NAME, &st, 0);
	ok(!operator_renew(&home, db, STR(PUBLIC), NOW, &r, &e) &&
	   came(OPERATOR_NOT_OPERATOR) && untouched(&st, content),
	   "what is no operator's is left");
	sh("rm " FILE_NAME);
	ok(!operator_renew(&home, db, STR(PUBLIC), NOW, &r, &e) &&
	   came(OPERATOR_ABSENT) && !get(dir, FILE_NAME), "none is made");
}

static void strangers(void)
{
	static const char *const here[] = {
		"http://127.0.0.1:1939", "http://localhost:1939",
		"http://[::1]:1939", "http://0.0.0.0", "https://127.8.9.1",
		"", "nonsense",
	};
	struct mint m = a_mint("x");
	struct str content;
	struct minted t;
	struct stat st;
	int64_t at;

	m.aud = STR("operator");
	m.scope_set = STR("admin");
	m.iss = STR(PUBLIC);
	m.created_via = STR("operator_mint");
	t = mint(&m);
	content = t.jwt;
	put_str(dir, FILE_NAME, content);
	fstatat(dir, FILE_NAME, &st, 0);
	for (size_t i = 0; i < LEN(here); i++)
		ok(heal(here[i], NOW) && came(OPERATOR_LOOPBACK) &&
		   untouched(&st, content), "never towards '%s'", here[i]);
	store_token_revoke(db, t.jti, NOW, &at, &e);
	ok(heal("https://new.example", NOW) && came(OPERATOR_UNVERIFIABLE) &&
	   r.verdict == AUTH_REVOKED && untouched(&st, content), "revoked");
	content = STR("eyJhbGciOiJub25lIn0.e30.");
	put_str(dir, FILE_NAME, content);
	ok(heal(PUBLIC, NOW) && came(OPERATOR_UNVERIFIABLE) &&
	   r.verdict == AUTH_ALGORITHM && untouched(&st, content),
	   "signed by nobody");
	ok(keep(NOW) && came(OPERATOR_UNVERIFIABLE) &&
	   untouched(&st, content), "nor is that kept anew");
	sh("rm " FILE_NAME);
	ok(heal(PUBLIC, NOW) && came(OPERATOR_ABSENT) &&
	   heal(LOCAL, NOW) && came(OPERATOR_ABSENT) &&
	   !get(dir, FILE_NAME), "where there is none, none is made");
}

int main(void)
{
	rig();
	reading();
	made();
	issued();
	outcomes();
	public_became_local();
	strangers();
	rig_end();
	return tap_done();
}
