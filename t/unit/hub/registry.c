/* SPDX-License-Identifier: MIT */
#include "hub/registry.h"

#include "base/buf.h"
#include "hub/limits.h"
#include "unit/hub/scratch.h"

#include <time.h>

#define REST "\"paths\":[],\"health\":\"/h\",\"version\":\"1\""
#define ROW(name, port) "{\"name\":\"" name "\",\"port\":" port "," REST "}"
#define FILE_OF(rows) "{\"services\":[" rows "]}"

static struct str in(const char *text)
{
	return guarded(0, str_of(text));
}

/* "1:3 text" of each problem, ';' between them; a note has a '~'. */
static const char *said(const struct registry *r)
{
	static struct buf b = { .max = 1 << 20 };

	buf_reset(&b);
	for (size_t i = 0; i < r->problems.n; i++) {
		const struct problem *p = &r->problems.all[i];

		buf_printf(&b, "%s%s%u:%u %.*s", i ? "\n" : "",
			   p->note ? "~" : "", p->line, p->column,
			   STR_ARG(p->text));
		if (!str_is(p->file, "services.json"))
			buf_printf(&b, " IN %.*s", STR_ARG(p->file));
	}
	buf_putc(&b, '\0');
	return buf_str(&b).p;
}

/* The names in use, '*' for instances. */
static const char *used(const struct registry *r)
{
	static struct buf b = { .max = 1 << 20 };

	buf_reset(&b);
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&b, "%s%.*s=%.*s%s", i ? " " : "",
			   STR_ARG(r->rows[i].name),
			   STR_ARG(r->rows[i].short_name),
			   r->rows[i].instance ? "*" : "");
	buf_putc(&b, '\0');
	return buf_str(&b).p;
}

static void whole_row(void)
{
	static const char text[] =
		"{ \"services\": [ {\n"
		"  \"name\": \"parachute-scribe\", \"port\": 1943,\n"
		"  \"paths\": [\"/scribe\", \"x\"], \"health\": \"/health\",\n"
		"  \"version\": \"0.1\", \"displayName\": \"Sc\\u0072ibe\",\n"
		"  \"tagline\": \"t\", \"publicExposure\": \"auth-required\",\n"
		"  \"installDir\": \"/opt/scribe\", \"stripPrefix\": true,\n"
		"  \"websocket\": false, \"future\": [1.50],\n"
		"  \"lastStartError\": 5,\n"
		"  \"uis\": { \"a\": { \"displayName\": \"A\","
		" \"path\": \"/a\","
		" \"status\": \"pending-oauth\", \"audience\": \"operator\","
		" \"scopes_required\": [\"x\"], \"public\": true } } } ],\n"
		"  \"other\": 1 }\n";
	struct registry r;
	struct err e = { 0 };
	const struct row *row;

	registry_init(&r);
	ok(registry_parse(&r, in(text), &e) == 1, "a whole row %s", e.msg);
	guarded(0, STR(""));
	row = registry_find(&r, STR("scribe"));
	if (!ok(row && r.n == 1 && !r.problems.n, "is found %s", said(&r)))
		return;
	ok(is_text(row->name, "parachute-scribe"), "name");
	ok(row->port == 1943, "port");
	ok(row->npaths == 2 && is_text(row->paths[0], "/scribe") &&
	   is_text(row->paths[1], "x"), "paths");
	ok(is_text(row->health, "/health"), "health");
	ok(is_text(row->version, "0.1"), "version");
	ok(is_text(row->display_name, "Scribe"), "displayName");
	ok(is_text(row->tagline, "t"), "tagline");
	ok(is_text(row->install_dir, "/opt/scribe"), "installDir");
	ok(row->exposure == EXPOSE_AUTH, "publicExposure");
	ok(row->strip_prefix == 1 && row->websocket == 0, "flags");
	ok(!row->instance && row->line == 1 && row->number == 1, "place");
	ok(json_get(row->json, "future") && json_get(row->json, "uis"),
	   "the rest is there");
	registry_release(&r);
}

static void least_row(void)
{
	struct registry r;

	registry_init(&r);
	ok(registry_parse(&r, in(FILE_OF(ROW("x", "1"))), NULL) == 1 &&
	   r.n == 1, "the least row");
	ok(r.rows[0].strip_prefix == -1 && r.rows[0].websocket == -1 &&
	   r.rows[0].exposure == EXPOSE_DEFAULT && !r.rows[0].npaths &&
	   !r.rows[0].install_dir.n && !r.rows[0].display_name.n,
	   "what is absent is absent");
	ok(registry_find(&r, STR("x")) == &r.rows[0], "found");
	ok(!registry_find(&r, STR("y")) && !registry_find(&r, STR("")),
	   "others are not");
	ok(registry_parse(&r, in(FILE_OF("")), NULL) == 1 && !r.n,
	   "no rows");
	registry_release(&r);
}

