/* SPDX-License-Identifier: MIT */
#include "hub/module.h"

#include "base/fmt.h"
#include "hub/field.h"
#include "sys/file.h"
#include "sys/run.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NO_MEMORY, "no memory for the module");
}

/* "module.json: line 4 column 3: port: ...", less what is said beside it. */
static const char *what(const struct err *e, const struct json_at *at)
{
	static const char prefix[] = "module.json: ";
	struct err rest = *e;
	size_t skip = strncmp(e->msg, prefix, sizeof prefix - 1) == 0 ?
		      sizeof prefix - 1 : 0;

	memmove(rest.msg, e->msg + skip, sizeof rest.msg - skip);
	return e->msg + skip + (field_message(&rest, at) - rest.msg);
}

/* 1 there is one, 0 there is none or a broken one (then fault), -1 memory. */
static int read_manifest(struct module *m, struct arena *a,
			 struct problems *problems, struct err *e)
{
	struct json_at at;
	struct err why = { 0 };
	char *path;

	if (!m->cwd)
		return 0;
	path = arena_printf(a, "%s/.parachute/module.json", m->cwd);
	if (!path)
		return no_memory(e);
	if (manifest_read(&m->manifest, m->cwd, a, &at, &why) == 0)
		return 1;
	if (arena_failed(a))
		return no_memory(e);
	m->manifest = (struct manifest){ .strip_prefix = -1, .websocket = -1 };
	if (why.code == ERR_NOT_FOUND)
		return 0;
	if (problems)
		problem_add(problems, a, path, at.line, at.column,
			    "%s; %.*s uses nothing of it until it is mended",
			    what(&why, &at), STR_ARG(m->short_name));
	m->fault = arena_printf(a, "%s", why.msg);
	return m->fault ? 0 : no_memory(e);
}

static void start_known(struct module *m)
{
	size_t n = 0;

	for (; n < LEN(m->known->start) && m->known->start[n]; n++)
		m->argv[n] = m->known->start[n];
	m->argv[n] = NULL;
}

static int start_manifest(struct module *m, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < m->manifest.nstart; i++) {
		m->argv[i] = arena_cstr(a, m->manifest.start[i]);
		if (!m->argv[i])
			return no_memory(e);
	}
	return 0;
}

static const char *why_not(const struct module *m, struct arena *a)
{
	if (m->fault)
		return m->fault;
	if (m->known && m->known->no_start)
		return m->known->no_start;
	if (m->has_manifest)
		return arena_printf(a, "%s/.parachute/module.json has no "
				    "startCmd; add the command that starts "
				    "the module", m->cwd);
	if (m->cwd)
		return arena_printf(a, "%s/.parachute/module.json is missing; "
				    "install the module again", m->cwd);
	return "its row in services.json has no installDir, so there is no "
	       "module.json that says how it is started; add installDir";
}

/* Only what is plainly there: a package.json is not ours to complain of. */
static struct str package_version(const struct module *m, struct arena *a)
{
	struct str text, version = STR_NULL;
	struct arena scratch;
	int dir = m->cwd ? open(m->cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0)
		return version;
	arena_init(&scratch, 8 * MANIFEST_SIZE_MAX);
	if (file_read(dir, "package.json", MANIFEST_SIZE_MAX, &scratch, &text,
		      NULL) == 0)
		json_str(json_get(json_parse(text, &scratch, NULL, NULL),
				  "version"), &version);
	version = arena_str(a, version);
	arena_release(&scratch);
	close(dir);
	return version;
}

int module_read(struct module *m, const struct row *row, struct arena *a,
		struct problems *problems, struct err *e)
{
	int rc;

	*m = (struct module){
		.short_name = arena_str(a, row->short_name),
		.known = known_by_short(row->short_name),
	};
	m->manifest.strip_prefix = m->manifest.websocket = -1;
	if (row->install_dir.n) {
		m->cwd = arena_cstr(a, row->install_dir);
		if (!m->cwd)
			return no_memory(e);
	}
	rc = read_manifest(m, a, problems, e);
	if (rc < 0)
		return -1;
	m->has_manifest = rc > 0;
	m->version = package_version(m, a);
	return arena_failed(a) ? no_memory(e) : 0;
}

int module_command(struct module *m, const char *child_path, struct arena *a,
		   struct err *e)
{
	bool has_known = m->known && m->known->start[0];
	const char *found;

	if (has_known && run_find(m->known->start[0], child_path, m->cwd, a,
				  &found, NULL) == 0) {
		start_known(m);
	} else if (m->manifest.nstart) {
		if (start_manifest(m, a, e) < 0)
			return -1;
	} else if (has_known) {
		/* What looks before it starts tells how to install it. */
		start_known(m);
	} else {
		m->reason = why_not(m, a);
	}
	return arena_failed(a) ? no_memory(e) : 0;
}

int module_resolve(struct module *m, const struct row *row,
		   const char *child_path, struct arena *a,
		   struct problems *problems, struct err *e)
{
	if (module_read(m, row, a, problems, e) < 0)
		return -1;
	return module_command(m, child_path, a, e);
}

struct str module_mount(const struct row *row)
{
	struct str mount = STR_NULL;

	for (size_t i = 0; i < row->npaths && !mount.n; i++)
		if (!str_starts(row->paths[i], STR("/.parachute")))
			mount = row->paths[i];
	while (mount.n && mount.p[mount.n - 1] == '/')
		mount.n--;
	return mount;
}

static bool is_absolute(struct str url)
{
	return str_eq_nocase(str_take(url, 7), STR("http://")) ||
	       str_eq_nocase(str_take(url, 8), STR("https://"));
}

struct str module_url(struct str url, struct str mount, bool vault,
		      char *room, size_t size)
{
	int n;

	if (vault && (str_is(url, "/admin") || str_is(url, "/admin/")))
		url = str_skip(url, 1);
	if (str_starts(url, STR("/")) || is_absolute(url))
		return url;
	n = fmt(room, size, "%.*s/%.*s", STR_ARG(mount), STR_ARG(url));
	if (n < 0 || (size_t)n >= size)
		return STR_NULL;
	return (struct str){ room, (size_t)n };
}
