/* SPDX-License-Identifier: MIT */
/* What a worker answers by itself, over HTTP and with a real hub.db: the
 * documents, the page, tokens, settings. */
#include "front/published.h"
#include "sys/db.h"
#include "unit/front/rig.h"

#define CORS "Access-Control-Allow-Origin: *\r\n" \
	"Access-Control-Allow-Methods: GET, OPTIONS\r\n"
#define BOTH "parachute:host:auth parachute:host:admin"

static struct arena arena;
static struct store *store;     /* the worker's */

static void no_keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 503, STR("{}"));
}

/* A token of ours, not registered. */
static const char *token(const char *scope, const char *aud)
{
	const struct mint m = {
		.scope = str_of(scope), .aud = str_of(aud), .sub = STR("me"),
		.client_id = STR("t"), .iss = STR("http://hub.test"),
		.now_ms = os_unix_ms(), .ttl_s = 600,
	};
	struct minted out;
	struct err e = { 0 };

	if (token_mint(store, &m, &arena, &out, &e) < 0)
		scratch_bail(e.msg);
	return arena_cstr(&arena, out.jwt);
}

static struct client *send_to(const char *method, const char *target,
			      const char *bearer, const char *body)
{
	static char fields[200000];
	size_t n = 0;

	if (bearer)
		n += (size_t)sprintf(fields, "Authorization: Bearer %s\r\n",
				     bearer);
	if (body)
		sprintf(fields + n, "Content-Length: %zu\r\n\r\n%s",
			strlen(body) + 2, body);
	else
		fields[n] = '\0';
	return ask(method, target, fields);
}

static char last[1 << 20];      /* the answer */

static bool says(const char *method, const char *target, const char *bearer,
		 const char *body, int status, const char *what)
{
	struct client *c = send_to(method, target, bearer, body);
	bool good;

	until(c->eof);
	snprintf(last, sizeof last, "%s", c->got);
	good = answered(c, status, what);
	hang_up(c);
	return good;
}

/* The text of a member of the last answer, of which there is one. */
static const char *member(const char *key)
{
	char name[64];
	const char *p;

	snprintf(name, sizeof name, "\"%s\":\"", key);
	p = strstr(last, name);
	if (!p)
		return "";
	p += strlen(name);
	return arena_cstr(&arena, (struct str){ p, strcspn(p, "\"") });
}

/* Documents */

static const char *const documents[] = {
	"/.well-known/parachute.json", "/.well-known/jwks.json",
	"/.well-known/parachute-revocation.json",
	"/.well-known/oauth-protected-resource",
};

static void wellknown(void)
{
	for (size_t i = 0; i < LEN(documents); i++) {
		ok(says("GET", documents[i], NULL, NULL, 200, CORS) &&
		   strstr(last, "Content-Type: application/json\r\n"),
		   "%s", documents[i]);
		ok(says("OPTIONS", documents[i], NULL, NULL, 204, CORS),
		   "  asked from a page");
		ok(says("HEAD", documents[i], NULL, NULL, 200, CORS) &&
		   str_ends(str_of(last), STR("\r\n\r\n")), "  its head");
	}
	ok(says("GET", documents[0], NULL, NULL, 200,
		"Cache-Control: no-store\r\n"), "never kept");
	ok(says("GET", documents[1], NULL, NULL, 200,
		"{\"keys\":[{\"kty\":\"RSA\",\"n\":\""), "the keys");
	ok(says("GET", documents[2], NULL, NULL, 200,
		"Cache-Control: public, max-age=60\r\n") &&
	   strstr(last, "{\"generated_at\":\"20") &&
	   strstr(last, "Z\",\"jtis\":[]}"), "nothing is revoked");
	ok(says("POST", documents[2], NULL, NULL, 405,
		"\"error\":\"method_not_allowed\""), "only read");
	ok(says("GET", documents[3], NULL, NULL, 200,
		"{\"resource\":\"http://hub.test\","), "the resource");
}

