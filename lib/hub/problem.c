/* SPDX-License-Identifier: MIT */
#include "hub/problem.h"

#include "base/fmt.h"
#include "hub/limits.h"

#include <stdarg.h>
#include <string.h>

#define TEXT_MAX 600    /* longer is no sentence */
#define MORE_MAX 64

static struct problem *slot(struct problems *ps, struct arena *a)
{
	if (!ps->all) {
		ps->all = arena_array(a, PROBLEMS_MAX, sizeof *ps->all);
		ps->n = 0;
	}
	return ps->all && ps->n < PROBLEMS_MAX - 1 ? &ps->all[ps->n] : NULL;
}

/* The last place is written anew each time; its memory is had once. */
static void count(struct problems *ps, struct arena *a)
{
	int n;

	ps->dropped++;
	if (!ps->all || ps->n < PROBLEMS_MAX - 1)
		return;
	if (!ps->more) {
		ps->more = arena_alloc(a, MORE_MAX);
		if (!ps->more)
			return;
		ps->n = PROBLEMS_MAX;
	}
	n = fmt(ps->more, MORE_MAX, "%zu more, not shown; mend these "
		"first", ps->dropped);
	ps->all[PROBLEMS_MAX - 1] = (struct problem){
		.text = { ps->more, n > 0 ? (size_t)n : 0 },
	};
}

static void add(struct problems *ps, struct arena *a, struct problem p,
		const char *file, const char *fmt, va_list ap)
{
	struct problem *at = slot(ps, a);
	char text[TEXT_MAX];
	int n;

	if (!at) {
		count(ps, a);
		return;
	}
	n = fmt_va(text, sizeof text, fmt, ap);
	if (n < 0)
		n = 0;
	p.file = arena_str(a, str_of(file));
	p.text = arena_str(a, str_take((struct str){ text, (size_t)n },
				       sizeof text - 1));
	if (!p.file.p || !p.text.p) {
		ps->dropped++;
		return;
	}
	*at = p;
	ps->n++;
}

void problem_add(struct problems *ps, struct arena *a, const char *file,
		 unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, a, (struct problem){ .line = line, .column = column },
	    file, fmt, ap);
	va_end(ap);
}

void problem_note(struct problems *ps, struct arena *a, const char *file,
		  unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, a, (struct problem){ .line = line, .column = column,
				     .note = true }, file, fmt, ap);
	va_end(ap);
}

const char *problem_show(char out[PROBLEM_SHOW], struct str s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = c >= ' ' && c < 0x7f && c != '\\';

		if (n + (plain ? 1 : 4) > PROBLEM_SHOW - sizeof "...") {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
	return out;
}
