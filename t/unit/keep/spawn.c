/* SPDX-License-Identifier: MIT */
#include "keep/spawn.h"

#include "unit/hub/scratch.h"

#define MANIFEST "{\"name\":\"mine\",\"manifestName\":\"mine\"," \
	"\"port\":4242,\"paths\":[],\"health\":\"/h\",\"startCmd\":[\"%s\"]}"

static struct home home;
static struct registry registry;
static const struct owner owner = { .token = "0123abcd" };
static struct spawn_ctx ctx = { .home = &home, .registry = &registry,
				.hub_port = 1939, .owner = &owner };
static struct sup sup = { .notifier = { .fd = -1 } };
static struct mod mod = { .sup = &sup, .notice = { .far = -1 } };
static struct spawn sp;
static char path_[300];

static const char *no_env[] = { NULL };

static void row(const char *install_dir)
{
	char text[1000];
	struct err e = { 0 };

	snprintf(text, sizeof text, "{\"services\":[{\"name\":\"mine\","
		 "\"port\":4242,\"paths\":[\"/mine\"],\"health\":\"/h\","
		 "\"version\":\"1.0.0\",\"installDir\":\"%s\"}]}",
		 install_dir);
	if (registry_parse(&registry, str_of(text), &e) != 1)
		scratch_bail(e.msg);
}

/* An absolute path below the home; valid until the next call. */
static const char *below(const char *name)
{
	snprintf(path_, sizeof path_, "%s/%s", scratch_path, name);
	return path_;
}

static void start_command(const char *command)
{
	char text[1000];

	snprintf(text, sizeof text, MANIFEST, command);
	put(home.fd, "inst/.parachute/module.json", text);
}

static int prepare(const char *const *env)
{
	arena_release(&sp.arena);
	arena_init(&sp.arena, 4 << 20);
	mod.error = (struct start_error){ 0 };
	ctx.environ = (char *const *)(uintptr_t)env;
	return spawn_prepare(&ctx, &mod, &sp);
}

/* The value the child sees; NULL: unset. "(twice)" when there are two. */
static const char *value(const char *name)
{
	const char *got = NULL;
	size_t n = strlen(name);

	for (char **e = sp.envp; *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			got = got ? "(twice)" : *e + n + 1;
	return got;
}

static bool has(const char *name, const char *want)
{
	const char *got = value(name);
	bool same = !got || !want ? got == want : !strcmp(got, want);

	if (!same)
		tap_diag("%s: have %s, want %s", name, got ? got : "none",
			 want ? want : "none");
	return same;
}

static void layers(void)
{
	const char *env[] = { "PORT=1939", "KEPT=as it is", "A=ours", "EMPTY=",
		"PARACHUTE_HOME=/wrong", "PC_OWNER=another.1", "=odd",
		"PARACHUTE_HUB_ORIGINS=wrong", "PATH=/usr/bin:/bin", NULL };

	put(home.fd, "mine/.env", "A=theirs\nB='b c'\nPORT=1\n"
	    "PARACHUTE_HOME=/wrong\nPC_OWNER=x.1\n"
	    "PARACHUTE_HUB_ORIGIN=http://wrong\n"
	    "PARACHUTE_HUB_ORIGINS=wrong\nPARACHUTE_HUB_JWKS_ORIGIN=wrong\n");
	ok(prepare(env) == 0, "prepared");
	ok(has("KEPT", "as it is") && has("EMPTY", ""), "ours are kept");
	ok(has("PORT", "4242"), "PORT is the row's, not ours nor that of .env");
	ok(has("A", "theirs") && has("B", "b c"), ".env lies over ours");
	ok(has("PARACHUTE_HOME", home.path) &&
	   has("PARACHUTE_HUB_ORIGIN", "http://127.0.0.1:1939") &&
	   has("PARACHUTE_HUB_ORIGINS",
	       "http://localhost:1939,http://127.0.0.1:1939") &&
	   has("PARACHUTE_HUB_JWKS_ORIGIN", "http://127.0.0.1:1939"),
	   "what we vouch for lies over .env");
	ok(has("PC_OWNER", "0123abcd.7"), "the mark is this run's");
	ok(has("PATH", "/usr/bin:/bin"), "PATH as it was");

	put(home.fd, "mine/.env", "PATH=/only\n");
	start_command("/bin/sh");
	prepare(env);
	ok(has("PATH", "/only"), "PATH of .env wins");
	unlinkat(home.fd, "mine/.env", 0);
	prepare(env);
	ok(has("A", "ours"), "read anew for every run");
	mkdirat(home.fd, "mine/.env", 0755);
	ok(prepare(env) == SPAWN_UNFIT, "no file at all: not without it");
	unlinkat(home.fd, "mine/.env", AT_REMOVEDIR);
	renameat(home.fd, "mine", home.fd, "away");
	ok(prepare(env) == 0 && has("PORT", "4242"), "no directory for it");
	ok(symlinkat("away", home.fd, "mine") == 0 &&
	   prepare(env) == SPAWN_UNFIT, "one that is elsewhere is not followed");
	unlinkat(home.fd, "mine", 0);
	renameat(home.fd, "away", home.fd, "mine");
	start_command("sh");
}

static void withheld(void)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_PID",
		"WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID",
		"INVOCATION_ID", "JOURNAL_STREAM",
		"PARACHUTE_INITIAL_ADMIN_USERNAME",
		"PARACHUTE_INITIAL_ADMIN_PASSWORD" };
	const char *env[LEN(names) + 2] = { 0 };
	char text[LEN(names)][64];

	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(text[i], sizeof text[i], "%s=secret", names[i]);
		env[i] = text[i];
	}
	env[LEN(names)] = "LISTEN_FDS_NOT=kept";
	prepare(env);
	for (size_t i = 0; i < LEN(names); i++)
		ok(has(names[i], NULL), "%s is not for modules", names[i]);
	ok(has("LISTEN_FDS_NOT", "kept"), "a longer name is another one");
}

