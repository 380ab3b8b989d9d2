/* SPDX-License-Identifier: MIT */
#include "hub/supervise.h"

#include "hub/state.h"
#include "unit/hub/scratch.h"

#include <signal.h>
#include <sys/resource.h>

static struct arena arena;
static int home;

/* Merges a text as one of the two would give it. */
static int lay(struct supervise *s, enum setting_from from, const char *text,
	       struct problems *ps, struct err *e)
{
	struct json_at at = { 0 };
	struct json *j = json_parse(str_of(text), &arena, &at, e);

	if (!j)
		scratch_bail(e->msg);
	return supervise_merge(s, j, from, &arena, ps, "m.json", &at, e);
}

static void defaults(void)
{
	struct supervise s;
	bool all = true;

	supervise_init(&s);
	for (size_t i = 0; i < SET_NSETTING; i++)
		all = all && s.from[i] == FROM_DEFAULT;
	ok(all && s.restart == RESTART_ALWAYS && s.stop_signal == SIGTERM &&
	   s.stop_timeout_ms == 5000 && s.ready_timeout_ms == 4000 &&
	   !s.ndepends_on && !s.restart_on_unhealthy && !s.critical &&
	   !s.nenv && !s.env_file.n && !s.user.n &&
	   s.log_mode == LOG_MODE_FILE && !s.fault.code, "what was always so");
}

#define WHOLE "{ \"restart\": \"on-failure\", \"stopSignal\": \"SIGQUIT\",\n" \
	" \"stopTimeoutMs\": 600000, \"readyTimeoutMs\": 0,\n" \
	" \"dependsOn\": [\"vault\", \"parachute-scribe\"],\n" \
	" \"restartOnUnhealthy\": true, \"critical\": true,\n" \
	" \"limits\": {\"nofile\": 1024, \"core\": \"unlimited\",\n" \
	"   \"as\": 9223372036854775807, \"nice\": -20, \"oomScore\": 1000},\n" \
	" \"env\": {\"A\": \"1\", \"B_2.x-y\": \"\", \"C\": \"a=\\u00e9\"},\n" \
	" \"envFile\": \"/etc/a.env\", \"user\": \"www-data\",\n" \
	" \"logMode\": \"memory\" }\n"

static const struct setting_limit *limit(const struct supervise *s, int which)
{
	for (size_t i = 0; run_limits[i].name; i++)
		if (run_limits[i].which == which)
			return &s->limits[i];
	return NULL;
}

static void whole(void)
{
	struct supervise s;
	struct err e = { 0 };
	bool all = true;

	supervise_init(&s);
	ok(lay(&s, FROM_OPERATOR, WHOLE, NULL, &e) == 0, "all keys %s", e.msg);
	for (size_t i = 0; i < SET_NSETTING; i++)
		all = all && s.from[i] == FROM_OPERATOR;
	ok(all, "each knows where it is from");
	ok(s.restart == RESTART_ON_FAILURE && s.stop_signal == SIGQUIT &&
	   s.stop_timeout_ms == 600000 && s.ready_timeout_ms == 0 &&
	   s.restart_on_unhealthy && s.critical && s.nice == -20 &&
	   s.oom_score == 1000 && s.log_mode == LOG_MODE_MEMORY, "values");
	ok(s.ndepends_on == 2 && is_text(s.depends_on[0], "vault") &&
	   is_text(s.depends_on[1], "scribe"), "short names");
	ok(limit(&s, RLIMIT_NOFILE)->value == 1024 &&
	   limit(&s, RLIMIT_CORE)->value == RUN_UNLIMITED &&
	   limit(&s, RLIMIT_AS)->value == INT64_MAX &&
	   limit(&s, RLIMIT_CPU)->from == FROM_DEFAULT, "limits");
	ok(s.nenv == 3 && is_text(s.env[0].name, "A") &&
	   is_text(s.env[1].name, "B_2.x-y") && !s.env[1].value.n &&
	   is_text(s.env[2].value, "a=\303\251"), "variables");
	ok(is_text(s.env_file, "/etc/a.env") && is_text(s.user, "www-data"),
	   "texts");
}

