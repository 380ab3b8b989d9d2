/* SPDX-License-Identifier: MIT */
/* What one keeper writes, the next reads; what is torn is not there. */
#include "keep/record.h"

#include "unit/hub/scratch.h"

#include "hub/home.h"
#include "sys/fd.h"

static int dir;

static struct record one(const char *name, unsigned id)
{
	struct record r = { .kind = RECORD_MODULE, .id = id, .pid = 4711,
		.start = 99, .stopped = id % 2, .due_ms = 5,
		.budget = { .n = 2, .stamp = { 7, 8 }, .slow_ms = 60000 } };

	snprintf(r.name, sizeof r.name, "%s", name);
	return r;
}

/* A keeper that writes two modules and is killed. */
static void lived(void)
{
	struct record a = one("vault", 1), b = one("scribe", 2);
	struct records r;
	struct err e = { 0 };

	ok(record_open(&r, dir, &e) == 0, "opened: %s", e.msg);
	record_put(&r, record_slot(&r), &a);
	record_put(&r, record_slot(&r), &b);
	record_close(&r, false);
}

static void after_a_kill(void)
{
	struct owner was;
	struct records r;
	struct record *old;

	lived();
	record_open(&r, dir, NULL);
	was = r.owner;
	ok(r.killed && r.nold == 2 && r.last_id == 2, "both are known");
	old = record_old(&r, RECORD_MODULE, STR("vault"));
	ok(old && old->id == 1 && old->pid == 4711 && old->start == 99 &&
	   old->stopped && old->budget.n == 2 && old->budget.stamp[1] == 8 &&
	   old->due_ms == 5, "with all that was written");
	ok(!record_old(&r, RECORD_CREW, STR("vault")), "crew is apart");
	old->taken = true;
	ok(record_slot(&r) == 2, "their slots are not given again");
	record_forget_old(&r);
	ok(record_slot(&r) == 1, "but that of one without a successor is");
	record_close(&r, false);
	record_open(&r, dir, NULL);
	ok(r.killed && r.nold == 1 &&
	   strcmp(r.owner.token, was.token) == 0 &&
	   r.owner.limits == was.limits, "marks go on through a second kill");
	record_close(&r, true);
	record_open(&r, dir, NULL);
	ok(!r.killed && r.nold == 0, "after a clean end nothing is left");
	record_close(&r, true);
}

/* Each byte of the file wrong: never anything but whole slots or none. */
static void damaged(void)
{
	char was[3 * RECORD_SIZE], now;
	bool good = true;
	ssize_t n;
	int fd;

	lived();
	fd = openat(dir, HOME_STATE, O_RDWR | O_CLOEXEC);
	n = pread(fd, was, sizeof was, 0);
	ok(n == (ssize_t)sizeof was, "a head and two slots");
	for (size_t i = 0; i < sizeof was; i += 3) {
		struct records r;
		size_t whole = i < RECORD_SIZE ? 0 : 1;

		now = (char)(was[i] ^ 0x20);
		if (pwrite(fd, was, sizeof was, 0) != n ||
		    pwrite(fd, &now, 1, (off_t)i) != 1)
			good = false;
		if (record_open(&r, dir, NULL) < 0)
			good = false;
		good = good && r.nold == whole;
		record_close(&r, false);
	}
	ok(good, "a flipped bit costs its slot, in the head all of them");
	for (off_t cut = 0; cut < (off_t)sizeof was; cut += 64) {
		struct records r;

		if (pwrite(fd, was, sizeof was, 0) != n ||
		    ftruncate(fd, cut) < 0 || record_open(&r, dir, NULL) < 0)
			good = false;
		good = good && r.nold == (cut < RECORD_SIZE ? 0 :
			(size_t)cut / RECORD_SIZE - 1);
		record_close(&r, false);
	}
	ok(good, "a short file has the slots that are whole");
	close(fd);
}

static void full(void)
{
	struct records r;
	int n = 0;

	record_open(&r, dir, NULL);
	while (record_slot(&r) >= 0)
		n++;
	ok(n >= RECORDS_MAX - 2 && record_slot(&r) == -1,
	   "a full table refuses");
	record_put(&r, -1, &(struct record){ .id = 1 });
	record_free(&r, 7);
	ok(record_slot(&r) == 7, "until one is given back");
	record_close(&r, true);
	ok(fd_count(FD_STATE) == 0, "no descriptor is left");
}

int main(void)
{
	dir = scratch();
	after_a_kill();
	damaged();
	full();
	return tap_done();
}