static void without_store(void)
{
	rig.front.store = NULL;
	for (size_t i = 1; i < 3; i++)
		ok(says("GET", documents[i], NULL, NULL, 503, CORS) &&
		   strstr(last, "no hub.db here"), "%s without hub.db",
		   documents[i]);
	for (size_t i = 0; i < LEN(documents); i++)
		ok(says("OPTIONS", documents[i], NULL, NULL, 204, CORS),
		   "%s from a page, all the same", documents[i]);
	ok(says("GET", documents[0], NULL, NULL, 200, "\"vaults\":[]"),
	   "discovery, too");
	ok(says("POST", "/api/auth/mint-token", "x", "{}", 503,
		"no hub.db here"), "no tokens");
	rig.front.store = store;
}

#define ROWS(name) "{\"services\":[{\"name\":\"" name "\",\"port\":3000," \
	"\"paths\":[\"/vault/home\"],\"health\":\"/h\",\"version\":\"1\"}]}"

static struct str discovery(const char *origin)
{
	struct str text = STR_NULL;
	struct err e = { 0 };

	ok(published_document(&rig.front, PUBLISHED_DISCOVERY,
			      str_of(origin), &text, &e) == 0, "%s %s",
	   origin, e.msg);
	return text;
}

static void kept(void)
{
	struct str first = discovery("http://a"), text;
	char origin[400];
	bool good = true;

	ok(str_starts(first, STR("{\"vaults\":[],\"services\":[]}")), "empty");
	ok(discovery("http://a").p == first.p, "the same bytes again");
	put(rig.dir, "services.json", ROWS("mine"));
	text = discovery("http://a");
	ok(text.n > first.n, "another services.json, another document");
	for (int i = 0; i < 3 * PUBLISHED_KEPT; i++) {
		snprintf(origin, sizeof origin, "http://h%d", i);
		text = arena_str(&arena, discovery(origin));
		snprintf(origin, sizeof origin, "\"http://h%d/vault/home\"", i);
		good = good && strstr(text.p, origin);
	}
	ok(good, "each origin has its own");
	ok(strstr(arena_cstr(&arena, discovery("http://a")),
		  "\"http://a/vault/home\""), "the first, too, once more");
	memset(origin, 'x', sizeof origin);
	origin[sizeof origin - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		text = discovery(origin);
		ok(text.n > 2 * sizeof origin, "one that is too long to keep");
		origin[0] = 'y';
		ok(discovery(origin).p[0] == '{', "and another");
	}
	put(rig.dir, "services.json", "{ no");
	ok(strstr(arena_cstr(&arena, discovery("http://a")),
		  "\"http://a/vault/home\""), "broken: what was there before");
	put(rig.dir, "services.json", ROWS("parachute-vault"));
}

/* The page */

static void page(void)
{
	ok(says("GET", "/", NULL, NULL, 200, "frame-ancestors 'none'") &&
	   strstr(last, "X-Content-Type-Options: nosniff\r\n") &&
	   strstr(last, "Content-Type: text/html; charset=utf-8\r\n") &&
	   strstr(last, "<bdi>hub.test</bdi>") && strstr(last, "</html>\n"),
	   "the page");
	ok(says("GET", "/hub.html", NULL, NULL, 200, "<h1>Parachute hub</h1>"),
	   "under its other name");
	ok(get_is("GET", "/none", "Accept: application/xml, text/html;q=0.9"
		  "\r\n", 404, "<h1>Not found</h1>") &&
	   get_is("GET", "/none", "Accept: text/html\r\n", 404,
		  "frame-ancestors 'none'"), "not found, for people");
	ok(get_is("GET", "/none", NULL, 404, "{\"error\":\"not_found\"") &&
	   get_is("GET", "/none", "Accept: */*\r\n", 404,
		  "Content-Type: application/json"), "for others");
	ok(get_is("GET", "/api/none", "Accept: text/html\r\n", 404,
		  "{\"error\":\"not_found\""), "for programs");
}

/* Tokens */

#define MINT(bearer, body, status, what) \
	says("POST", "/api/auth/mint-token", bearer, body, status, what)
#define REVOKE(bearer, body, status, what) \
	says("POST", "/api/auth/revoke-token", bearer, body, status, what)

static bool is_listed(const char *jti)
{
	return says("GET", documents[2], NULL, NULL, 200, jti);
}

