/* SPDX-License-Identifier: MIT */
/* What is posted to mint, and how the register is paged. */
#include "front/tokens.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct registry registry;
static struct refusal no;
static struct mint m;

static int mint(const char *text)
{
	const struct json *j;

	arena_reset(&arena);
	no = (struct refusal){ .status = 0 };
	j = body_read(guarded(0, str_of(text)), &arena, &no);
	return j ? tokens_read_mint(&m, j, &registry, &arena, &no) : -1;
}

static bool refused(const char *text, int status, const char *code,
		    const char *why)
{
	int rc = mint(text);

	if (rc == -1 && no.status == status && no.code &&
	    strcmp(no.code, code) == 0 && strstr(no.text, why))
		return true;
	tap_diag("%.100s: %d %d %s", text, rc, no.status, no.text);
	return false;
}

static bool is(struct str s, const char *want)
{
	if (str_is(s, want))
		return true;
	tap_diag("have %.*s", STR_ARG(s));
	return false;
}

#define INVALID(text, why) refused(text, 400, "invalid_request", why)
#define SCOPE(text, why) \
	refused("{\"scope\":\"" text "\"}", 400, "invalid_scope", why)

static void good(void)
{
	ok(mint("{\"scope\":\"vault:read\"}") == 0 && is(m.scope, "vault:read")
	   && !m.aud.n && !m.sub.n && !m.permissions.n && !m.ttl_s &&
	   is(m.client_id, "parachute-hub") && is(m.created_via, "cli_mint"),
	   "the least");
	ok(mint("{\"scope\":\" vault:home:admin\\n\\tx:y \","
		"\"audience\":\"a\",\"subject\":\"s\",\"expires_in\":31536000,"
		"\"permissions\":{ \"t\": [1, {}] },\"more\":null}") == 0 &&
	   is(m.aud, "a") && is(m.sub, "s") && m.ttl_s == 31536000 &&
	   is(m.permissions, "{\"t\":[1,{}]}"), "all of it");
}

static void types(void)
{
	ok(INVALID("", "a JSON object") && INVALID("{", "a JSON object") &&
	   INVALID("[]", "a JSON object") && INVALID("null", "object") &&
	   INVALID("{\"scope\":\"a\",\"scope\":\"b\"}", "a JSON object"),
	   "no object");
	ok(INVALID("{}", "scope must be a string") &&
	   INVALID("{\"scope\":[\"x\"]}", "scope must be a string") &&
	   INVALID("{\"scope\":\"\"}", "scope must be not empty") &&
	   INVALID("{\"scope\":\" \\n\"}", "scope must be not empty"),
	   "no scope");
#define WITH(more) "{\"scope\":\"x:y\"," more "}"
	ok(INVALID(WITH("\"audience\":\"\""), "audience must be") &&
	   INVALID(WITH("\"audience\":null"), "audience must be") &&
	   INVALID(WITH("\"audience\":\"a\\u0000b\""), "audience must be"),
	   "audience");
	ok(INVALID(WITH("\"subject\":7"), "subject must be"), "subject");
	ok(INVALID(WITH("\"expires_in\":0"), "expires_in must be") &&
	   INVALID(WITH("\"expires_in\":-1"), "expires_in must be") &&
	   INVALID(WITH("\"expires_in\":1.5"), "expires_in must be") &&
	   INVALID(WITH("\"expires_in\":1e3"), "expires_in must be") &&
	   INVALID(WITH("\"expires_in\":\"60\""), "expires_in must be") &&
	   INVALID(WITH("\"expires_in\":31536001"), "expires_in must be"),
	   "expires_in");
	ok(INVALID(WITH("\"permissions\":[]"), "permissions must be") &&
	   INVALID(WITH("\"permissions\":null"), "permissions must be") &&
	   INVALID(WITH("\"permissions\":\"{}\""), "permissions must be"),
	   "permissions");
}

static void scopes(void)
{
	ok(SCOPE("vault:admin", "name one"), "every vault");
	ok(SCOPE("vault:other:admin", "names no vault") &&
	   mint("{\"scope\":\"vault:other:read\"}") == 0, "no such vault");
}

static void sizes(void)
{
	static char text[AUTH_BODY_MAX + 100];
	size_t n;

	n = (size_t)sprintf(text, "{\"scope\":\"");
	memset(text + n, 'x', 2500);
	strcpy(text + n + 2500, "\"}");
	ok(INVALID(text, "too long for a token"), "too much for a token");
	strcpy(text + n + 2300, "\"}");
	ok(mint(text) == 0, "just not");
	n = (size_t)sprintf(text, "{\"scope\":\"x\",\"subject\":\"");
	memset(text + n, 's', 257);
	strcpy(text + n + 257, "\"}");
	ok(INVALID(text, "subject must be"), "a long subject");
	strcpy(text + n + 256, "\"}");
	ok(mint(text) == 0, "just not");
	memset(text, ' ', sizeof text - 1);
	ok(refused(text, 413, "payload_too_large", "65536"), "a large body");
	memset(text, '[', 30);
	for (size_t i = 30; i < AUTH_BODY_MAX; i += 2)
		memcpy(text + i, "0,", 2);
	text[AUTH_BODY_MAX] = '\0';
	ok(refused(text, 413, "payload_too_large", "too many parts"),
	   "one of many parts");
}

