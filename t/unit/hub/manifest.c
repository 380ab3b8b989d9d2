/* SPDX-License-Identifier: MIT */
#include "hub/module.h"
#include "unit/hub/scratch.h"

static struct arena arena;

#define LEAST "\"name\":\"x\",\"manifestName\":\"X\",\"port\":7," \
	"\"paths\":[],\"health\":\"/h\""

/* The object on line 2, so that no place is 1 by chance. */
static int parse(struct manifest *m, const char *object, struct json_at *at,
		 struct err *e)
{
	char text[8000];
	struct json *j;

	snprintf(text, sizeof text, "\n%s", object);
	arena_reset(&arena);
	j = json_parse(guarded(0, str_of(text)), &arena, NULL, e);
	if (!j)
		scratch_bail(e->msg);
	return manifest_from_json(m, j, &arena, at, e);
}

static void whole(void)
{
	static const char text[] = "{ \"name\": \"runner\",\n"
		"\"manifestName\": \"parachute-runner\", \"port\": 1945,\n"
		"\"paths\": [\"/runner\", \"/.parachute\"],\n"
		"\"health\": \"/healthz\", \"displayName\": \"Runner\",\n"
		"\"tagline\": \"\",\n"
		"\"startCmd\": [\"bin/run\", \"\", \"a b\"],\n"
		"\"scopes\": {\"defines\": [\"runner:read\"], \"x\": 1},\n"
		"\"dependencies\": {\"vault\": {\"scopes\": [\"vault:x\"]},\n"
		"  \"scribe\": {\"optional\": true},\n"
		"  \"parachute-surface\": {\"optional\": false}},\n"
		"\"supervise\": {\"dependsOn\": 7, \"y\": 2},\n"
		"\"configSchema\": {\"type\": \"object\", \"properties\": {\n"
		"  \"a\": {\"type\": \"string\", \"default\": \"x\",\n"
		"    \"enum\": [\"x\", \"y\"], \"description\": \"d\"},\n"
		"  \"b\": {\"type\": \"integer\", \"enum\": [1, 2]},\n"
		"  \"c\": {\"type\": \"number\", \"enum\": [1.5]},\n"
		"  \"d\": {\"type\": \"boolean\", \"default\": false}},\n"
		"  \"required\": [\"a\", \"d\"]},\n"
		"\"managementUrl\": \"/admin\", \"uiUrl\": \"ui/index.html\",\n"
		"\"configUiUrl\": \"https://example.org/x\",\n"
		"\"stripPrefix\": false, \"websocket\": true,\n"
		"\"focus\": \"core\", \"adminCapabilities\": [\"x\"],\n"
		"\"events\": [{\"key\": \"k\", \"title\": \"t\"}],\n"
		"\"actions\": [{\"key\": \"k\", \"title\": \"t\",\n"
		"  \"endpoint\": \"/x\", \"scope\": \"runner:admin\"}],\n"
		"\"credentials\": [{\"key\": \"k\", \"title\": \"t\",\n"
		"  \"scope\": \"vault:{vault}:read\", \"endpoint\": \"/c\"}],\n"
		"\"connectionTemplates\": [], \"kind\": 5, \"init\": [] }";
	struct manifest m;
	struct err e = { 0 };

	if (!ok(parse(&m, text, NULL, &e) == 0, "a whole one %s", e.msg))
		return;
	ok(is_text(m.name, "runner") && m.port == 1945 &&
	   is_text(m.manifest_name, "parachute-runner") &&
	   is_text(m.display_name, "Runner") && !m.tagline.n &&
	   is_text(m.health, "/healthz"), "its texts");
	ok(m.nstart == 3 && is_text(m.start[0], "bin/run") &&
	   !m.start[1].n && is_text(m.start[2], "a b"), "its command");
	ok(m.nneeds == 2 && is_text(m.needs[0], "vault") &&
	   is_text(m.needs[1], "surface"), "what it needs");
	ok(json_get(m.json, "supervise") != NULL, "its settings, unread");
	ok(is_text(m.management_url, "/admin") &&
	   is_text(m.ui_url, "ui/index.html") &&
	   is_text(m.config_ui_url, "https://example.org/x"), "its URLs");
	ok(m.strip_prefix == 0 && m.websocket == 1, "its flags");
	ok(json_get(m.json, "focus") != NULL, "the rest is there");
}

static void least(void)
{
	struct manifest m;
	struct err e = { 0 };

	ok(parse(&m, "{" LEAST "}", NULL, &e) == 0, "the least %s", e.msg);
	ok(!m.nstart && !m.nneeds && m.strip_prefix == -1 &&
	   m.websocket == -1 && !m.ui_url.n, "what is absent is absent");
}