static void key_by_key(void)
{
	struct problems ps = { 0 };
	struct supervise s;
	struct err e = { 0 };

	supervise_init(&s);
	ok(lay(&s, FROM_MODULE, "{\"stopTimeoutMs\":1,\"readyTimeoutMs\":2,"
	       "\"limits\":{\"core\":0,\"nofile\":3,\"nice\":4},"
	       "\"env\":{\"A\":\"m\",\"B\":\"m\"},\"dependsOn\":[\"a\",\"b\"],"
	       "\"envFile\":\"c/d.env\"}", &ps, &e) == 0 && !ps.n,
	   "the author's");
	ok(lay(&s, FROM_OPERATOR, "{\"stopTimeoutMs\":7,\"limits\":{\"core\":8,"
	       "\"nice\":9},\"env\":{\"B\":\"o\",\"C\":\"o\"},"
	       "\"dependsOn\":[\"c\"],\"user\":0}", NULL, &e) == 0,
	   "under the operator's");
	ok(s.stop_timeout_ms == 7 && s.ready_timeout_ms == 2 &&
	   s.from[SET_STOP_TIMEOUT] == FROM_OPERATOR &&
	   s.from[SET_READY_TIMEOUT] == FROM_MODULE &&
	   s.from[SET_RESTART] == FROM_DEFAULT, "key by key");
	ok(limit(&s, RLIMIT_CORE)->value == 8 && s.nice == 9 &&
	   limit(&s, RLIMIT_NOFILE)->value == 3 &&
	   limit(&s, RLIMIT_NOFILE)->from == FROM_MODULE, "limit by limit");
	ok(s.nenv == 3 && is_text(s.env[0].value, "m") &&
	   is_text(s.env[1].value, "o") && s.env[1].from == FROM_OPERATOR &&
	   is_text(s.env[2].name, "C"), "variable by variable");
	ok(s.ndepends_on == 1 && is_text(s.depends_on[0], "c"),
	   "a list is one value");
	ok(is_text(s.user, "0") && is_text(s.env_file, "c/d.env"), "a number");
}

/* printf: "%.*s", the first line */
#define LINE(text) (int)strcspn(text, "\n"), text

#define LONG65 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaa"