#define WITH(more) "{\"name\":\"x\",\"port\":1," REST "," more "}"
#define UI(more) WITH("\"uis\":{\"u\":{" more "}}")
#define GOODUI "\"displayName\":\"A\",\"path\":\"/a\","

/* Each is the second row of two; the first stays whatever the second is. */
static const struct { const char *row, *said; } bad[] = {
	{ "null", "no name) was skipped: row: must be an object" },
	{ "\"x\"", "no name) was skipped: row: must be an object" },
	{ "[]", "no name) was skipped: row: must be an object" },
	{ "{}", "no name) was skipped: name: is missing; it must be a string "
	  "that is not empty" },
	{ "{\"name\":5}", "no name) was skipped: name: must be a string that "
	  "is not empty" },
	{ "{\"name\":\"\"}", "no name) was skipped: name: must be a string "
	  "that is not empty" },
	{ "{\"name\":\"x\"," REST "}", "x) was skipped: port: is missing; it "
	  "must be an integer from 1 to 65535" },
	{ ROW("x", "0"), "x) was skipped: port: must be an integer from 1 to "
	  "65535" },
	{ ROW("x", "65536"), "x) was skipped: port: must be" },
	{ ROW("x", "-1"), "x) was skipped: port: must be" },
	{ ROW("x", "1.5"), "x) was skipped: port: must be" },
	{ ROW("x", "\"80\""), "x) was skipped: port: must be" },
	{ "{\"name\":\"x\",\"port\":1,\"health\":\"/\",\"version\":\"\"}",
	  "paths: is missing; it must be a list of strings" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":\"/x\",\"health\":\"/\","
	  "\"version\":\"\"}", "paths: must be a list of strings" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[1],\"health\":\"/\","
	  "\"version\":\"\"}", "paths: must be a list of strings" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[],\"version\":\"\"}",
	  "health: is missing; it must be a path that starts with /" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[],\"health\":\"h\","
	  "\"version\":\"\"}", "health: must be a path that starts with /" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[],\"health\":\"\","
	  "\"version\":\"\"}", "health: must be a path" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[],\"version\":\"\","
	  "\"health\":\"/ HTTP/1.1\\r\\nX: y\"}",
	  "health: must not hold control characters" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[],\"health\":\"/\"}",
	  "version: is missing" },
	{ "{\"name\":\"x\",\"port\":1,\"paths\":[],\"health\":\"/\","
	  "\"version\":1}", "version: must be a string" },
	{ WITH("\"displayName\":null"), "displayName: must be a string" },
	{ WITH("\"tagline\":[]"), "tagline: must be a string" },
	{ WITH("\"publicExposure\":\"public\""), "publicExposure: must be "
	  "\"allowed\", \"loopback\" or \"auth-required\"" },
	{ WITH("\"publicExposure\":true"), "publicExposure: must be" },
	{ WITH("\"installDir\":\"\""), "installDir: must be a string that is "
	  "not empty" },
	{ WITH("\"installDir\":\"x/y\""), "installDir: must be an absolute "
	  "path" },
	{ WITH("\"installDir\":\"/x\\u0000y\""), "installDir: must be an "
	  "absolute path" },
	{ WITH("\"stripPrefix\":\"true\""), "stripPrefix: must be true or "
	  "false" },
	{ WITH("\"websocket\":1"), "websocket: must be true or false" },
	{ WITH("\"uis\":[]"), "uis: must be an object" },
	{ WITH("\"uis\":{\"\":{}}"), "uis: must not have an empty name" },
	{ WITH("\"uis\":{\"u\":1}"), "uis: must hold objects only" },
	{ UI("\"path\":\"/a\""), "uis.u.displayName: is missing" },
	{ UI("\"displayName\":\"\",\"path\":\"/a\""), "uis.u.displayName: "
	  "must be a string that is not empty" },
	{ UI("\"displayName\":\"A\""), "uis.u.path: is missing" },
	{ UI("\"displayName\":\"A\",\"path\":\"a\""), "uis.u.path: must be" },
	{ UI(GOODUI "\"iconUrl\":1"), "uis.u.iconUrl: must be a string" },
	{ UI(GOODUI "\"status\":\"gone\""), "uis.u.status: must be "
	  "\"active\"" },
	{ UI(GOODUI "\"status\":1"), "uis.u.status: must be" },
	{ UI(GOODUI "\"audience\":\"all\""), "uis.u.audience: must be" },
	{ UI(GOODUI "\"scopes_required\":[\"\"]"), "uis.u.scopes_required: "
	  "must be a list of strings that are not empty" },
	{ ROW("../x", "1"), "../x) was skipped: name: \"../x\" cannot be the "
	  "name of a module" },
	{ ROW("a/b", "1"), "name: \"a/b\" cannot be" },
	{ ROW("a\\u0000b", "1"), "name: \"a\\x00b\" cannot be" },
	{ ROW("a\\u001b[2Jb", "1"), "name: \"a\\x1b[2Jb\" cannot be" },
	{ ROW("\\u202eabc", "1"), "name: \"\\xe2\\x80\\xaeabc\" cannot be" },
	{ ROW(".hidden", "1"), "name: \".hidden\" cannot be" },
	{ ROW("hub", "1"), "name: \"hub\" cannot be" },
	{ ROW("logs", "1"), "name: \"logs\" cannot be" },
	{ ROW("parachute-vault-../x", "1"), "cannot be" },
	{ ROW("channel", "1"), "row 2 (channel) is retired and was skipped; "
	  "remove it" },
	{ ROW("parachute-agent", "1"), "row 2 (parachute-agent) is retired "
	  "and was skipped; remove it" },
	{ "{\"name\":\"agent\"}", "row 2 (agent) is retired" },
	{ ROW("parachute-channel", "1"), "is retired" },
	{ "{\"name\":\"claw\",\"port\":1,\"paths\":[\"/claw\"]}", "retired" },
	{ ROW("app", "1946"), "row 2 (app) is retired" },
	{ "{\"name\":\"parachute-app\",\"port\":1,\"paths\":[\"/surface/x\"]}",
	  "(parachute-app) is retired" },
	{ ROW("good", "2"), "row 2 (good) was skipped: row 1 (good) is already "
	  "good; remove one of them" },
	{ ROW("other", "7"), "row 2 (other) was skipped: port 7 belongs to row "
	  "1 (good); give it another port" },
};

