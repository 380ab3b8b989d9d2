/* SPDX-License-Identifier: MIT */
/* Slots there and back, cut and bent; the file with its fifty; its faults. */
#include "hub/exits.h"
#include "hub/home.h"
#include "unit/hub/scratch.h"

static char long_line[6000];

static struct exit_rec sample(void)
{
	return (struct exit_rec){
		.number = 7, .cause = CAUSE_SIGNAL, .code = -1, .signal = 11,
		.pid = 4711, .at_unix_ms = 1780377693123,
		.started_unix_ms = 1780377690000, .uptime_ms = 3123,
		.nlines = 3,
		.lines = { STR("first"), STR(""), STR("last \xff words") },
	};
}

static bool same(const struct exit_rec *a, const struct exit_rec *b)
{
	for (size_t i = 0; i < a->nlines && i < b->nlines; i++)
		if (!str_eq(a->lines[i], b->lines[i]))
			return false;
	return a->number == b->number && a->cause == b->cause &&
	       a->code == b->code && a->signal == b->signal &&
	       a->pid == b->pid && a->at_unix_ms == b->at_unix_ms &&
	       a->started_unix_ms == b->started_unix_ms &&
	       a->uptime_ms == b->uptime_ms && a->nlines == b->nlines;
}

static void there_and_back(void)
{
	struct exit_rec in = sample(), out;
	char slot[EXIT_SLOT] = { 0 };
	size_t used = exit_encode(&in, slot), good = 0;

	ok(exit_decode(&out, guarded(0, (struct str){ slot, used })) &&
	   same(&in, &out), "a slot there and back");
	ok(exit_decode(&out, (struct str){ slot, sizeof slot }) &&
	   same(&in, &out), "  with what stands behind it");
	for (size_t n = 0; n < used; n++)
		good += exit_decode(&out, guarded(0, (struct str){ slot, n }));
	ok(good == 0, "  cut anywhere, it is none");
	for (size_t i = 0; i < used; i++) {
		for (int x = 1; x < 256; x++) {
			slot[i] = (char)(slot[i] ^ x);
			good += exit_decode(&out, (struct str){ slot, used });
			slot[i] = (char)(slot[i] ^ x);
		}
	}
	ok(good == 0, "  no byte of it can be another");
	in.code = 3;
	in.signal = -1;
	in.cause = CAUSE_KEEPER_KILLED;
	in.nlines = 0;
	used = exit_encode(&in, slot);
	ok(exit_decode(&out, (struct str){ slot, used }) && same(&in, &out),
	   "a code, the last cause, no lines");
	in.code = -1;
	in.cause = CAUSE_SQUATTED;
	in.pid = 0;
	in.started_unix_ms = in.uptime_ms = 0;
	used = exit_encode(&in, slot);
	ok(exit_decode(&out, (struct str){ slot, used }) && same(&in, &out),
	   "neither code nor signal nor process");
	in.cause = CAUSE_NONE;
	used = exit_encode(&in, slot);
	ok(!exit_decode(&out, (struct str){ slot, used }),
	   "without a cause it is none");
	in.cause = CAUSE_N;
	used = exit_encode(&in, slot);
	ok(!exit_decode(&out, (struct str){ slot, used }),
	   "a cause of a later version is none");
}

static size_t text_of(const struct exit_rec *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nlines; i++)
		n += r->lines[i].n;
	return n;
}

static void long_lines(void)
{
	struct exit_rec in = sample(), out;
	struct str all = { long_line, sizeof long_line };
	char slot[EXIT_SLOT];
	size_t least = SIZE_MAX, used;

	in.nlines = EXIT_LINES;
	for (size_t i = 0; i < EXIT_LINES; i++)
		in.lines[i] = all;
	used = exit_encode(&in, slot);
	ok(exit_decode(&out, (struct str){ slot, used }) &&
	   out.nlines == EXIT_LINES, "twenty lines too long are twenty lines");
	for (size_t i = 0; i < EXIT_LINES; i++)
		least = out.lines[i].n < least ? out.lines[i].n : least;
	ok(least >= 197 && str_ends(out.lines[0], STR("...")),
	   "  each of %zu bytes, the end said", least);
	for (size_t i = 1; i < EXIT_LINES; i++)
		in.lines[i] = STR("short");
	used = exit_encode(&in, slot);
	ok(exit_decode(&out, (struct str){ slot, used }) &&
	   text_of(&out) == EXIT_SLOT - 56 - 40 &&
	   str_is(out.lines[1], "short"),
	   "one too long has all the room that the others leave");
	/* Two-byte characters; the cut comes at every place of one. */
	for (size_t n = 0; n < 4; n++) {
		char text[6000];

		memset(text, 'a', n);
		for (size_t i = n; i + 1 < sizeof text; i += 2)
			memcpy(text + i, "\303\244", 2);
		in.nlines = 1;
		in.lines[0] = (struct str){ text, 5000 + n };
		used = exit_encode(&in, slot);
		if (!exit_decode(&out, (struct str){ slot, used }))
			break;
		all = out.lines[0];
		all.n -= 3;
		ok(str_ends(out.lines[0], STR("...")) &&
		   (unsigned char)all.p[all.n - 1] == 0xa4,
		   "%zu: no character is cut in two", n);
	}
}

/* Read again, it says what was written; numbers are the file's. */
static bool read_same(struct str text, const struct exit_rec *r)
{
	struct exit_rec got, want = *r;
	struct arena a;
	bool good;

	arena_init(&a, 65536);
	want.number = 0;
	good = exit_read(json_parse(text, &a, NULL, NULL), &got);
	if (want.nlines)        /* of bad UTF-8 there is nothing left */
		got.lines[2] = want.lines[2];
	good = good && same(&got, &want);
	arena_release(&a);
	return good;
}

