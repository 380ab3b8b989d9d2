/* SPDX-License-Identifier: MIT */
/* Server-sent events, line by line. */
#include "wire/sse.h"

#include <string.h>

#include "tap.h"

static const struct {
	const char *name, *stream;
	const char *seen;       /* id|type|data; of all events */
} cases[] = {
	{ "one", "id: 1.7\nevent: line\ndata: {}\n\n", "1.7|line|{};" },
	{ "no space", "id:1\nevent:x\ndata:y\n\n", "1|x|y;" },
	{ "two spaces", "data:  y\n\n", "|message| y;" },
	{ "CR LF", "id: 1\r\ndata: y\r\n\r\n", "1|message|y;" },
	{ "data of two lines", "data: a\ndata: b\n\n", "|message|a\nb;" },
	{ "empty data", "data\n\n", "|message|;" },
	{ "no data", "id: 4\nevent: x\n\n", "" },
	{ "an id lasts, a type does not",
	  "id: 4\nevent: x\ndata: a\n\ndata: b\n\n", "4|x|a;4|message|b;" },
	{ "comments and what is not known", ": hello\nretry: 3\nfoo\n"
	  "data: a\n\n", "|message|a;" },
	{ "an unfinished one", "data: a\n", "" },
	{ "only empty lines", "\n\n\n", "" },
	{ "an id too long", "id: 0123456789012345678901234567890123456789"
	  "012345678901234567890123456789\ndata: a\n\ndata: b\n\n",
	  "|message|b;" },
	{ "data too long", "data: 0123456789012345678901234567890123456789\n"
	  "\ndata: b\n\n", "|message|b;" },
};

int main(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str rest = str_of(cases[i].stream), line;
		struct buf seen;
		struct sse s;

		sse_init(&s, 32);
		buf_init(&seen, 1024);
		while (str_cut(rest, '\n', &line, &rest))
			if (sse_line(&s, guarded(0, line)))
				buf_printf(&seen, "%s|%s|%.*s;", s.id, s.type,
					   STR_ARG(buf_str(&s.data)));
		ok(str_is(buf_str(&seen), cases[i].seen), "%s", cases[i].name);
		sse_release(&s);
		buf_release(&seen);
	}
	return tap_done();
}
