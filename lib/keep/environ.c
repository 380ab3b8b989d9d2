/* SPDX-License-Identifier: MIT */
#include "keep/environ.h"

#include "base/fmt.h"
#include "hub/origin.h"
#include "sys/file.h"
#include "wire/env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Meant for the keeper alone; a module must neither see nor obey it. */
static const char *const withheld[] = {
	"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS",
	"LISTEN_FDNAMES", "LISTEN_PID", "INVOCATION_ID", "JOURNAL_STREAM",
	"PARACHUTE_INITIAL_ADMIN_USERNAME", "PARACHUTE_INITIAL_ADMIN_PASSWORD",
	OWNER_ENV, "NOTIFY_FD",
};

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/*
 * Pairs are only ever put behind each other; of one name the last counts.
 * environ_finish() leaves that one alone, where the first of its name stood, so
 * a .env of any size costs a sort and nothing more.
 */
struct pair {
	char *text;             /* "NAME=value" */
	size_t name;            /* its length: it is compared very often */
	size_t order;
};

static size_t name_len(const char *pair)
{
	return strcspn(pair, "=");
}

static struct str name_of(const struct pair *p)
{
	return (struct str){ p->text, p->name };
}

const char *environ_get(const struct environment *env, const char *name)
{
	for (size_t i = env->n; i-- > 0; )
		if (str_is(name_of(&env->all[i]), name))
			return env->all[i].text + env->all[i].name + 1;
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
	env->all[env->n] = (struct pair){ text, name_len(text), env->n };
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
	int d = str_cmp(name_of(a), name_of(b));

	return d ? d : a->order < b->order ? -1 : 1;
}

static int by_order(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;

	return a->order < b->order ? -1 : 1;
}

