/* SPDX-License-Identifier: MIT */
/* The parts; that the whole is what scrapers take is shown by t/facts.t. */
#include "keep/metrics.h"

#include "tap.h"

static void label(const char *in, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	metrics_label(&b, str_of(in));
	ok(str_is(buf_str(&b), want), "label %s", want);
	buf_release(&b);
}

int main(void)
{
	label("vault", "vault");
	label("a\"b", "a\\\"b");
	label("a\\b", "a\\\\b");
	label("a\nb", "a\\nb");
	label("\\n\"\n", "\\\\n\\\"\\n");
	label("", "");
	return tap_done();
}