static void as_json(void)
{
	struct exit_rec r = sample(), none;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_COMPACT);
	exit_write(&w, &r);
	ok(is_text(buf_str(&b), "{\"at\":\"2026-06-02T05:21:33.123Z\","
		   "\"pid\":4711,\"started_at\":\"2026-06-02T05:21:30.000Z\","
		   "\"uptime_ms\":3123,\"code\":null,\"signal\":11,"
		   "\"cause\":\"signal\",\"lines\":[\"first\",\"\","
		   "\"last \xef\xbf\xbd words\"]}"), "as JSON");
	ok(read_same(buf_str(&b), &r), "  and back");
	buf_reset(&b);
	r = (struct exit_rec){ .number = 1, .cause = CAUSE_SQUATTED,
		.code = -1, .signal = -1, .at_unix_ms = 1 };
	jsonw_init(&w, &b, JSONW_COMPACT);
	exit_write(&w, &r);
	ok(is_text(buf_str(&b), "{\"at\":\"1970-01-01T00:00:00.001Z\","
		   "\"pid\":null,\"started_at\":null,\"uptime_ms\":null,"
		   "\"code\":null,\"signal\":null,\"cause\":\"squatted\","
		   "\"lines\":[]}"), "  of what never ran");
	ok(read_same(buf_str(&b), &r), "  and back");
	ok(!exit_read(NULL, &none), "  no exit is none");
	buf_release(&b);
}

/* Newest first, each with its own number as line. */
static bool numbered(const struct exits *x, uint64_t first, size_t n)
{
	char want[16];

	if (x->n != n) {
		tap_diag("%zu exits", x->n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(want, sizeof want, "line %llu",
			 (unsigned long long)(first - i));
		if (x->all[i].number != first - i || x->all[i].nlines != 1 ||
		    !is_text(x->all[i].lines[0], want))
			return false;
	}
	return true;
}

static void in_a_file(int home)
{
	static struct exits x;
	struct exit_rec r = sample();
	uint64_t last = 0;
	struct err e = { 0 };
	struct arena a;
	struct stat st;
	char line[16];
	int fd;

	arena_init(&a, 1 << 20);
	ok(exits_read(home, "vault", &a, &x, &e) == 0 && x.n == 0,
	   "no file: no exits");
	ok(faccessat(home, "hub", F_OK, 0) < 0, "  and none is made");
	r.nlines = 1;
	for (unsigned i = 1; i <= 123; i++) {
		snprintf(line, sizeof line, "line %u", i);
		r.lines[0] = str_of(line);
		if (i % 7 == 0)
			last = 0;       /* another keeper */
		if (exits_append(home, "vault", &r, &last, &e) < 0)
			break;
		if (i == 1)
			ok(exits_read(home, "vault", &a, &x, &e) == 0 &&
			   numbered(&x, 1, 1), "the first");
	}
	ok(last == 123, "123 exits, under several keepers: %s", e.msg);
	ok(exits_read(home, "vault", &a, &x, &e) == 0 &&
	   numbered(&x, 123, EXITS_KEPT), "  the newest fifty");
	ok(fstatat(home, "hub/exits/vault", &st, 0) == 0 &&
	   (st.st_mode & 07777) == 0600 && st.st_size <= 50 * 4096,
	   "  in one small file, 0600");
	ok(fstatat(home, "hub/exits", &st, 0) == 0 &&
	   (st.st_mode & 07777) == 0700, "  in a directory, 0700");
	fd = openat(home, "hub/exits/vault", O_RDWR);
	ok(pwrite(fd, "torn", 4, 123 % 50 * 4096 + 60) == 4 &&
	   exits_read(home, "vault", &a, &x, &e) == 0 &&
	   numbered(&x, 122, EXITS_KEPT - 1), "a torn slot counts as empty");
	last = 0;
	r.lines[0] = STR("line 123");
	ok(exits_append(home, "vault", &r, &last, &e) == 0 && last == 123 &&
	   exits_read(home, "vault", &a, &x, &e) == 0 &&
	   numbered(&x, 123, EXITS_KEPT), "  and is the next to be written");
	ok(ftruncate(fd, 100) == 0 &&
	   exits_read(home, "vault", &a, &x, &e) == 0, "a file cut short");
	ok(ftruncate(fd, 0) == 0 && write(fd, long_line, 6000) == 6000 &&
	   exits_read(home, "vault", &a, &x, &e) == 0 && x.n == 0,
	   "somebody else's file has none");
	close(fd);
	ok(mkfifoat(home, "hub/exits/fifo", 0600) == 0 &&
	   exits_read(home, "fifo", &a, &x, &e) < 0 &&
	   strstr(e.msg, "regular file"), "a fifo: %s", e.msg);
	ok(exits_append(home, "fifo", &r, &last, &e) < 0,
	   "  is not written to");
	ok(symlinkat("/etc/passwd", home, "hub/exits/link") == 0 &&
	   exits_read(home, "link", &a, &x, &e) < 0 &&
	   exits_append(home, "link", &r, &last, &e) < 0,
	   "a symbolic link is not followed: %s", e.msg);
	arena_release(&a);
}

int main(void)
{
	memset(long_line, 'x', sizeof long_line);
	there_and_back();
	long_lines();
	as_json();
	in_a_file(scratch());
	return tap_done();
}
