/* SPDX-License-Identifier: MIT */
/*
 * A module.json that is accepted holds only what may be used as it is: a
 * command of C strings, names that are short names, URLs that stay where they
 * say. One that is refused says at which place.
 */
#include "hub/module.h"

#include "hub/field.h"
#include "hub/home.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(struct str s)
{
	if (field_has_control(s) || str_starts(s, STR("//")) ||
	    str_starts(s, STR("../")) || str_starts(s, STR("/\\")))
		BUG("a URL that leads elsewhere");
	if (str_find(s, '\\') >= 0 && !str_eq_nocase(str_take(s, 4),
						      STR("http")))
		BUG("a backslash in a path");
	if (str_eq_nocase(str_take(s, 11), STR("javascript:")))
		BUG("a URL that is a program");
}

static void check_good(const struct manifest *m)
{
	if (!m->port || !m->name.n || *m->name.p < 'a' || *m->name.p > 'z' ||
	    !m->manifest_name.n || !m->health.n || *m->health.p != '/')
		BUG("a field that is needed");
	if (m->nstart > ARGV_MAX || m->nneeds > DEPENDENCIES_MAX)
		BUG("over a bound");
	if (m->nstart && !m->start[0].n)
		BUG("no program");
	for (size_t i = 0; i < m->nstart; i++)
		if (str_find(m->start[i], '\0') >= 0)
			BUG("a NUL in a word");
	for (size_t i = 0; i < m->nneeds; i++)
		if (!home_short_ok(m->needs[i]))
			BUG("a need that is no short name");
	check_url(m->management_url);
	check_url(m->ui_url);
	check_url(m->config_ui_url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct json_at at = { 0 };
	struct err e = { 0 };
	struct manifest m;
	struct arena a;
	struct json *j;

	if (size > MANIFEST_SIZE_MAX)
		return 0;
	arena_init(&a, 64 << 20);
	j = json_parse(text, &a, NULL, NULL);
	if (j && manifest_from_json(&m, j, &a, &at, &e) == 0) {
		check_good(&m);
	} else if (j) {
		if (e.code != ERR_INVALID || !at.line || !at.column ||
		    strncmp(e.msg, "module.json: line ", 18) != 0)
			BUG("refused without a place");
		for (const char *p = e.msg; *p; p++)
			if (*p < ' ' || *p > '~')
				BUG("a byte that is not for a terminal");
	}
	arena_release(&a);
	return 0;
}
