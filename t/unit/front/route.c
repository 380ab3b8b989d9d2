/* SPDX-License-Identifier: MIT */
#include "unit/front/rig.h"

#define AUTH  "parachute:host:auth"
#define ADMIN "parachute:host:admin"
#define START "parachute:host:start"
#define HOST  "http://hub.test"         /* of the rig's requests */

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 200, STR("{\"from\":\"keeper\"}"));
}

/* What needs no token. */
static void test_open(void)
{
	static const struct {
		const char *method, *path;
		int status;
		const char *what;
	} all[] = {
		{ "GET", "/health", 200, "\"instance\":\"of-the-rig\"" },
		{ "POST", "/health", 200, "\"db\":\"unconfigured\"" },
		{ "HEAD", "/health", 200, "Cache-Control: no-store" },
		{ "OPTIONS", "/health", 200, "\"server\":\"pc/" },
		{ "GET", "/health/", 404, "" },
		{ "GET", "/api/ready", 200, "keeper" },
		{ "POST", "/api/ready", 405, "Allow: GET, HEAD\r\n" },
		{ "GET", "/api/me", 200, "{\"hasSession\":false}" },
		{ "GET", "/api/me/", 404, "" },
		{ "GET", "/nothing", 404, "" },
		{ "GET", "/api/modulesx", 404, "" },
		{ "GET", "/api/modules/", 404, "" },
		{ "GET", "/api/modules/a/nothing", 404, "" },
		{ "GET", "/api/modules/a/logs/x", 404, "" },
		{ "GET", "/api/modules/%zz", 400, "invalid_request" },
		{ "GET", "/any%", 400, "invalid_request" },
		{ "GET", "/a%00b", 400, "invalid_request" },
		{ "GET", "/login", 501, "not_implemented" },
		{ "POST", "/login/2fa", 501, "not_implemented" },
		{ "GET", "/loginx", 404, "" },
		{ "POST", "/logout", 501, "not_implemented" },
		{ "GET", "/account", 501, "not_implemented" },
		{ "GET", "/account/2fa", 501, "not_implemented" },
		{ "GET", "/admin", 501, "not_implemented" },
		{ "GET", "/admin/setup", 501, "not_implemented" },
		{ "POST", "/vaults", 501, "not_implemented" },
		{ "GET", "/api/users", 501, "not_implemented" },
		{ "DELETE", "/api/users/1", 501, "not_implemented" },
		{ "GET", "/api/grants?vault=a", 501, "not_implemented" },
		{ "GET", "/api/oauth/clients/1", 501, "not_implemented" },
		{ "POST", "/api/hub/upgrade", 501, "not_implemented" },
		{ "GET", "/api/hub/upgrade/status", 501, "not_implemented" },
		{ "POST", "/api/modules/a/install", 501, "not_implemented" },
		{ "POST", "/api/modules/a/upgrade", 501, "not_implemented" },
		{ "POST", "/api/modules/a/uninstall", 501, "not_imp" },
		{ "GET", "/api/modules/a/config", 501, "not_implemented" },
		{ "GET", "/api/modules/a/config/schema", 501, "not_imp" },
		{ "POST", "/oauth/token", 501, "Expose-Headers: WWW-Auth" },
		{ "GET", "/.well-known/oauth-authorization-server", 404,
		  "Access-Control-Allow-Origin: *\r\n" },
		{ "OPTIONS", "/.well-known/oauth-authorization-server", 204,
		  "Access-Control-Allow-Methods: GET, OPTIONS\r\n" },
		{ "GET", "/.well-known/jwks.json", 503, "" },
		{ "DELETE", "/.well-known/jwks.json", 405,
		  "Allow: GET, HEAD, OPTIONS\r\n" },
	};

	for (size_t i = 0; i < LEN(all); i++)
		ok(get_is(all[i].method, all[i].path, NULL, all[i].status,
			  all[i].what), "%s %s is %d", all[i].method,
		   all[i].path, all[i].status);
}

static void test_redirects(void)
{
	static const struct { const char *from, *to; } all[] = {
		{ "/vault", "/admin/vaults" },
		{ "/vault/", "/admin/vaults" },
		{ "/vault/new?a=b&c", "/admin/vaults/new?a=b&c" },
		{ "/hub", "/admin/vaults" },
		{ "/hub/", "/admin/vaults" },
		{ "/hub/vaults", "/admin/vaults" },
		{ "/hub/vaults/x/y?z", "/admin/vaults/x/y?z" },
		{ "/hub/permissions", "/admin/permissions" },
		{ "/hub/tokens?", "/admin/tokens" },
		{ "/admin/login?next=/", "/login?next=/" },
		{ "/admin/logout", "/logout" },
		{ "/admin/config/x", "/admin/vaults" },
		{ "/notes", "/surface/notes" },
		{ "/notes/a?b", "/surface/notes/a?b" },
	};
	char want[100];

	for (size_t i = 0; i < LEN(all); i++) {
		snprintf(want, sizeof want, "\r\nLocation: %s\r\n",
			 all[i].to);
		ok(get_is("POST", all[i].from, NULL, 301, want),
		   "%s is at %s", all[i].from, all[i].to);
	}
	ok(get_is("GET", "/notesy", NULL, 404, ""), "/notesy is not");
}