char **environ_finish(struct environment *env)
{
	char **out = arena_array(env->a, env->n + 1, sizeof *out);
	size_t kept = 0;

	if (!out || !env->all || arena_failed(env->a))
		return NULL;
	qsort(env->all, env->n, sizeof *env->all, by_name);
	for (size_t i = 0; i < env->n; i++) {
		bool again = kept &&
			str_eq(name_of(&env->all[i]),
			       name_of(&env->all[kept - 1]));

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
		struct str name = { *from, name_len(*from) };
		bool keep = name.p[name.n] == '=';

		for (size_t i = 0; i < LEN(withheld); i++)
			keep = keep && !str_is(name, withheld[i]);
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
	const char *inherited = environ_get(env, "PATH"), *path = "";
	const char *home = environ_get(env, "HOME");

	if (!inherited || !*inherited)
		inherited = DEFAULT_PATH;
	path = path_add(env->a, path,
			str_of(environ_get(env, "PARACHUTE_EXTRA_PATH")));
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

/* Files and settings, of all names or of one alone. */

static void env_text(struct environment *env, struct str text,
		     const char *only)
{
	struct str key, value;

	while (env_next(&text, NULL, &key, &value))
		if (only ? str_is(key, only) : !str_is(key, "PORT"))
			env_put(env, key, value);
}

/* Adds <home>/<short>/.env. -1: it is there and cannot be read; a module must
 * not run without what it was given. */
static int env_dotenv(struct environment *env, struct spawn_ctx *c,
		      const struct mod *m, const char *only, struct err *e)
{
	struct str text;
	int dir = dir_open(c->home->fd, m->short_name, e), rc;

	if (dir < 0)
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	rc = file_read(dir, ".env", DOTENV_SIZE_MAX, env->a, &text, e);
	close(dir);
	if (rc < 0)
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	env_text(env, text, only);
	return 0;
}

/* A relative one has no links below the directory it is relative to. */
static int read_relative(struct environment *env, int dir, const char *path,
			 struct str *text, struct err *e)
{
	const char *slash = strrchr(path, '/');
	int rc;

	if (slash) {
		char *parent = arena_cstr(env->a, (struct str){ path,
					  (size_t)(slash - path) });

		dir = parent ? dir_open(dir, parent, e) : -1;
		if (dir < 0)
			return -1;
		path = slash + 1;
	}
	rc = file_read(dir, path, DOTENV_SIZE_MAX, env->a, text, e);
	if (slash)
		close(dir);
	return rc;
}

/* Where it is relative to: the operator's to <home>/<short>, the author's to
 * the module's own directory. */
static int open_base(struct spawn_ctx *c, const struct mod *m, struct err *e)
{
	int fd;

	if (m->settings.from[SET_ENV_FILE] == FROM_OPERATOR)
		return dir_open(c->home->fd, m->short_name, e);
	fd = open(m->module.cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", m->module.cwd) : fd;
}

static int env_file(struct environment *env, struct spawn_ctx *c,
		    const struct mod *m, const char *only, struct err *e)
{
	const char *path = arena_cstr(env->a, m->settings.env_file);
	struct str text = STR_NULL;
	int dir, rc;

	if (!m->settings.env_file.n || !path)
		return 0;
	if (*path == '/') {
		/* It may lead through links, as secrets are mounted. */
		rc = file_read_linked(AT_FDCWD, path, DOTENV_SIZE_MAX, env->a,
				      &text, e);
	} else {
		dir = open_base(c, m, e);
		rc = dir < 0 ? -1 : read_relative(env, dir, path, &text, e);
		if (dir >= 0)
			close(dir);
	}
	if (rc < 0)
		return m->settings.from[SET_ENV_FILE] == FROM_OPERATOR ?
			err_wrap(e, "%s/" SUPERVISE_FILE ": envFile",
				 m->short_name) :
			err_wrap(e, "module.json: supervise.envFile");
	env_text(env, text, only);
	return 0;
}

static void env_settings(struct environment *env, const struct mod *m,
			 const char *only)
{
	for (size_t i = 0; i < m->settings.nenv; i++) {
		const struct setting_var *v = &m->settings.env[i];

		if (!only || str_is(v->name, only))
			env_put(env, v->name, v->value);
	}
}

static void env_origins(struct environment *env, struct spawn_ctx *c)
{
	struct origins o;
	char all[4096];
	size_t n = 0;

	origins_find(&o, origin_stored(c->home, env->a), c->environ,
		     c->home->fd, c->hub_port, env->a);
	for (size_t i = 0; i < o.n; i++)
		if (n + o.all[i].n + 2 < sizeof all)
			n += (size_t)fmt(all + n, sizeof all - n, "%s%.*s",
					 n ? "," : "", STR_ARG(o.all[i]));
	env_put(env, STR("PARACHUTE_HUB_ORIGIN"),
		o.issuer.n ? o.issuer : o.local);
	env_put(env, STR("PARACHUTE_HUB_ORIGINS"), (struct str){ all, n });
	env_put(env, STR("PARACHUTE_HUB_JWKS_ORIGIN"), o.local);
}

/* What comes before the first file. */
static void begin(struct environment *env, struct spawn_ctx *c,
		  const struct user *u)
{
	env_inherit(env, c->environ);
	if (u) {
		env_put(env, STR("HOME"), str_of(u->home));
		env_put(env, STR("USER"), str_of(u->name));
		env_put(env, STR("LOGNAME"), str_of(u->name));
	}
	env_path(env);
}

int environ_build(struct environment *env, struct spawn_ctx *c, struct mod *m,
		  const struct user *u, struct err *e)
{
	const struct row *row = registry_find(c->registry,
					      str_of(m->short_name));
	char text[64];

	begin(env, c, u);
	fmt(text, sizeof text, "%u", (unsigned)(row ? row->port : 0));
	env_put(env, STR("PORT"), str_of(text));
	if (env_dotenv(env, c, m, NULL, e) < 0 ||
	    env_file(env, c, m, NULL, e) < 0)
		return -1;
	env_settings(env, m, NULL);
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

const char *environ_path(struct arena *a, struct spawn_ctx *c, struct mod *m,
			 const struct user *u)
{
	struct environment env = { .a = a };
	struct err e = { 0 };
	const char *path;

	begin(&env, c, u);
	env_dotenv(&env, c, m, "PATH", &e);
	env_file(&env, c, m, "PATH", &e);
	env_settings(&env, m, "PATH");
	path = environ_get(&env, "PATH");
	return path ? path : DEFAULT_PATH;
}
