/* SPDX-License-Identifier: MIT */
/*
 * Read, change, check, replace, under a lock. Modules rewrite the file
 * without our lock: it is looked at again just before it is replaced, and if
 * it is another by then we start over. What we are about to write is first
 * read as the hub will read it.
 */
#include "hub/registry.h"

#include "hub/home.h"
#include "hub/limits.h"
#include "hub/row.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_MS  10000     /* a writer holds it for a disk sync */
#define WRITE_TRIES   20
#define WORK_MAX      (16 * SERVICES_SIZE_MAX)

struct change {
	struct str name;
	const struct json *row;         /* NULL: remove */
};

/* The file as it is now; no file is an empty object. */
struct old {
	struct str text;
	struct json *root, *list, *row; /* row: the first of that name */
	struct file_id id;
	mode_t mode;
};

static int read_old(int homefd, struct old *o, struct str name,
		    struct arena *a, struct err *e)
{
	struct stat st;
	struct str s;

	*o = (struct old){ .mode = 0600, .text = STR("{}") };
	if (file_id(homefd, HOME_SERVICES, &o->id, e) < 0)
		return -1;
	if (o->id.exists) {
		if (file_read(homefd, HOME_SERVICES, SERVICES_SIZE_MAX, a,
			      &o->text, e) < 0)
			return -1;
		if (fstatat(homefd, HOME_SERVICES, &st,
			    AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, HOME_SERVICES);
		o->mode = st.st_mode & 0777;
	}
	o->root = json_parse(o->text, a, NULL, e);
	if (!o->root)
		return err_wrap(e, HOME_SERVICES);
	o->list = json_get(o->root, "services");
	if (o->root->type != JSON_OBJECT || (o->id.exists && !o->list) ||
	    (o->list && o->list->type != JSON_ARRAY))
		return err_set(e, ERR_INVALID, HOME_SERVICES ": line %u "
			       "column %u: there is no \"services\" list; mend "
			       "the file first", o->list ? o->list->line : 1,
			       o->list ? o->list->column : 1);
	JSON_EACH(j, o->list)
		if (!o->row && json_str(json_get(j, "name"), &s) &&
		    str_eq(s, name))
			o->row = j;
	return 0;
}

/* Keys are looked up by their bytes: a key may hold a NUL. */
static const struct json *member(const struct json *object, struct str key)
{
	JSON_EACH(c, object)
		if (str_eq(c->key, key))
			return c;
	return NULL;
}

/* Places stay: what the old row had keeps its order, what is new comes last. */
static void put_merged(struct jsonw *w, const struct json *was,
		       const struct json *now)
{
	const struct json *v;

	jsonw_object(w);
	JSON_EACH(c, was) {
		v = member(now, c->key);
		jsonw_keyn(w, c->key);
		jsonw_value(w, v ? v : c);
	}
	JSON_EACH(c, now) {
		if (member(was, c->key))
			continue;
		jsonw_keyn(w, c->key);
		jsonw_value(w, c);
	}
	jsonw_end(w);
}

static void put_list(struct jsonw *w, const struct old *o,
		     const struct change *ch)
{
	struct str name;

	jsonw_array(w);
	JSON_EACH(j, o->list) {
		bool ours = json_str(json_get(j, "name"), &name) &&
			    str_eq(name, ch->name);

		if (j == o->row && ch->row)
			put_merged(w, j, ch->row);
		else if (!ours || ch->row)
			jsonw_value(w, j);
	}
	if (ch->row && !o->row)
		put_merged(w, NULL, ch->row);
	jsonw_end(w);
}

static int put_file(struct buf *out, const struct old *o,
		    const struct change *ch, struct err *e)
{
	struct jsonw w;

	jsonw_init(&w, out, JSONW_PRETTY);
	jsonw_object(&w);
	JSON_EACH(c, o->root) {
		jsonw_keyn(&w, c->key);
		if (c == o->list)
			put_list(&w, o, ch);
		else
			jsonw_value(&w, c);
	}
	if (!o->list) {
		jsonw_key(&w, "services");
		put_list(&w, o, ch);
	}
	jsonw_end(&w);
	buf_putc(out, '\n');
	if (buf_failed(out))
		return err_set(e, ERR_FULL, HOME_SERVICES " would grow over "
			       "%d bytes or nest more than %d deep",
			       SERVICES_SIZE_MAX, JSON_DEPTH_MAX);
	return 0;
}

/* The row by itself, as it was asked for or as it came out of the merge. */
static int check_row(const struct json *row, struct arena *a, struct err *e)
{
	struct fields f = { .arena = a };
	char show[PROBLEM_SHOW];
	struct row r;

	if (!row_from_json(&r, row, &f))
		return err_set(e, ERR_INVALID, "%s", f.text);
	if (row_retired(row))
		return err_set(e, ERR_INVALID, "name: %s is retired",
			       problem_show(show, r.name));
	return 0;
}

/* Against the rows in use, but for the one that it replaces or displaces. */
static int check_free(const struct registry *r, const struct row *row,
		      struct err *e)
{
	char show[PROBLEM_SHOW];

