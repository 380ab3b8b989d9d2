/* SPDX-License-Identifier: MIT */
/*
 * A new view is built beside the old one, in an arena of its own, and takes
 * its place only when it is whole. Everything is bounded by the size of the
 * file and MODULES_MAX; rows are compared with the rows kept so far only.
 */
#include "hub/registry.h"

#include "hub/home.h"
#include "hub/known.h"
#include "hub/limits.h"
#include "hub/row.h"
#include "sys/os.h"

#include <stdlib.h>
#include <string.h>

/* The tree of a file of 1,024 full rows takes about three times its text. */
#define VIEW_MAX        (8 * SERVICES_SIZE_MAX)
#define PROBLEM_MEMORY  (256 * 1024)
#define READ_TRIES      5

/* Some file systems keep times in seconds: within two of them a file may
 * change and look the same. */
#define SETTLE_NS       INT64_C(2000000000)

#define STAYS "; until it is mended, what was read before it stays in use"

struct build {
	struct registry *r;             /* the problems go there */
	struct arena arena;
	struct row *rows;
	size_t n, over;
	const struct row **by_name;
	size_t nnames;
	struct json_at over_at;
};

void registry_init(struct registry *r)
{
	*r = (struct registry){ .n = 0 };
	arena_init(&r->arena, VIEW_MAX);
	arena_init(&r->problem_arena, PROBLEM_MEMORY);
}

void registry_release(struct registry *r)
{
	arena_release(&r->arena);
	arena_release(&r->problem_arena);
	*r = (struct registry){ .n = 0 };
}

static void forget_problems(struct registry *r)
{
	arena_reset(&r->problem_arena);
	r->problems = (struct problems){ .n = 0 };
}

/* Rows */

#define COMPLAIN(b, at, ...) \
	problem_add(&(b)->r->problems, &(b)->r->problem_arena, \
		    HOME_SERVICES, (at).line, (at).column, __VA_ARGS__)

static struct json_at place(const struct json *row, const char *key)
{
	const struct json *v = json_get(row, key);

	if (!v)
		v = row;
	return (struct json_at){ v->line, v->column };
}

static void drop(struct build *b, size_t i)
{
	memmove(&b->rows[i], &b->rows[i + 1],
		(b->n - i - 1) * sizeof *b->rows);
	b->n--;
}

static void say_twin(struct build *b, const struct row *x,
		     const struct row *better)
{
	char one[PROBLEM_SHOW], two[PROBLEM_SHOW];

	COMPLAIN(b, place(x->json, "name"), "row %u (%s) was skipped: row %u "
		 "(%s) is the same module on port %u; remove row %u",
		 x->number, problem_show(one, x->name), better->number,
		 problem_show(two, better->name), (unsigned)x->port,
		 x->number);
}

#define NONE ((size_t)-1)

/*
 * True: the new row cannot be, because of one that came before it. *twin is
 * the earlier row that goes if the new one is kept.
 */
static bool port_taken(struct build *b, const struct row *r, size_t *twin)
{
	char one[PROBLEM_SHOW], two[PROBLEM_SHOW];

	for (size_t i = 0; i < b->n; i++) {
		const struct row *k = &b->rows[i];

		if (k->port != r->port ||
		    (row_is_vault(k->name) && row_is_vault(r->name)))
			continue;
		if (row_is_twin(k->name, r->name)) {
			*twin = i;
			return false;
		}
		if (row_is_twin(r->name, k->name))
			say_twin(b, r, k);
		else
			COMPLAIN(b, place(r->json, "port"), "row %u (%s) was "
				 "skipped: port %u belongs to row %u (%s); "
				 "give it another port", r->number,
				 problem_show(one, r->name),
				 (unsigned)r->port, k->number,
				 problem_show(two, k->name));
		return true;
	}
	return false;
}

static bool name_taken(struct build *b, const struct row *r, size_t twin)
{
	char one[PROBLEM_SHOW], two[PROBLEM_SHOW], three[PROBLEM_SHOW];
	bool further = row_is_further_vault(r->name);

	for (size_t i = 0; i < b->n; i++) {
		const struct row *k = &b->rows[i];

		if (i == twin || further != row_is_further_vault(k->name) ||
		    !str_eq(further ? k->name : k->short_name,
			    further ? r->name : r->short_name))
			continue;
		COMPLAIN(b, place(r->json, "name"), "row %u (%s) was skipped: "
			 "row %u (%s) is already %s; remove one of them",
			 r->number, problem_show(one, r->name), k->number,
			 problem_show(two, k->name),
			 problem_show(three, further ? r->name
						     : r->short_name));
		return true;
	}
	return false;
}