#define WITH(more) "{" LEAST "," more "}"
#define SCHEMA(inner) WITH("\"configSchema\":{" inner "}")
#define PROP(inner) SCHEMA("\"type\":\"object\",\"properties\":{\"p\":{" \
	inner "}}")

static const struct { const char *text, *said; } bad[] = {
	{ "[]", "line 2 column 1: manifest: must be an object" },
	{ "{}", "line 2 column 1: name: is missing; it must be a string that "
	  "is not empty" },
	{ "{\"name\":\"X\"}", "line 2 column 9: name: must be lower-case" },
	{ "{\"name\":\"1x\"}", "line 2 column 9: name: must be lower-case" },
	{ "{\"name\":\"x_y\"}", "name: must be lower-case" },
	{ "{\"name\":\"\"}", "name: must be a string that is not empty" },
	{ "{\"name\":\"x\",\"manifestName\":\"\"}", "manifestName: must be" },
	{ "{\"name\":\"x\",\"manifestName\":\"X\",\n\"port\":0}",
	  "line 3 column 8: port: must be an integer from 1 to 65535" },
	{ "{\"name\":\"x\",\"manifestName\":\"X\",\"port\":1,\"paths\":{}}",
	  "paths: must be a list of strings" },
	{ "{\"name\":\"x\",\"manifestName\":\"X\",\"port\":1,\"paths\":[]}",
	  "health: is missing" },
	{ WITH("\"displayName\":1"), "displayName: must be a string" },
	{ WITH("\"startCmd\":\"run me\""), "startCmd: must be a list" },
	{ WITH("\"startCmd\":[]"), "startCmd: must be a list of 1 to 64" },
	{ WITH("\"startCmd\":[\"\"]"), "startCmd: must start with a program" },
	{ WITH("\"startCmd\":[\"a\",1]"), "startCmd: must be a list of "
	  "strings" },
	{ WITH("\"startCmd\":[\"a\",\"b\\u0000\"]"), "hold no NUL" },
	{ WITH("\"scopes\":[]"), "scopes: must be an object" },
	{ WITH("\"scopes\":{\"defines\":{}}"), "scopes.defines: must be a "
	  "list" },
	{ WITH("\"scopes\":{\"defines\":[\"vault:read\"]}"),
	  "scopes.defines: must be names like x:read" },
	{ WITH("\"scopes\":{\"defines\":[\"x\"]}"), "scopes.defines: " },
	{ WITH("\"scopes\":{\"defines\":[\"x:\"]}"), "scopes.defines: " },
	{ WITH("\"dependencies\":[]"), "dependencies: must be an object" },
	{ WITH("\"dependencies\":{\"v\":true}"), "dependencies: must hold "
	  "objects only" },
	{ WITH("\"dependencies\":{\"v\":{\"optional\":1}}"),
	  "dependencies.v.optional: must be true or false" },
	{ WITH("\"dependencies\":{\"v\":{\"scopes\":[1]}}"),
	  "dependencies.v.scopes: must be a list of strings" },
	{ WITH("\"dependencies\":{\"../v\":{}}"), "dependencies: must name "
	  "modules by their short names" },
	{ WITH("\"dependencies\":{\"\":{\"optional\":true}}"),
	  "dependencies: must name modules" },
	{ SCHEMA("\"properties\":{}"), "configSchema.type: is missing" },
	{ SCHEMA("\"type\":\"array\",\"properties\":{}"),
	  "configSchema.type: must be \"object\"" },
	{ SCHEMA("\"type\":\"object\""), "configSchema.properties: is "
	  "missing" },
	{ SCHEMA("\"type\":\"object\",\"properties\":[]"),
	  "configSchema.properties: must be an object" },
	{ SCHEMA("\"type\":\"object\",\"properties\":{},\"required\":[\"p\"]"),
	  "configSchema.required: must hold names of properties only" },
	{ SCHEMA("\"type\":\"object\",\"properties\":{\"p\":1}"),
	  "configSchema.properties: must hold objects only" },
	{ PROP("\"x\":1"), "configSchema.p.type: is missing" },
	{ PROP("\"type\":\"array\""), "configSchema.p.type: must be" },
	{ PROP("\"type\":\"string\",\"default\":[]"),
	  "configSchema.p.default: must be a string, a number" },
	{ PROP("\"type\":\"string\",\"enum\":[]"), "configSchema.p.enum: must "
	  "not be empty" },
	{ PROP("\"type\":\"string\",\"enum\":[1]"), "configSchema.p.enum: must "
	  "hold values of its type only" },
	{ PROP("\"type\":\"integer\",\"enum\":[1.5]"), "configSchema.p.enum: "
	  "must hold" },
	{ PROP("\"type\":\"boolean\",\"enum\":[true]"), "configSchema.p.enum: "
	  "must not be" },
	{ PROP("\"type\":\"string\",\"description\":1"),
	  "configSchema.p.description: must be a string" },
	{ WITH("\"stripPrefix\":\"no\""), "stripPrefix: must be true or" },
	{ WITH("\"websocket\":null"), "websocket: must be true or false" },
	{ WITH("\"adminCapabilities\":[1]"), "adminCapabilities: must be" },
	{ WITH("\"events\":{}"), "events: must be a list" },
	{ WITH("\"events\":[1]"), "events: must hold objects only" },
	{ WITH("\"events\":[{\"key\":\"k\"}]"), "events.title: is missing" },
	{ WITH("\"actions\":[{\"key\":\"k\",\"title\":\"t\",\"endpoint\":\"x\""
	  "}]"), "actions.endpoint: must be a path" },
	{ WITH("\"actions\":[{\"key\":\"k\",\"title\":\"t\",\"scope\":"
	  "\"vault:read\"}]"), "actions.scope: must be one of the module's" },
	{ WITH("\"credentials\":[{\"key\":\"k\",\"title\":\"t\",\"endpoint\":"
	  "\"/x\",\"scope\":\"vault:a:read\"}]"), "credentials.scope: must" },
	{ WITH("\"credentials\":[{\"key\":\"k\",\"title\":\"t\",\"scope\":"
	  "\"vault:{vault}:read\"}]"), "credentials.endpoint: is missing" },
	{ WITH("\"connectionTemplates\":1"), "connectionTemplates: must be a" },
};

