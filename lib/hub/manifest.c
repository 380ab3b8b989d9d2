/* SPDX-License-Identifier: MIT */
/*
 * module.json (runtime.md 4.2), checked as the reference checks it, so that a
 * module whose manifest is accepted here is accepted there. What the hub does
 * not use is checked all the same and then forgotten.
 */
#include "hub/module.h"

#include "base/fmt.h"
#include "hub/field.h"
#include "hub/home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 8

struct reader {
	struct fields f;
	struct manifest *m;
};

static const struct json *object(struct fields *f, const struct json *in,
				 const char *key)
{
	const struct json *v = field_get(f, in, key, 0, "");

	if (v && v->type != JSON_OBJECT) {
		field_fault(f, v, key, "must be an object");
		return NULL;
	}
	return v;
}

static const struct json *list(struct fields *f, const struct json *in,
			       const char *key)
{
	const struct json *v = field_get(f, in, key, 0, "");

	if (v && v->type != JSON_ARRAY) {
		field_fault(f, v, key, "must be a list");
		return NULL;
	}
	return v;
}

/* Names and commands */

static bool is_name(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static void take_name(struct reader *r, const struct json *j)
{
	struct str name = STR_NULL;

	field_text(&r->f, j, "name", FIELD_NEEDED | FIELD_FULL, &name);
	if (r->f.bad)
		return;
	if (str_span(name, is_name).n != name.n || *name.p < 'a')
		field_fault(&r->f, json_get(j, "name"), "name", "must be "
			    "lower-case letters, digits and '-', starting "
			    "with a letter");
	r->m->name = name;
}

static void take_start(struct reader *r, const struct json *j)
{
	static const char key[] = "startCmd";
	const struct json *v = list(&r->f, j, key);
	struct str word;

	if (!v)
		return;
	if (!v->count || v->count > ARGV_MAX) {
		field_fault(&r->f, v, key, "must be a list of 1 to %d strings",
			    ARGV_MAX);
		return;
	}
	JSON_EACH(c, v) {
		if (!json_str(c, &word)) {
			field_fault(&r->f, c, key, "must be a list of strings, "
				    "one a word of the command");
			return;
		}
		if ((!r->m->nstart && !word.n) || str_find(word, '\0') >= 0) {
			field_fault(&r->f, c, key, "must start with a program "
				    "and hold no NUL");
			return;
		}
		r->m->start[r->m->nstart++] = word;
	}
}

static void need(struct reader *r, const struct json *at, const char *key,
		 struct str name)
{
	struct manifest *m = r->m;

	if (!home_short_ok(name)) {
		field_fault(&r->f, at, key, "must name modules by their short "
			    "names");
		return;
	}
	name = registry_short(name);
	for (size_t i = 0; i < m->nneeds; i++)
		if (str_eq(m->needs[i], name))
			return;
	if (m->nneeds == DEPENDENCIES_MAX) {
		field_fault(&r->f, at, key, "must not be more than %d modules",
			    DEPENDENCIES_MAX);
		return;
	}
	m->needs[m->nneeds++] = name;
}

static void take_dependencies(struct reader *r, const struct json *j)
{
	static const char key[] = "dependencies";
	const struct json *map = object(&r->f, j, key);
	struct str *scopes;
	size_t n;

	JSON_EACH(c, map) {
		int optional = 0;

		if (c->type != JSON_OBJECT)
			field_fault(&r->f, c, key, "must hold objects only");
		field_within(&r->f, key, c->key);
		field_flag(&r->f, c, "optional", &optional);
		field_texts(&r->f, c, "scopes", 0, &scopes, &n);
		field_within(&r->f, NULL, STR_NULL);
		if (!home_short_ok(c->key))
			need(r, c, key, c->key);        /* says why not */
		if (!optional)
			need(r, c, key, c->key);
	}
}

/* URLs: they are put into pages and redirects of the hub. */

static bool is_scheme(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static bool starts_nocase(struct str s, struct str prefix)
{
	return s.n > prefix.n && str_eq_nocase(str_take(s, prefix.n), prefix);
}

/* "..", with any of its dots escaped: browsers take both alike. */
static bool is_dotdot(struct str s)
{
	for (int i = 0; i < 2; i++) {
		if (s.n && *s.p == '.')
			s = str_skip(s, 1);
		else if (s.n >= 3 && str_eq_nocase(str_take(s, 3), STR("%2e")))
			s = str_skip(s, 3);
		else
			return false;
	}
	return !s.n;
}

static bool is_path(unsigned char c)
{
	return c != '?' && c != '#';
}

static bool has_dotdot(struct str path)
{
	struct str head;

	path = str_span(path, is_path);
	while (path.n) {
		str_cut(path, '/', &head, &path);
		if (is_dotdot(head))
			return true;
	}
	return false;
}

static bool has_host(struct str rest)
{
	return rest.n && *rest.p != '/' && *rest.p != '?' && *rest.p != '#' &&
	       *rest.p != ':';
}

static bool url_ok(struct str s)
{
	struct str scheme = str_span(s, is_scheme);

	if (!s.n || field_has_control(s) || str_find(s, ' ') >= 0)
		return false;
	if (starts_nocase(s, STR("http://")))
		return has_host(str_skip(s, 7));
	if (starts_nocase(s, STR("https://")))
		return has_host(str_skip(s, 8));
	if (str_find(s, '\\') >= 0)
		return false;
	if (*s.p == '/')
		return !str_starts(s, STR("//"));
	if (scheme.n < s.n && s.p[scheme.n] == ':')
		return false;
	return !has_dotdot(s);
}

static void take_url(struct reader *r, const struct json *j, const char *key,
		     struct str *out)
{
	const struct json *v = field_get(&r->f, j, key, 0, "");
	struct str s;

	if (!v)
		return;
	if (json_str(v, &s) && url_ok(s))
		*out = s;
	else
		field_fault(&r->f, v, key, "must be a path like /admin, a "
			    "relative path without .., or an http(s) URL");
}

/* Scopes: a module defines and asks for names of its own only. */

static bool own_scope(const struct manifest *m, struct str scope)
{
	struct str head, verb;

	return str_cut(scope, ':', &head, &verb) && str_eq(head, m->name) &&
	       verb.n;
}

static void check_scopes(struct reader *r, const struct json *j)
{
	const struct json *v = object(&r->f, j, "scopes"), *all;
	struct str s;

	if (!v)
		return;
	field_within(&r->f, "scopes", STR_NULL);
	all = list(&r->f, v, "defines");
	JSON_EACH(c, all)
		if (!json_str(c, &s) || !own_scope(r->m, s))
			field_fault(&r->f, c, "defines", "must be names like "
				    "%.*s:read", STR_ARG(r->m->name));
	field_within(&r->f, NULL, STR_NULL);
}

static void check_action(struct reader *r, const struct json *c)
{
	struct str s = STR_NULL;

	field_text(&r->f, c, "endpoint", FIELD_PATH, &s);
	s = STR_NULL;
	field_text(&r->f, c, "scope", 0, &s);
	if (s.p && !own_scope(r->m, s))
		field_fault(&r->f, json_get(c, "scope"), "scope", "must be "
			    "one of the module's own, its name first");
}

static void check_credential(struct reader *r, const struct json *c)
{
	struct str s = STR_NULL;

	field_text(&r->f, c, "description", 0, &s);
	field_text(&r->f, c, "endpoint", FIELD_NEEDED | FIELD_PATH, &s);
	field_text(&r->f, c, "scope", FIELD_NEEDED, &s);
	if (!str_is(s, "vault:{vault}:read") &&
	    !str_is(s, "vault:{vault}:write"))
		field_fault(&r->f, json_get(c, "scope"), "scope", "must be "
			    "vault:{vault}:read or vault:{vault}:write");
}

static void check_named(struct reader *r, const struct json *j,
			const char *key,
			void (*more)(struct reader *, const struct json *))
{
	const struct json *all = list(&r->f, j, key);
	struct str s;

	JSON_EACH(c, all) {
		if (c->type != JSON_OBJECT)
			field_fault(&r->f, c, key, "must hold objects only");
		field_within(&r->f, key, STR_NULL);
		field_text(&r->f, c, "key", FIELD_NEEDED | FIELD_FULL, &s);
		field_text(&r->f, c, "title", FIELD_NEEDED | FIELD_FULL, &s);
		if (more)
			more(r, c);
		field_within(&r->f, NULL, STR_NULL);
	}
}

/* configSchema: what a settings page can be made of */

static bool is_integer(const struct json *v)
{
	return v->type == JSON_NUMBER && str_find(v->text, '.') < 0 &&
	       str_find(v->text, 'e') < 0 && str_find(v->text, 'E') < 0;
}

static bool is_of_type(const struct json *v, struct str type)
{
	if (str_is(type, "string"))
		return v->type == JSON_STRING;
	if (str_is(type, "integer"))
		return is_integer(v);
	if (str_is(type, "number"))
		return v->type == JSON_NUMBER;
	return v->type == JSON_BOOL;
}

static void check_property(struct reader *r, const struct json *p)
{
	const struct json *v, *all;
	struct str type = STR_NULL, s;

	field_text(&r->f, p, "type", FIELD_NEEDED, &type);
	field_text(&r->f, p, "description", 0, &s);
	if (r->f.bad)
		return;
	if (!str_is(type, "string") && !str_is(type, "number") &&
	    !str_is(type, "integer") && !str_is(type, "boolean"))
		field_fault(&r->f, json_get(p, "type"), "type", "must be "
			    "\"string\", \"number\", \"integer\" or "
			    "\"boolean\"");
	v = field_get(&r->f, p, "default", 0, "");
	if (v && (v->type == JSON_NULL || v->type == JSON_ARRAY ||
		  v->type == JSON_OBJECT))
		field_fault(&r->f, v, "default", "must be a string, a number, "
			    "true or false");
	all = list(&r->f, p, "enum");
	if (all && (!all->count || str_is(type, "boolean")))
		field_fault(&r->f, all, "enum", "must not be empty, nor be "
			    "given for a boolean");
	JSON_EACH(c, all)
		if (!is_of_type(c, type))
			field_fault(&r->f, c, "enum", "must hold values of its "
				    "type only");
}

static void check_schema(struct reader *r, const struct json *j)
{
	const struct json *v = object(&r->f, j, "configSchema"), *all;
	struct str *names, type = STR_NULL;
	size_t n = 0;

	if (!v)
		return;
	field_within(&r->f, "configSchema", STR_NULL);
	field_text(&r->f, v, "type", FIELD_NEEDED, &type);
	if (!str_is(type, "object"))
		field_fault(&r->f, json_get(v, "type"), "type", "must be "
			    "\"object\"");
	all = object(&r->f, v, "properties");
	if (!all)
		field_fault(&r->f, v, "properties", "is missing; it must be "
			    "an object");
	field_texts(&r->f, v, "required", 0, &names, &n);
	for (size_t i = 0; i < n && !r->f.bad; i++) {
		const struct json *p = NULL;

		JSON_EACH(c, all)
			if (str_eq(c->key, names[i]))
				p = c;
		if (!p)
			field_fault(&r->f, json_get(v, "required"), "required",
				    "must hold names of properties only");
	}
	JSON_EACH(c, all) {
		if (c->type != JSON_OBJECT)
			field_fault(&r->f, c, "properties", "must hold objects "
				    "only");
		field_within(&r->f, "configSchema", c->key);
		check_property(r, c);
	}
	field_within(&r->f, NULL, STR_NULL);
}

/* The whole */

int manifest_from_json(struct manifest *m, const struct json *j,
		       struct arena *a, struct json_at *at, struct err *e)
{
	struct reader r = { .f = { .arena = a }, .m = m };
	struct str *list_of;
	size_t n;

	*m = (struct manifest){ .strip_prefix = -1, .websocket = -1,
				.json = j };
	r.f.at = (struct json_at){ j->line, j->column };
	if (j->type != JSON_OBJECT)
		field_fault(&r.f, j, "manifest", "must be an object");
	take_name(&r, j);
	field_text(&r.f, j, "manifestName", FIELD_NEEDED | FIELD_FULL,
		   &m->manifest_name);
	field_port(&r.f, j, "port", FIELD_NEEDED, &m->port);
	field_texts(&r.f, j, "paths", FIELD_NEEDED, &list_of, &n);
	field_text(&r.f, j, "health", FIELD_NEEDED | FIELD_PATH, &m->health);
	field_text(&r.f, j, "displayName", 0, &m->display_name);
	field_text(&r.f, j, "tagline", 0, &m->tagline);
	take_start(&r, j);
	check_scopes(&r, j);
	take_dependencies(&r, j);
	check_schema(&r, j);
	take_url(&r, j, "managementUrl", &m->management_url);
	take_url(&r, j, "uiUrl", &m->ui_url);
	take_url(&r, j, "configUiUrl", &m->config_ui_url);
	field_flag(&r.f, j, "stripPrefix", &m->strip_prefix);
	field_flag(&r.f, j, "websocket", &m->websocket);
	field_texts(&r.f, j, "adminCapabilities", 0, &list_of, &n);
	check_named(&r, j, "events", NULL);
	check_named(&r, j, "actions", check_action);
	check_named(&r, j, "credentials", check_credential);
	list(&r.f, j, "connectionTemplates");
	if (at)
		*at = r.f.at;
	if (arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "module.json: no memory");
	if (r.f.bad)
		return err_set(e, ERR_INVALID, "module.json: line %u column "
			       "%u: %s", r.f.at.line, r.f.at.column, r.f.text);
	return 0;
}

/*
 * Packages are linked together from many places, so here links are followed:
 * path becomes what it points to. What is no link, or is not there, stays.
 */
static int follow(char path[PATH_MAX], struct err *e)
{
	char target[PATH_MAX];
	size_t dir;
	ssize_t n;

	for (int i = 0; i < LINKS_MAX; i++) {
		n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			return 0;
		target[n] = '\0';
		dir = target[0] == '/' ? 0
			: (size_t)(strrchr(path, '/') + 1 - path);
		if (dir + (size_t)n >= PATH_MAX)
			return err_set(e, ERR_INVALID, "%s: the link is too "
				       "long", path);
		memcpy(path + dir, target, (size_t)n + 1);
	}
	return err_set(e, ERR_INVALID, "%s: more than %d links in a row", path,
		       LINKS_MAX);
}

int manifest_read(struct manifest *m, const char *install_dir,
		  struct arena *a, struct json_at *at, struct err *e)
{
	char path[PATH_MAX];
	struct json_at mine = { 0 };
	struct err unused = { 0 };
	struct str text;
	struct json *j;
	int n;

	at = at ? at : &mine;
	e = e ? e : &unused;
	*at = (struct json_at){ 0, 0 };
	n = fmt(path, sizeof path, "%s/.parachute/module.json",
		install_dir);
	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(e, ERR_INVALID, "module.json: the path of the "
			       "install directory is too long");
	if (follow(path, e) < 0)
		return err_wrap(e, "module.json");
	if (file_read(AT_FDCWD, path, MANIFEST_SIZE_MAX, a, &text, e) < 0) {
		if (e->sys == ENOTDIR)
			e->code = ERR_NOT_FOUND;
		return err_wrap(e, "module.json");
	}
	j = json_parse(text, a, at, e);
	if (!j)
		return err_wrap(e, "module.json");
	return manifest_from_json(m, j, a, at, e);
}
