/* SPDX-License-Identifier: MIT */
#include "hub/apierr.h"

static const struct {
	enum err_code code;
	int status;
	const char *word;
} table[] = {
	{ ERR_INVALID,     400, "invalid_request" },
	{ ERR_USAGE,       400, "invalid_request" },
	{ ERR_NOT_FOUND,   404, "not_found" },
	{ ERR_EXISTS,      409, "conflict" },
	{ ERR_DENIED,      403, "denied" },
	{ ERR_FULL,        503, "busy" },
	{ ERR_BUSY,        503, "try_again" },
	{ ERR_NO_MEMORY,   503, "out_of_memory" },
	{ ERR_UNREACHABLE, 502, "unreachable" },
	{ ERR_TIMEOUT,     504, "wait_timeout" },
};

int apierr_status(const struct err *e)
{
	for (size_t i = 0; i < LEN(table); i++)
		if (table[i].code == e->code)
			return table[i].status;
	return 500;
}

const char *apierr_code(const struct err *e)
{
	for (size_t i = 0; i < LEN(table); i++)
		if (table[i].code == e->code)
			return table[i].word;
	return "failed";
}

void apierr_body(struct buf *out, const char *code, struct str text)
{
	struct jsonw w;

	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "error");
	jsonw_cstr(&w, code);
	jsonw_key(&w, "error_description");
	jsonw_str(&w, text);
	jsonw_end(&w);
}

int apierr_read(int status, const struct json *body, struct err *e)
{
	enum err_code code = ERR_FAILED;
	struct str text, word = STR_NULL;

	json_str(json_get(body, "error"), &word);
	for (size_t i = 0; i < LEN(table) && code == ERR_FAILED; i++)
		if (str_is(word, table[i].word) ||
		    (status != 400 && table[i].status == status))
			code = table[i].code;
	if (json_str(json_get(body, "error_description"), &text) && text.n)
		return err_set(e, code, "%.*s", STR_ARG(text));
	if (json_str(json_get(body, "error"), &text) && text.n)
		return err_set(e, code, "%.*s (HTTP %d)", STR_ARG(text),
			       status);
	return err_set(e, code, "HTTP %d with no error detail", status);
}