/* Two homes of tools, one of which is there. */
static void enriches_path(void)
{
	char home_var[400], extra[] = "PARACHUTE_EXTRA_PATH=/opt/a:/opt/b";
	char once[1000], want[1000], path[1100];
	const char *env[] = { home_var, path, extra, NULL };
	const char *bare[] = { NULL };

	snprintf(home_var, sizeof home_var, "HOME=%s", scratch_path);
	snprintf(path, sizeof path, "PATH=/usr/bin:/bin");
	snprintf(want, sizeof want, "/opt/a:/opt/b:/usr/bin:/bin:%s/.bun/bin",
		 scratch_path);
	prepare(env);
	ok(has("PATH", want), "places that are there, behind; extra, in front");
	snprintf(once, sizeof once, "%s", value("PATH"));
	snprintf(path, sizeof path, "PATH=%s", once);
	prepare(env);
	ok(has("PATH", once), "and a second time it stays as it is");

	snprintf(path, sizeof path, "PATH=/opt/a:/opt/bin:/usr/bin:/bin");
	snprintf(want, sizeof want, "/opt/a:/opt/b:/opt/a:/opt/bin:/usr/bin:"
		 "/bin:%s/.bun/bin", scratch_path);
	prepare(env);
	ok(value("PATH") && strstr(value("PATH"), "/opt/b:"),
	   "/opt/bin is not /opt/b");
	prepare(bare);
	ok(has("PATH", "/usr/local/bin:/usr/bin:/bin"), "without any PATH");
	snprintf(path, sizeof path, "PATH=");
	extra[strlen("PARACHUTE_EXTRA_PATH=")] = '\0';
	home_var[strlen("HOME=")] = '\0';
	prepare(env);
	ok(has("PATH", "/usr/local/bin:/usr/bin:/bin"), "empty is unset");
}

#define LOCALS ",http://localhost:1939,http://127.0.0.1:1939"