static void bad_rows(void)
{
	struct registry r;
	char text[2000];

	registry_init(&r);
	for (size_t i = 0; i < LEN(bad); i++) {
		snprintf(text, sizeof text, "{\"services\":[\n%s,\n  %s]}",
			 ROW("good", "7"), bad[i].row);
		ok(registry_parse(&r, in(text), NULL) == 1 && r.n == 1 &&
		   str_is(r.rows[0].name, "good") && r.problems.n == 1 &&
		   strstr(said(&r), bad[i].said) &&
		   r.problems.all[0].line == 3, "%s", said(&r));
	}
	registry_release(&r);
}

/* Rows that look like the bad ones and are good. */
static void good_rows(void)
{
	static const char *const good[] = {
		ROW("claw", "1"), ROW("agents", "1"), ROW("surface", "1946"),
		ROW("a..b", "65535"),
		"{\"name\":\"app\",\"port\":1946,\"paths\":[\"/app\"],"
		"\"health\":\"/\",\"version\":\"\"}",
		"{\"name\":\"parachute-app\",\"port\":1944,\"paths\":"
		"[\"/surface\",\"/app/x\"],\"health\":\"/\",\"version\":\"\"}",
		"{\"name\":\"app\",\"port\":1944,\"paths\":[\"/surfaces\"],"
		"\"health\":\"/\",\"version\":\"\"}",
		UI(GOODUI "\"status\":\"disabled\",\"public\":false,"
		   "\"x\":null"),
		WITH("\"uis\":{}"), WITH("\"lastStartError\":\"bad\""),
	};
	struct registry r;
	char text[2000];

	registry_init(&r);
	for (size_t i = 0; i < LEN(good); i++) {
		snprintf(text, sizeof text, "{\"services\":[%s]}", good[i]);
		ok(registry_parse(&r, in(text), NULL) == 1 && r.n == 1 &&
		   (!r.problems.n || r.problems.all[0].note), "good: %s %s",
		   good[i], said(&r));
	}
	registry_release(&r);
}

