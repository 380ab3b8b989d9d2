/* SPDX-License-Identifier: MIT */
#include "front/listing.h"

#include "front/front.h"
#include "hub/limits.h"
#include "hub/module.h"
#include "hub/row.h"
#include "sys/os.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SEED      "0.0.0-linked"
#define PREFIX    "parachute-"
#define SAID_MAX  65536         /* of one module, copied */
#define TREE_MAX  (8 * MANIFEST_SIZE_MAX)
#define SETTLE_NS INT64_C(2000000000)   /* as the registry has it */

void listing_init(struct listing *l, struct registry *r,
		  int (*open)(void *ctx, struct str dir, struct err *),
		  void *ctx)
{
	*l = (struct listing){ .registry = r, .open = open, .ctx = ctx };
	arena_init(&l->arena, 2 * MODULES_MAX * (sizeof *l->said +
						 sizeof *l->by_name));
}

void listing_release(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		arena_release(&l->said[i].arena);
	arena_release(&l->arena);
	l->n = 0;
}

/* Rows */

bool listing_is_seed(const struct row *r)
{
	return str_is(r->version, SEED);
}

size_t listing_places(const struct row *r)
{
	return row_is_vault(r->name) ? r->npaths : 1;
}

struct str listing_path(const struct row *r, size_t place)
{
	return place < r->npaths ? r->paths[place] : STR("/");
}

struct str listing_name(const struct row *r)
{
	if (str_starts(r->name, STR(PREFIX)))
		return str_skip(r->name, sizeof PREFIX - 1);
	return r->name;
}

struct str listing_vault(const struct row *r, size_t place)
{
	static const struct str mount = { "/vault/", 7 };
	struct str path = listing_path(r, place), name, rest;

	if (str_starts(path, mount)) {
		str_cut(str_skip(path, mount.n), '/', &name, &rest);
		if (name.n)
			return name;
	}
	if (row_is_further_vault(r->name))
		return str_skip(r->name, sizeof PREFIX "vault-" - 1);
	return STR("default");
}

bool listing_has_vault(const struct registry *r, struct str name)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct row *row = &r->rows[i];
		size_t places = row->npaths ? row->npaths : 1;

		for (size_t k = 0; row_is_vault(row->name) && k < places; k++)
			if (str_eq(listing_vault(row, k), name))
				return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;
	int c = str_cmp(listing_name(*x), listing_name(*y));

	return c ? c : (*x > *y) - (*x < *y);
}

static void sort_names(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->by_name[i] = &l->registry->rows[i];
	qsort(l->by_name, l->n, sizeof *l->by_name, by_name);
}

/* The first that is not less than the name. */
const struct row **listing_named(const struct listing *l, struct str name,
				 size_t *n)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp(listing_name(l->by_name[mid]), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (high = low; high < l->n; high++)
		if (!str_eq(listing_name(l->by_name[high]), name))
			break;
	*n = high - low;
	return &l->by_name[low];
}

/* module.json */

static void take_scopes(struct said *s, const struct json *manifest)
{
	const struct json *all = json_get(json_get(manifest, "scopes"),
					  "defines");
	size_t max = all && all->count < LISTING_SCOPES ? all->count
							 : LISTING_SCOPES;
	struct str scope;

	s->scopes = arena_array(&s->arena, max, sizeof *s->scopes);
	if (!s->scopes)
		return;
	JSON_EACH(c, all) {
		if (s->nscopes == max)
			return;
		if (json_str(c, &scope))
			s->scopes[s->nscopes++] = arena_str(&s->arena, scope);
	}
}

/* What does not fit is as if it were not said. */
static void take(struct said *s, struct str text)
{
	struct manifest m;
	struct arena tree;
	struct json *j;

	arena_init(&tree, TREE_MAX);
	j = json_parse(text, &tree, NULL, NULL);
	if (j && manifest_from_json(&m, j, &tree, NULL, NULL) == 0) {
		s->display_name = arena_str(&s->arena, m.display_name);
		s->tagline = arena_str(&s->arena, m.tagline);
		s->management_url = arena_str(&s->arena, m.management_url);
		s->ui_url = arena_str(&s->arena, m.ui_url);
		take_scopes(s, j);
	}
	arena_release(&tree);
}

static void forget(struct said *s, struct str dir)
{
	arena_reset(&s->arena);
	*s = (struct said){ .arena = s->arena };
	s->dir = arena_str(&s->arena, dir);
}

