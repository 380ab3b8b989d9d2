/* SPDX-License-Identifier: MIT */
/*
 * Whatever the text, the rows in use keep what registry.h promises; a text
 * that is refused leaves the view as it was and says why; and the same text
 * says the same twice.
 */
#include "hub/registry.h"

#include "hub/home.h"
#include "hub/limits.h"
#include "hub/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BEFORE "{\"services\":[{\"name\":\"before\",\"port\":1,\"paths\":[]," \
	"\"health\":\"/\",\"version\":\"\"}]}"

static unsigned lines(struct str text)
{
	unsigned n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void check_problems(const struct registry *r, struct str text)
{
	unsigned max = lines(text);

	if (r->problems.n > PROBLEMS_MAX)
		BUG("more problems than there may be");
	for (size_t i = 0; i < r->problems.n; i++) {
		const struct problem *p = &r->problems.all[i];
		bool last = i == PROBLEMS_MAX - 1;

		if (!p->text.n || (!last && !str_is(p->file, HOME_SERVICES)))
			BUG("a problem without a text or a file");
		for (size_t k = 0; k < p->text.n; k++)
			if (p->text.p[k] < ' ' || p->text.p[k] > '~')
				BUG("a byte that is not for a terminal");
		if (p->line > max)
			BUG("a line that is not there");
	}
}

static void check_pair(const struct row *a, const struct row *b)
{
	if (a->number >= b->number)
		BUG("not in the order of the file");
	if (str_eq(a->name, b->name))
		BUG("one name twice");
	if (a->port == b->port &&
	    !(row_is_vault(a->name) && row_is_vault(b->name)))
		BUG("one port twice");
	if (!a->instance && !b->instance &&
	    str_eq(a->short_name, b->short_name))
		BUG("one short name twice");
}

static void check_rows(const struct registry *r)
{
	if (r->n > MODULES_MAX)
		BUG("more rows than there may be");
	for (size_t i = 0; i < r->n; i++) {
		const struct row *a = &r->rows[i];

		if (!a->port || !home_short_ok(a->name) ||
		    !home_short_ok(a->short_name) || !a->health.n ||
		    *a->health.p != '/' || field_has_control(a->health) ||
		    row_retired(a->json))
			BUG("a row that is not good");
		if (a->install_dir.n && *a->install_dir.p != '/')
			BUG("a relative install directory");
		if (!a->instance &&
		    registry_find(r, a->short_name) != a)
			BUG("a module that is not found");
		if (a->instance && !registry_find(r, STR("vault")))
			BUG("an instance of nothing");
		for (size_t k = i + 1; k < r->n; k++)
			check_pair(a, &r->rows[k]);
	}
}

static void same(const struct registry *a, const struct registry *b)
{
	if (a->n != b->n || a->problems.n != b->problems.n ||
	    a->problems.dropped != b->problems.dropped ||
	    a->broken != b->broken)
		BUG("the same text, and another answer");
	for (size_t i = 0; i < a->problems.n; i++)
		if (!str_eq(a->problems.all[i].text, b->problems.all[i].text))
			BUG("the same text, and another problem");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct registry r, again;
	struct err e = { 0 };
	int rc;

	registry_init(&r);
	registry_init(&again);
	if (registry_parse(&r, STR(BEFORE), NULL) != 1 ||
	    registry_parse(&again, STR(BEFORE), NULL) != 1)
		BUG("the good one is not");
	rc = registry_parse(&r, text, &e);
	if (rc != 1 && (rc != -1 || !r.broken || !r.problems.n || r.n != 1 ||
			!str_is(r.rows[0].name, "before") || !e.code))
		BUG("refused in a wrong way");
	check_rows(&r);
	check_problems(&r, text);
	registry_parse(&again, text, NULL);
	same(&r, &again);
	registry_release(&r);
	registry_release(&again);
	return 0;
}
