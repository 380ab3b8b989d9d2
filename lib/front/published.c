/* SPDX-License-Identifier: MIT */
#include "front/published.h"

#include "front/discovery.h"
#include "front/listing.h"
#include "front/page.h"
#include "sys/os.h"
#include "wire/date.h"

#include <string.h>

#define ORIGIN_KEPT  300        /* a name of 255, its scheme and port */
#define REVOKED_MAX  (4 * HTTPD_OUT_MAX)        /* read, to be written */

struct document {
	enum published_kind kind;
	char origin[ORIGIN_KEPT];
	size_t origin_n;
	uint64_t version;               /* of the listing; 0: nothing */
	uint64_t used;
	struct buf text;
};

struct published {
	struct arena arena;             /* of this */
	struct listing listing;
	struct document all[PUBLISHED_KEPT];
	uint64_t uses;

	struct buf revoked;
	bool revoked_known;             /* else why not, once asked */
	struct err revoked_error;
	bool revoked_asked;
	int64_t revoked_version;        /* of the store */
	int64_t revoked_made_ms, revoked_asked_ms;
};

static int open_manifest(void *ctx, struct str dir, struct err *e)
{
	return dial_file(ctx, dir, e);
}

static struct published *published_of(struct front *f, struct err *e)
{
	struct published *p = f->published;
	struct arena a;

	if (p)
		return p;
	arena_init(&a, 2 * sizeof *p);
	p = arena_alloc(&a, sizeof *p);
	if (!p) {
		err_set(e, ERR_NO_MEMORY, "no memory for what is published");
		return NULL;
	}
	p->arena = a;
	listing_init(&p->listing, &f->registry, open_manifest, &f->dial);
	for (size_t i = 0; i < LEN(p->all); i++)
		buf_init(&p->all[i].text, HTTPD_OUT_MAX);
	buf_init(&p->revoked, HTTPD_OUT_MAX);
	f->published = p;
	return p;
}

void published_free(struct front *f)
{
	struct published *p = f->published;
	struct arena a;

	if (!p)
		return;
	listing_release(&p->listing);
	for (size_t i = 0; i < LEN(p->all); i++)
		buf_release(&p->all[i].text);
	buf_release(&p->revoked);
	a = p->arena;
	arena_release(&a);
	f->published = NULL;
}

const struct listing *published_listing(struct front *f, struct err *e)
{
	struct published *p = published_of(f, e);

	if (!p || listing_look(&p->listing, f->home.fd, os_now_ms(), e) < 0)
		return NULL;
	return &p->listing;
}

/* Documents */

static void write_document(struct buf *b, const struct listing *l,
			   enum published_kind kind, struct str origin)
{
	switch (kind) {
	case PUBLISHED_DISCOVERY:
		discovery_write(b, l, origin);
		break;
	case PUBLISHED_RESOURCE:
		discovery_write_resource(b, l, origin);
		break;
	case PUBLISHED_PAGE:
		page_write(b, l, origin);
		break;
	}
}

static bool is_of(const struct document *d, enum published_kind kind,
		  struct str origin)
{
	return d->version && d->kind == kind &&
	       str_eq((struct str){ d->origin, d->origin_n }, origin);
}

static void drop(struct document *d)
{
	buf_release(&d->text);
	d->version = 0;
	d->used = 0;
}

/* That of this origin, else the one that was used least lately. */
static struct document *place(struct published *p, enum published_kind kind,
			      struct str origin)
{
	struct document *oldest = &p->all[0];

	for (size_t i = 0; i < LEN(p->all); i++) {
		if (is_of(&p->all[i], kind, origin))
			return &p->all[i];
		if (p->all[i].used < oldest->used)
			oldest = &p->all[i];
	}
	drop(oldest);
	return oldest;
}

static void make_room(struct published *p, const struct document *keep)
{
	for (;;) {
		struct document *oldest = NULL;
		size_t sum = 0;

		for (size_t i = 0; i < LEN(p->all); i++) {
			struct document *d = &p->all[i];

			sum += d->text.size;
			if (d != keep && d->version &&
			    (!oldest || d->used < oldest->used))
				oldest = d;
		}
		if (sum <= PUBLISHED_KEPT_BYTES || !oldest)
			return;
		drop(oldest);
	}
}

int published_document(struct front *f, enum published_kind kind,
		       struct str origin, struct str *out, struct err *e)
{
	const struct listing *l = published_listing(f, e);
	struct published *p = f->published;
	struct document *d;

	if (!l)
		return -1;
	d = place(p, kind, origin);
	d->used = ++p->uses;
	if (d->version != l->version) {
		buf_reset(&d->text);
		write_document(&d->text, l, kind, origin);
		if (buf_failed(&d->text)) {
			drop(d);
			return err_set(e, ERR_NO_MEMORY, "no memory for the "
				       "document");
		}
		d->kind = kind;
		d->version = l->version;
		d->origin_n = origin.n;
		if (origin.n <= sizeof d->origin)
			memcpy(d->origin, origin.p, origin.n);
		else
			d->version = 0;         /* for this once */
		make_room(p, d);
	}
	*out = buf_str(&d->text);
	return 0;
}

/* Revocation */

static void write_revoked(struct buf *b, const struct str *jtis, size_t n,
			  int64_t now_ms)
{
	char date[DATE_ISO_SIZE];
	struct jsonw w;

	date_iso(now_ms, date);
	buf_reset(b);
	jsonw_init(&w, b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "generated_at");
	jsonw_cstr(&w, date);
	jsonw_key(&w, "jtis");
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++)
		jsonw_str(&w, jtis[i]);
	jsonw_end(&w);
	jsonw_end(&w);
}

static int read_revoked(struct published *p, struct store *store,
			struct err *e)
{
	int64_t now_ms = os_unix_ms();
	struct arena a;
	struct str *jtis;
	size_t n;
	int rc;

	arena_init(&a, REVOKED_MAX);
	rc = store_revoked(store, now_ms, &a, &jtis, &n, e);
	if (rc == 0) {
		write_revoked(&p->revoked, jtis, n, now_ms);
		if (buf_failed(&p->revoked))
			rc = err_set(e, ERR_NO_MEMORY, "no memory for %zu "
				     "revoked tokens", n);
	}
	arena_release(&a);
	return rc;
}

/* The version is read first: what is written in between is seen next time. */
static void look_revoked(struct published *p, struct store *store,
			 int64_t now_ms)
{
	int64_t version = 0;
	bool good = store_version(store, &version, &p->revoked_error) == 0;

	p->revoked_asked = true;
	p->revoked_asked_ms = now_ms;
	if (good && p->revoked_known && version == p->revoked_version &&
	    now_ms - p->revoked_made_ms < PUBLISHED_EXPIRED_MS)
		return;
	p->revoked_known = good &&
		read_revoked(p, store, &p->revoked_error) == 0;
	p->revoked_version = version;
	p->revoked_made_ms = now_ms;
}

int published_revoked(struct front *f, struct str *out, struct err *e)
{
	struct published *p = published_of(f, e);
	int64_t now_ms = os_now_ms();

	if (!p)
		return -1;
	/* A failure is remembered as well: it may have cost as much. */
	if (!p->revoked_asked ||
	    now_ms - p->revoked_asked_ms >= FRONT_FRESH_MS)
		look_revoked(p, f->store, now_ms);
	if (!p->revoked_known) {
		*e = p->revoked_error;
		return -1;
	}
	*out = buf_str(&p->revoked);
	return 0;
}

void published_revoke(struct front *f)
{
	if (f->published)
		f->published->revoked_asked =
			f->published->revoked_known = false;
}
