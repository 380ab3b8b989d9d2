/* SPDX-License-Identifier: MIT */
#include "keep/spawn.h"

#include "hub/depcheck.h"
#include "hub/limits.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/os.h"
#include "sys/run.h"
#include "wire/env.h"
#include "wire/json.h"
#include "wire/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Meant for the keeper alone; a module must neither see nor obey it. */
static const char *const withheld[] = {
	"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS",
	"LISTEN_FDNAMES", "LISTEN_PID", "INVOCATION_ID", "JOURNAL_STREAM",
	"PARACHUTE_INITIAL_ADMIN_USERNAME", "PARACHUTE_INITIAL_ADMIN_PASSWORD",
	OWNER_ENV, "NOTIFY_FD",
};

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define SPAWN_ARENA_MAX (8 * 1024 * 1024)       /* .env, row, module.json */

/*
 * Pairs are only ever put behind each other; of one name the last counts.
 * env_finish() leaves that one alone, where the first of its name stood, so
 * a .env of any size costs a sort and nothing more.
 */
struct pair {
	char *text;             /* "NAME=value" */
	size_t order;
};

struct environment {
	struct arena *a;
	struct pair *all;
	size_t n, size;
};

static struct str name_of(const char *pair)
{
	struct str name, value;

	str_cut(str_of(pair), '=', &name, &value);
	return name;
}

static const char *env_get(const struct environment *env, const char *name)
{
	for (size_t i = env->n; i-- > 0; )
		if (str_is(name_of(env->all[i].text), name))
			return env->all[i].text + strlen(name) + 1;
	return NULL;
}

static void env_add(struct environment *env, char *text)
{
	size_t size = env->size ? 2 * env->size : 64;
	struct pair *all;

	if (!text)
		return;
	if (env->n == env->size) {
		all = arena_array(env->a, size, sizeof *all);
		if (!all)
			return;
		if (env->n)
			memcpy(all, env->all, env->n * sizeof *all);
		env->all = all;
		env->size = size;
	}
	env->all[env->n] = (struct pair){ text, env->n };
	env->n++;
}

static void env_put(struct environment *env, struct str name, struct str value)
{
	env_add(env, arena_printf(env->a, "%.*s=%.*s", STR_ARG(name),
				  STR_ARG(value)));
}

static int by_name(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	int d = str_cmp(name_of(a->text), name_of(b->text));

	return d ? d : a->order < b->order ? -1 : 1;
}

static int by_order(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;

	return a->order < b->order ? -1 : 1;
}

/* What execve() takes; NULL without memory. */
static char **env_finish(struct environment *env)
{
	char **out = arena_array(env->a, env->n + 1, sizeof *out);
	size_t kept = 0;

	if (!out || !env->all || arena_failed(env->a))
		return NULL;
	qsort(env->all, env->n, sizeof *env->all, by_name);
	for (size_t i = 0; i < env->n; i++) {
		bool again = kept &&
			str_eq(name_of(env->all[i].text),
			       name_of(env->all[kept - 1].text));

		if (again)
			env->all[kept - 1].text = env->all[i].text;
		else
			env->all[kept++] = env->all[i];
	}
	qsort(env->all, kept, sizeof *env->all, by_order);
	for (size_t i = 0; i < kept; i++)
		out[i] = env->all[i].text;
	return out;
}

static void env_inherit(struct environment *env, char *const *from)
{
	for (; *from; from++) {
		bool keep = strchr(*from, '=') != NULL;

		for (size_t i = 0; i < LEN(withheld); i++)
			keep = keep && !str_is(name_of(*from), withheld[i]);
		if (keep)
			env_add(env, *from);
	}
}

/* Puts dirs behind path, each once, the first of its kind. */
static const char *path_add(struct arena *a, const char *path, struct str dirs)
{
	struct str rest, dir, one;

	while (path && dirs.n) {
		bool have = false;

		str_cut(dirs, ':', &dir, &dirs);
		rest = str_of(path);
		while (rest.n && !have) {
			str_cut(rest, ':', &one, &rest);
			have = str_eq(one, dir);
		}
		if (dir.n && !have)
			path = arena_printf(a, "%s%s%.*s", path,
					    *path ? ":" : "", STR_ARG(dir));
	}
	return path;
}

