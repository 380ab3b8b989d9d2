/* SPDX-License-Identifier: MIT */
#include "auth/verbs.h"

#include "base/fmt.h"
#include "sys/cli.h"
#include "wire/date.h"

#define TEXT_MAX (256 * 1024 * 1024)    /* a register of half a million rows */

void out_begin(struct answer_out *o, const struct auth_args *args,
	       const char *title)
{
	o->json = args->json;
	buf_init(&o->text, TEXT_MAX);
	if (o->json) {
		jsonw_init(&o->w, &o->text, JSONW_PRETTY);
		jsonw_object(&o->w);
	} else if (title) {
		buf_printf(&o->text, "%s\n", title);
	}
}

void out_field(struct answer_out *o, const char *name, struct str value)
{
	char text[512];

	if (!o->json) {
		fmt(text, sizeof text, "%.*s", STR_ARG(value));
		cli_clean(text);
		buf_printf(&o->text, "  %-11s %s\n", name, text);
		return;
	}
	jsonw_key(&o->w, name);
	if (value.p)
		jsonw_str(&o->w, value);
	else
		jsonw_null(&o->w);
}

void out_time(struct answer_out *o, const char *name, int64_t unix_ms)
{
	char text[DATE_ISO_SIZE];

	date_iso(unix_ms, text);
	out_field(o, name, str_of(text));
}

int out_end(struct answer_out *o, int status, const char *note)
{
	if (o->json) {
		jsonw_end(&o->w);
		buf_putc(&o->text, '\n');
	} else if (note) {
		buf_printf(&o->text, "%s\n", note);
	}
	if (buf_failed(&o->text)) {
		cli_say_error("no memory for the answer");
		status = EXIT_FAILED;
	} else {
		cli_put(buf_str(&o->text));
	}
	buf_release(&o->text);
	return status;
}