static void test_oauth_cors(void)
{
	const char *from = "Origin: https://app.example\r\n";

	ok(get_is("OPTIONS", "/oauth/token", from, 204,
		  "Access-Control-Allow-Origin: https://app.example\r\n") &&
	   get_is("OPTIONS", "/oauth/token", from, 204,
		  "Allow-Credentials: true\r\nVary: Origin\r\n") &&
	   get_is("OPTIONS", "/oauth/token", from, 204,
		  "Access-Control-Max-Age: 86400\r\n"),
	   "a preflight is answered for its origin");
	ok(get_is("OPTIONS", "/oauth/token", NULL, 204,
		  "Access-Control-Allow-Origin: *\r\n"
		  "Access-Control-Allow-Credentials: false\r\n"),
	   "without an origin, without credentials");
	ok(get_is("GET", "/oauth/authorize", from, 501,
		  "Access-Control-Allow-Origin: https://app.example\r\n"),
	   "so are refusals");
}

/* Paths of modules, which are not passed on yet. */
static void test_modules(void)
{
	static const char rows[] = "{\"services\":["
		"{\"name\":\"web\",\"port\":4001,\"paths\":[\"/web/\"],"
		"\"health\":\"/h\",\"version\":\"1\"},"
		"{\"name\":\"hidden\",\"port\":4002,\"paths\":[\"/hidden\"],"
		"\"health\":\"/h\",\"version\":\"1\","
		"\"publicExposure\":\"loopback\"},"
		"{\"name\":\"root\",\"port\":4003,\"paths\":[\"/\"],"
		"\"health\":\"/h\",\"version\":\"1\"},"
		"{\"name\":\"sly\",\"port\":4004,\"paths\":[\"/api\","
		"\"/vault/sly\"],\"health\":\"/h\",\"version\":\"1\"},"
		"{\"name\":\"parachute-vault\",\"port\":4005,\"paths\":"
		"[\"/vault/default\",\"/other\"],\"health\":\"/h\","
		"\"version\":\"1\"}]}";

	put(rig.dir, "services.json", rows);
	ok(get_is("GET", "/web", NULL, 501, "module web") &&
	   get_is("POST", "/web/x?y", NULL, 501, "port 4001"),
	   "a path of a module says so");
	ok(get_is("GET", "/webx", NULL, 404, ""), "its sibling is nobody's");
	ok(get_is("GET", "/hidden/x", NULL, 404, ""),
	   "what is for this host alone is not there");
	ok(get_is("GET", "/vault/default/a", NULL, 501, "module vault"),
	   "a vault's path");
	ok(get_is("GET", "/other", NULL, 404, "") &&
	   get_is("GET", "/vault/sly", NULL, 404, ""),
	   "a vault serves below /vault/, and nobody else does");
	ok(get_is("GET", "/api/me", NULL, 200, "") &&
	   get_is("GET", "/x", NULL, 404, ""),
	   "no module takes what is the hub's");
}

static void test_no_store(void)
{
	ok(get_is("GET", "/api/modules", NULL, 401, "unauthenticated"),
	   "without hub.db: no token is 401");
	ok(get_is("GET", "/api/modules", "Authorization: Bearer a.b.c\r\n",
		  503, "no hub.db here"), "any is 503, with the reason");
}

/* Who may */

static void test_refusals(void)
{
	static const struct { const char *field, *why; } all[] = {
		{ "", "needs a bearer token" },
		{ "Authorization:\r\n", "needs a bearer token" },
		{ "Authorization: Basic eDp5\r\n", "not of the scheme" },
		{ "Authorization: Bearer\r\n", "is empty" },
		{ "Authorization: Bearer   \r\n", "is empty" },
		{ "Authorization: Bearer x\r\n", "" },
		{ "Authorization: Bearer a.b.c d\r\n", "" },
		{ "Authorization: Bearer a.b.c\r\nAuthorization: Bearer "
		  "a.b.c\r\n", "more than one" },
	};

	for (size_t i = 0; i < LEN(all); i++)
		ok(get_is("GET", "/api/modules", all[i].field, 401,
			  "{\"error\":\"unauthenticated\"") &&
		   get_is("GET", "/api/modules", all[i].field, 401,
			  all[i].why), "401 for '%.*s'",
		   (int)strcspn(all[i].field, "\r"), all[i].field);
	ok(get_is("GET", "/api/hub", "Authorization: Bearer x\r\n", 401,
		  "WWW-Authenticate: Bearer error=\"invalid_token\", "
		  "error_description=\"") &&
	   get_is("GET", "/api/hub", NULL, 401,
		  "{\"error\":\"invalid_token\""),
	   "the other gate has other words");
	ok(get_is("GET", "/api/modules", token_of(AUTH, HOST, -1000), 401,
		  "expired"), "an expired one");
	ok(get_is("GET", "/api/modules",
		  token_of(AUTH, "https://else.example", 60), 401,
		  "unauthenticated"), "one of another hub");
	ok(get_is("PATCH", "/api/modules", NULL, 405, "Allow: GET, HEAD\r\n"),
	   "a wrong method is told before who may");
}

