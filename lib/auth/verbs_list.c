/* SPDX-License-Identifier: MIT */
#include "auth/verbs.h"

#include "sys/cli.h"
#include "wire/date.h"

int verb_show(struct admin *a, const struct auth_args *args, struct err *e)
{
	struct admin_state state = { .nkeys = 0 };
	struct answer_out o;

	if (admin_look(a, &state, e) < 0)
		return -1;
	out_begin(&o, args, NULL);
	if (args->json)
		admin_write(&o.w, a, &state);
	else
		admin_print(&o.text, a, &state);
	return out_end(&o, EXIT_DONE, NULL);
}

/* Lists: rows of a table, or elements of an array */

static const char *cell(struct admin *a, struct str s)
{
	return s.n ? arena_cstr(&a->arena, s) : NULL;
}

static const char *cell_time(struct admin *a, int64_t ms)
{
	char text[DATE_ISO_SIZE];

	date_iso(ms, text);
	return arena_cstr(&a->arena, str_of(text));
}

struct listing {
	struct admin *admin;
	struct answer_out out;
	struct cli_table *table;
	bool some;
};

/* The table is begun with its first row: one without is no table. */
static int put_token(void *ctx, const struct store_token *t, struct err *e)
{
	static const char *const heads[] = { "JTI", "SUBJECT", "MADE BY",
		"EXPIRES", "STATE", "SCOPES" };
	struct listing *l = ctx;
	struct admin *a = l->admin;

	l->some = true;
	if (l->out.json) {
		token_row_write(&l->out.w, t);
		return buf_failed(&l->out.text) ?
			err_set(e, ERR_NO_MEMORY, "no memory for the list") :
			0;
	}
	if (!l->table)
		l->table = cli_table_new(heads, LEN(heads));
	cli_table_row(l->table, (const char *[]){
		cell(a, t->jti), cell(a, t->subject.n ? t->subject :
				      t->user_id), cell(a, t->created_via),
		cell_time(a, t->expires_ms), token_row_state(t, a->now_ms),
		cell(a, t->scopes) });
	return 0;
}

int verb_list_tokens(struct admin *a, const struct auth_args *args,
		     struct err *e)
{
	const struct admin_rows want = { .all = args->all,
		.subject = args->sub };
	struct listing l = { .admin = a };

	out_begin(&l.out, args, NULL);
	if (args->json) {
		jsonw_key(&l.out.w, "tokens");
		jsonw_array(&l.out.w);
	}
	if (admin_each(a, &want, put_token, &l, e) < 0)
		return -1;
	if (args->json)
		jsonw_end(&l.out.w);
	else if (l.table)
		cli_table_put(l.table, &l.out.text);
	return out_end(&l.out, EXIT_DONE, l.some ? NULL : args->all ?
		       "No tokens." : "No live tokens; --all shows others.");
}

int verb_list_users(struct admin *a, const struct auth_args *args,
		    struct err *e)
{
	static const char *const heads[] = { "USERNAME", "ID", "CREATED" };
	struct cli_table *table;
	struct store_user *users = NULL;
	struct answer_out o;
	size_t n = 0;

	if (a->store && store_users(a->store, &a->arena, &users, &n, e) < 0)
		return -1;
	out_begin(&o, args, NULL);
	if (args->json) {
		jsonw_key(&o.w, "users");
		jsonw_array(&o.w);
		for (size_t i = 0; i < n; i++)
			admin_user_write(&o.w, &users[i]);
		jsonw_end(&o.w);
	} else if (n) {
		table = cli_table_new(heads, LEN(heads));
		for (size_t i = 0; i < n; i++)
			cli_table_row(table, (const char *[]){
				cell(a, users[i].username),
				cell(a, users[i].id),
				cell_time(a, users[i].created_ms) });
		cli_table_put(table, &o.text);
	}
	return out_end(&o, EXIT_DONE, n ? NULL : "No users yet.");
}
