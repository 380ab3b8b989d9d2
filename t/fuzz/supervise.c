/* SPDX-License-Identifier: MIT */
/*
 * Settings that are accepted can be followed as they are: every number within
 * its bounds, every name one that a system call takes. An author's never
 * fail, and never hold what is the operator's alone. What is refused has a
 * place; what is written is JSON.
 */
#include "hub/supervise.h"

#include "hub/field.h"
#include "hub/home.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s)
{
	if (str_find(s, '\0') >= 0)
		BUG("a NUL");
}

static void check_env(const struct supervise *s)
{
	if (s->nenv > SETTING_ENV_MAX)
		BUG("over a bound");
	for (size_t i = 0; i < s->nenv; i++) {
		struct str name = s->env[i].name;

		if (!name.n || str_find(name, '=') >= 0 ||
		    str_is(name, "PORT") || str_is(name, "PC_OWNER") ||
		    str_is(name, "PARACHUTE_HUB_ORIGIN") ||
		    !s->env[i].from)
			BUG("a name that is not to be given");
		check_text(name);
		check_text(s->env[i].value);
		for (size_t k = 0; k < i; k++)
			if (str_eq(name, s->env[k].name))
				BUG("a name twice");
	}
}

static void check_values(const struct supervise *s, bool authors)
{
	if (s->stop_timeout_ms < 0 || s->stop_timeout_ms > STOP_TIMEOUT_MAX_MS ||
	    s->ready_timeout_ms < 0 ||
	    s->ready_timeout_ms > READY_TIMEOUT_MAX_MS || s->nice < -20 ||
	    s->nice > 19 || s->oom_score < -1000 || s->oom_score > 1000 ||
	    s->stop_signal <= 0 || (unsigned)s->restart > RESTART_NEVER ||
	    (unsigned)s->log_mode > LOG_MODE_MEMORY ||
	    s->ndepends_on > DEPENDENCIES_MAX)
		BUG("out of bounds");
	for (size_t i = 0; i < s->ndepends_on; i++)
		if (!home_short_ok(s->depends_on[i]))
			BUG("no short name");
	if (authors && (s->user.n || s->oom_score ||
			(s->env_file.n && (*s->env_file.p == '/' ||
			 str_find(s->env_file, '\0') >= 0))))
		BUG("the operator's alone");
	if (str_is(s->env_file, "..") ||
	    str_starts(s->env_file, STR("../")))
		BUG("a file outside");
	check_text(s->user);
	check_text(s->env_file);
	check_env(s);
}

static void check_written(const struct supervise *s, struct arena *a)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b, JSONW_COMPACT);
	supervise_write(&w, s);
	if (buf_failed(&b) || !json_parse(buf_str(&b), a, NULL, NULL))
		BUG("written, but not to be read");
	buf_release(&b);
}

static void check(const struct json *j, enum setting_from from,
		  struct arena *a)
{
	struct json_at at = { 0 };
	struct problems ps = { 0 };
	struct supervise s;
	struct err e = { 0 };

	supervise_init(&s);
	if (supervise_merge(&s, j, from, a, &ps, "f", &at, &e) < 0) {
		if (from == FROM_MODULE)
			BUG("an author's is never fatal");
		if (e.code != ERR_INVALID || !at.line || !at.column ||
		    strncmp(e.msg, "line ", 5) != 0)
			BUG("refused without a place");
		for (const char *p = e.msg; *p; p++)
			if (*p < ' ' || *p > '~')
				BUG("a byte that is not for a terminal");
		return;
	}
	check_values(&s, from == FROM_MODULE);
	check_written(&s, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena a;
	struct json *j;

	if (size > SUPERVISE_SIZE_MAX)
		return 0;
	arena_init(&a, 64 << 20);
	j = json_parse(text, &a, NULL, NULL);
	if (j) {
		check(j, FROM_MODULE, &a);
		check(j, FROM_OPERATOR, &a);
	}
	arena_release(&a);
	return 0;
}