static bool read_all(int fd, struct buf *b)
{
	ssize_t n;
	char *p;

	while ((p = buf_room(b, 4096))) {
		n = read(fd, p, 4096);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		buf_commit(b, n < 0 ? 0 : (size_t)n);
	}
	return false;
}

static void read_again(struct said *s, struct str dir, int fd,
		       const struct file_id *id)
{
	int64_t age = os_unix_ns() - id->ctime_ns;
	struct buf b;

	forget(s, dir);
	s->id = *id;
	s->settled = age > SETTLE_NS || age < -SETTLE_NS;
	buf_init(&b, MANIFEST_SIZE_MAX + 4096);
	if (id->size <= MANIFEST_SIZE_MAX && read_all(fd, &b))
		take(s, buf_str(&b));
	buf_release(&b);
}

/* A file that is not there, or is none, is no more; one that could not be
 * opened just now (no descriptor, no broker) still says what it said. */
static bool is_lasting(enum err_code code)
{
	return code == ERR_NOT_FOUND || code == ERR_INVALID ||
	       code == ERR_DENIED;
}

/* Whether it may say something else now. */
static bool look_at(struct listing *l, size_t i)
{
	struct str dir = l->registry->rows[i].install_dir;
	struct said *s = &l->said[i];
	struct err e = { .code = ERR_NOT_FOUND };
	struct file_id id;
	int fd = dir.n ? l->open(l->ctx, dir, &e) : -1;
	bool changed = false;

	if (fd < 0 && !is_lasting(e.code))
		return false;
	if (fd >= 0 && file_id_of(fd, &id, NULL) == 0) {
		changed = !s->settled || !file_same(&id, &s->id);
		if (changed)
			read_again(s, dir, fd, &id);
	} else if (s->id.exists) {
		forget(s, dir);
		changed = true;
	}
	if (fd >= 0)
		close(fd);
	return changed;
}

/* The whole */

/* What is known of a module moves along; *from is where to look first. */
static void move(struct said *to, struct listing *old, size_t *from,
		 struct str dir)
{
	for (size_t i = 0; i < old->n; i++) {
		struct said *s = &old->said[(*from + i) % old->n];

		if (!str_eq(s->dir, dir))
			continue;
		*to = *s;
		*s = (struct said){ .nscopes = 0 };
		*from = (*from + i + 1) % old->n;
		return;
	}
}

/* A new view of the registry: its rows are other ones, the modules mostly
 * the same and in the same order. All are looked at, few are read. */
static int follow(struct listing *l, struct err *e)
{
	struct listing old = *l;
	struct registry *r = l->registry;
	size_t from = 0;

	arena_init(&l->arena, old.arena.cap);
	l->said = arena_array(&l->arena, r->n, sizeof *l->said);
	l->by_name = arena_array(&l->arena, r->n, sizeof *l->by_name);
	if (arena_failed(&l->arena)) {
		arena_release(&l->arena);
		*l = old;
		return err_set(e, ERR_NO_MEMORY, "no memory for %zu modules",
			       r->n);
	}
	l->n = r->n;
	l->next = 0;
	l->view = r->view;
	l->version++;
	for (size_t i = 0; i < l->n; i++) {
		arena_init(&l->said[i].arena, SAID_MAX);
		if (r->rows[i].install_dir.n)
			move(&l->said[i], &old, &from, r->rows[i].install_dir);
		look_at(l, i);
	}
	sort_names(l);
	listing_release(&old);
	return 0;
}

int listing_look(struct listing *l, int homefd, int64_t now_ms,
		 struct err *e)
{
	size_t batch;

	registry_load(l->registry, homefd, NULL);
	if (l->broken != l->registry->broken) {
		l->broken = !l->broken;
		l->version++;
	}
	if (l->view != l->registry->view) {
		l->looked_ms = now_ms;
		return follow(l, e);
	}
	if (now_ms - l->looked_ms < FRONT_FRESH_MS)
		return 0;
	l->looked_ms = now_ms;
	batch = l->n < LISTING_BATCH ? l->n : LISTING_BATCH;
	for (size_t i = 0; i < batch; i++) {
		if (look_at(l, l->next))
			l->version++;
		l->next = (l->next + 1) % l->n;
	}
	return 0;
}