/* Service managers start us with a PATH that lacks where tools are put. */
static void env_path(struct environment *env)
{
	static const char *const places[] = { ".local/bin", ".bun/bin" };
	const char *inherited = env_get(env, "PATH"), *path = "";
	const char *home = env_get(env, "HOME");

	if (!inherited || !*inherited)
		inherited = DEFAULT_PATH;
	path = path_add(env->a, path,
			str_of(env_get(env, "PARACHUTE_EXTRA_PATH")));
	path = path_add(env->a, path, str_of(inherited));
	for (size_t i = 0; home && *home && i < LEN(places); i++) {
		const char *dir = arena_printf(env->a, "%s/%s", home,
					       places[i]);

		if (dir && access(dir, X_OK) == 0)
			path = path_add(env->a, path, str_of(dir));
	}
	if (path)
		env_put(env, STR("PATH"), str_of(path));
}

/* Adds <home>/<short>/.env, or of it one name alone. -1: it is there and
 * cannot be read; a module must not run without what it was given. */
static int env_dotenv(struct environment *env, struct spawn_ctx *c,
		      const struct mod *m, const char *only, struct err *e)
{
	struct str text, key, value;
	int dir = dir_open(c->home->fd, m->short_name, e), rc;

	if (dir < 0)
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	rc = file_read(dir, ".env", DOTENV_SIZE_MAX, env->a, &text, e);
	close(dir);
	if (rc < 0)
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	while (env_next(&text, NULL, &key, &value))
		if (only ? str_is(key, only) : !str_is(key, "PORT"))
			env_put(env, key, value);
	return 0;
}

/* Origins: from configuration and disk only, never from a request. */

static bool is_origin(struct str s)
{
	struct url u;

	return url_parse(&u, s, NULL) == 0;
}

/* What was stored while the hub was exposed must not be a loopback one. */
static bool is_public(struct str s)
{
	struct url u;

	return url_parse(&u, s, NULL) == 0 && !url_host_is_loopback(u.host);
}

static struct str without_slash(struct str s)
{
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

static struct str stored_origin(struct spawn_ctx *c, struct arena *a)
{
	struct str text = STR_NULL;
	int dir = dir_open(c->home->fd, HOME_RUN, NULL);

	if (dir < 0)
		return text;
	if (file_read(dir, HOME_ORIGIN, 4096, a, &text, NULL) < 0)
		text = STR_NULL;
	close(dir);
	text = without_slash(str_trim(text, " \r\n"));
	return is_public(text) ? text : STR_NULL;
}

static struct str exposed_origin(struct spawn_ctx *c, struct arena *a)
{
	struct str text, origin = STR_NULL;
	const struct json *j;

	if (file_read(c->home->fd, HOME_EXPOSE, 65536, a, &text, NULL) < 0)
		return STR_NULL;
	j = json_parse(text, a, NULL, NULL);
	if (!json_str(json_get(j, "hubOrigin"), &origin) || !is_public(origin))
		return STR_NULL;
	return without_slash(origin);
}

/* Of the keeper's own environment, which no .env can change. */
static const char *our_env(const struct spawn_ctx *c, const char *name)
{
	for (char *const *e = c->environ; *e; e++)
		if (str_is(name_of(*e), name) && strchr(*e, '='))
			return strchr(*e, '=') + 1;
	return NULL;
}

static struct str from_env(const struct spawn_ctx *c, const char *name)
{
	struct str s = without_slash(str_of(our_env(c, name)));

	return is_origin(s) ? s : STR_NULL;
}

static struct str fly_origin(const struct spawn_ctx *c, struct arena *a)
{
	const char *app = our_env(c, "FLY_APP_NAME");
	char *url;

