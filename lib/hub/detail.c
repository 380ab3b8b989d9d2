/* SPDX-License-Identifier: MIT */
#include "hub/detail.h"

#include "base/fmt.h"
#include "hub/show.h"
#include "sys/cli.h"

struct detail {
	struct client client;
	struct arena arena;
	const struct json *whole;       /* NULL: no hub, or it knows it not */
	struct exits exits;
};

/* Of a hub that is elsewhere the file is, too. */
static void take_exits(struct detail *d, const struct report *r,
		       const struct report_row *row)
{
	struct err e = { 0 };
	char name[SHORT_SIZE];

	if (r->client.reach->remote) {
		JSON_EACH(x, json_get(d->whole, "exits"))
			if (d->exits.n < EXITS_KEPT &&
			    exit_read(x, &d->exits.all[d->exits.n]))
				d->exits.n++;
		return;
	}
	if (str_to_c(row->short_name, name, sizeof name) &&
	    exits_read(r->client.reach->home.fd, name, &d->arena, &d->exits,
		       &e) < 0)
		cli_warn(&e);
}

static void ask(struct detail *d, const struct report *r,
		const struct report_row *row)
{
	char target[SHORT_SIZE + 32];
	struct err e = { 0 };
	struct answer a;

	fmt(target, sizeof target, "/api/modules/%.*s",
	    STR_ARG(row->short_name));
	if (r->hub && row->supervised &&
	    client_ask(&d->client, "GET", target, HUB_PATIENCE_MS, &a, &e) == 0)
		d->whole = a.body;
}

/* The hub's own object, as it stands; without one the same of it that the
 * files tell. */
static void write_module(struct buf *b, const struct detail *d,
			 const struct report_row *row)
{
	struct jsonw w;

	jsonw_init(&w, b, JSONW_PRETTY);
	if (d->whole) {
		jsonw_value(&w, d->whole);
	} else {
		jsonw_object(&w);
		jsonw_key(&w, "short");
		jsonw_str(&w, row->short_name);
		jsonw_key(&w, "port");
		jsonw_int(&w, row->port);
		jsonw_key(&w, "state");
		jsonw_null(&w);
		jsonw_key(&w, "exits");
		jsonw_array(&w);
		for (size_t i = 0; i < d->exits.n; i++)
			exit_write(&w, &d->exits.all[i]);
		jsonw_end(&w);
		jsonw_end(&w);
	}
	buf_putc(b, '\n');
}

int detail_put(struct buf *out, const struct report *r,
	       const struct report_row *row, bool as_json, struct err *e)
{
	static struct detail d;

	if (client_init(&d.client, r->client.reach, e) < 0)
		return -1;
	arena_init(&d.arena, 1024 * 1024);
	ask(&d, r, row);
	take_exits(&d, r, row);
	if (as_json)
		write_module(out, &d, row);
	else
		show_module(out, r, row, d.whole, &d.exits);
	arena_release(&d.arena);
	client_release(&d.client);
	return 0;
}
