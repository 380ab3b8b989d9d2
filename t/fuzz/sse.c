/* SPDX-License-Identifier: MIT */
/* Events of a stream: bounded, and each ends at an empty line. */
#include "wire/sse.h"

#include <string.h>

#include "base/err.h"

#define MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, line;
	struct sse s;

	sse_init(&s, MAX);
	while (str_cut(rest, '\n', &line, &rest))
		if (sse_line(&s, line)) {
			if (line.n > 1 || (line.n && *line.p != '\r'))
				BUG("an event without an end");
			if (buf_str(&s.data).n > MAX || !s.type[0] ||
			    strlen(s.type) >= sizeof s.type ||
			    strlen(s.id) >= sizeof s.id)
				BUG("an event that is too long");
		}
	sse_release(&s);
	return 0;
}