static void refused(void)
{
	struct manifest m;
	struct json_at at = { 0 };
	struct err e;
	char want[64];

	for (size_t i = 0; i < LEN(bad); i++) {
		e = (struct err){ 0 };
		ok(parse(&m, bad[i].text, &at, &e) == -1 &&
		   e.code == ERR_INVALID && strstr(e.msg, bad[i].said), "%s",
		   e.msg);
		snprintf(want, sizeof want, "module.json: line %u column %u: ",
			 at.line, at.column);
		ok(at.line >= 2 && strncmp(e.msg, want, strlen(want)) == 0,
		   "  with its place");
	}
}

static void urls(void)
{
	static const char *const good[] = {
		"/", "/admin", "/a?b=//c", "/a/../b", "admin", "a/b?c:d",
		"./a", "a/..b/c..", "?x=..", "#a", "http://h", "HTTPS://h:1/x",
		"http://h/a/../b", "a/b:c", "\xc3\xa9",
	};
	static const char *const wrong[] = {
		"", "//host", "//", "/\\host", "\\\\host", "a\\b", "..", "../a",
		"a/../b", "a/..", "%2e%2e/a", "a/.%2E", "%2E./b",
		"javascript:alert(1)", "data:,x", "ftp://h", "mailto:a",
		"http:", "http://", "http:///x", "https://?x", "http:/x",
		"http://:80", " /a", "/a b", "/\tx", "/\n/host", "/a\x7f",
		"vbscript:x", "a+b-c.d:e", ":x",
	};
	static const char *const keys[] = {
		"managementUrl", "uiUrl", "configUiUrl",
	};
	char text[500], value[200];
	struct manifest m;
	struct err e;

	for (size_t i = 0; i < LEN(good) + LEN(wrong); i++) {
		bool is_good = i < LEN(good);
		struct jsonw w;
		struct buf b;

		buf_init(&b, sizeof value - 1);
		jsonw_init(&w, &b, JSONW_COMPACT);
		jsonw_cstr(&w, is_good ? good[i] : wrong[i - LEN(good)]);
		str_to_c(buf_str(&b), value, sizeof value);
		buf_release(&b);
		snprintf(text, sizeof text, WITH("\"%s\":%s"),
			 keys[i % LEN(keys)], value);
		e = (struct err){ 0 };
		ok((parse(&m, text, NULL, &e) == 0) == is_good &&
		   (is_good || strstr(e.msg, "Url: must be a path")),
		   "%s: %s", is_good ? "good" : "refused", value);
	}
	e = (struct err){ 0 };
	ok(parse(&m, WITH("\"uiUrl\":5"), NULL, &e) == -1, "a number is none");
}

static void bounds(void)
{
	char text[8000];
	struct manifest m;
	struct err e = { 0 };

	for (int n = DEPENDENCIES_MAX; n <= DEPENDENCIES_MAX + 1; n++) {
		size_t at = (size_t)sprintf(text, "{" LEAST
					    ",\"dependencies\":{");

		for (int i = 0; i < n; i++)
			at += (size_t)sprintf(text + at, "%s\"d%d\":{}",
					      i ? "," : "", i);
		strcpy(text + at, "}}");
		ok((parse(&m, text, NULL, &e) == 0) ==
		   (n == DEPENDENCIES_MAX), "%d dependencies", n);
	}
	for (int n = ARGV_MAX; n <= ARGV_MAX + 1; n++) {
		size_t at = (size_t)sprintf(text, "{" LEAST
					    ",\"startCmd\":[");

		for (int i = 0; i < n; i++)
			at += (size_t)sprintf(text + at, "%s\"w%d\"",
					      i ? "," : "", i);
		strcpy(text + at, "]}");
		ok((parse(&m, text, NULL, &e) == 0) == (n == ARGV_MAX),
		   "%d words", n);
	}
}

