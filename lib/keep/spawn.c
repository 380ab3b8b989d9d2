/* SPDX-License-Identifier: MIT */
#include "keep/spawn.h"

#include "base/fmt.h"
#include "hub/depcheck.h"
#include "keep/environ.h"
#include "keep/settings.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPAWN_ARENA_MAX (8 * 1024 * 1024)       /* .env, row, module.json */
/* Its files, all but the command; -1: mod->error says why. */
static int read_files(struct spawn_ctx *c, struct mod *m)
{
	const struct row *row = registry_find(c->registry,
					      str_of(m->short_name));
	struct err e = { 0 };

	arena_reset(&m->arena);
	m->problems = (struct problems){ 0 };
	m->module = (struct module){ 0 };
	supervise_init(&m->settings);
	settings_note(c, m);
	if (!row) {
		mod_fault(m, ERROR_NO_COMMAND, NULL,
			  "it has no row in services.json any more");
		return -1;
	}
	if (module_read(&m->module, row, &m->arena, &m->problems, &e) == 0 &&
	    supervise_read(&m->settings, c->home->fd, &m->module, &m->arena,
			   &m->problems, &e) == 0)
		return 0;
	m->module = (struct module){ 0 };
	supervise_init(&m->settings);
	mod_fault(m, ERROR_SPAWN, NULL, "%s", e.msg);
	return -1;
}

static int find_command(struct mod *m, const char *path)
{
	struct err e = { 0 };

	if (module_command(&m->module, path, &m->arena, &e) == 0)
		return 0;
	m->module = (struct module){ 0 };
	mod_fault(m, ERROR_SPAWN, NULL, "%s", e.msg);
	return -1;
}

/* Whether it is to run as somebody else; -1: nobody knows him. */
static int find_user(const struct mod *m, struct user *u, struct err *e)
{
	if (!m->settings.user.n)
		return 0;
	if (user_find(u, "/etc", m->settings.user, e) < 0)
		return -1;
	return u->uid != geteuid();
}

