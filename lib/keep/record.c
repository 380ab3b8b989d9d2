/* SPDX-License-Identifier: MIT */
#include "keep/record.h"

#include "hub/home.h"
#include "sys/fd.h"
#include "sys/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1

/* On disk; every field in its place, no padding. */
struct head {
	uint64_t sum, version;
	char boot[40];
	char token[40];
	uint64_t limits, clean;
	char rest[RECORD_SIZE - 112];
};

struct slot {
	uint64_t sum;
	uint32_t version, kind, id, stopped;
	char name[72];
	int64_t pid;
	uint64_t start;
	int64_t started_unix_ms;
	int64_t stamp[CRASH_MAX];
	uint32_t nstamps, spent;
	int64_t slow_ms, due_ms;
	char rest[RECORD_SIZE - 168];
};

_Static_assert(sizeof(struct head) == RECORD_SIZE, "head");
_Static_assert(sizeof(struct slot) == RECORD_SIZE, "slot");

/* Over everything behind the sum itself. */
static uint64_t sum_of(const void *p)
{
	return str_sum((struct str){ (const char *)p + 8, RECORD_SIZE - 8 });
}

static void encode(const struct record *r, struct slot *s)
{
	*s = (struct slot){ .version = VERSION, .kind = (uint32_t)r->kind,
		.id = r->id, .stopped = r->stopped, .pid = r->pid,
		.start = r->start, .started_unix_ms = r->started_unix_ms,
		.nstamps = r->budget.n, .spent = r->budget.spent,
		.slow_ms = r->budget.slow_ms, .due_ms = r->due_ms };
	memcpy(s->name, r->name, sizeof r->name);
	memcpy(s->stamp, r->budget.stamp, sizeof s->stamp);
	s->sum = sum_of(s);
}

static bool decode(const struct slot *s, struct record *r)
{
	if (s->sum != sum_of(s) || s->version != VERSION || !s->id ||
	    s->nstamps > CRASH_MAX || s->name[SHORT_SIZE - 1] ||
	    (s->kind != RECORD_MODULE && s->kind != RECORD_CREW))
		return false;
	*r = (struct record){ .kind = (enum record_kind)s->kind, .id = s->id,
		.stopped = s->stopped, .pid = (pid_t)s->pid,
		.start = s->start, .started_unix_ms = s->started_unix_ms,
		.budget = { .n = s->nstamps, .spent = s->spent,
			    .slow_ms = s->slow_ms }, .due_ms = s->due_ms };
	memcpy(r->name, s->name, sizeof r->name);
	memcpy(r->budget.stamp, s->stamp, sizeof r->budget.stamp);
	return true;
}

static int put_at(struct records *r, off_t at, const void *p)
{
	ssize_t n;

	do
		n = pwrite(r->fd, p, RECORD_SIZE, at);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && n < RECORD_SIZE)
		errno = ENOSPC;
	return n == RECORD_SIZE ? 0 : -1;
}

static int put_head(struct records *r, bool clean)
{
	struct head h = { .version = VERSION, .limits = r->owner.limits,
			  .clean = clean };

	proc_boot_id(h.boot);
	memcpy(h.token, r->owner.token, sizeof r->owner.token);
	h.sum = sum_of(&h);
	return put_at(r, 0, &h);
}

static bool get_at(const struct records *r, off_t at, void *p)
{
	return pread(r->fd, p, RECORD_SIZE, at) == RECORD_SIZE;
}

static off_t place(int slot)
{
	return (off_t)(slot + 1) * RECORD_SIZE;
}

/* Whether a keeper of this boot of the host left the file as it is. */
static bool take_head(struct records *r, struct head *h)
{
	char boot[37];

	proc_boot_id(boot);
	if (!get_at(r, 0, h) || h->sum != sum_of(h) || h->version != VERSION ||
	    h->token[OWNER_TOKEN - 1] || strncmp(h->boot, boot, 37) != 0)
		return false;
	owner_take(&r->owner, h->token, h->limits);
	return true;
}

static void take_slots(struct records *r)
{
	struct slot s;

	r->old = calloc(RECORDS_MAX, sizeof *r->old);
	for (int i = 0; r->old && i < RECORDS_MAX; i++) {
		struct record *old = &r->old[r->nold];

		if (!get_at(r, place(i), &s))
			break;
		if (!decode(&s, old))
			continue;
		r->used[i / 8] |= (unsigned char)(1 << i % 8);
		old->slot = i;
		if (old->id > r->last_id)
			r->last_id = old->id;
		r->nold++;
	}
}

static void tell_failed(struct records *r)
{
	if (!r->failed)
		log_say("cannot write " HOME_RUN "/" HOME_STATE ": %s; a "
			"hub that follows a killed one will know less",
			strerror(errno));
	r->failed = true;
}

int record_open(struct records *r, int run_dir, struct err *e)
{
	struct head h;
	bool same;

	*r = (struct records){ .fd = -1 };
	r->fd = fd_own(openat(run_dir, HOME_STATE, O_RDWR | O_CREAT |
			      O_NOFOLLOW | O_CLOEXEC, 0600), FD_STATE, 0);
	if (r->fd < 0)
		return err_sys(e, HOME_RUN "/" HOME_STATE);
	same = take_head(r, &h);
	r->killed = same && !h.clean;
	if (r->killed)
		take_slots(r);
	/* The head's own room is kept: the disk may be full. */
	else if (ftruncate(r->fd, RECORD_SIZE) < 0)
		return err_sys(e, HOME_RUN "/" HOME_STATE);
	if (!same && owner_draw(&r->owner, e) < 0)
		return -1;
	if (put_head(r, false) < 0)
		tell_failed(r);
	return 0;
}

void record_close(struct records *r, bool clean)
{
	if (clean && r->fd >= 0 && ftruncate(r->fd, RECORD_SIZE) == 0)
		put_head(r, true);
	fd_close(&r->fd);
	free(r->old);
	r->old = NULL;
	r->nold = 0;
}

struct record *record_old(struct records *r, enum record_kind kind,
			  struct str name)
{
	for (size_t i = 0; i < r->nold; i++)
		if (r->old[i].kind == kind && str_is(name, r->old[i].name))
			return &r->old[i];
	return NULL;
}

int record_slot(struct records *r)
{
	for (int i = 0; i < RECORDS_MAX; i++)
		if (!(r->used[i / 8] & 1 << i % 8)) {
			r->used[i / 8] |= (unsigned char)(1 << i % 8);
			return i;
		}
	return -1;
}

static void put_slot(struct records *r, int slot, const struct slot *s)
{
	if (slot < 0 || r->fd < 0)
		return;
	/* Without its head, what is behind it is worth nothing. */
	if ((!r->failed || put_head(r, false) == 0) &&
	    put_at(r, place(slot), s) == 0) {
		r->failed = false;
		return;
	}
	tell_failed(r);
}

void record_put(struct records *r, int slot, const struct record *rec)
{
	struct slot s;

	encode(rec, &s);
	put_slot(r, slot, &s);
}

void record_free(struct records *r, int slot)
{
	static const struct slot none;

	if (slot < 0)
		return;
	put_slot(r, slot, &none);
	r->used[slot / 8] &= (unsigned char)~(1 << slot % 8);
}

void record_forget_old(struct records *r)
{
	for (size_t i = 0; i < r->nold; i++)
		if (!r->old[i].taken)
			record_free(r, r->old[i].slot);
	free(r->old);
	r->old = NULL;
	r->nold = 0;
}