static const struct { const char *rows, *used, *said; } sets[] = {
	/* Vaults share a port; the further ones are paths of the first. */
	{ ROW("parachute-vault", "1940") ",\n" ROW("parachute-vault-w", "1940")
	  ",\n" ROW("parachute-vault-v", "1955"),
	  "parachute-vault=vault parachute-vault-w=vault* "
	  "parachute-vault-v=vault*", "" },
	{ ROW("parachute-vault-w", "1950") ",\n"
	  ROW("parachute-vault-v", "1950"),
	  "parachute-vault-w=vault parachute-vault-v=vault*", "" },
	{ ROW("parachute-vault-w", "1950") ",\n" ROW("parachute-vault", "1940"),
	  "parachute-vault-w=vault* parachute-vault=vault", "" },
	{ ROW("parachute-vault-w", "1940") ",\n"
	  ROW("parachute-vault-w", "1940"),
	  "parachute-vault-w=vault", "3:9 row 2 (parachute-vault-w) was "
	  "skipped: row 1 (parachute-vault-w) is already parachute-vault-w; "
	  "remove one of them" },
	{ ROW("parachute-vault", "1940") ",\n" ROW("x", "1940"),
	  "parachute-vault=vault", "3:20 row 2 (x) was skipped: port 1940 "
	  "belongs to row 1 (parachute-vault); give it another port" },
	{ ROW("x", "1940") ",\n" ROW("parachute-vault", "1940"),
	  "x=x", "3:34 row 2 (parachute-vault) was skipped: port 1940 belongs "
	  "to row 1 (x); give it another port" },
	/* X beside parachute-X, in both orders, known and not. */
	{ ROW("scribe", "1943") ",\n" ROW("parachute-scribe", "1943"),
	  "parachute-scribe=scribe", "2:9 row 1 (scribe) was skipped: row 2 "
	  "(parachute-scribe) is the same module on port 1943; remove row 1" },
	{ ROW("parachute-foo", "5") ",\n" ROW("foo", "5"),
	  "parachute-foo=parachute-foo", "3:9 row 2 (foo) was skipped: row 1 "
	  "(parachute-foo) is the same module on port 5; remove row 2" },
	{ ROW("foo", "5") ",\n" ROW("parachute-foo", "6"),
	  "foo=foo parachute-foo=parachute-foo", "" },
	{ ROW("parachute-foo", "6") ",\n" ROW("foo", "5") ",\n"
	  ROW("parachute-foo", "5"),
	  "parachute-foo=parachute-foo foo=foo", "4:9 row 3 (parachute-foo) "
	  "was skipped: row 1 (parachute-foo) is already parachute-foo; remove "
	  "one of them" },
	/* One short name. */
	{ ROW("scribe", "1943") ",\n" ROW("parachute-scribe", "1950"),
	  "scribe=scribe", "3:9 row 2 (parachute-scribe) was skipped: row 1 "
	  "(scribe) is already scribe; remove one of them" },
	{ ROW("parachute-notes", "1942") ",\n" ROW("parachute-lens", "1942"),
	  "parachute-notes=notes", "3:33 row 2 (parachute-lens) was skipped: "
	  "port 1942 belongs to row 1 (parachute-notes); give it another "
	  "port" },
	/* A broken parachute-X does not take X with it. */
	{ ROW("scribe", "1943") ",\n"
	  "{\"name\":\"parachute-scribe\",\"port\":1943}",
	  "scribe=scribe", "3:1 row 2 (parachute-scribe) was skipped: paths: "
	  "is missing; it must be a list of strings" },
	/* A port that is not the usual one is worth saying, no more. */
	{ ROW("parachute-vault", "2940"), "parachute-vault=vault",
	  "~2:34 row 1 (parachute-vault): port 2940 is not its usual 1940; set "
	  "it to 1940 unless this is meant" },
	{ ROW("third", "2940"), "third=third", "" },
	{ ROW("parachute-lens", "1942"), "parachute-lens=notes", "" },
};

static void beside_each_other(void)
{
	struct registry r;
	char text[2000];

	registry_init(&r);
	for (size_t i = 0; i < LEN(sets); i++) {
		snprintf(text, sizeof text, "{\"services\":[\n%s]}",
			 sets[i].rows);
		ok(registry_parse(&r, in(text), NULL) == 1 &&
		   is_text(str_of(used(&r)), sets[i].used), "%s",
		   sets[i].used);
		ok(is_text(str_of(said(&r)), sets[i].said), "  says so");
	}
	ok(registry_find(&r, STR("notes")) != NULL, "found by short name");
	registry_parse(&r, str_of(FILE_OF(ROW("parachute-vault-w", "1940") ","
		ROW("parachute-vault", "1940"))), NULL);
	ok(registry_find(&r, STR("vault")) == &r.rows[1],
	   "an instance is not the module");
	registry_release(&r);
}