/* The operator's: the whole message. */
static const struct {
	const char *json, *message;
} bad[] = {
	{ "[]", "line 1 column 1: settings: must be an object" },
	{ "{\n \"nope\": 1}", "line 2 column 2: nope: there is no such "
	  "setting; pc-home(5) has them all" },
	{ "{\"Restart\":\"never\"}", "line 1 column 2: Restart: there is no "
	  "such setting; pc-home(5) has them all" },
	{ "{\"a\\nb\":1}", "line 1 column 2: a\\x0ab: there is no such "
	  "setting; pc-home(5) has them all" },
	{ "{\"restart\":\"no\"}", "line 1 column 12: restart: must be "
	  "\"always\", \"on-failure\" or \"never\"" },
	{ "{\"restart\":true}", "line 1 column 12: restart: must be "
	  "\"always\", \"on-failure\" or \"never\"" },
	{ "{\"stopSignal\":\"SIGKILL\"}", "line 1 column 15: stopSignal: must "
	  "be \"SIGTERM\", \"SIGINT\", \"SIGQUIT\", \"SIGHUP\", "
	  "\"SIGUSR1\", \"SIGUSR2\" or \"SIGWINCH\"" },
	{ "{\"stopTimeoutMs\":-1}", "line 1 column 18: stopTimeoutMs: must be "
	  "a whole number from 0 to 600000" },
	{ "{\"stopTimeoutMs\":600001}", "line 1 column 18: stopTimeoutMs: "
	  "must be a whole number from 0 to 600000" },
	{ "{\"stopTimeoutMs\":1.5}", "line 1 column 18: stopTimeoutMs: must "
	  "be a whole number from 0 to 600000" },
	{ "{\"readyTimeoutMs\":3600001}", "line 1 column 19: readyTimeoutMs: "
	  "must be a whole number from 0 to 3600000" },
	{ "{\"dependsOn\":\"a\"}", "line 1 column 14: dependsOn: must be a "
	  "list of at most 32 short names" },
	{ "{\"dependsOn\":[\"a\",\n1]}", "line 2 column 1: dependsOn: must "
	  "name modules by their short names" },
	{ "{\"dependsOn\":[\"../a\"]}", "line 1 column 15: dependsOn: must "
	  "name modules by their short names" },
	{ "{\"restartOnUnhealthy\":1}", "line 1 column 23: "
	  "restartOnUnhealthy: must be true or false" },
	{ "{\"critical\":\"yes\"}", "line 1 column 13: critical: must be true "
	  "or false" },
	{ "{\"limits\":[]}", "line 1 column 11: limits: must be an object" },
	{ "{\"limits\":{\"files\":1}}", "line 1 column 12: limits.files: there is "
	  "no such setting; pc-home(5) has them all" },
	{ "{\"limits\":{\"nofile\":-1}}", "line 1 column 21: limits.nofile: "
	  "must be a whole number from 0, or \"unlimited\"" },
	{ "{\"limits\":{\"core\":\"infinity\"}}", "line 1 column 19: "
	  "limits.core: must be a whole number from 0, or \"unlimited\"" },
	{ "{\"limits\":{\"msgqueue\":1}}", "line 1 column 23: "
	  "limits.msgqueue: is the hub's own, to recognise what a module has "
	  "forked" },
	{ "{\"limits\":{\"nice\":20}}", "line 1 column 19: limits.nice: must "
	  "be a whole number from -20 to 19" },
	{ "{\"limits\":{\"oomScore\":-1001}}", "line 1 column 23: "
	  "limits.oomScore: must be a whole number from -1000 to 1000" },
	{ "{\"env\":1}", "line 1 column 8: env: must be an object" },
	{ "{\"env\":{\"A\":\"x\",\n\"PORT\":\"1\"}}", "line 2 column 8: "
	  "env.PORT: is set by the hub itself; leave it out" },
	{ "{\"env\":{\"PC_OWNER\":\"1\"}}", "line 1 column 20: env.PC_OWNER: "
	  "is set by the hub itself; leave it out" },
	{ "{\"env\":{\"PARACHUTE_HUB_ORIGINS\":\"1\"}}", "line 1 column 33: "
	  "env.PARACHUTE_HUB_ORIGINS: is set by the hub itself; leave it "
	  "out" },
	{ "{\"env\":{\"A B\":\"1\"}}", "line 1 column 15: env.A B: a name must "
	  "be letters, digits, '_', '.' and '-', and not begin with a digit" },
	{ "{\"env\":{\"\":\"1\"}}", "line 1 column 12: env.: a name must be "
	  "letters, digits, '_', '.' and '-', and not begin with a digit" },
	{ "{\"env\":{\"1A\":\"1\"}}", "line 1 column 14: env.1A: a name must "
	  "be letters, digits, '_', '.' and '-', and not begin with a digit" },
	{ "{\"env\":{\"A\":12345}}", "line 1 column 13: env.A: must be a "
	  "string without NUL" },
	{ "{\"env\":{\"A\":\"secret\\u0000\"}}", "line 1 column 13: env.A: "
	  "must be a string without NUL" },
	{ "{\"envFile\":\"\"}", "line 1 column 12: envFile: must be a path "
	  "inside the module's directory, without . and .., or an absolute "
	  "one" },
	{ "{\"envFile\":\"../a\"}", "line 1 column 12: envFile: must be a "
	  "path inside the module's directory, without . and .., or an "
	  "absolute one" },
	{ "{\"envFile\":\"a//b\"}", "line 1 column 12: envFile: must be a "
	  "path inside the module's directory, without . and .., or an "
	  "absolute one" },
	{ "{\"envFile\":\"/a\\u0000\"}", "line 1 column 12: envFile: must be "
	  "a path inside the module's directory, without . and .., or an "
	  "absolute one" },
	{ "{\"user\":\"\"}", "line 1 column 9: user: must be the name of a "
	  "user, or a number from 0 to 4294967294" },
	{ "{\"user\":\"a:b\"}", "line 1 column 9: user: must be the name of a "
	  "user, or a number from 0 to 4294967294" },
	{ "{\"user\":4294967295}", "line 1 column 9: user: must be the name "
	  "of a user, or a number from 0 to 4294967294" },
	{ "{\"user\":\"" LONG65 "\"}", "line 1 column 9: user: must be the "
	  "name of a user, or a number from 0 to 4294967294" },
	{ "{\"logMode\":\"disk\"}", "line 1 column 12: logMode: must be "
	  "\"file\", \"lossy\" or \"memory\"" },
};