static void minting(const char *both)
{
	const char *narrow = token("vault:home:admin", "vault.home");
	const char *jwt, *jti;

	ok(MINT(both, "{\"scope\":\"vault:home:read  vault:home:write\","
		"\"expires_in\":60,\"permissions\":{\"a\":[1]}}", 200,
		"Cache-Control: no-store\r\n") &&
	   strstr(last, "\"scope\":\"vault:home:read vault:home:write\","
		  "\"permissions\":{\"a\":[1]}}"), "minted");
	ok(strlen(member("jti")) == 22 && strlen(member("expires_at")) == 24,
	   "%s until %s", member("jti"), member("expires_at"));
	ok(MINT(both, "{\"scope\":\"vault:home:admin\",\"audience\":\"hub\"}",
		200, "\"token\":\"ey"), "for the hub");
	ok(MINT(narrow, "{\"scope\":\"vault:home:read\"}", 200,
		"\"token\":\"ey"), "by a vault's own");
	jwt = member("token");
	jti = member("jti");
	ok(MINT(jwt, "{ no", 401, "\"unauthenticated\""),
	   "which is none for the hub");
	ok(MINT(token("parachute:host:start", "hub"), "{ no", 403,
		"\"insufficient_scope\""), "who may not is told so first");
	ok(MINT(narrow, "{\"scope\":\"vault:work:read\"}", 400,
		"\"invalid_scope\""), "nor of another vault");
	ok(MINT(narrow, "{\"scope\":\"vault:home:read\",\"subject\":\"you\"}",
		403, "\"insufficient_scope\""), "nor for another");
	ok(MINT(narrow, "{\"scope\":\"vault:home:read\","
		"\"expires_in\":31536000}", 400, "\"invalid_request\""),
	   "nor for so long");
	ok(MINT(both, "{\"scope\":\"vault:gone:admin\"}", 400,
		"names no vault of this hub"), "of no vault");
	ok(MINT(both, "{\"scope\":\"parachute:host:admin\"}", 400,
		"\"invalid_scope\""), "never a host scope");
	ok(MINT(both, "{\"scope\":7}", 400, "scope must be a string") &&
	   MINT(both, "", 400, "must be a JSON object"), "not so");
	ok(MINT(NULL, "{}", 401, "\"unauthenticated\"") &&
	   says("GET", "/api/auth/mint-token", both, NULL, 405,
		"Allow: POST\r\n"), "nor so");
	ok(!strstr(told(), jwt), "nobody is told of a token");
	ok(REVOKE(narrow, arena_printf(&arena, "{\"jti\":\"%s\"}", jti), 200,
		  "\"revoked_at\":\"20"), "who may mint it may revoke it");
}

static void revoking(const char *both)
{
	const char *jti, *jwt, *body, *when;

	ok(is_listed("\"jtis\":["), "the list as it is");
	MINT(both, "{\"scope\":\"vault:home:admin\",\"audience\":\"hub\"}", 200,
	     "");
	jti = member("jti");
	jwt = member("token");
	body = arena_printf(&arena, "{\"jti\":\"%s\"}", jti);
	ok(REVOKE(token("vault:work:admin", "vault.work"), body, 403,
		  "\"insufficient_scope\""), "not another vault's");
	ok(REVOKE(both, body, 200, jti), "revoked");
	when = member("revoked_at");
	ok(is_listed(jti), "on the list at once");
	ok(REVOKE(both, body, 200, when), "again, as before");
	ok(MINT(jwt, "{}", 401, "revoked"), "and worth nothing");
	ok(REVOKE(both, "{\"jti\":\"none\"}", 404, "\"not_found\""),
	   "one that is not registered");
	ok(REVOKE(both, "{}", 400, "must have jti") &&
	   REVOKE(both, "{\"jti\":\"\"}", 400, "jti must be") &&
	   REVOKE(both, "{\"jti\":[]}", 400, "jti must be"), "not so");
}

/* What another process writes is on the list before long. */
static void by_another(const char *both)
{
	struct err e = { 0 };
	struct store *other = store_open(&rig.front.home, STORE_WRITE, 5000,
					 &e);
	const char *jti;
	int64_t at_ms;

	MINT(both, "{\"scope\":\"vault:home:read\"}", 200, "");
	jti = member("jti");
	ok(is_listed("jtis") && !strstr(last, jti), "not yet");
	ok(store_token_revoke(other, str_of(jti), os_unix_ms(), &at_ms,
			      &e) == 0, "revoked elsewhere %s", e.msg);
	do
		says("GET", documents[2], NULL, NULL, 200, "jtis");
	while (!strstr(last, jti));
	ok(true, "on the list");
	store_close(other);
}