static const struct { const char *text, *message; } broken[] = {
	{ "", "line 1 column 1: " },
	{ "[]", "line 1 column 1: there is no \"services\" list" },
	{ "null", "line 1 column 1: there is no \"services\" list" },
	{ "{}", "line 1 column 1: there is no \"services\" list" },
	{ "{\n  \"services\": {}}", "line 2 column 15: there is no" },
	{ "{\n  \"services\": [\n    {\"name\": }\n  ]\n}\n",
	  "line 3 column 14: " },
	{ "{\"services\":[", "line 1 column 14: " },
	{ "{\"services\":[]}x", "line 1 column 16: " },
	{ "{\"services\":[],\"services\":[]}", "line 1 column " },
};

static void stays(void)
{
	struct registry r;
	struct err e;
	char first[2000];

	registry_init(&r);
	for (size_t i = 0; i < LEN(broken); i++) {
		e = (struct err){ 0 };
		ok(registry_parse(&r, in(broken[i].text), &e) == -1 &&
		   e.code == ERR_INVALID && strstr(e.msg, broken[i].message) &&
		   strncmp(e.msg, "services.json: ", 15) == 0, "%s", e.msg);
		ok(r.broken && !r.n && r.problems.n == 1 &&
		   r.problems.all[0].line > 0 &&
		   !strstr(said(&r), "line 1 col"),
		   "  a problem: %s", said(&r));
	}
	ok(registry_parse(&r, in(FILE_OF(ROW("a", "1"))), NULL) == 1 &&
	   !r.broken && !r.problems.n, "mended");
	for (size_t i = 0; i < LEN(broken); i++) {
		registry_parse(&r, in(broken[i].text), NULL);
		snprintf(first, sizeof first, "%s", said(&r));
		registry_parse(&r, in(broken[i].text), NULL);
		ok(r.broken && r.loaded && r.problems.n == 1 &&
		   strcmp(first, said(&r)) == 0 && r.n == 1 &&
		   str_is(r.rows[0].name, "a"), "the view stays: %s", first);
	}
	registry_release(&r);
}

static struct str many(struct buf *b, int n, const char *port)
{
	buf_reset(b);
	buf_put(b, STR("{\"services\":["));
	for (int i = 0; i < n; i++) {
		char own[16];

		snprintf(own, sizeof own, "%d", 2000 + i);
		buf_printf(b, "%s\n{\"name\":\"m%d\",\"port\":%s," REST "}",
			   i ? "," : "", i, port ? port : own);
	}
	buf_put(b, STR("]}"));
	return buf_str(b);
}

static void bounds(void)
{
	struct registry r;
	struct err e = { 0 };
	struct buf b;

	registry_init(&r);
	buf_init(&b, 8 << 20);
	ok(registry_parse(&r, many(&b, MODULES_MAX, NULL), &e) == 1 &&
	   r.n == MODULES_MAX && !r.problems.n, "as many as there may be %s",
	   e.msg);
	ok(registry_parse(&r, many(&b, MODULES_MAX + 5, NULL), &e) == 1 &&
	   r.n == MODULES_MAX, "five more");
	ok(is_text(str_of(said(&r)), "1026:1 5 rows from here on were skipped: "
		   "a hub has at most 1024 modules; remove some"),
	   "  are named once");
	ok(registry_parse(&r, many(&b, 5000, "1"), &e) == 1 && r.n == 1 &&
	   r.problems.n == PROBLEMS_MAX && r.problems.dropped ==
	   4999 - (PROBLEMS_MAX - 1), "5000 with one port: one");
	buf_reset(&b);
	buf_put(&b, STR("{\"services\":["));
	while (buf_str(&b).n < SERVICES_SIZE_MAX - 10)
		buf_put(&b, STR("0,"));
	buf_put(&b, STR("0]}"));
	ok(registry_parse(&r, buf_str(&b), &e) == -1 && e.code == ERR_FULL &&
	   r.broken && r.n == 1, "more than memory is set aside for: %s",
	   e.msg);
	buf_release(&b);
	registry_release(&r);
}

