/* SPDX-License-Identifier: MIT */
/*
 * The first row whose path fits decides; rows of one path stand together, one
 * a method. A method that none of them has is refused before anything else is
 * looked at. What no row has may be a module's.
 */
#include "front/route.h"

#include "base/fmt.h"
#include "front/gate.h"
#include "hub/row.h"
#include "wire/url.h"

#define MODULES "/api/modules/"

enum method {
	GET = 1, POST = 2, PUT = 4, DELETE = 8, PATCH = 16, OPTIONS = 32,
	HEAD = 64, OTHER = 128, ANY = 255,
};

static const struct { const char *name; unsigned bit; } methods[] = {
	{ "GET", GET }, { "HEAD", HEAD }, { "POST", POST }, { "PUT", PUT },
	{ "DELETE", DELETE }, { "PATCH", PATCH }, { "OPTIONS", OPTIONS },
};

/* What a path is compared with. */
enum fit {
	EXACTLY,
	BELOW,          /* it, and all below it */
	MODULE,         /* what follows /api/modules/<short> */
};

struct route {
	unsigned methods;
	enum fit fit;
	struct str path;
	enum gate gate;
	const char *const *scopes;
	void (*fn)(struct front_ask *);
	const char *word;
};

static const char *const auth[] = { "parachute:host:auth", NULL };
static const char *const admin[] = { "parachute:host:admin", NULL };
static const char *const steer[] = { "parachute:host:admin",
				     "parachute:host:start", NULL };

/* Modules' own paths */

static bool is_mounted(const struct row *row, struct str path)
{
	bool vault = str_starts(path, STR("/vault/"));

	if (row_is_vault(row->name) != vault)
		return false;
	for (size_t i = 0; i < row->npaths; i++) {
		struct str mount = row->paths[i];

		while (mount.n && mount.p[mount.n - 1] == '/')
			mount.n--;
		if (mount.n && str_starts(path, mount) &&
		    (path.n == mount.n || path.p[mount.n] == '/'))
			return true;
	}
	return false;
}

/* What is for this host alone is nothing to others, and who is which is only
 * known with the proxy. */
static const struct row *owner(struct front *f, struct str path)
{
	registry_load(&f->registry, f->home.fd, NULL);
	for (size_t i = 0; i < f->registry.n; i++) {
		const struct row *row = &f->registry.rows[i];

		if (row->exposure != EXPOSE_LOOPBACK && is_mounted(row, path))
			return row;
	}
	return NULL;
}

static void others(struct front_ask *a)
{
	const struct row *row = owner(a->front, a->req->path);

	if (row)
		ask_refuse(a, 501, "not_implemented", "this is a path of the "
			   "module %.*s, which the hub does not pass on yet; "
			   "it answers itself on port %u of this host",
			   STR_ARG(row->short_name), (unsigned)row->port);
	else
		not_found(a);
}

/* Small handlers */

static void not_yet(struct front_ask *a)
{
	ask_not_yet(a, a->word);
}

static void get_me(struct front_ask *a)
{
	httpd_reply(a->conn, 200, "application/json", STR(NO_STORE),
		    STR("{\"hasSession\":false}"));
}

static void get_operation(struct front_ask *a)
{
	ask_refuse(a, 404, "not_found", "no operation has that id: start, "
		   "stop and restart answer at once, and there are no others");
}

static void redirect(struct front_ask *a)
{
	struct buf b;

	buf_init(&b, HTTP_HEAD_MAX);
	buf_put(&b, STR("Location: "));
	buf_put(&b, str_of(a->word));
	buf_put(&b, a->rest);
	if (a->req->query.n) {
		buf_putc(&b, '?');
		buf_put(&b, a->req->query);
	}
	buf_put(&b, STR("\r\n"));
	if (buf_failed(&b))
		ask_refuse(a, 414, "invalid_request", "the path is too long");
	else
		httpd_reply(a->conn, 301, NULL, buf_str(&b), STR_NULL);
	buf_release(&b);
}

/* Whatever was below it. */
static void redirect_all(struct front_ask *a)
{
	a->rest = STR_NULL;
	redirect(a);
}

static void to_notes(struct front_ask *a)
{
	struct str off = STR_NULL;

	front_look(a->front);
	if (a->front->store)
		store_setting(a->front->store, "notes_redirect_disabled",
			      a->req->arena, &off, NULL);
	if (str_is(off, "true"))
		others(a);
	else
		redirect(a);
}

/* CORS as OAuth clients in browsers need it: by origin, with credentials. */