	if (!app || !*app || strchr(app, '/'))
		return STR_NULL;
	url = arena_printf(a, "https://%s.fly.dev", app);
	return is_origin(str_of(url)) ? str_of(url) : STR_NULL;
}

static void add_origin(char *list, size_t size, struct str origin)
{
	struct str rest = str_of(list), one;
	size_t n = strlen(list);

	if (!origin.n || n + origin.n + 2 > size)
		return;
	while (rest.n) {
		str_cut(rest, ',', &one, &rest);
		if (str_eq(one, origin))
			return;
	}
	snprintf(list + n, size - n, "%s%.*s", n ? "," : "", STR_ARG(origin));
}

static void env_origins(struct environment *env, struct spawn_ctx *c)
{
	char local[32], alias[32], all[4096] = "";
	const struct str tiers[] = {
		stored_origin(c, env->a),
		from_env(c, "PARACHUTE_HUB_ORIGIN"),
		from_env(c, "RENDER_EXTERNAL_URL"),
		fly_origin(c, env->a),
		exposed_origin(c, env->a),
	};
	struct str origin = STR_NULL;

	snprintf(local, sizeof local, "http://127.0.0.1:%u",
		 (unsigned)c->hub_port);
	snprintf(alias, sizeof alias, "http://localhost:%u",
		 (unsigned)c->hub_port);
	for (size_t i = 0; i < LEN(tiers); i++) {
		if (!origin.n)
			origin = tiers[i];
		add_origin(all, sizeof all, tiers[i]);
	}
	if (!origin.n)
		origin = str_of(local);
	add_origin(all, sizeof all, str_of(alias));
	add_origin(all, sizeof all, str_of(local));
	env_put(env, STR("PARACHUTE_HUB_ORIGIN"), origin);
	env_put(env, STR("PARACHUTE_HUB_ORIGINS"), str_of(all));
	env_put(env, STR("PARACHUTE_HUB_JWKS_ORIGIN"), str_of(local));
}

static int build_env(struct spawn_ctx *c, struct mod *m,
		     struct environment *env, struct err *e)
{
	const struct row *row = registry_find(c->registry,
					      str_of(m->short_name));
	char text[64];