static void test_issuers(void)
{
	char local[64];
	char field[9000];

	ok(get_is("GET", "/api/modules", token_of(AUTH, HOST, 60), 200,
		  "keeper"), "the host of the request is an issuer");
	snprintf(field, sizeof field, "%sX-Forwarded-Proto: HTTPS , http\r\n",
		 token_of(AUTH, "https://hub.test", 60));
	ok(get_is("GET", "/api/modules", field, 200, "keeper"),
	   "by the scheme that the first proxy saw");
	snprintf(field, sizeof field, "%sX-Forwarded-Host: evil.test\r\n",
		 token_of(AUTH, "http://evil.test", 60));
	ok(get_is("GET", "/api/modules", field, 401, "unauthenticated"),
	   "not what a proxy says of the host");
	snprintf(local, sizeof local, "http://localhost:%u",
		 (unsigned)rig.front.port);
	ok(get_is("GET", "/api/modules", token_of(AUTH, local, 60), 200,
		  "keeper"), "this host's names are");
	rig.front.operator_issuer = STR("https://was.example");
	ok(get_is("GET", "/api/modules",
		  token_of(AUTH, "https://was.example", 60), 200, "keeper"),
	   "so is that of operator.token");
	rig.front.operator_issuer = STR_NULL;
	snprintf(field, sizeof field, "%s", token_of(AUTH, HOST, 60));
	memcpy(strstr(field, "Bearer"), "bEARER", 6);
	ok(get_is("GET", "/api/modules", field, 200, "keeper"),
	   "the scheme in any case");
}

static void test_scopes(void)
{
	static const struct {
		const char *method, *path, *enough, *less;
	} all[] = {
		{ "GET", "/api/modules", AUTH, ADMIN },
		{ "GET", "/api/modules/a", AUTH, ADMIN },
		{ "GET", "/api/events", AUTH, ADMIN },
		{ "GET", "/metrics", AUTH, ADMIN },
		{ "GET", "/api/ready?wait=ready", AUTH, ADMIN },
		{ "GET", "/api/modules/a/logs", ADMIN, AUTH },
		{ "POST", "/api/modules/a/start", ADMIN, AUTH },
		{ "POST", "/api/modules/a/start", START, AUTH },
		{ "POST", "/api/modules/a/stop", START, AUTH },
		{ "POST", "/api/modules/a/restart", "x " START, START "x" },
		{ "GET", "/api/hub", ADMIN, AUTH " " START },
		{ "GET", "/api/settings/hub-origin", ADMIN, AUTH },
	};

	for (size_t i = 0; i < LEN(all); i++) {
		ok(get_is(all[i].method, all[i].path,
			  token_of(all[i].enough, HOST, 60), 200, ""),
		   "%s %s with %s", all[i].method, all[i].path,
		   all[i].enough);
		ok(get_is(all[i].method, all[i].path,
			  token_of(all[i].less, HOST, 60), 403,
			  "{\"error\":\"insufficient_scope\"") &&
		   get_is(all[i].method, all[i].path, NULL, 401, "error"),
		   "not with %s", all[i].less);
	}
	ok(get_is("POST", "/api/modules/a/stop", token_of(AUTH, HOST, 60),
		  403, ADMIN " or " START), "which it lacks is said");
	ok(get_is("GET", "/api/hub", token_of(AUTH, HOST, 60), 403,
		  "WWW-Authenticate: Bearer error=\"insufficient_scope\""),
	   "by the other gate in the head, too");
	ok(get_is("GET", "/api/modules/operations/x",
		  token_of(ADMIN, HOST, 60), 404, "not_found") &&
	   get_is("GET", "/api/modules/operations/x", NULL, 401, ""),
	   "there are no operations to ask for");
	ok(get_is("PUT", "/api/modules/channel", token_of(AUTH, HOST, 60),
		  403, "") &&
	   get_is("GET", "/api/modules/channel", NULL, 405,
		  "Allow: PUT\r\n"), "channel is no module");
	ok(get_is("POST", "/api/auth/mint-token", NULL, 401, "") &&
	   get_is("GET", "/api/auth/mint-token", NULL, 405,
		  "Allow: POST\r\n"), "minting needs a token");
}

static void test_notes(void)
{
	ok(store_set(rig.front.store, "notes_redirect_disabled", STR("true"),
		     1, NULL) == 0 && get_is("GET", "/notes/x", NULL, 404, ""),
	   "/notes stays where it is when the operator says so");
}

int main(void)
{
	rig_up(keeper);
	test_open();
	test_redirects();
	test_oauth_cors();
	test_modules();
	test_no_store();
	rig_store();
	test_refusals();
	test_issuers();
	test_scopes();
	test_notes();
	rig_down();
	return tap_done();
}
