/* SPDX-License-Identifier: MIT */
#include "front/body.h"

#include <stdarg.h>

int refusal_set(struct refusal *r, int status, const char *code,
		const char *format, ...)
{
	va_list ap;

	r->status = status;
	r->code = code;
	va_start(ap, format);
	fmt_va(r->text, sizeof r->text, format, ap);
	va_end(ap);
	return -1;
}

const struct json *body_read(struct str body, struct arena *a,
			     struct refusal *no)
{
	struct err e = { 0 };
	const struct json *j;

	if (body.n > AUTH_BODY_MAX) {
		refusal_set(no, 413, "payload_too_large", "the body must be "
			    "%d bytes at most", AUTH_BODY_MAX);
		return NULL;
	}
	j = json_parse(body, a, NULL, &e);
	if (!j && e.code == ERR_NO_MEMORY) {
		refusal_set(no, 413, "payload_too_large", "the body has too "
			    "many parts");
		return NULL;
	}
	if (!j) {
		refusal_set(no, 400, "invalid_request", "the body must be a "
			    "JSON object: %.180s", e.msg);
		return NULL;
	}
	if (j->type != JSON_OBJECT) {
		refusal_set(no, 400, "invalid_request", "the body must be a "
			    "JSON object");
		return NULL;
	}
	return j;
}

const struct json *body_of(const struct front_ask *a)
{
	struct refusal no;
	const struct json *j = body_read(a->req->body, a->req->arena, &no);

	if (!j)
		ask_refuse(a, no.status, no.code, "%s", no.text);
	return j;
}

int body_fail(const struct front_ask *a, const struct err *e)
{
	if (e->code == ERR_BUSY)
		return -1;
	ask_fail_store(a, e);
	return 0;
}