static void no_memory(void)
{
	struct manifest m;
	struct err e = { 0 };
	struct arena small, roomy;
	struct json *j;
	size_t cap = 0;
	int rc = -1;

	arena_init(&roomy, 1 << 20);
	j = json_parse(STR(WITH("\"adminCapabilities\":[\"a\",\"b\"]")),
		       &roomy, NULL, &e);
	for (; rc < 0 && cap < 10000; cap += 16) {
		arena_init(&small, cap);
		rc = manifest_from_json(&m, j, &small, NULL, &e);
		if (rc < 0 && e.code != ERR_NO_MEMORY)
			break;
		arena_release(&small);
	}
	ok(rc == 0 && cap > 16, "short of memory, then good");
	arena_release(&roomy);
}

static char *dir(const char *name)
{
	static char out[512];

	snprintf(out, sizeof out, "%s/%s", scratch_path, name);
	return out;
}

static bool reads(const char *name, int want, enum err_code code,
		  const char *words)
{
	struct manifest m;
	struct json_at at;
	struct err e = { 0 };
	int rc;

	arena_reset(&arena);
	rc = manifest_read(&m, dir(name), &arena, &at, &e);
	if (e.code)
		tap_diag("%s", e.msg);
	return rc == want && e.code == code && strstr(e.msg, words);
}

static void files(int home)
{
	mkdirat(home, "m", 0700);
	ok(reads("m", -1, ERR_NOT_FOUND, "module.json: "), "no folder");
	ok(reads("none", -1, ERR_NOT_FOUND, "module.json: "), "no directory");
	mkdirat(home, "m/.parachute", 0700);
	ok(reads("m", -1, ERR_NOT_FOUND, "module.json: "), "no file");
	put(home, "m/.parachute/module.json", "{" LEAST "}");
	ok(reads("m", 0, ERR_NONE, ""), "a file");
	ok(reads("m/.parachute/module.json", -1, ERR_NOT_FOUND, ""),
	   "a file in place of the directory");
	put(home, "m/.parachute/module.json", "{\n \"name\": }");
	ok(reads("m", -1, ERR_INVALID, "module.json: line 2 column 10: "),
	   "not JSON");
	put(home, "m/.parachute/module.json", "");
	ok(reads("m", -1, ERR_INVALID, "line 1 column 1"), "an empty one");
	put(home, "real.json", "{" LEAST "}");
	unlinkat(home, "m/.parachute/module.json", 0);
	symlinkat("../../real.json", home, "m/.parachute/module.json");
	symlinkat("m", home, "linked");
	ok(reads("linked", 0, ERR_NONE, ""), "links are followed");
	unlinkat(home, "m/.parachute/module.json", 0);
	symlinkat(dir("real.json"), home, "m/.parachute/module.json");
	ok(reads("m", 0, ERR_NONE, ""), "absolute ones too");
	unlinkat(home, "m/.parachute/module.json", 0);
	symlinkat("module.json", home, "m/.parachute/module.json");
	ok(reads("m", -1, ERR_INVALID, "links"), "but not in a circle");
	unlinkat(home, "m/.parachute/module.json", 0);
	mkfifoat(home, "m/.parachute/module.json", 0600);
	ok(reads("m", -1, ERR_INVALID, "no regular file"), "a fifo");
	unlinkat(home, "m/.parachute/module.json", 0);
}

static void too_large(int home)
{
	size_t n = MANIFEST_SIZE_MAX + 1;
	char *text = malloc(n);

	memset(text, ' ', n);
	memcpy(text, "{" LEAST "}", strlen("{" LEAST "}"));
	put_str(home, "m/.parachute/module.json", (struct str){ text, n - 1 });
	ok(reads("m", 0, ERR_NONE, ""), "as large as it may be");
	put_str(home, "m/.parachute/module.json", (struct str){ text, n });
	ok(reads("m", -1, ERR_FULL, "module.json: "), "too large");
	free(text);
}

int main(void)
{
	int home = scratch();

	arena_init(&arena, 4 << 20);
	whole();
	least();
	refused();
	urls();
	bounds();
	no_memory();
	files(home);
	too_large(home);
	arena_release(&arena);
	return tap_done();
}