static const struct {
	const char *name, *env[4], *stored, *exposed, *dotenv, *want, *all;
} origins[] = {
	{ "nothing said", { NULL }, NULL, NULL, NULL,
	  "http://127.0.0.1:1939",
	  "http://localhost:1939,http://127.0.0.1:1939" },
	{ "all said: the stored one", { "PARACHUTE_HUB_ORIGIN=https://b",
	    "RENDER_EXTERNAL_URL=https://c", "FLY_APP_NAME=d" }, "https://a\n",
	  "{\"hubOrigin\":\"https://e\"}", NULL, "https://a",
	  "https://a,https://b,https://c,https://d.fly.dev,https://e" LOCALS },
	{ "the keeper's own", { "PARACHUTE_HUB_ORIGIN=https://b",
	    "RENDER_EXTERNAL_URL=https://c", "FLY_APP_NAME=d" }, NULL,
	  "{\"hubOrigin\":\"https://e\"}", NULL, "https://b",
	  "https://b,https://c,https://d.fly.dev,https://e" LOCALS },
	{ "an empty one is unset", { "PARACHUTE_HUB_ORIGIN=",
	    "RENDER_EXTERNAL_URL=https://c/", "FLY_APP_NAME=d" }, "",
	  "{\"hubOrigin\":\"https://e\"}", NULL, "https://c",
	  "https://c,https://d.fly.dev,https://e" LOCALS },
	{ "Fly", { "FLY_APP_NAME=d" }, NULL, "{\"hubOrigin\":\"https://e/\"}",
	  NULL, "https://d.fly.dev", "https://d.fly.dev,https://e" LOCALS },
	{ "no name for Fly", { "FLY_APP_NAME=d/x" }, NULL, "{}", NULL,
	  "http://127.0.0.1:1939",
	  "http://localhost:1939,http://127.0.0.1:1939" },
	{ "exposed", { NULL }, NULL, "{\"hubOrigin\":\"https://e/\"}", NULL,
	  "https://e", "https://e" LOCALS },
	{ "exposed to ourselves", { NULL }, NULL,
	  "{\"hubOrigin\":\"http://localhost:99\"}", NULL,
	  "http://127.0.0.1:1939",
	  "http://localhost:1939,http://127.0.0.1:1939" },
	{ "exposed to 127.0.0.1", { NULL }, NULL,
	  "{\"hubOrigin\":\"http://127.0.0.1\"}", NULL,
	  "http://127.0.0.1:1939",
	  "http://localhost:1939,http://127.0.0.1:1939" },
	{ "a broken file", { NULL }, "no url", "{\"hubOrigin\":", NULL,
	  "http://127.0.0.1:1939",
	  "http://localhost:1939,http://127.0.0.1:1939" },
	{ "slashes and spaces", { NULL }, " https://a// \r\n", NULL, NULL,
	  "https://a", "https://a" LOCALS },
	{ "twice the same", { "PARACHUTE_HUB_ORIGIN=https://a/" },
	  "https://a", "{\"hubOrigin\":\"https://a\"}", NULL, "https://a",
	  "https://a" LOCALS },
	{ "what .env says of it", { NULL }, NULL, NULL,
	  "PARACHUTE_HUB_ORIGIN=https://z\nRENDER_EXTERNAL_URL=https://z\n",
	  "http://127.0.0.1:1939",
	  "http://localhost:1939,http://127.0.0.1:1939" },
	{ "what .env says against us", { "PARACHUTE_HUB_ORIGIN=https://b" },
	  NULL, NULL, "PARACHUTE_HUB_ORIGIN=https://z\n",
	  "https://b", "https://b" LOCALS },
	{ "and against the platform", { "RENDER_EXTERNAL_URL=https://c",
	    "FLY_APP_NAME=d" }, NULL, NULL,
	  "RENDER_EXTERNAL_URL=https://z\nFLY_APP_NAME=z\n",
	  "https://c", "https://c,https://d.fly.dev" LOCALS },
};

static void put_or_remove(const char *name, const char *text)
{
	if (text)
		put(home.fd, name, text);
	else
		unlinkat(home.fd, name, 0);
}

static void where_the_hub_is(void)
{
	for (size_t i = 0; i < LEN(origins); i++) {
		put_or_remove("hub/run/origin", origins[i].stored);
		put_or_remove("expose-state.json", origins[i].exposed);
		put_or_remove("mine/.env", origins[i].dotenv);
		ok(prepare(origins[i].env) == 0 &&
		   has("PARACHUTE_HUB_ORIGIN", origins[i].want) &&
		   has("PARACHUTE_HUB_ORIGINS", origins[i].all) &&
		   has("PARACHUTE_HUB_JWKS_ORIGIN", "http://127.0.0.1:1939"),
		   "origin: %s", origins[i].name);
	}
	put_or_remove("hub/run/origin", NULL);
	put_or_remove("expose-state.json", NULL);
	put_or_remove("mine/.env", NULL);
}

static bool fails(const char *type, const char *words)
{
	int rc = prepare(no_env);

	tap_diag("%s: %s", mod.error.type ? mod.error.type : "none",
		 mod.error.text);
	return rc == SPAWN_UNFIT && mod.error.type && !strcmp(mod.error.type, type) &&
	       strstr(mod.error.text, words) && mod.error.at_unix_ms > 0;
}

