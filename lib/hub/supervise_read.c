/* SPDX-License-Identifier: MIT */
#include "hub/supervise.h"

#include "base/fmt.h"
#include "hub/field.h"
#include "hub/state.h"
#include "sys/file.h"

#include <unistd.h>

/* 0: there is none. 1: its values are laid over. */
static int lay_over(struct supervise *s, int home, const char *short_name,
		    struct arena *a, struct json_at *at, struct err *e)
{
	int dir = dir_open(home, short_name, e), rc;
	const struct json *j = NULL;
	struct arena scratch;
	struct str text;

	*at = (struct json_at){ 0, 0 };
	if (dir < 0)
		return e->code == ERR_NOT_FOUND ? 0 : -1;
	arena_init(&scratch, 64 * SUPERVISE_SIZE_MAX);
	rc = file_read_private(dir, SUPERVISE_FILE, SUPERVISE_SIZE_MAX,
			       &scratch, &text, e);
	close(dir);
	if (rc == 0)
		j = json_parse(text, &scratch, at, e);
	if (rc < 0)
		rc = e->code == ERR_NOT_FOUND ? 0 : -1;
	else if (!j || supervise_merge(s, j, FROM_OPERATOR, a, NULL, NULL, at,
				       e) < 0)
		rc = -1;
	else
		rc = 1;
	arena_release(&scratch);
	return rc;
}

/* Less the name of the file, which is said beside it. */
static struct str what(const struct err *e, const struct json_at *at)
{
	struct str text = str_of(at->line ? field_message(e, at) : e->msg);
	struct str name = STR(SUPERVISE_FILE ": ");

	return str_starts(text, name) ? str_skip(text, name.n) : text;
}

int supervise_check(int home, const char *short_name, struct problems *out,
		    struct arena *a)
{
	struct err e = { 0 };
	struct supervise s;
	struct json_at at;
	char file[96];

	supervise_init(&s);
	if (lay_over(&s, home, short_name, a, &at, &e) >= 0)
		return 0;
	fmt(file, sizeof file, "%s/" SUPERVISE_FILE, short_name);
	problem_add(out, a, file, at.line, at.column, "%.*s",
		    STR_ARG(what(&e, &at)));
	return -1;
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NO_MEMORY, "no memory for its settings");
}

/* Default and author's, without and with their problems. */
static int begin(struct supervise *s, const struct module *m, struct arena *a,
		 struct problems *problems, struct err *e)
{
	const struct json *j = json_get(m->manifest.json, "supervise");
	const char *file = arena_printf(a, "%s/.parachute/module.json",
					m->cwd ? m->cwd : "");
	struct json_at at;

	supervise_init(s);
	if (!file)
		return no_memory(e);
	return j ? supervise_merge(s, j, FROM_MODULE, a, problems, file, &at,
				   e) : 0;
}

static void join_needs(struct manifest *m, const struct supervise *s)
{
	for (size_t i = 0; i < s->ndepends_on; i++) {
		size_t k = 0;

		while (k < m->nneeds && !str_eq(m->needs[k], s->depends_on[i]))
			k++;
		if (k == m->nneeds)
			m->needs[m->nneeds++] = s->depends_on[i];
	}
}

/* Kept as a sentence, and shown as a problem with its place. */
static int keep_fault(struct supervise *s, const struct module *m,
		      struct arena *a, struct problems *problems,
		      const struct json_at *at, const struct err *why)
{
	const char *file = arena_printf(a, "%.*s/" SUPERVISE_FILE,
					STR_ARG(m->short_name));
	struct str text = what(why, at);

	if (!file)
		return -1;
	if (problems)
		problem_add(problems, a, file, at->line, at->column, "%.*s; "
			    "%.*s is not started until it is mended",
			    STR_ARG(text), STR_ARG(m->short_name));
	s->fault = (struct err){ .code = why->code, .sys = why->sys };
	if (at->line)
		text = str_of(why->msg);
	fmt(s->fault.msg, sizeof s->fault.msg, "%s: %.*s", file,
	    STR_ARG(text));
	return 0;
}

int supervise_read(struct supervise *s, int home, struct module *m,
		   struct arena *a, struct problems *problems, struct err *e)
{
	struct err why = { 0 };
	struct json_at at;
	char name[SHORT_SIZE];

	if (begin(s, m, a, problems, e) < 0)
		return -1;
	if (str_to_c(m->short_name, name, sizeof name) &&
	    lay_over(s, home, name, a, &at, &why) < 0 &&
	    (arena_failed(a) || begin(s, m, a, NULL, e) < 0 ||
	     keep_fault(s, m, a, problems, &at, &why) < 0))
		return no_memory(e);
	join_needs(&m->manifest, s);
	return 0;
}
