/* SPDX-License-Identifier: MIT */
#include "front/ask.h"

#include "base/fmt.h"

#include <string.h>

void health_set_db(struct front *f, const char *db)
{
	struct health *h = &f->health;
	struct jsonw w;
	struct buf b;

	if (h->n && !strcmp(h->db, db))
		return;
	fmt(h->db, sizeof h->db, "%s", db);
	buf_init(&b, sizeof h->text);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "status");
	jsonw_cstr(&w, "ok");
	jsonw_key(&w, "service");
	jsonw_cstr(&w, "parachute-hub");
	jsonw_key(&w, "version");
	jsonw_cstr(&w, PC_VERSION);
	jsonw_key(&w, "db");
	jsonw_cstr(&w, h->db);
	jsonw_key(&w, "instance");
	jsonw_cstr(&w, f->instance);
	jsonw_key(&w, "server");
	jsonw_cstr(&w, "pc/" PC_VERSION);
	jsonw_end(&w);
	/* Without memory the bytes of before are better than none. */
	if (!buf_failed(&b)) {
		h->n = buf_str(&b).n;
		memcpy(h->text, buf_str(&b).p, h->n);
	}
	buf_release(&b);
	front_tell(f, "db", h->db);
}

void get_health(struct front_ask *a)
{
	const struct health *h = &a->front->health;

	front_look(a->front);
	httpd_reply(a->conn, 200, "application/json", STR(NO_STORE),
		    (struct str){ h->text, h->n });
}