static void take_row(struct build *b, const struct json *j, unsigned number)
{
	struct fields f = { .arena = &b->arena };
	char show[PROBLEM_SHOW];
	struct str name = STR_NULL;
	size_t twin = NONE;
	struct row row;

	json_str(json_get(j, "name"), &name);
	problem_show(show, name.n ? name : STR("no name"));
	if (row_retired(j)) {
		COMPLAIN(b, place(j, "name"), "row %u (%s) is retired and was "
			 "skipped; remove it", number, show);
		return;
	}
	if (!row_from_json(&row, j, &f)) {
		COMPLAIN(b, f.at, "row %u (%s) was skipped: %s", number, show,
			 f.text);
		return;
	}
	row.number = number;
	if (port_taken(b, &row, &twin) || name_taken(b, &row, twin))
		return;
	if (twin != NONE) {
		say_twin(b, &b->rows[twin], &row);
		drop(b, twin);
	}
	if (b->n < MODULES_MAX) {
		b->rows[b->n++] = row;
		return;
	}
	if (!b->over++)
		b->over_at = (struct json_at){ j->line, j->column };
}

/* The whole */

static void find_instances(struct build *b)
{
	bool have = false;

	if (!b->rows)
		return;
	for (size_t i = 0; i < b->n && !have; i++)
		have = str_is(b->rows[i].short_name, "vault") &&
		       !row_is_further_vault(b->rows[i].name);
	for (size_t i = 0; i < b->n; i++) {
		if (!row_is_further_vault(b->rows[i].name))
			continue;
		b->rows[i].instance = have;
		have = true;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;

	return str_cmp((*x)->short_name, (*y)->short_name);
}

/* A row is looked for at every step of every module. */
static void sort_names(struct build *b)
{
	b->by_name = arena_array(&b->arena, b->n, sizeof *b->by_name);
	if (!b->by_name)
		return;
	for (size_t i = 0; i < b->n; i++)
		if (!b->rows[i].instance)
			b->by_name[b->nnames++] = &b->rows[i];
	qsort(b->by_name, b->nnames, sizeof *b->by_name, by_name);
}

static void note_ports(struct build *b)
{
	if (!b->rows)
		return;
	for (size_t i = 0; i < b->n; i++) {
		const struct row *r = &b->rows[i];
		const struct known *k = known_by_short(r->short_name);
		struct json_at at = place(r->json, "port");
		char show[PROBLEM_SHOW];

		if (!k || k->port == r->port || row_is_further_vault(r->name))
			continue;
		problem_note(&b->r->problems, &b->r->problem_arena,
			     HOME_SERVICES, at.line, at.column, "row %u (%s): "
			     "port %u is not its usual %u; set it to %u unless "
			     "this is meant", r->number,
			     problem_show(show, r->name),
			     (unsigned)r->port, (unsigned)k->port,
			     (unsigned)k->port);
	}
}

static int build_rows(struct build *b, const struct json *root,
		      struct json_at *at, struct err *e)
{
	const struct json *list = json_get(root, "services");
	const struct json *wrong = list ? list : root;
	unsigned number = 0;
	size_t max;

	if (!list || list->type != JSON_ARRAY) {
		*at = (struct json_at){ wrong->line, wrong->column };
		return err_set(e, ERR_INVALID, "line %u column %u: there is no "
			       "\"services\" list; the file must be an object "
			       "that has one", at->line, at->column);
	}
	max = list->count < MODULES_MAX ? list->count : MODULES_MAX;
	b->rows = arena_array(&b->arena, max, sizeof *b->rows);
	if (b->rows)
		JSON_EACH(j, list)
			take_row(b, j, ++number);
	find_instances(b);
	sort_names(b);
	if (arena_failed(&b->arena))
		return err_set(e, ERR_NO_MEMORY, "no memory for its %zu rows",
			       list->count);
	note_ports(b);
	if (b->over)
		COMPLAIN(b, b->over_at, "%zu rows from here on were skipped: "
			 "a hub has at most %d modules; remove some", b->over,
			 MODULES_MAX);
	return 0;
}

/* Ends with the view in place, or with why not among the problems. */
static int refuse(struct registry *r, struct json_at at, struct err *e)
{
	struct err why;

	forget_problems(r);
	why = *e;
	problem_add(&r->problems, &r->problem_arena, HOME_SERVICES, at.line,
		    at.column, "%s" STAYS, field_message(&why, &at));
	r->broken = true;
	return -1;
}

/* Takes the arena over: it holds the text, and may become the view's. */
static int use(struct registry *r, struct arena *a, struct str text,
	       struct err *e)
{
	struct build b = { .r = r, .arena = *a };
	struct json_at at = { 0, 0 };
	struct json *root;

	arena_init(a, a->cap);
	forget_problems(r);
	root = json_parse(text, &b.arena, &at, e);
	if (!root || build_rows(&b, root, &at, e) < 0) {
		if (e->code == ERR_NO_MEMORY && b.arena.used > b.arena.cap / 2)
			err_set(e, ERR_FULL, "it holds more than a hub takes; "
				"make it smaller");
		refuse(r, at, e);
		arena_release(&b.arena);
		return err_wrap(e, HOME_SERVICES);
	}
	arena_release(&r->arena);
	r->arena = b.arena;
	r->rows = b.rows;
	r->n = b.n;
	r->by_name = b.by_name;
	r->nnames = b.nnames;
	r->text = text;
	r->broken = false;
	r->loaded = true;
	r->view++;
	return 1;
}

int registry_parse(struct registry *r, struct str text, struct err *e)
{
	struct err unused;
	struct arena a;

	if (!e)
		e = &unused;
	arena_init(&a, VIEW_MAX);
	text = arena_str(&a, text);
	if (!text.p) {
		arena_release(&a);
		err_set(e, ERR_NO_MEMORY, "no memory for its text");
		refuse(r, (struct json_at){ 0, 0 }, e);
		return err_wrap(e, HOME_SERVICES);
	}
	return use(r, &a, text, e);
}

/* Reading */

static int empty(struct registry *r)
{
	bool was = r->loaded && !r->broken && !r->n && !r->problems.n;

	arena_reset(&r->arena);
	forget_problems(r);
	r->rows = NULL;
	r->n = r->nnames = 0;
	r->text = STR_NULL;
	r->broken = false;
	r->loaded = true;
	r->view += !was;
	return was ? 0 : 1;
}

/* 0 with the text and the id that belongs to it, however it is written. */
static int read_stable(int homefd, struct arena *a, struct str *text,
		       struct file_id *id, struct err *e)
{
	struct file_id after;

	for (int i = 0; i < READ_TRIES; i++) {
		arena_reset(a);
		*text = STR_NULL;
		if (file_id(homefd, HOME_SERVICES, id, e) < 0)
			return -1;
		if (!id->exists)
			return 0;
		if (file_read(homefd, HOME_SERVICES, SERVICES_SIZE_MAX, a,
			      text, e) < 0) {
			if (e->code == ERR_NOT_FOUND)
				continue;
			return -1;
		}
		if (file_id(homefd, HOME_SERVICES, &after, e) < 0)
			return -1;
		if (file_same(id, &after))
			return 0;
	}
	return err_set(e, ERR_FAILED, HOME_SERVICES " changes all the time "
		       "while it is read");
}

/* What will be the same until the file is another need not be tried again. */
static bool lasting(enum err_code code)
{
	return code == ERR_INVALID || code == ERR_FULL || code == ERR_DENIED;
}

static bool settled(const struct file_id *id)
{
	int64_t age = os_unix_ns() - id->ctime_ns;

	return !id->exists || age > SETTLE_NS || age < -SETTLE_NS;
}

int registry_load(struct registry *r, int homefd, struct err *e)
{
	struct err mine;
	struct file_id id;
	struct arena a;
	struct str text;
	int rc;

	if (!e)
		e = &mine;
	if (r->settled && file_id(homefd, HOME_SERVICES, &id, e) == 0 &&
	    file_same(&id, &r->id))
		return 0;
	arena_init(&a, VIEW_MAX);
	rc = read_stable(homefd, &a, &text, &id, e);
	if (rc < 0) {
		refuse(r, (struct json_at){ 0, 0 }, e);
	} else if (!id.exists) {
		rc = empty(r);
	} else if (r->loaded && !r->broken && r->text.p &&
		   str_eq(text, r->text)) {
		rc = 0;
	} else {
		rc = use(r, &a, text, e);
	}
	arena_release(&a);
	r->id = id;
	r->settled = (rc >= 0 || lasting(e->code)) && settled(&id);
	return rc;
}

const struct row *registry_find(const struct registry *r,
				struct str short_name)
{
	const struct row key = { .short_name = short_name }, *it = &key;
	const struct row **found;

	if (!r->nnames)
		return NULL;
	found = bsearch(&it, r->by_name, r->nnames, sizeof it, by_name);
	return found ? *found : NULL;
}
