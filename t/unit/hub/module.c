/* SPDX-License-Identifier: MIT */
#include "hub/module.h"
#include "unit/hub/scratch.h"

static struct arena arena;
static struct problems problems;
static char bin[300], install[300];

#define LEAST "\"name\":\"x\",\"manifestName\":\"X\",\"port\":7," \
	"\"paths\":[],\"health\":\"/h\""
#define START LEAST ",\"startCmd\":[\"./run\",\"--fast\"]"

static struct module resolve(const char *short_name, bool installed)
{
	struct row row = {
		.short_name = str_of(short_name),
		.install_dir = str_of(installed ? install : NULL),
	};
	struct err e = { 0 };
	struct module m;

	arena_reset(&arena);
	problems = (struct problems){ .n = 0 };
	if (module_resolve(&m, &row, bin, &arena, &problems, &e) < 0)
		scratch_bail(e.msg);
	return m;
}

static bool starts(const struct module *m, const char *first,
		   const char *second)
{
	return m->argv[0] && m->argv[1] && !m->argv[2] && !m->reason &&
	       strcmp(m->argv[0], first) == 0 &&
	       strcmp(m->argv[1], second) == 0;
}

static bool cannot(const struct module *m, const char *words)
{
	tap_diag("%s", m->reason ? m->reason : "no reason");
	return !m->argv[0] && m->reason && strstr(m->reason, words);
}

static void manifest(int dir, const char *text)
{
	if (text)
		put(dir, "inst/.parachute/module.json", text);
	else
		unlinkat(dir, "inst/.parachute/module.json", 0);
}

static void third_parties(int dir)
{
	struct module m;

	m = resolve("mine", false);
	ok(cannot(&m, "no installDir") && !m.cwd && !m.known,
	   "no install directory");
	m = resolve("mine", true);
	ok(cannot(&m, "inst/.parachute/module.json is missing") && m.cwd &&
	   strcmp(m.cwd, install) == 0, "no module.json");
	ok(!problems.n && !m.has_manifest, "  is no problem of its own");
	manifest(dir, "{" LEAST "}");
	m = resolve("mine", true);
	ok(cannot(&m, "has no startCmd") && m.has_manifest, "no startCmd");
	manifest(dir, "{" START "}");
	m = resolve("mine", true);
	ok(starts(&m, "./run", "--fast") && m.has_manifest,
	   "what module.json says");
	ok(m.manifest.port == 7 && is_text(m.short_name, "mine") &&
	   strcmp(m.cwd, install) == 0 && !problems.n, "  and where");
	manifest(dir, "{\n" LEAST ",\n\"startCmd\": 5}");
	m = resolve("mine", true);
	ok(cannot(&m, "module.json: line 3 column 13: startCmd: must be a list")
	   && !m.has_manifest, "a broken one is the reason");
	ok(problems.n == 1 && problems.all[0].line == 3 &&
	   problems.all[0].column == 13 && str_ends(problems.all[0].file,
		STR("/inst/.parachute/module.json")) &&
	   *problems.all[0].file.p == '/' &&
	   is_text(problems.all[0].text, "startCmd: must be a list; mine uses "
		   "nothing of it until it is mended"), "  and a problem");
	manifest(dir, "{ no");
	m = resolve("mine", true);
	ok(cannot(&m, "module.json: line 1 column 3: ") && problems.n == 1 &&
	   problems.all[0].column == 3, "so is one that is not JSON");
	ok(m.manifest.strip_prefix == -1 && !m.manifest.nstart &&
	   !m.manifest.nneeds, "  nothing of it is used");
	manifest(dir, NULL);
}

