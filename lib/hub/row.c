/* SPDX-License-Identifier: MIT */
#include "hub/row.h"

#include "hub/home.h"
#include "hub/known.h"

#define VAULT "parachute-vault"

bool row_is_further_vault(struct str name)
{
	return str_starts(name, STR(VAULT "-"));
}

bool row_is_vault(struct str name)
{
	return str_is(name, VAULT) || row_is_further_vault(name);
}

bool row_is_twin(struct str x, struct str parachute_x)
{
	struct str prefix = STR("parachute-");

	return str_starts(parachute_x, prefix) &&
	       str_eq(x, str_skip(parachute_x, prefix.n));
}

struct str registry_short(struct str name)
{
	const struct known *k = known_by_manifest(name);

	if (k)
		return str_of(k->short_name);
	return row_is_further_vault(name) ? STR("vault") : name;
}

/* prefix itself, or something below it */
static bool has_path(const struct json *row, const char *prefix)
{
	struct str path, p = str_of(prefix);

	JSON_EACH(c, json_get(row, "paths")) {
		if (!json_str(c, &path) || !str_starts(path, p))
			continue;
		if (path.n == p.n || path.p[p.n] == '/')
			return true;
	}
	return false;
}

bool row_retired(const struct json *row)
{
	static const char *const gone[] = {
		"agent", "parachute-agent", "channel", "parachute-channel",
	};
	struct str name;
	int64_t port = 0;

	if (!json_str(json_get(row, "name"), &name))
		return false;
	for (size_t i = 0; i < LEN(gone); i++)
		if (str_is(name, gone[i]))
			return true;
	if (str_is(name, "claw"))
		return has_path(row, "/claw");
	if (!str_is(name, "app") && !str_is(name, "parachute-app"))
		return false;
	/* The host of user interfaces had this name before the app had it. */
	json_int(json_get(row, "port"), 1, 65535, &port);
	return (port == 1946 || has_path(row, "/surface")) &&
	       !has_path(row, "/app");
}

static bool one_of(struct str s, const char *const *names, size_t n,
		   size_t *which)
{
	for (size_t i = 0; i < n; i++) {
		if (str_is(s, names[i])) {
			*which = i;
			return true;
		}
	}
	return false;
}

/* A name that is a folder and part of a URL is trusted with nothing else. */
static void take_name(struct row *r, const struct json *j, struct fields *f)
{
	const struct json *v = json_get(j, "name");
	char show[PROBLEM_SHOW];

	field_text(f, j, "name", FIELD_NEEDED | FIELD_FULL, &r->name);
	if (f->bad)
		return;
	r->short_name = registry_short(r->name);
	if (home_short_ok(r->short_name) && home_short_ok(r->name))
		return;
	field_fault(f, v, "name", "\"%s\" cannot be the name of a module; it "
		    "must be up to 64 letters, digits, '.', '_' and '-', "
		    "starting with a letter or digit, and no word of the "
		    "hub's own", problem_show(show, r->name));
}

static void take_exposure(struct row *r, const struct json *j,
			  struct fields *f)
{
	static const char *const names[] = {
		"allowed", "loopback", "auth-required",
	};
	static const enum exposure values[] = {
		EXPOSE_ALLOWED, EXPOSE_LOOPBACK, EXPOSE_AUTH,
	};
	const struct json *v = field_get(f, j, "publicExposure", 0, "");
	struct str s;
	size_t i;

	if (!v)
		return;
	if (json_str(v, &s) && one_of(s, names, LEN(names), &i))
		r->exposure = values[i];
	else
		field_fault(f, v, "publicExposure", "must be \"allowed\", "
			    "\"loopback\" or \"auth-required\"");
}

static void take_install_dir(struct row *r, const struct json *j,
			     struct fields *f)
{
	field_text(f, j, "installDir", FIELD_FULL, &r->install_dir);
	if (f->bad || !r->install_dir.n)
		return;
	if (r->install_dir.p[0] != '/' || field_has_control(r->install_dir))
		field_fault(f, json_get(j, "installDir"), "installDir",
			    "must be an absolute path");
}

static void check_ui_words(const struct json *ui, struct fields *f)
{
	static const char *const states[] = {
		"active", "pending", "inactive", "failing",
		"pending-oauth", "disabled",    /* as they were called */
	};
	static const char *const audiences[] = {
		"public", "hub-users", "operator", "surface",
	};
	const struct json *v;
	struct str s;
	size_t i;

	v = field_get(f, ui, "status", 0, "");
	if (v && !(json_str(v, &s) && one_of(s, states, LEN(states), &i)))
		field_fault(f, v, "status", "must be \"active\", \"pending\", "
			    "\"inactive\" or \"failing\"");
	/* A wrong word here must not open what was meant to be closed. */
	v = field_get(f, ui, "audience", 0, "");
	if (v && !(json_str(v, &s) &&
		   one_of(s, audiences, LEN(audiences), &i)))
		field_fault(f, v, "audience", "must be \"public\", "
			    "\"hub-users\", \"operator\" or \"surface\"");
}

static void check_uis(const struct json *j, struct fields *f)
{
	const struct json *uis = field_get(f, j, "uis", 0, "");
	struct str unused, *list;
	size_t n;

	if (!uis)
		return;
	if (uis->type != JSON_OBJECT) {
		field_fault(f, uis, "uis", "must be an object");
		return;
	}
	JSON_EACH(ui, uis) {
		if (!ui->key.n)
			field_fault(f, ui, "uis", "must not have an empty "
				    "name");
		if (ui->type != JSON_OBJECT)
			field_fault(f, ui, "uis", "must hold objects only");
		field_within(f, "uis", ui->key);
		field_text(f, ui, "displayName", FIELD_NEEDED | FIELD_FULL,
			   &unused);
		field_text(f, ui, "path", FIELD_NEEDED | FIELD_PATH, &unused);
		field_text(f, ui, "tagline", 0, &unused);
		field_text(f, ui, "iconUrl", 0, &unused);
		field_text(f, ui, "version", 0, &unused);
		field_text(f, ui, "oauthClientId", 0, &unused);
		field_texts(f, ui, "scopes_required", FIELD_FULL, &list, &n);
		check_ui_words(ui, f);
	}
	field_within(f, NULL, STR_NULL);
}

bool row_from_json(struct row *r, const struct json *j, struct fields *f)
{
	*r = (struct row){
		.strip_prefix = -1, .websocket = -1,
		.json = j, .line = j->line,
	};
	f->at = (struct json_at){ j->line, j->column };
	if (j->type != JSON_OBJECT) {
		field_fault(f, j, "row", "must be an object");
		return false;
	}
	take_name(r, j, f);
	field_port(f, j, "port", FIELD_NEEDED, &r->port);
	field_texts(f, j, "paths", FIELD_NEEDED, &r->paths, &r->npaths);
	field_text(f, j, "health", FIELD_NEEDED | FIELD_PATH, &r->health);
	field_text(f, j, "version", FIELD_NEEDED, &r->version);
	field_text(f, j, "displayName", 0, &r->display_name);
	field_text(f, j, "tagline", 0, &r->tagline);
	take_exposure(r, j, f);
	take_install_dir(r, j, f);
	field_flag(f, j, "stripPrefix", &r->strip_prefix);
	field_flag(f, j, "websocket", &r->websocket);
	check_uis(j, f);
	return !f->bad;
}