	for (size_t i = 0; i < r->n; i++) {
		const struct row *k = &r->rows[i];
		bool same_port = k->port == row->port;

		if (str_eq(k->name, row->name) ||
		    (row_is_vault(k->name) && row_is_vault(row->name)) ||
		    (same_port && row_is_twin(k->name, row->name)))
			continue;
		if (same_port)
			return err_set(e, ERR_EXISTS, "port %u is taken by "
				       "%s", (unsigned)row->port,
				       problem_show(show, k->name));
		if (!row_is_further_vault(k->name) &&
		    !row_is_further_vault(row->name) &&
		    str_eq(k->short_name, row->short_name))
			return err_set(e, ERR_EXISTS, "the short name %.*s is "
				       "taken by %s", STR_ARG(row->short_name),
				       problem_show(show, k->name));
	}
	return 0;
}

static bool in_use(const struct registry *r, struct str name)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->rows[i].name, name))
			return true;
	return false;
}

/* What is to be written, read back: the row must be a good one in it. */
static int check_result(struct str text, const struct change *ch,
			struct arena *a, struct err *e)
{
	struct registry r;
	struct json *root = json_parse(text, a, NULL, e);
	struct str name;
	int rc = -1;

	if (!root)
		return -1;
	registry_init(&r);
	if (registry_parse(&r, text, e) < 0)
		goto out;
	if (ch->row && !in_use(&r, ch->name)) {
		JSON_EACH(j, json_get(root, "services")) {
			if (!json_str(json_get(j, "name"), &name) ||
			    !str_eq(name, ch->name))
				continue;
			if (check_row(j, a, e) == 0)
				break;
			err_wrap(e, "with what its row in " HOME_SERVICES
				 " has besides");
			goto out;
		}
		err_set(e, ERR_FULL, "a hub has at most %d modules",
			MODULES_MAX);
		goto out;
	}
	rc = 0;
out:
	registry_release(&r);
	return rc;
}

static int check_change(const struct old *o, const struct change *ch,
			struct arena *a, struct err *e)
{
	struct fields f = { .arena = a };
	struct registry r;
	struct row row;
	int rc = -1;

	if (!ch->row || !o->list)
		return 0;
	registry_init(&r);
	if (registry_parse(&r, o->text, e) >= 0 &&
	    row_from_json(&row, ch->row, &f))
		rc = check_free(&r, &row, e);
	registry_release(&r);
	return rc;
}

/* 1: the file became another meanwhile; once more. */
static int try_change(int homefd, const struct change *ch, struct arena *a,
		      struct err *e)
{
	struct file_id now;
	struct old old;
	struct buf out;
	int rc = -1;

	buf_init(&out, SERVICES_SIZE_MAX);
	if (read_old(homefd, &old, ch->name, a, e) < 0 ||
	    check_change(&old, ch, a, e) < 0)
		goto out;
	if (!ch->row && !old.row) {
		err_set(e, ERR_NOT_FOUND, HOME_SERVICES " has no such row");
		goto out;
	}
	if (put_file(&out, &old, ch, e) < 0 ||
	    check_result(buf_str(&out), ch, a, e) < 0 ||
	    file_id(homefd, HOME_SERVICES, &now, e) < 0)
		goto out;
	rc = 1;
	if (file_same(&now, &old.id))
		rc = file_replace(homefd, HOME_SERVICES, buf_str(&out),
				  old.mode, e);
out:
	buf_release(&out);
	return rc;
}

static int change(int homefd, const struct change *ch, struct err *e)
{
	char show[PROBLEM_SHOW];
	int run, lock = -1, rc = -1;
	struct arena a;

	arena_init(&a, WORK_MAX);
	run = dir_make(homefd, HOME_RUN, 0700, e);
	if (run >= 0)
		lock = file_lock(run, HOME_SERVICES_LOCK, LOCK_WAIT_MS, e);
	if (lock < 0)
		goto out;
	rc = 1;
	for (int i = 0; i < WRITE_TRIES && rc > 0; i++) {
		arena_reset(&a);
		rc = try_change(homefd, ch, &a, e);
	}
	if (rc > 0)
		rc = err_set(e, ERR_FAILED, HOME_SERVICES " is rewritten all "
			     "the time; try again");
out:
	if (lock >= 0)
		close(lock);
	if (run >= 0)
		close(run);
	arena_release(&a);
	if (rc < 0)
		err_wrap(e, "row %s", problem_show(show, ch->name));
	return rc;
}

int registry_upsert(int homefd, const struct json *row, struct err *e)
{
	struct change ch = { .row = row };
	struct err mine;
	struct arena a;
	int rc;

	if (!e)
		e = &mine;
	arena_init(&a, SERVICES_SIZE_MAX);
	json_str(json_get(row, "name"), &ch.name);
	rc = check_row(row, &a, e);
	arena_release(&a);
	if (rc < 0)
		return err_wrap(e, "row");
	return change(homefd, &ch, e);
}

int registry_remove(int homefd, struct str name, struct err *e)
{
	struct change ch = { .name = name };
	struct err mine;

	return change(homefd, &ch, e ? e : &mine);
}