int spawn_resolve(struct spawn_ctx *c, struct mod *m)
{
	struct user user;
	struct arena a;
	int rc;

	if (read_files(c, m) < 0)
		return -1;
	arena_init(&a, SPAWN_ARENA_MAX);
	rc = find_user(m, &user, NULL);
	rc = find_command(m, environ_path(&a, c, m, rc > 0 ? &user : NULL));
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

/* Limits and the like, in memory that the child has. */
static void copy_limits(const struct supervise *s, struct spawn *sp)
{
	for (size_t i = 0; run_limits[i].name; i++)
		if (s->limits[i].from)
			sp->limits[sp->nlimits++] = (struct run_limit){
				run_limits[i].which, s->limits[i].value };
	sp->nice = s->nice;
	sp->oom_score = s->oom_score;
	sp->has_nice = s->from[SET_NICE] != FROM_DEFAULT;
	sp->has_oom_score = s->from[SET_OOM_SCORE] != FROM_DEFAULT;
}

static enum spawn_answer fails(struct mod *m, const char *type,
			       const struct err *e)
{
	mod_fault(m, type, NULL, "%s", e->msg);
	return is_shortage(e) ? SPAWN_REFUSED : SPAWN_UNFIT;
}

/* Whether its settings can be followed. */
static enum spawn_answer check_settings(struct mod *m, struct spawn *sp)
{
	struct err e = m->settings.fault;
	int other;

	if (e.code != ERR_NONE)
		return fails(m, ERROR_SETTINGS, &e);
	other = find_user(m, &sp->user, &e);
	if (other > 0 && geteuid() != 0)
		other = err_set(&e, ERR_DENIED, "to run it as %s the hub must "
				"run as root, and it runs as uid %u; take the "
				"setting away, or start the hub as root",
				sp->user.name, (unsigned)geteuid());
	if (other < 0) {
		err_wrap(&e, "%s/" SUPERVISE_FILE ": user", m->short_name);
		return fails(m, ERROR_SETTINGS, &e);
	}
	sp->set_user = other;
	copy_limits(&m->settings, sp);
	return SPAWN_READY;
}

enum spawn_answer spawn_prepare(struct spawn_ctx *c, struct mod *m,
				struct spawn *sp)
{
	struct environment env = { .a = &sp->arena };
	bool fresh = m->fresh;
	enum spawn_answer answer;
	struct err e = { 0 };
	const char *path;

	arena_init(&sp->arena, SPAWN_ARENA_MAX);
	m->fresh = false;
	if (!fresh && read_files(c, m) < 0)
		return SPAWN_UNFIT;
	answer = check_settings(m, sp);
	if (answer != SPAWN_READY)
		return answer;
	if (environ_build(&env, c, m, sp->set_user ? &sp->user : NULL, &e) < 0)
		return fails(m, ERROR_SPAWN, &e);
	path = environ_get(&env, "PATH");
	if (!fresh && find_command(m, path) < 0)
		return SPAWN_UNFIT;
	for (size_t i = 0; i < m->problems.n; i++)
		mod_say(m, "%.*s", STR_ARG(m->problems.all[i].text));
	if (!m->module.argv[0]) {
		mod_fault(m, ERROR_NO_COMMAND, NULL, "%s", m->module.reason);
		return SPAWN_UNFIT;
	}
	if (check_directory(m) < 0 || find_program(m, sp, path) < 0)
		return SPAWN_UNFIT;
	sp->envp = environ_finish(&env);
	if (!sp->envp || copy_out(m, sp) < 0) {
		mod_fault(m, ERROR_SPAWN, NULL, "no memory to start it");
		return SPAWN_REFUSED;
	}
	return SPAWN_READY;
}

void spawn_request(const struct spawn_ctx *c, const struct mod *m,
		   const struct spawn *sp, struct run_req *req)
{
	*req = (struct run_req){
		.path = sp->path, .argv = sp->argv, .envp = sp->envp,
		.cwd = sp->cwd, .die_with_parent = true,
		.nofile = c->nofile, .mark = owner_limit(c->owner, m->id),
		.limits = sp->limits, .nlimits = sp->nlimits,
		.nice = sp->has_nice ? &sp->nice : NULL,
		.oom_score = sp->has_oom_score ? &sp->oom_score : NULL,
		.set_user = sp->set_user, .uid = sp->user.uid,
		.gid = sp->user.gid, .groups = sp->user.groups,
		.ngroups = sp->user.ngroups,
	};
}

/* The setting behind a step, as far as there is one. */
static void say_setting(struct mod *m, const struct run_failure *why,
			const char *how)
{
	const struct supervise *s = &m->settings;
	int limit = why->limit;
	size_t i = 0;

	if (why->step == RUN_NICE)
		mod_fault(m, ERROR_SETTINGS, NULL, "limits.nice: cannot set "
			  "it to %d: %s", s->nice, how);
	else if (why->step == RUN_OOM)
		mod_fault(m, ERROR_SETTINGS, NULL, "limits.oomScore: cannot "
			  "set it to %d: %s", s->oom_score, how);
	else if (why->step == RUN_USER)
		mod_fault(m, ERROR_SETTINGS, NULL, "user: cannot become %.*s: "
			  "%s", STR_ARG(s->user), how);
	while (run_limits[i].name && (!s->limits[i].from || limit-- > 0))
		i++;
	if (why->step == RUN_LIMIT && run_limits[i].name)
		mod_fault(m, ERROR_SETTINGS, NULL, "limits.%s: cannot set it; "
			  "the hub's own limit is lower, or it lacks the "
			  "right: %s", run_limits[i].name, how);
}

void spawn_failed(struct mod *m, const struct run_failure *why)
{
	const char *cmd = m->module.argv[0], *how = strerror(why->sys);
	char as[80] = "";

	if (m->settings.user.n)
		fmt(as, sizeof as, " as %.*s",
		    STR_ARG(m->settings.user));
	if (why->step == RUN_CHDIR)
		mod_fault(m, ERROR_DIRECTORY, NULL, "cannot enter %s%s: %s",
			  m->module.cwd, as, how);
	else if (why->step == RUN_EXEC && why->sys == ENOENT)
		mod_fault(m, ERROR_SPAWN, NULL,
			  "%s or its interpreter is not there; look at its "
			  "first line", cmd);
	else if (why->step == RUN_EXEC || why->step == RUN_SETUP)
		mod_fault(m, ERROR_SPAWN, NULL, "%s cannot be executed%s: %s",
			  cmd, as, how);
	else
		say_setting(m, why, how);
}