static void faults(void)
{
	struct supervise s;

	for (size_t i = 0; i < LEN(bad); i++) {
		struct err e = { 0 };
		int rc;

		supervise_init(&s);
		rc = lay(&s, FROM_OPERATOR, bad[i].json, NULL, &e);
		ok(rc < 0 && e.code == ERR_INVALID &&
		   is_text(str_of(e.msg), bad[i].message), "%.*s",
		   LINE(bad[i].json));
	}
}

/* The same texts from an author: never fatal, and the rest is taken. */
static void forgiven(void)
{
	for (size_t i = 0; i < LEN(bad); i++) {
		struct problems ps = { 0 };
		struct supervise s;
		struct err e = { 0 };

		supervise_init(&s);
		ok(lay(&s, FROM_MODULE, bad[i].json, &ps, &e) == 0 &&
		   ps.n == 1 && ps.all[0].line && ps.all[0].column &&
		   is_text(ps.all[0].file, "m.json") &&
		   str_starts(ps.all[0].text, STR("supervise")),
		   "author: %.*s", LINE(bad[i].json));
	}
}

static const struct {
	const char *json, *text;
	bool note;
} authors[] = {
	{ "{\"user\":\"x\",\"critical\":true}", "supervise.user: can only be "
	  "given by the operator, in NAME/supervise.json; it is left out",
	  false },
	{ "{\"limits\":{\"oomScore\":1,\"core\":0},\"critical\":true}",
	  "supervise.limits.oomScore: can only be given by the operator, in "
	  "NAME/supervise.json; it is left out", false },
	{ "{\"envFile\":\"/etc/shadow\",\"critical\":true}",
	  "supervise.envFile: must be a path inside the module's directory, "
	  "without . and ..; one outside of it can only be given in "
	  "NAME/supervise.json; it is left out", false },
	{ "{\"limits\":{\"nope\":1},\"critical\":true}",
	  "supervise.limits.nope: there is no such setting", true },
	{ "{\"nope\":1,\"critical\":true}", "supervise.nope: there is no such "
	  "setting", true },
	{ "{\"env\":{\"PORT\":\"1\",\"B\":\"2\"},\"critical\":true}",
	  "supervise.env.PORT: is set by the hub itself; leave it out; it is "
	  "left out", false },
};

static void the_authors_alone(void)
{
	for (size_t i = 0; i < LEN(authors); i++) {
		struct problems ps = { 0 };
		struct supervise s;
		struct err e = { 0 };

		supervise_init(&s);
		ok(lay(&s, FROM_MODULE, authors[i].json, &ps, &e) == 0 &&
		   ps.n == 1 && ps.all[0].note == authors[i].note &&
		   is_text(ps.all[0].text, authors[i].text) && s.critical &&
		   !s.user.n && !s.env_file.n && !s.oom_score,
		   "%s", authors[i].json);
	}
}

static void bounds(void)
{
	static char text[40000];
	struct problems ps = { 0 };
	struct supervise s;
	struct err e = { 0 };
	size_t n = 0;

	n += (size_t)sprintf(text + n, "{\"env\":{");
	for (int i = 0; i <= SETTING_ENV_MAX; i++)
		n += (size_t)sprintf(text + n, "%s\"V%d\":\"x\"", i ? "," : "",
				     i);
	sprintf(text + n, "}}");
	supervise_init(&s);
	ok(lay(&s, FROM_MODULE, text, &ps, &e) == 0 && ps.n == 1 &&
	   s.nenv == SETTING_ENV_MAX, "%d variables", SETTING_ENV_MAX);
	n = (size_t)sprintf(text, "{\"dependsOn\":[");
	for (int i = 0; i < DEPENDENCIES_MAX; i++)
		n += (size_t)sprintf(text + n, "%s\"m%d\"", i ? "," : "", i);
	sprintf(text + n, "]}");
	ok(lay(&s, FROM_OPERATOR, text, NULL, &e) == 0 &&
	   s.ndepends_on == DEPENDENCIES_MAX, "%d names", DEPENDENCIES_MAX);
	sprintf(text + n, ",\"one\"]}");
	ok(lay(&s, FROM_OPERATOR, text, NULL, &e) < 0, "and one more");
}

/* Files */

static struct module mod;