static struct str cors(const struct front_ask *a)
{
	struct str origin = http_field(a->req->head, "Origin");
	char *text;

	text = arena_printf(a->req->arena,
		"Access-Control-Allow-Origin: %.*s\r\n"
		"Access-Control-Allow-Credentials: %s\r\n%s"
		"Access-Control-Expose-Headers: WWW-Authenticate\r\n",
		STR_ARG(origin.n ? origin : STR("*")),
		origin.n ? "true" : "false",
		origin.n ? "Vary: Origin\r\n" : "");
	return str_of(text);
}

static void preflight(struct front_ask *a)
{
	struct str fields = cors(a);

	fields = str_of(arena_printf(a->req->arena, "%.*s"
		"Access-Control-Allow-Methods: GET, POST, OPTIONS, DELETE\r\n"
		"Access-Control-Allow-Headers: Authorization, Content-Type, "
		"X-Requested-With\r\n"
		"Access-Control-Max-Age: 86400\r\n", STR_ARG(fields)));
	httpd_reply(a->conn, 204, NULL, fields, STR_NULL);
}

static void no_oauth(struct front_ask *a)
{
	ask_refuse_with(a, 501, cors(a), "not_implemented", str_of(a->word));
}

static void no_metadata(struct front_ask *a)
{
	ask_refuse_with(a, 404, STR("Access-Control-Allow-Origin: *\r\n"
		"Access-Control-Allow-Methods: GET, OPTIONS\r\n"),
		"not_found", STR("this hub is no OAuth authorization server "
				 "yet"));
}

/* The table */

#define P(lit) { (lit), sizeof(lit) - 1 }

static const char login[] =
	"signing in with a browser is not there yet; use a bearer token "
	"(pc-auth mint-token)";
static const char users[] =
	"users, grants and OAuth clients are not served yet; pc-auth lists "
	"users";
static const char packages[] =
	"modules are not installed, upgraded or removed over HTTP yet";
static const char config[] =
	"configuring a module through the hub is not there yet";
static const char upgrade[] =
	"the hub does not upgrade itself; install a new version and restart it";
static const char vaults[] = "vaults are not made through the hub yet";
static const char oauth[] = "OAuth is not there yet; use a bearer token";