	env_inherit(env, c->environ);
	env_path(env);
	snprintf(text, sizeof text, "%u", (unsigned)(row ? row->port : 0));
	env_put(env, STR("PORT"), str_of(text));
	if (env_dotenv(env, c, m, NULL, e) < 0)
		return -1;
	env_origins(env, c);
	env_put(env, STR("PARACHUTE_HOME"), str_of(c->home->path));
	owner_value(c->owner, m->id, text);
	env_put(env, STR(OWNER_ENV), str_of(text));
	if (m->sup->notifier.fd >= 0)
		env_put(env, STR("NOTIFY_SOCKET"),
			str_of(m->sup->notifier.name));
	if (m->notice.far >= 0)
		env_put(env, STR("NOTIFY_FD"), STR("3"));
	if (arena_failed(env->a))
		return err_set(e, ERR_NO_MEMORY, "no memory for its "
			       "environment");
	return 0;
}

static int resolve(struct spawn_ctx *c, struct mod *m, const char *path)
{
	const struct row *row = registry_find(c->registry,
					      str_of(m->short_name));
	struct err e = { 0 };

	arena_reset(&m->arena);
	m->problems = (struct problems){ 0 };
	m->module = (struct module){ 0 };
	if (!row) {
		mod_fault(m, ERROR_NO_COMMAND, NULL,
			  "it has no row in services.json any more");
		return -1;
	}
	if (module_resolve(&m->module, row, path, &m->arena, &m->problems,
			   &e) < 0) {
		m->module = (struct module){ 0 };
		mod_fault(m, ERROR_SPAWN, NULL, "%s", e.msg);
		return -1;
	}
	return 0;
}

int spawn_resolve(struct spawn_ctx *c, struct mod *m)
{
	struct arena a;
	struct environment env = { .a = &a };
	const char *path;
	struct err e = { 0 };
	int rc;

	arena_init(&a, SPAWN_ARENA_MAX);
	env_inherit(&env, c->environ);
	env_path(&env);
	env_dotenv(&env, c, m, "PATH", &e);
	path = env_get(&env, "PATH");
	rc = resolve(c, m, path ? path : DEFAULT_PATH);
	arena_release(&a);
	return rc;
}

static int check_directory(struct mod *m)
{
	struct stat st;

	if (!m->module.cwd)
		return 0;
	if (stat(m->module.cwd, &st) < 0) {
		mod_fault(m, ERROR_DIRECTORY, NULL,
			  "its directory %s: %s; install it again or correct "
			  "installDir in services.json", m->module.cwd,
			  strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		mod_fault(m, ERROR_DIRECTORY, NULL,
			  "installDir %s in services.json is not a directory",
			  m->module.cwd);
		return -1;
	}
	return 0;
}

static int find_program(struct mod *m, struct spawn *sp, const char *path)
{
	const char *program = m->module.argv[0];
	struct err e = { 0 };
	struct depcheck d;

	if (run_find(program, path, m->module.cwd, &sp->arena, &sp->path,
		     &e) == 0)
		return 0;
	if (e.code == ERR_DENIED) {
		mod_fault(m, ERROR_NOT_EXEC, program,
			  "%s is there but not executable; run chmod +x %s",
			  program, sp->path ? sp->path : program);
		return -1;
	}
	if (strchr(program, '/')) {
		mod_fault(m, ERROR_MISSING, program, "its program %s is not in "
			  "%s; install the module again", program,
			  m->module.cwd ? m->module.cwd : "this directory");
		return -1;
	}
	depcheck_missing(&d, str_of(program), depcheck_this_os(),
			 depcheck_this_cpu(), &sp->arena);
	mod_fault(m, ERROR_MISSING, program, "%.*s", STR_ARG(d.description));
	return -1;
}

/* The system had not what it takes just now: no fault of the module's. */
static bool is_shortage(const struct err *e)
{
	return e->code == ERR_NO_MEMORY || e->sys == EMFILE ||
	       e->sys == ENFILE || e->sys == EIO;
}

/* Everything the child reads after fork must be in memory that it inherits. */
static int copy_out(struct mod *m, struct spawn *sp)
{
	size_t n = 0;

	for (; m->module.argv[n]; n++)
		sp->argv[n] = arena_cstr(&sp->arena, str_of(m->module.argv[n]));
	sp->argv[n] = NULL;
	sp->path = arena_cstr(&sp->arena, str_of(sp->path));
	if (m->module.cwd)
		sp->cwd = arena_cstr(&sp->arena, str_of(m->module.cwd));
	return arena_failed(&sp->arena) ? -1 : 0;
}

enum spawn_answer spawn_prepare(struct spawn_ctx *c, struct mod *m,
				struct spawn *sp)
{
	struct environment env = { .a = &sp->arena };
	struct err e = { 0 };

	arena_init(&sp->arena, SPAWN_ARENA_MAX);
	if (build_env(c, m, &env, &e) < 0) {
		mod_fault(m, ERROR_SPAWN, NULL, "%s", e.msg);
		return is_shortage(&e) ? SPAWN_REFUSED : SPAWN_UNFIT;
	}
	if (resolve(c, m, env_get(&env, "PATH")) < 0)
		return SPAWN_UNFIT;
	for (size_t i = 0; i < m->problems.n; i++)
		mod_say(m, "%.*s", STR_ARG(m->problems.all[i].text));
	if (!m->module.argv[0]) {
		mod_fault(m, ERROR_NO_COMMAND, NULL, "%s", m->module.reason);
		return SPAWN_UNFIT;
	}
	if (check_directory(m) < 0 ||
	    find_program(m, sp, env_get(&env, "PATH")) < 0)
		return SPAWN_UNFIT;
	sp->envp = env_finish(&env);
	if (!sp->envp || copy_out(m, sp) < 0) {
		mod_fault(m, ERROR_SPAWN, NULL, "no memory to start it");
		return SPAWN_REFUSED;
	}
	return SPAWN_READY;
}