/* Each request read the whole register again, to fail again. */
static void failure_was_forgotten(void)
{
	struct err e = { 0 };
	struct db *other = db_open(rig.dir, scratch_path, STORE_FILE, DB_WRITE,
				   5000, &e);
	struct str text;
	int64_t before;
	bool again;

	do {
		if (!other || db_run(other, "ALTER TABLE tokens RENAME TO t",
				     &e) < 0)
			scratch_bail(e.msg);
		do
			before = os_now_ms();
		while (published_revoked(&rig.front, &text, &e) == 0);
		if (db_run(other, "ALTER TABLE t RENAME TO tokens", &e) < 0)
			scratch_bail(e.msg);
		e.msg[0] = '\0';
		again = published_revoked(&rig.front, &text, &e) < 0;
		/* On a machine that took so long, it says nothing. */
	} while (os_now_ms() - before >= FRONT_FRESH_MS);
	ok(again && strstr(e.msg, "no such table"),
	   "a failure is remembered: %s", e.msg);
	while (published_revoked(&rig.front, &text, &e) < 0)
		;
	ok(str_find(text, 'j') > 0, "and not for ever");
	db_close(other);
}

static void busy(const char *both)
{
	struct err e = { 0 };
	struct db *other = db_open(rig.dir, scratch_path, STORE_FILE, DB_WRITE,
				   0, &e);
	struct client *c, *gone;

	if (!other || db_begin(other, &e) < 0)
		scratch_bail(e.msg);
	c = send_to("POST", "/api/auth/mint-token", both,
		    "{\"scope\":\"vault:home:read\"}");
	gone = send_to("POST", "/api/auth/mint-token", both,
		       "{\"scope\":\"vault:home:write\"}");
	ok(says("GET", "/api/auth/tokens", both, NULL, 200, "\"tokens\""),
	   "others are served while a write waits");
	settle();
	ok(c->n == 0, "it has no answer yet");
	hang_up(gone);
	if (db_finish(other, 0, &e) < 0)
		scratch_bail(e.msg);
	db_close(other);
	until(c->eof);
	ok(answered(c, 200, "\"token\":\"ey"), "then it has");
	hang_up(c);
}

static void registered(const char *both)
{
	struct store_token row = {
		.client_id = STR("c"), .scopes = STR("a:b c"),
		.subject = STR("many"), .created_via = STR("odd"),
		.permissions = STR("{\"p\":1}"),
	};
	const char *cursor;
	struct err e = { 0 };

	row.expires_ms = os_unix_ms() + 600000;
	for (int i = 0; i < 60; i++) {
		row.jti = str_of(arena_printf(&arena, "many-%02d", i));
		row.created_ms = 1767323045000 + i / 7;
		if (store_token_add(store, &row, &e) < 0)
			scratch_bail(e.msg);
	}
	ok(says("GET", "/api/auth/tokens?subject=many", both, NULL, 200,
		"{\"tokens\":[{\"jti\":\"many-59\",\"user_id\":null,"
		"\"subject\":\"many\",\"client_id\":\"c\","
		"\"scopes\":[\"a:b\",\"c\"],\"expires_at\":\"2") &&
	   strstr(last, "\"revoked_at\":null,"
		  "\"created_at\":\"2026-01-02T03:04:05.008Z\","
		  "\"created_via\":\"odd\",\"permissions\":{\"p\":1}}") &&
	   strstr(last, "\"many-10\"") && !strstr(last, "\"many-09\""),
	   "a page, newest first");
	cursor = member("next_cursor");
	ok(says("GET", arena_printf(&arena, "/api/auth/tokens?cursor=%s&"
				    "subject=many", cursor), both, NULL, 200,
		"{\"tokens\":[{\"jti\":\"many-09\"") &&
	   strstr(last, "\"many-00\"") &&
	   strstr(last, "\"next_cursor\":null}"), "the next and last");
	ok(says("GET", "/api/auth/tokens?subject=many&cursor=bad", both, NULL,
		200, "{\"tokens\":[{\"jti\":\"many-59\""),
	   "a bad cursor is the beginning");
	ok(says("GET", "/api/auth/tokens?created_via=odd&revoked=true", both,
		NULL, 200, "{\"tokens\":[],\"next_cursor\":null}") &&
	   says("GET", "/api/auth/tokens?revoked=true", both, NULL, 200,
		"\"revoked_at\":\"20") &&
	   says("GET", "/api/auth/tokens?revoked=all", both, NULL, 200,
		"\"revoked_at\":\"20"), "filtered");
	ok(says("GET", "/api/auth/tokens?revoked=1", both, NULL, 400,
		"revoked must be") &&
	   says("GET", "/api/auth/tokens?subject=%zz", both, NULL, 400,
		"percent"), "bad filters");
	ok(says("GET", "/api/auth/tokens", token("parachute:host:admin",
		"hub"), NULL, 403, "\"insufficient_scope\""), "not for all");
}