static void two_seconds_ago(int home)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - 100 },
				 { .tv_sec = time(NULL) - 100 } };

	utimensat(home, "services.json", t, 0);
}

static void loads(int home)
{
	struct err e = { 0 };
	struct registry r;

	registry_init(&r);
	ok(registry_load(&r, home, &e) == 1 && r.loaded && !r.broken &&
	   !r.n && r.view == 1, "no file is an empty view");
	ok(registry_load(&r, home, &e) == 0, "  once");
	put(home, "services.json", FILE_OF(ROW("a", "1")));
	ok(registry_load(&r, home, &e) == 1 && r.n == 1 && r.view == 2,
	   "a file");
	ok(registry_load(&r, home, &e) == 0 && r.view == 2, "  once");
	two_seconds_ago(home);
	ok(registry_load(&r, home, &e) == 0, "touched: nothing new");
	/* Same length, same inode, perhaps the same time. */
	for (int i = 0; i < 50; i++) {
		char text[200];

		snprintf(text, sizeof text, "{\"services\":[{\"name\":"
			 "\"m%02d\",\"port\":1," REST "}]}", i);
		put(home, "services.json", text);
		if (registry_load(&r, home, &e) != 1 || r.n != 1 ||
		    memcmp(r.rows[0].name.p + 1, text + 23, 2) != 0) {
			ok(false, "a change in place is seen, %d", i);
			break;
		}
	}
	ok(r.n == 1 && str_is(r.rows[0].name, "m49"),
	   "quick changes in place are seen");
	put(home, "services.json", "{ no");
	ok(registry_load(&r, home, &e) == -1 && r.broken && r.n == 1 &&
	   strstr(e.msg, "services.json: line 1 column 3"), "broken: %s",
	   e.msg);
	put(home, "services.json", FILE_OF(ROW("m49", "1")));
	ok(registry_load(&r, home, &e) == 1 && !r.broken && !r.problems.n,
	   "mended, as it was before");
	unlinkat(home, "services.json", 0);
	ok(registry_load(&r, home, &e) == 1 && !r.n, "gone");
	ok(registry_load(&r, home, &e) == 0, "  once");
	registry_release(&r);
}

static void odd_files(int home)
{
	struct err e = { 0 };
	struct registry r;
	struct buf b;

	registry_init(&r);
	put(home, "services.json", FILE_OF(ROW("a", "1")));
	ok(registry_load(&r, home, &e) == 1, "a good one first");
	unlinkat(home, "services.json", 0);
	mkdirat(home, "services.json", 0700);
	ok(registry_load(&r, home, &e) == -1 && r.n == 1 && r.broken,
	   "a directory: %s", e.msg);
	ok(r.problems.n == 1 && r.problems.all[0].line == 0,
	   "  a problem of the file as a whole: %s", said(&r));
	unlinkat(home, "services.json", AT_REMOVEDIR);
	put(home, "elsewhere", FILE_OF(ROW("evil", "1")));
	symlinkat("elsewhere", home, "services.json");
	ok(registry_load(&r, home, &e) == -1 && r.n == 1 &&
	   str_is(r.rows[0].name, "a"), "a link: %s", e.msg);
	unlinkat(home, "services.json", 0);
	mkfifoat(home, "services.json", 0600);
	ok(registry_load(&r, home, &e) == -1 && r.n == 1, "a fifo: %s", e.msg);
	unlinkat(home, "services.json", 0);
	buf_init(&b, 8 << 20);
	put_str(home, "services.json", many(&b, 40000, "1"));
	ok(registry_load(&r, home, &e) == -1 && e.code == ERR_FULL && r.n == 1,
	   "too large: %s", e.msg);
	put(home, "services.json", FILE_OF(ROW("b", "1")));
	ok(registry_load(&r, home, &e) == 1 && !r.broken, "mended");
	buf_release(&b);
	registry_release(&r);
}

static void short_names(void)
{
	ok(str_is(registry_short(STR("parachute-vault")), "vault") &&
	   str_is(registry_short(STR("parachute-lens")), "notes") &&
	   str_is(registry_short(STR("parachute-vault-work")), "vault") &&
	   str_is(registry_short(STR("parachute-vaults")),
		  "parachute-vaults") &&
	   str_is(registry_short(STR("mine")), "mine"), "short names");
}

int main(void)
{
	int home = scratch();

	whole_row();
	least_row();
	bad_rows();
	good_rows();
	beside_each_other();
	stays();
	bounds();
	loads(home);
	odd_files(home);
	short_names();
	return tap_done();
}
