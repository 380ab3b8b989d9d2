/* SPDX-License-Identifier: MIT */
#ifndef HUB_FIELD_H
#define HUB_FIELD_H

/*
 * The fields of an object that people or modules wrote, taken one by one.
 *
 * The first fault is kept and nothing is taken after it, so a reader takes
 * all fields in a row and asks once, at the end:
 *
 *	struct fields f = { .arena = a };
 *	field_text(&f, object, "name", FIELD_NEEDED | FIELD_FULL, &out->name);
 *	field_port(&f, object, "port", FIELD_NEEDED, &out->port);
 *	if (f.bad)
 *		say(f.at.line, f.at.column, f.text);
 *
 * A text reads "FIELD: must be ..."; FIELD is the key, after what
 * field_within() was told. What is absent leaves *out as it is.
 */

#include "wire/json.h"

enum { FIELD_NEEDED = 1, FIELD_FULL = 2, FIELD_PATH = 4 };

struct fields {
	struct arena *arena;
	bool bad;
	struct json_at at;
	char text[320];
	char within[80];
};

/* "uis.brain": the fields that follow are in there. NULL: in the object. */
void field_within(struct fields *, const char *group, struct str name);

/* The member, or NULL when it is absent; that is a fault if it is needed. */
const struct json *field_get(struct fields *, const struct json *object,
			     const char *key, unsigned flags,
			     const char *rule);

/* FIELD_FULL: not empty. FIELD_PATH: starts with '/', no control bytes. */
void field_text(struct fields *, const struct json *object, const char *key,
		unsigned flags, struct str *out);
void field_port(struct fields *, const struct json *object, const char *key,
		unsigned flags, uint16_t *out);
void field_flag(struct fields *, const struct json *object, const char *key,
		int *out);
void field_texts(struct fields *, const struct json *object, const char *key,
		 unsigned flags, struct str **out, size_t *n);

/* Says what is wrong with v, unless something was said before. */
void field_fault(struct fields *, const struct json *v, const char *key,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The message without the "line L column C: " that says *at again. */
const char *field_message(const struct err *, const struct json_at *at);

/* Holds a NUL or another control character. */
bool field_has_control(struct str);

#endif
