/* SPDX-License-Identifier: MIT */
#include "sys/cli.h"

#include "base/arena.h"

#include <string.h>

#define TABLE_MAX (16 * 1024 * 1024)    /* 1,000 modules and their notes: 1 */

struct cell {
	char *text;
	size_t width;
};

struct row {
	struct row *next;
	struct cell *cells;     /* NULL: a note */
	char *note;
};

struct cli_table {
	struct arena mem;
	size_t n;
	struct row *first, **last;
	size_t *width;
};

static _Noreturn void out_of_memory(void)
{
	struct err e = { 0 };

	err_set(&e, ERR_NO_MEMORY, "out of memory for the table");
	cli_die(&e);
}

static void *get(struct cli_table *t, size_t n, size_t each)
{
	void *p = arena_array(&t->mem, n, each);

	if (!p)
		out_of_memory();
	return p;
}

static char *copy(struct cli_table *t, const char *text)
{
	char *p = arena_cstr(&t->mem, str_of(text));

	if (!p)
		out_of_memory();
	return p;
}

static struct row *append(struct cli_table *t)
{
	struct row *r = get(t, 1, sizeof *r);

	*t->last = r;
	t->last = &r->next;
	return r;
}

struct cli_table *cli_table_new(const char *const *heads, size_t n)
{
	struct arena mem;
	struct cli_table *t;

	arena_init(&mem, TABLE_MAX);
	t = arena_alloc(&mem, sizeof *t);
	if (!t)
		out_of_memory();
	*t = (struct cli_table){ .mem = mem, .n = n };
	t->last = &t->first;
	t->width = get(t, n, sizeof *t->width);
	cli_table_row(t, heads);
	return t;
}

void cli_table_row(struct cli_table *t, const char *const *cells)
{
	struct row *r = append(t);

	r->cells = get(t, t->n, sizeof *r->cells);
	for (size_t i = 0; i < t->n; i++) {
		struct cell *c = &r->cells[i];

		c->text = copy(t, cells[i] ? cells[i] : "-");
		c->width = cli_clean(c->text);
		if (c->width > t->width[i])
			t->width[i] = c->width;
	}
}

void cli_table_note(struct cli_table *t, const char *text)
{
	struct row *r = append(t);

	r->note = copy(t, text);
	cli_clean(r->note);
}

static void put_blanks(struct buf *out, size_t n)
{
	static const char blanks[] = "                                ";

	for (; n >= sizeof blanks; n -= sizeof blanks - 1)
		buf_put(out, STR(blanks));
	buf_put(out, (struct str){ blanks, n });
}

static void put_cells(const struct cli_table *t, const struct cell *c,
		      struct buf *out)
{
	size_t blanks = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!c[i].width) {
			blanks += t->width[i] + 2;
			continue;
		}
		put_blanks(out, blanks);
		buf_put(out, str_of(c[i].text));
		blanks = t->width[i] - c[i].width + 2;
	}
	buf_putc(out, '\n');
}

void cli_table_put(struct cli_table *t, struct buf *out)
{
	struct arena mem;

	for (const struct row *r = t->first; r; r = r->next) {
		if (r->cells) {
			put_cells(t, r->cells, out);
		} else {
			buf_put(out, STR("  "));
			buf_put(out, str_of(r->note));
			buf_putc(out, '\n');
		}
	}
	mem = t->mem;           /* t itself is in there */
	arena_release(&mem);
}