/* Settings */

#define ORIGIN(method, body, status, what) \
	says(method, "/api/settings/hub-origin", both, body, status, what)

static void settings(const char *both)
{
	ok(ORIGIN("GET", NULL, 200, "{\"hub_origin\":null,"
		  "\"resolved_issuer\":\"http://hub.test\","
		  "\"source\":\"request\"}"), "no origin yet");
	ok(ORIGIN("PUT", "{\"hub_origin\":\"https://h.example/\"}", 400,
		  "\"invalid_hub_origin\"") &&
	   ORIGIN("PUT", "{\"hub_origin\":7}", 400, "\"invalid_hub_origin\"")
	   && ORIGIN("PUT", "{}", 400, "\"invalid_request\"") &&
	   ORIGIN("PUT", "[]", 400, "\"invalid_request\""), "not so");
	told();
	ok(ORIGIN("PUT", "{\"hub_origin\":\"HTTPS://H.example:443\"}", 200,
		  "{\"hub_origin\":\"https://h.example\"}"), "set");
	ok(strstr(told(), "prepare "), "and the keeper told");
	ok(ORIGIN("GET", NULL, 200, "{\"hub_origin\":\"https://h.example\","
		  "\"resolved_issuer\":\"https://h.example\","
		  "\"source\":\"settings\"}"), "as is seen at once");
	ok(says("GET", documents[0], NULL, NULL, 200,
		"\"https://h.example/vault/home\""), "everywhere");
	ok(ORIGIN("PUT", "{\"hub_origin\":\"\"}", 200,
		  "{\"hub_origin\":null}") &&
	   ORIGIN("GET", NULL, 200, "\"source\":\"request\""), "taken back");
#define CHANNEL(body, status, what) \
	says("PUT", "/api/modules/channel", both, body, status, what)
	ok(CHANNEL("{\"channel\":\"rc\"}", 200, "{\"channel\":\"rc\"}") &&
	   CHANNEL("{\"channel\":\"latest\"}", 200, "\"latest\""), "channel");
	ok(CHANNEL("{\"channel\":\"beta\"}", 400, "\"invalid_channel\"") &&
	   CHANNEL("{\"channel\":null}", 400, "\"invalid_request\"") &&
	   CHANNEL("no", 400, "\"invalid_request\""), "not so");
}

int main(void)
{
	struct err e = { 0 };
	const char *both;
	bool made;

	rig_up(no_keeper);
	arena_init(&arena, 64 << 20);
	store = store_open(&rig.front.home, STORE_MAKE, 0, &e);
	if (!store || token_ensure_key(store, os_unix_ms(), &made, &e) < 0)
		scratch_bail(e.msg);
	rig.front.opened = rig.front.store = store;
	rig.front.auth = auth_new(store, &e);
	both = token(BOTH, "operator");
	wellknown();
	without_store();
	kept();
	page();
	minting(both);
	revoking(both);
	by_another(both);
	failure_was_forgotten();
	busy(both);
	registered(both);
	settings(both);
	published_free(&rig.front);
	rig_down();
	arena_release(&arena);
	return tap_done();
}