static int read_all(struct supervise *s, const char *manifest,
		    struct problems *ps)
{
	struct err e = { 0 };

	mod = (struct module){ .short_name = STR("m"), .cwd = "/srv/m" };
	if (manifest)
		mod.manifest.json = json_parse(str_of(manifest), &arena, NULL,
					       &e);
	mod.manifest.needs[0] = STR("old");
	mod.manifest.nneeds = 1;
	*ps = (struct problems){ 0 };
	return supervise_read(s, home, &mod, &arena, ps, &e);
}

static void put_operators(const char *text, mode_t mode)
{
	unlinkat(home, "m/" SUPERVISE_FILE, 0);
	put(home, "m/" SUPERVISE_FILE, text);
	fchmodat(home, "m/" SUPERVISE_FILE, mode, 0);
}

static bool fault_is(const char *text)
{
	struct problems ps, checked = { 0 };
	struct supervise s;

	return read_all(&s, "{\"supervise\":{\"critical\":true,\"env\":"
			"{\"A\":\"author\"}}}", &ps) == 0 &&
	       s.fault.code &&
	       is_text(str_of(s.fault.msg), text) && ps.n == 1 && s.critical &&
	       s.restart == RESTART_ALWAYS && s.nenv == 1 &&
	       is_text(s.env[0].value, "author") &&
	       is_text(ps.all[0].file, "m/supervise.json") &&
	       supervise_check(home, "m", &checked, &arena) < 0 &&
	       checked.n == 1 && checked.all[0].line == ps.all[0].line;
}

static void files(void)
{
	struct problems ps;
	struct supervise s;

	ok(read_all(&s, NULL, &ps) == 0 && !ps.n && !s.fault.code,
	   "no directory for it");
	mkdirat(home, "m", 0755);
	ok(read_all(&s, NULL, &ps) == 0 && !ps.n && !s.fault.code &&
	   supervise_check(home, "m", &ps, &arena) == 0, "no file");
	put_operators("{\"restart\":\"never\",\"dependsOn\":[\"old\",\"new\"]}",
		      0600);
	ok(read_all(&s, "{\"supervise\":{\"critical\":true}}", &ps) == 0 &&
	   !ps.n && s.restart == RESTART_NEVER && s.critical &&
	   mod.manifest.nneeds == 2 && is_text(mod.manifest.needs[1], "new"),
	   "both; what it needs, once each");
	put_operators("{\"env\":{\"A\":\"no\"},\"restart\":\"no\"}", 0600);
	ok(fault_is("m/supervise.json: line 1 column 29: restart: must be "
		    "\"always\", \"on-failure\" or \"never\""),
	   "a fault: nothing of it holds, all of the author's does");
	put_operators("{", 0600);
	ok(fault_is("m/supervise.json: line 1 column 2: expected a name in "
		    "double quotes, found the end"), "no JSON");
	put_operators("{}", 0640);
	ok(fault_is("m/supervise.json: its mode is 0640, and it must be for "
		    "its owner alone; chmod 600 it"), "readable by a group");
	put_operators("{}", 0602);
	ok(fault_is("m/supervise.json: its mode is 0602, and it must be for "
		    "its owner alone; chmod 600 it"), "writable by all");
	put_operators("{}", 0600);
	fchmodat(home, "m", 0757, 0);
	ok(read_all(&s, NULL, &ps) == 0 && s.fault.code, "its directory is");
	fchmodat(home, "m", 0755, 0);
	unlinkat(home, "m/" SUPERVISE_FILE, 0);
	symlinkat("other", home, "m/" SUPERVISE_FILE);
	ok(fault_is("m/supervise.json: supervise.json is a symbolic link"),
	   "a link");
	unlinkat(home, "m/" SUPERVISE_FILE, 0);
	mkdirat(home, "m/" SUPERVISE_FILE, 0700);
	ok(fault_is("m/supervise.json: supervise.json is no regular file"),
	   "a directory");
	unlinkat(home, "m/" SUPERVISE_FILE, AT_REMOVEDIR);
	if (geteuid() != 0) {
		ok(true, "owners # SKIP needs root");
		return;
	}
	put_operators("{}", 0600);
	fchownat(home, "m/" SUPERVISE_FILE, 4711, 0, 0);
	ok(fault_is("m/supervise.json: it belongs to uid 4711; chown it to "
		    "uid 0"), "a stranger's");
	fchownat(home, "m/" SUPERVISE_FILE, 0, 0, 0);
	fchownat(home, "m", 4711, 0, 0);
	ok(read_all(&s, NULL, &ps) == 0 && s.fault.code,
	   "ours, in a stranger's directory");
	fchownat(home, "m", 0, 0, 0);
}