static void what_is_missing(void)
{
	char text[600], inst[512];

	snprintf(inst, sizeof inst, "%s", below("inst"));
	start_command("no-such-program-4711");
	ok(fails(ERROR_MISSING, "no-such-program-4711") &&
	   !strcmp(mod.error.binary, "no-such-program-4711"),
	   "no such program on the PATH");
	start_command("./gone");
	ok(fails(ERROR_MISSING, "gone"), "no such program in its directory");

	put(home.fd, "inst/plain", "#!/bin/sh\n");
	start_command("./plain");
	snprintf(text, sizeof text, "chmod +x %s/", inst);
	ok(fails(ERROR_NOT_EXEC, text) && strstr(mod.error.text, "plain"),
	   "there, but not executable: with its path and the remedy");
	fchmodat(home.fd, "inst/plain", 0755, 0);
	ok(prepare(no_env) == 0 && sp.path && strstr(sp.path, "/plain") &&
	   !strncmp(sp.path, inst, strlen(inst)), "and now it is");

	row(below("nowhere"));
	ok(fails(ERROR_NO_COMMAND, "nowhere"), "no install directory");
	row(below("inst/plain"));
	ok(prepare(no_env) == SPAWN_UNFIT && mod.error.type, "a file instead of one");
	row(inst);
	put(home.fd, "inst/.parachute/module.json", "{}");
	ok(fails(ERROR_NO_COMMAND, "module.json"), "a manifest without any");
	start_command("sh");
	ok(prepare(no_env) == 0 && !mod.error.type, "and all is well again");
	registry_parse(&registry, STR("{\"services\":[]}"), NULL);
	ok(fails(ERROR_NO_COMMAND, "services.json") &&
	   spawn_resolve(&ctx, &mod) == -1, "no row");
	row(inst);
	ok(spawn_resolve(&ctx, &mod) == 0 && mod.module.argv[0] &&
	   !strcmp(mod.module.argv[0], "sh") && mod.module.cwd &&
	   !strcmp(mod.module.cwd, inst), "resolved anew");
}

/* A known module brings its command along, so its directory may be missing. */
static void known_ones(void)
{
	char text[1000], path[600];
	const char *env[] = { path, NULL };

	put(home.fd, "bin/parachute-vault", "#!/bin/sh\n");
	fchmodat(home.fd, "bin/parachute-vault", 0755, 0);
	snprintf(path, sizeof path, "PATH=%s", below("bin"));
	for (int file = 0; file < 2; file++) {
		snprintf(text, sizeof text, "{\"services\":[{\"name\":"
			 "\"parachute-vault\",\"port\":1940,\"paths\":"
			 "[\"/vault/default\"],\"health\":\"/h\",\"version\":"
			 "\"1.0.0\",\"installDir\":\"%s\"}]}",
			 below(file ? "inst/plain" : "nowhere"));
		if (registry_parse(&registry, str_of(text), NULL) != 1)
			scratch_bail("row");
		strcpy(mod.short_name, "vault");
		ok(prepare(env) == SPAWN_UNFIT && mod.error.type &&
		   !strcmp(mod.error.type, ERROR_DIRECTORY) &&
		   strstr(mod.error.text, file ? "not a directory" :
			  "installDir in services.json") &&
		   strstr(mod.error.text, file ? "plain" : "nowhere"),
		   file ? "a directory that is a file" :
		   "a directory that is missing");
	}
	strcpy(mod.short_name, "mine");
	row(below("inst"));
}

/* More variables than there is room for: ours are among those that stay. */
static void crowded(void)
{
	static char text[4196][16];
	static const char *env[4196 + 1];

	for (size_t i = 0; i < LEN(text); i++) {
		snprintf(text[i], sizeof text[i], "V%zu=x", i);
		env[i] = text[i];
	}
	ok(prepare(env) == 0 && has("PORT", "4242") &&
	   has("PC_OWNER", "0123abcd.7") &&
	   has("PARACHUTE_HOME", home.path) && value("PATH"),
	   "%zu variables", LEN(text));
}

/* execve() takes pairs that are none. */
static void no_pair(void)
{
	char odd[] = "PATH";
	struct str s = guarded(0, (struct str){ odd, sizeof odd });
	const char *env[] = { s.p, "OTHER", "=", "", NULL };

	ok(prepare(env) == 0 && has("PORT", "4242"),
	   "names without a value are nobody's");
}

int main(void)
{
	home.fd = scratch();
	snprintf(home.path, sizeof home.path, "%s", scratch_path);
	mkdirat(home.fd, "inst", 0755);
	mkdirat(home.fd, "inst/.parachute", 0755);
	mkdirat(home.fd, "mine", 0755);
	mkdirat(home.fd, "bin", 0755);
	mkdirat(home.fd, "hub", 0755);
	mkdirat(home.fd, "hub/run", 0755);
	mkdirat(home.fd, ".bun", 0755);
	mkdirat(home.fd, ".bun/bin", 0755);
	registry_init(&registry);
	row(below("inst"));
	start_command("sh");
	strcpy(mod.short_name, "mine");
	mod.id = 7;
	arena_init(&mod.arena, 4 << 20);

	layers();
	withheld();
	enriches_path();
	where_the_hub_is();
	what_is_missing();
	known_ones();
	crowded();
	no_pair();
	arena_release(&sp.arena);
	arena_release(&mod.arena);
	registry_release(&registry);
	return tap_done();
}