static void known_ones(int dir)
{
	struct module m;

	m = resolve("vault", false);
	ok(starts(&m, "parachute-vault", "serve") && m.known && !m.cwd,
	   "a known one, not installed: its command all the same");
	manifest(dir, "{" START "}");
	m = resolve("vault", true);
	ok(starts(&m, "./run", "--fast"), "its program is not there: "
	   "module.json");
	put(dir, "bin/parachute-vault", "#!/bin/sh\n");
	m = resolve("vault", true);
	ok(starts(&m, "./run", "--fast"), "there and not executable: the same");
	fchmodat(dir, "bin/parachute-vault", 0755, 0);
	m = resolve("vault", true);
	ok(starts(&m, "parachute-vault", "serve") && m.has_manifest &&
	   strcmp(m.cwd, install) == 0, "its program is there: the table");
	manifest(dir, "{ no");
	m = resolve("vault", true);
	ok(starts(&m, "parachute-vault", "serve") && problems.n == 1 &&
	   !problems.all[0].note, "a broken module.json is a problem only");
	m = resolve("scribe", true);
	ok(starts(&m, "parachute-scribe", "serve") && problems.n == 1,
	   "also where the program is missing");
	manifest(dir, NULL);
}

static void static_ones(int dir)
{
	struct module m;

	m = resolve("notes", false);
	ok(cannot(&m, "notes is a set of static files") && m.known, "notes");
	m = resolve("app", true);
	ok(cannot(&m, "app is a set of static files"), "app");
	manifest(dir, "{" LEAST "}");
	m = resolve("app", true);
	ok(cannot(&m, "app is a set of static files"), "without a startCmd");
	manifest(dir, "{" START "}");
	m = resolve("app", true);
	ok(starts(&m, "./run", "--fast"), "with one");
	manifest(dir, "{ no");
	m = resolve("notes", true);
	ok(cannot(&m, "module.json: line 1"), "with a broken one");
	manifest(dir, NULL);
}

static void no_memory(int dir)
{
	struct row row = {
		.short_name = STR("mine"), .install_dir = str_of(install),
	};
	struct err e = { 0 };
	struct module m;
	struct arena a;
	size_t cap = 0;
	int rc = -1;

	manifest(dir, "{" START "}");
	for (; rc < 0 && cap < 100000; cap += 256) {
		arena_init(&a, cap);
		rc = module_resolve(&m, &row, bin, &a, NULL, &e);
		if (rc < 0 && e.code != ERR_NO_MEMORY)
			break;
		if (rc == 0)
			ok(starts(&m, "./run", "--fast"), "then good");
		arena_release(&a);
	}
	ok(rc == 0 && cap > 256, "short of memory is said, nothing else");
	manifest(dir, NULL);
}

static bool leads(const char *url, bool vault, const char *want)
{
	char room[32];

	return is_text(module_url(str_of(url), STR("/m/x"), vault, room,
				  sizeof room), want);
}

static void urls(void)
{
	struct str paths[] = { STR("/.parachute"), STR("/m/x//"), STR("/n") };
	struct row row = { .paths = paths, .npaths = 3 };

	ok(leads("https://x.example/a", false, "https://x.example/a") &&
	   leads("HTTP://x.example", true, "HTTP://x.example"), "absolute");
	ok(leads("/admin", false, "/admin") && leads("/a/b", true, "/a/b"),
	   "a path of the hub");
	ok(leads("ui/", false, "/m/x/ui/"), "below the mount");
	ok(leads("/admin", true, "/m/x/admin") &&
	   leads("/admin/", true, "/m/x/admin/"), "an old vault's");
	ok(leads("0123456789012345678901234567890", false, ""), "too long");
	ok(is_text(module_mount(&row), "/m/x"), "the mount");
	row.npaths = 1;
	ok(is_text(module_mount(&row), ""), "no mount");
	paths[0] = STR("/");
	ok(is_text(module_mount(&row), ""), "the root is none");
}

int main(void)
{
	int dir = scratch();

	arena_init(&arena, 4 << 20);
	snprintf(bin, sizeof bin, "%s/bin", scratch_path);
	snprintf(install, sizeof install, "%s/inst", scratch_path);
	mkdirat(dir, "bin", 0700);
	mkdirat(dir, "inst", 0700);
	mkdirat(dir, "inst/.parachute", 0700);
	third_parties(dir);
	known_ones(dir);
	static_ones(dir);
	urls();
	no_memory(dir);
	arena_release(&arena);
	return tap_done();
}
