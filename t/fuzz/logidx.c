/* SPDX-License-Identifier: MIT */
/* Any index beside a good log: each line is read once and as it is, whatever
 * the numbers. With an x in front the good index, the rest laid over it. */
#define _GNU_SOURCE
#include "log/seek.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

#define LINES 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int log_fd = -1, idx_fd;
static uint64_t log_size;

static void make_log(void)
{
	struct cri_clock clock = { 0 };
	char text[64], line[128];

	log_fd = memfd_create("log", MFD_CLOEXEC);
	idx_fd = memfd_create("idx", MFD_CLOEXEC);
	for (int i = 0; i < LINES; i++) {
		int n = snprintf(text, sizeof text, "line %d", i);
		size_t len = cri_put(&clock, &(struct cri_line){ i, i % 2,
			false, { text, (size_t)n } }, line);

		if (write(log_fd, line, len) != (ssize_t)len)
			BUG("no log");
		log_size += len;
	}
}

static void good_index(void)
{
	char out[LOGIDX_SIZE];
	int64_t time;

	for (uint64_t at = 0; at < log_size; at += 1000)
		for (uint64_t from = at; from < at + 100; from++) {
			if (!logidx_time(log_fd, from, &time))
				continue;
			logidx_put(&(struct logidx_entry){ LOGIDX_LINE, from,
				1, (uint64_t)time + 1, 0, time }, out);
			if (write(idx_fd, out, sizeof out) != sizeof out)
				BUG("no index");
			break;
		}
}

static int count(struct seek *s)
{
	struct seek_rec r;
	char want[32];
	int n = 0;

	while (seek_next(s, &r) > 0) {
		snprintf(want, sizeof want, "line %lld", (long long)r.unix_ns);
		if (!r.timed || !str_is(r.text, want))
			BUG("another line");
		n++;
	}
	return n;
}

static void read_all(void)
{
	static struct seek s;
	struct log_end end;

	s.files[0] = (struct seek_file){ log_fd, idx_fd, log_size };
	s.n = 1;
	seek_end(&s, &end);
	if (end.unix_ns != LINES - 1)
		BUG("another end");
	seek_last(&s, LINES, NULL, NULL);
	if (count(&s) != LINES)
		BUG("not every line");
	seek_last(&s, 7, NULL, NULL);
	if (count(&s) != 7)
		BUG("not the last lines");
	seek_after(&s, 1, 150);
	if (count(&s) > LINES)
		BUG("lines twice");
	seek_time(&s, 200);
	if (count(&s) > LINES - 200)
		BUG("lines from before");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logidx_entry e;
	uint64_t at;

	if (log_fd < 0)
		make_log();
	logidx_take((struct str){ (const char *)data, size }, &e);
	if (ftruncate(idx_fd, 0) < 0 || lseek(idx_fd, 0, SEEK_SET) < 0)
		BUG("no index");
	at = 0;
	if (size > 2 && data[0] == 'x') {
		good_index();
		at = (uint64_t)data[1] * 40;
		data += 2;
		size -= 2;
	}
	if (size && pwrite(idx_fd, data, size, (off_t)at) != (ssize_t)size)
		BUG("no index");
	read_all();
	return 0;
}