/* Cursors */

static bool reads(const char *cursor, const char *date, const char *jti)
{
	struct store_filter f = { .revoked = -1 };

	return tokens_read_cursor(guarded(0, str_of(cursor)), &arena, &f) &&
	       is(f.after_created_at, date) && is(f.after_jti, jti);
}

static bool is_none(const char *cursor)
{
	struct store_filter f = { .revoked = -1 };

	return !tokens_read_cursor(guarded(0, str_of(cursor)), &arena, &f) &&
	       !f.after_created_at.p;
}

static void cursors(void)
{
	const struct store_token t = {
		.jti = STR("j?~\"\xc3\xbf"), 
		.created_at = STR("2026-01-02T03:04:05.678Z"),
	};
	struct str cursor;
	char text[400];

	arena_reset(&arena);
	cursor = tokens_cursor(&t, &arena);
	snprintf(text, sizeof text, "%.*s", STR_ARG(cursor));
	ok(cursor.n > 20 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_") == cursor.n,
	   "needs no escape: %s", text);
	ok(reads(text, "2026-01-02T03:04:05.678Z", "j?~\"\xc3\xbf"),
	   "there and back");
	/* {"created_at":"2026-01-02T03:04:05.678Z","jti":"a"} */
	ok(reads("eyJjcmVhdGVkX2F0IjoiMjAyNi0wMS0wMlQwMzowNDowNS42NzhaIiwia"
		 "nRpIjoiYSJ9", "2026-01-02T03:04:05.678Z", "a"), "the reference's");
	ok(is_none("") && is_none("?") && is_none("AAAA") &&
	   is_none("e30") && is_none("e30="), "none");
	for (size_t i = 0; i < cursor.n; i++) {
		snprintf(text, sizeof text, "%.*s", (int)i, cursor.p);
		if (!is_none(text))
			ok(false, "cut at %zu", i);
	}
	ok(true, "nor one that is cut");
}

static void rows(void)
{
	const struct store_token full = {
		.jti = STR("j"), .user_id = STR("u"), .client_id = STR("c"),
		.scopes = STR(" a:b  c "), .subject = STR("s"),
		.created_via = STR("cli_mint"), .permissions = STR("{\"p\":1}"),
		.expires_ms = 1000, .revoked_ms = 2000, .created_ms = 3000,
	}, bare = {
		.jti = STR("j"), .client_id = STR("c"), .scopes = STR(""),
		.created_via = STR("new"), .permissions = STR("[no"),
		.expires_ms = 1000, .created_ms = 3000,
	};
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_COMPACT);
	token_row_write(&w, &full);
	ok(is(buf_str(&b), "{\"jti\":\"j\",\"user_id\":\"u\","
	      "\"subject\":\"s\",\"client_id\":\"c\","
	      "\"scopes\":[\"a:b\",\"c\"],"
	      "\"expires_at\":\"1970-01-01T00:00:01.000Z\","
	      "\"revoked_at\":\"1970-01-01T00:00:02.000Z\","
	      "\"created_at\":\"1970-01-01T00:00:03.000Z\","
	      "\"created_via\":\"cli_mint\",\"permissions\":{\"p\":1}}"),
	   "a full row");
	buf_reset(&b);
	jsonw_init(&w, &b, JSONW_COMPACT);
	token_row_write(&w, &bare);
	ok(is(buf_str(&b), "{\"jti\":\"j\",\"user_id\":null,"
	      "\"subject\":null,\"client_id\":\"c\",\"scopes\":[],"
	      "\"expires_at\":\"1970-01-01T00:00:01.000Z\","
	      "\"revoked_at\":null,"
	      "\"created_at\":\"1970-01-01T00:00:03.000Z\","
	      "\"created_via\":\"new\",\"permissions\":null}"), "a bare one");
	buf_release(&b);
}

int main(void)
{
	struct err e = { 0 };

	arena_init(&arena, HTTPD_ARENA_MAX);
	registry_init(&registry);
	if (registry_parse(&registry, STR("{\"services\":[{"
	    "\"name\":\"parachute-vault\",\"port\":1940,\"health\":\"/h\","
	    "\"version\":\"1\",\"paths\":[\"/vault/home\"]}]}"), &e) != 1)
		tap_diag("%s", e.msg);
	good();
	types();
	scopes();
	sizes();
	cursors();
	rows();
	registry_release(&registry);
	arena_release(&arena);
	return tap_done();
}