/* Every beginning of a good file is a fault, with its place; none crashes. */
static void cuts(void)
{
	static const char text[] = WHOLE;
	bool all = true;

	for (size_t n = 0; n + 3 < sizeof text; n++) {
		struct problems ps = { 0 };
		char part[sizeof text];

		memcpy(part, text, n);
		part[n] = '\0';
		put_operators(part, 0600);
		all = all && supervise_check(home, "m", &ps, &arena) < 0 &&
		      ps.n == 1 && ps.all[0].line && ps.all[0].column;
		arena_reset(&arena);
	}
	ok(all, "cut anywhere: a fault, with its place");
	put_operators(text, 0600);
	ok(supervise_check(home, "m", &(struct problems){ 0 }, &arena) == 0,
	   "whole: none");
}

static void written(void)
{
	struct supervise s;
	struct jsonw w;
	struct buf b;
	struct err e = { 0 };

	supervise_init(&s);
	lay(&s, FROM_MODULE, "{\"env\":{\"TOKEN\":\"planted\"},"
	    "\"limits\":{\"nice\":1}}", NULL, &e);
	lay(&s, FROM_OPERATOR, "{\"restart\":\"never\",\"user\":7,"
	    "\"limits\":{\"core\":\"unlimited\",\"oomScore\":-5},"
	    "\"dependsOn\":[\"a\"]}", NULL, &e);
	buf_init(&b, 8192);
	jsonw_init(&w, &b, JSONW_COMPACT);
	supervise_write(&w, &s);
	ok(is_text(buf_str(&b), "{\"restart\":\"never\","
	   "\"stop_signal\":\"SIGTERM\",\"stop_timeout_ms\":5000,"
	   "\"ready_timeout_ms\":4000,\"depends_on\":[\"a\"],"
	   "\"restart_on_unhealthy\":false,\"critical\":false,"
	   "\"env_file\":null,\"user\":\"7\",\"log_mode\":\"file\","
	   "\"limits\":{\"core\":\"unlimited\",\"nice\":1,\"oom_score\":-5},"
	   "\"env\":[\"TOKEN\"],\"source\":{\"restart\":\"operator\","
	   "\"stop_signal\":\"default\",\"stop_timeout_ms\":\"default\","
	   "\"ready_timeout_ms\":\"default\",\"depends_on\":\"operator\","
	   "\"restart_on_unhealthy\":\"default\",\"critical\":\"default\","
	   "\"env_file\":\"default\",\"user\":\"operator\","
	   "\"log_mode\":\"default\",\"limits.core\":\"operator\","
	   "\"limits.nice\":\"module\",\"limits.oom_score\":\"operator\","
	   "\"env.TOKEN\":\"module\"}}"), "on the wire, less the secrets");
	buf_release(&b);
}

/* With ever more memory, until there is enough. */
static void short_of_memory(void)
{
	struct err e = { 0 };
	bool said = true;
	int rc = -1;

	for (size_t cap = 64; rc < 0 && cap < 1 << 20; cap += 64) {
		struct supervise s;
		struct json_at at;
		struct json *j;
		struct arena a;

		arena_reset(&arena);
		j = json_parse(STR(WHOLE), &arena, &at, &e);
		arena_init(&a, cap);
		supervise_init(&s);
		rc = supervise_merge(&s, j, FROM_OPERATOR, &a, NULL, NULL,
				     &at, &e);
		said = said && (rc == 0 || e.code == ERR_NO_MEMORY);
		arena_release(&a);
	}
	ok(rc == 0 && said, "too little memory is said, and nothing else");
}

int main(void)
{
	home = scratch();
	arena_init(&arena, 16 << 20);
	defaults();
	whole();
	key_by_key();
	faults();
	forgiven();
	the_authors_alone();
	bounds();
	files();
	cuts();
	written();
	short_of_memory();
	arena_release(&arena);
	return tap_done();
}