static const struct route routes[] = {
	/* Often asked for first: the table is read from its top. */
	{ ANY, EXACTLY, P("/health"), GATE_OPEN, NULL, get_health, NULL },
	{ GET, EXACTLY, P("/api/ready"), GATE_OPEN, NULL, get_ready, NULL },
	{ GET, EXACTLY, P("/api/modules"), GATE_A, auth, get_modules, NULL },
	{ GET, EXACTLY, P("/api/events"), GATE_A, auth, get_events, NULL },
	{ GET, EXACTLY, P("/metrics"), GATE_A, auth, get_metrics, NULL },

	{ ANY, EXACTLY, P("/vault"), GATE_OPEN, NULL, redirect,
	  "/admin/vaults" },
	{ ANY, EXACTLY, P("/vault/"), GATE_OPEN, NULL, redirect,
	  "/admin/vaults" },
	{ ANY, EXACTLY, P("/vault/new"), GATE_OPEN, NULL, redirect,
	  "/admin/vaults/new" },
	{ ANY, BELOW, P("/hub/vaults"), GATE_OPEN, NULL, redirect,
	  "/admin/vaults" },
	{ ANY, EXACTLY, P("/hub/permissions"), GATE_OPEN, NULL, redirect,
	  "/admin/permissions" },
	{ ANY, EXACTLY, P("/hub/tokens"), GATE_OPEN, NULL, redirect,
	  "/admin/tokens" },
	{ ANY, EXACTLY, P("/hub"), GATE_OPEN, NULL, redirect,
	  "/admin/vaults" },
	{ ANY, EXACTLY, P("/hub/"), GATE_OPEN, NULL, redirect,
	  "/admin/vaults" },
	{ ANY, EXACTLY, P("/admin/login"), GATE_OPEN, NULL, redirect,
	  "/login" },
	{ ANY, EXACTLY, P("/admin/logout"), GATE_OPEN, NULL, redirect,
	  "/logout" },
	{ ANY, BELOW, P("/notes"), GATE_OPEN, NULL, to_notes,
	  "/surface/notes" },

	{ GET, EXACTLY, P("/"), GATE_OPEN, NULL, get_page, NULL },
	{ GET, EXACTLY, P("/hub.html"), GATE_OPEN, NULL, get_page, NULL },

	{ GET, EXACTLY, P("/.well-known/parachute.json"), GATE_OPEN, NULL,
	  get_discovery, NULL },
	{ OPTIONS, EXACTLY, P("/.well-known/parachute.json"), GATE_OPEN, NULL,
	  options_wellknown, NULL },
	{ GET, EXACTLY, P("/.well-known/jwks.json"), GATE_OPEN, NULL,
	  get_jwks, NULL },
	{ OPTIONS, EXACTLY, P("/.well-known/jwks.json"), GATE_OPEN, NULL,
	  options_wellknown, NULL },
	{ GET, EXACTLY, P("/.well-known/parachute-revocation.json"),
	  GATE_OPEN, NULL, get_revocation, NULL },
	{ OPTIONS, EXACTLY, P("/.well-known/parachute-revocation.json"),
	  GATE_OPEN, NULL, options_wellknown, NULL },
	{ GET, EXACTLY, P("/.well-known/oauth-protected-resource"),
	  GATE_OPEN, NULL, get_protected_resource, NULL },
	{ OPTIONS, EXACTLY, P("/.well-known/oauth-protected-resource"),
	  GATE_OPEN, NULL, options_wellknown, NULL },
	{ GET, EXACTLY, P("/.well-known/oauth-authorization-server"),
	  GATE_OPEN, NULL, no_metadata, NULL },
	{ OPTIONS, EXACTLY, P("/.well-known/oauth-authorization-server"),
	  GATE_OPEN, NULL, options_wellknown, NULL },

	{ OPTIONS, BELOW, P("/oauth"), GATE_OPEN, NULL, preflight, NULL },
	{ ANY, BELOW, P("/oauth"), GATE_OPEN, NULL, no_oauth, oauth },
	{ ANY, BELOW, P("/vaults"), GATE_OPEN, NULL, not_yet, vaults },

	{ GET, EXACTLY, P("/api/me"), GATE_OPEN, NULL, get_me, NULL },
	{ ANY, BELOW, P("/api/hub/upgrade"), GATE_OPEN, NULL, not_yet,
	  upgrade },
	{ GET, EXACTLY, P("/api/hub"), GATE_B, admin, get_hub, NULL },
	{ PUT, EXACTLY, P("/api/modules/channel"), GATE_A, admin,
	  put_channel, NULL },
	{ GET, EXACTLY, P("/api/settings/hub-origin"), GATE_A, admin,
	  get_hub_origin, NULL },
	{ PUT, EXACTLY, P("/api/settings/hub-origin"), GATE_A, admin,
	  put_hub_origin, NULL },
	{ GET, BELOW, P("/api/modules/operations"), GATE_A, admin,
	  get_operation, NULL },
	{ GET, MODULE, P(""), GATE_A, auth, get_module, NULL },
	{ GET, MODULE, P("/logs"), GATE_A, admin, get_logs, NULL },
	{ POST, MODULE, P("/start"), GATE_A, steer, post_operation, "start" },
	{ POST, MODULE, P("/stop"), GATE_A, steer, post_operation, "stop" },
	{ POST, MODULE, P("/restart"), GATE_A, steer, post_operation,
	  "restart" },
	{ ANY, MODULE, P("/install"), GATE_OPEN, NULL, not_yet, packages },
	{ ANY, MODULE, P("/upgrade"), GATE_OPEN, NULL, not_yet, packages },
	{ ANY, MODULE, P("/uninstall"), GATE_OPEN, NULL, not_yet, packages },
	{ ANY, MODULE, P("/config"), GATE_OPEN, NULL, not_yet, config },
	{ ANY, MODULE, P("/config/schema"), GATE_OPEN, NULL, not_yet,
	  config },

	/* Who may mint or revoke what, the handlers know. */
	{ POST, EXACTLY, P("/api/auth/mint-token"), GATE_MINT, NULL,
	  post_mint, NULL },
	{ POST, EXACTLY, P("/api/auth/revoke-token"), GATE_MINT, NULL,
	  post_revoke, NULL },
	{ GET, EXACTLY, P("/api/auth/tokens"), GATE_A, auth, get_tokens,
	  NULL },
	{ ANY, BELOW, P("/api/grants"), GATE_OPEN, NULL, not_yet, users },
	{ ANY, BELOW, P("/api/oauth"), GATE_OPEN, NULL, not_yet, users },
	{ ANY, BELOW, P("/api/users"), GATE_OPEN, NULL, not_yet, users },

	{ ANY, BELOW, P("/login"), GATE_OPEN, NULL, not_yet, login },
	{ ANY, EXACTLY, P("/logout"), GATE_OPEN, NULL, not_yet, login },
	{ ANY, BELOW, P("/account"), GATE_OPEN, NULL, not_yet, login },
	{ ANY, BELOW, P("/admin/config"), GATE_OPEN, NULL, redirect_all,
	  "/admin/vaults" },
	{ ANY, BELOW, P("/admin"), GATE_OPEN, NULL, not_yet, login },
};

