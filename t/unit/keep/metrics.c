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

static void accepts(const char *accept, bool open)
{
	ok(metrics_is_open(str_of(accept)) == open, "'%s': %s", accept,
	   open ? "OpenMetrics" : "text");
}

int main(void)
{
	label("vault", "vault");
	label("a\"b", "a\\\"b");
	label("a\\b", "a\\\\b");
	label("a\nb", "a\\nb");
	label("\\n\"\n", "\\\\n\\\"\\n");
	label("", "");
	accepts("", false);
	accepts("*/*", false);
	accepts("text/plain;version=0.0.4", false);
	accepts("application/openmetrics-text", true);
	accepts("Application/OpenMetrics-Text; version=1.0.0", true);
	accepts("application/openmetrics-text;version=1.0.0;q=0.8,"
		"text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true);
	accepts("text/plain, application/openmetrics-text", true);
	accepts("application/openmetrics-text-2, x", false);
	return tap_done();
}
