/* SPDX-License-Identifier: MIT */
#include "hub/state.h"

#include "hub/depcheck.h"
#include "wire/date.h"

#include <string.h>

static const char *const names[] = {
	[STATUS_UNKNOWN] = "unknown",     [STATUS_STARTING] = "starting",
	[STATUS_RUNNING] = "running",     [STATUS_STOPPED] = "stopped",
	[STATUS_CRASHED] = "crashed",     [STATUS_RESTARTING] = "restarting",
};

static const char *const error_types[] = {
	ERROR_MISSING, ERROR_NOT_EXEC, ERROR_DIRECTORY, ERROR_UNBOUND,
	ERROR_SQUATTER, ERROR_DAEMONIZED, ERROR_SPAWN, ERROR_NO_COMMAND,
	ERROR_SETTINGS,
};

const char *status_name(enum status s)
{
	return names[s];
}

enum status status_of(struct str s)
{
	for (size_t i = STATUS_STARTING; i < LEN(names); i++)
		if (str_is(s, names[i]))
			return (enum status)i;
	return STATUS_UNKNOWN;
}

static const char *const listens[] = {
	[LISTEN_UNKNOWN] = "-", [LISTEN_NO] = "no",
	[LISTEN_YES] = "yes",   [LISTEN_OTHER] = "other",
};

const char *listening_name(enum listening l)
{
	return listens[l];
}

enum listening listening_of(struct str s)
{
	for (size_t i = LISTEN_NO; i < LEN(listens); i++)
		if (str_is(s, listens[i]))
			return (enum listening)i;
	return LISTEN_UNKNOWN;
}

static void put_time(struct jsonw *w, const char *key, int64_t unix_ms)
{
	char text[DATE_ISO_SIZE];

	date_iso(unix_ms, text);
	jsonw_key(w, key);
	jsonw_cstr(w, text);
}

static void put_recipe(struct jsonw *w, const char *key, struct str text)
{
	if (!text.n)
		return;
	jsonw_key(w, key);
	jsonw_str(w, text);
}

/* What a missing program is for and how to get it, as the reference says. */
static void put_advice(struct jsonw *w, const char *binary)
{
	struct arena a;
	struct depcheck d = { 0 };

	arena_init(&a, 16384);
	depcheck_missing(&d, str_of(binary), depcheck_this_os(),
			 depcheck_this_cpu(), &a);
	jsonw_key(w, "binary");
	jsonw_cstr(w, binary);
	jsonw_key(w, "why");
	jsonw_cstr(w, d.why);
	jsonw_key(w, "docs_url");
	jsonw_cstr(w, d.docs_url);
	jsonw_key(w, "install");
	jsonw_object(w);
	put_recipe(w, "darwin", d.darwin);
	put_recipe(w, "linux", d.linux_);
	put_recipe(w, "generic", d.generic);
	jsonw_end(w);
	jsonw_key(w, "sysadmin_hint");
	jsonw_cstr(w, d.sysadmin_hint ? d.sysadmin_hint : "");
	arena_release(&a);
}

void start_error_write(struct jsonw *w, const struct start_error *e)
{
	jsonw_object(w);
	jsonw_key(w, "error_type");
	jsonw_cstr(w, e->type);
	jsonw_key(w, "error_description");
	jsonw_cstr(w, e->text);
	put_time(w, "at", e->at_unix_ms);
	if (strcmp(e->type, ERROR_MISSING) == 0 && e->binary[0]) {
		put_advice(w, e->binary);
	} else if (e->binary[0]) {
		jsonw_key(w, "binary");
		jsonw_cstr(w, e->binary);
	}
	jsonw_end(w);
}

void state_write(struct jsonw *w, const struct mod_state *s)
{
	jsonw_object(w);
	jsonw_key(w, "short");
	jsonw_cstr(w, s->short_name);
	jsonw_key(w, "status");
	jsonw_cstr(w, status_name(s->status));
	if (s->pid) {
		jsonw_key(w, "pid");
		jsonw_int(w, s->pid);
	}
	if (s->started_unix_ms)
		put_time(w, "startedAt", s->started_unix_ms);
	jsonw_key(w, "restartsInWindow");
	jsonw_int(w, s->restarts_in_window);
	if (s->crashed_unix_ms)
		put_time(w, "lastCrashAt", s->crashed_unix_ms);
	if (s->exited) {
		jsonw_key(w, "lastExitCode");
		jsonw_int(w, s->exit_code);
	}
	if (s->error.type) {
		jsonw_key(w, "startError");
		start_error_write(w, &s->error);
	}
	jsonw_end(w);
}

static int64_t get_time(const struct json *object, const char *key)
{
	struct str s;
	int64_t ns;

	if (!json_str(json_get(object, key), &s) || !date_parse(s, &ns))
		return 0;
	return ns / 1000000;
}

static void copy(char *out, size_t size, struct str s)
{
	s = str_take(s, size - 1);
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

static bool error_read(const struct json *j, struct start_error *e)
{
	struct str type, text, binary;

	if (!json_str(json_get(j, "error_type"), &type))
		return false;
	e->type = "";
	for (size_t i = 0; i < LEN(error_types); i++)
		if (str_is(type, error_types[i]))
			e->type = error_types[i];
	if (json_str(json_get(j, "error_description"), &text))
		copy(e->text, sizeof e->text, text);
	if (json_str(json_get(j, "binary"), &binary))
		copy(e->binary, sizeof e->binary, binary);
	e->at_unix_ms = get_time(j, "at");
	return true;
}

bool state_read(const struct json *j, struct mod_state *s)
{
	struct str name, status;
	int64_t n;

	*s = (struct mod_state){ 0 };
	if (!json_str(json_get(j, "short"), &name) || name.n >= SHORT_SIZE ||
	    !json_str(json_get(j, "status"), &status))
		return false;
	copy(s->short_name, sizeof s->short_name, name);
	s->status = status_of(status);
	if (json_int(json_get(j, "pid"), 1, INT32_MAX, &n))
		s->pid = (pid_t)n;
	s->started_unix_ms = get_time(j, "startedAt");
	if (json_int(json_get(j, "restartsInWindow"), 0, INT32_MAX, &n))
		s->restarts_in_window = (unsigned)n;
	s->crashed_unix_ms = get_time(j, "lastCrashAt");
	if (json_int(json_get(j, "lastExitCode"), INT32_MIN, INT32_MAX, &n)) {
		s->exited = true;
		s->exit_code = (int)n;
	}
	error_read(json_get(j, "startError"), &s->error);
	return true;
}