/* Reading it */

static unsigned method_of(struct str name)
{
	for (size_t i = 0; i < LEN(methods); i++)
		if (str_is(name, methods[i].name))
			return methods[i].bit == HEAD ? GET : methods[i].bit;
	return OTHER;
}

static bool fits(const struct route *r, struct str path, struct str verb,
		 struct str *rest)
{
	*rest = STR_NULL;
	switch (r->fit) {
	case MODULE:
		return verb.p && str_eq(verb, r->path);
	case BELOW:
		if (!str_starts(path, r->path))
			return false;
		*rest = str_skip(path, r->path.n);
		return !rest->n || *rest->p == '/';
	default:
		return str_eq(path, r->path);
	}
}

static bool same_place(const struct route *a, const struct route *b)
{
	return a->fit == b->fit && str_eq(a->path, b->path);
}

/* What follows /api/modules/<short>, NULL when it is no such path. */
static struct str verb_of(struct front_ask *a)
{
	struct str path = a->req->path, segment;

	if (!str_starts(path, STR(MODULES)))
		return STR_NULL;
	path = str_skip(path, sizeof MODULES - 2);
	url_segment(&path, &segment);
	if (!segment.n || !url_decode(segment, false, a->req->arena,
				      &a->short_name))
		return STR_NULL;
	return path.n ? path : STR("");
}

static void refuse_method(const struct front_ask *a, const struct route *r)
{
	const struct route *end = routes + LEN(routes), *first = r;
	char allow[96];
	unsigned all = 0;
	int n = fmt(allow, sizeof allow, "Allow: ");

	for (; r < end && same_place(r, first); r++)
		all |= r->methods;
	if (all & GET)
		all |= HEAD;
	for (size_t i = 0; i < LEN(methods); i++)
		if (all & methods[i].bit)
			n += fmt(allow + n, sizeof allow - (size_t)n, "%s%s",
				 n > 7 ? ", " : "", methods[i].name);
	fmt(allow + n, sizeof allow - (size_t)n, "\r\n");
	ask_refuse_with(a, 405, str_of(allow), "method_not_allowed",
			STR("this answers to other methods; see Allow"));
}

/* The row for this path and method. NULL and *known: the path has others;
 * that was said. */
static const struct route *find(struct front_ask *a, bool *known)
{
	const struct route *end = routes + LEN(routes), *first = NULL;
	unsigned method = method_of(a->req->head->method);
	struct str verb = verb_of(a);

	for (const struct route *r = routes; r < end; r++) {
		if (first && !same_place(r, first))
			break;
		if (!first && !fits(r, a->req->path, verb, &a->rest))
			continue;
		first = first ? first : r;
		*known = true;
		if (r->methods & method)
			return r;
	}
	if (first)
		refuse_method(a, first);
	return NULL;
}

static bool is_malformed(const struct front_ask *a)
{
	struct str text;

	return str_find(a->req->path, '%') >= 0 &&
	       !url_decode(a->req->path, false, a->req->arena, &text);
}

/* A copy: who looks again may find other origins, and the old ones gone. */
static struct str issuer_of(struct front *f, const struct httpd_req *req)
{
	struct str origin = f->origins.issuer.n ? f->origins.issuer :
			    gate_origin(req);

	return arena_str(req->arena, origin.n ? origin : f->origins.local);
}

void route_request(struct httpd_conn *c, struct httpd_req *req)
{
	struct front *f = httpd_of(c)->ctx;
	struct front_ask a = { .front = f, .conn = c, .req = req };
	const struct route *r;
	bool known = false;

	if (is_malformed(&a)) {
		ask_refuse(&a, 400, "invalid_request", "a percent escape in "
			   "the path is malformed");
		return;
	}
	r = find(&a, &known);
	if (known && !r)
		return;
	front_look(f);
	a.issuer = issuer_of(f, req);
	if (!known) {
		others(&a);
	} else if (gate_pass(&a, r->gate, r->scopes)) {
		a.word = r->word;
		r->fn(&a);
	}
}
