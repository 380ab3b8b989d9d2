/* SPDX-License-Identifier: MIT */
#include "keep/ops.h"

#include "base/fmt.h"
#include "hub/apierr.h"
#include "keep/events.h"
#include "keep/sweep.h"
#include "wire/json.h"

/* Answers */

static void send(struct op *op, int status, struct buf *body)
{
	if (buf_failed(body))
		httpd_json(op->conn, 503, STR("{\"error\":\"out_of_memory\","
			"\"error_description\":\"no memory for the answer\"}"));
	else
		httpd_json(op->conn, status, buf_str(body));
	op->conn = NULL;
	buf_release(body);
}

static void put_state(struct jsonw *w, const struct mod *m)
{
	struct mod_state state;

	mod_state(m, &state);
	jsonw_key(w, "state");
	state_write(w, &state);
}

static const char *waited_for(const struct mod *m)
{
	if (mod_is_ready(m))
		return "ready";
	if (m->state == SM_DOWN)
		return "stopped";
	if (m->state == SM_CRASHED || m->state == SM_FAILING ||
	    m->state == SM_SQUATTED || m->state == SM_ENDING ||
	    m->state == SM_ENDED)
		return "crashed";
	return NULL;
}

static void answer(struct op *op)
{
	struct mod *m = op->mod;
	struct jsonw w;
	struct buf b;

	if (!op->conn)
		return;
	buf_init(&b, 65536);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, m->short_name);
	if (op->kind == OP_STOP) {
		jsonw_key(&w, "stopped");
		jsonw_bool(&w, true);
	}
	put_state(&w, m);
	if (op->wait) {
		jsonw_key(&w, "waited");
		jsonw_cstr(&w, waited_for(m) ? waited_for(m) : "stopped");
	}
	jsonw_end(&w);
	send(op, 200, &b);
}

static void answer_late(struct op *op)
{
	struct jsonw w;
	char text[256];
	struct buf b;

	fmt(text, sizeof text, "%s is not ready after %d s; pc-logs %s "
	    "may say why", op->mod->short_name, op->timeout_s,
	    op->mod->short_name);
	buf_init(&b, 65536);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "error");
	jsonw_cstr(&w, "wait_timeout");
	jsonw_key(&w, "error_description");
	jsonw_cstr(&w, text);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, op->mod->short_name);
	put_state(&w, op->mod);
	jsonw_end(&w);
	send(op, 504, &b);
}

static void answer_stuck(struct op *op, const struct left *left, size_t n)
{
	char text[240];
	struct jsonw w;
	struct buf b;

	if (n)
		fmt(text, sizeof text, "%s was sent SIGKILL and %zu of "
		    "its processes are still there; the hub goes on "
		    "trying", op->mod->short_name, n);
	else
		fmt(text, sizeof text, "%s was sent SIGKILL and is not "
		    "known to be gone; the hub goes on looking",
		    op->mod->short_name);
	buf_init(&b, 65536);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "error");
	jsonw_cstr(&w, "stop_incomplete");
	jsonw_key(&w, "error_description");
	jsonw_cstr(&w, text);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, op->mod->short_name);
	jsonw_key(&w, "left");
	jsonw_array(&w);
	for (size_t i = 0; i < n && i < LEFT_MAX; i++) {
		jsonw_object(&w);
		jsonw_key(&w, "pid");
		jsonw_int(&w, left[i].pid);
		jsonw_key(&w, "command");
		jsonw_cstr(&w, left[i].command);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	put_state(&w, op->mod);
	jsonw_end(&w);
	send(op, 500, &b);
}

/* The queue */

static void tell(const struct op *op, const char *phase, const char *error)
{
	static const char *const kinds[] = {
		[OP_START] = "start", [OP_STOP] = "stop",
		[OP_RESTART] = "restart",
	};

	events_operation(op->ops->sup->events, op->mod, kinds[op->kind],
			 phase, error);
}

static void finish(struct op *op)
{
	loop_cancel(op->ops->sup->loop, &op->deadline);
	list_remove(&op->node);
	list_append(&op->ops->free, &op->node);
	op->conn = NULL;
}

static void on_deadline(struct loop *l, struct timer *t)
{
	struct op *op = CONTAINER(t, struct op, deadline);

	(void)l;
	if (op->conn)
		answer_late(op);
	sup_touch(op->ops->sup);        /* frees it, once it has effect */
}

static void on_gone(struct httpd_conn *c, void *user)
{
	struct op *op = user;

	(void)c;
	op->conn = NULL;
	sup_touch(op->ops->sup);
}

static void begin(struct op *op)
{
	static const enum sm_event events[] = {
		[OP_START] = EV_START, [OP_STOP] = EV_STOP,
		[OP_RESTART] = EV_RESTART,
	};

	op->begun = true;
	op->tries = op->mod->tries;
	op->downs = op->mod->downs;
	op->mod->rests = op->kind == OP_STOP;
	tell(op, "begun", NULL);
	sup_event(op->ops->sup, op->mod, events[op->kind]);
}

static bool has_taken_effect(const struct op *op)
{
	const struct mod *m = op->mod;

	if (op->kind == OP_STOP)
		return m->state == SM_DOWN || m->downs != op->downs;
	switch (m->state) {
	case SM_DOWN:
		return true;
	case SM_UP:
		return op->kind == OP_START || m->tries != op->tries;
	case SM_CLEARING:
	case SM_BACKOFF:
	case SM_FAILING:
	case SM_CRASHED:
	case SM_SQUATTED:
	case SM_ENDING:
	case SM_ENDED:
		return m->tries != op->tries;
	default:
		return false;
	}
}

/* The head has taken effect: answer it, or let it wait beside the queue. */
static void advance(struct op *op)
{
	bool done = op->kind == OP_STOP || op->mod->state == SM_UP;

	tell(op, done ? "done" : "failed", done ? NULL :
	     op->mod->error.type ? op->mod->error.text : "it did not stay up");
	if (op->wait && op->conn && !waited_for(op->mod)) {
		list_remove(&op->node);
		list_append(&op->ops->waiting, &op->node);
		return;
	}
	answer(op);
	finish(op);
}

static void run_queue(struct mod *m)
{
	while (!list_empty(&m->ops)) {
		struct op *op = CONTAINER(m->ops.next, struct op, node);

		if (!op->begun)
			begin(op);
		if (!has_taken_effect(op))
			return;
		advance(op);
	}
}

/* A stop ends what was asked before it and has not come to an end. */
static void preempt(struct ops *o, struct mod *m)
{
	LIST_EACH(n, &m->ops) {
		struct op *op = CONTAINER(n, struct op, node);

		if (op->kind == OP_STOP)
			continue;
		list_remove(&op->node);
		list_append(&o->waiting, &op->node);
		op->ended = true;
		op->downs = m->downs;
		tell(op, "failed", "a stop came after it");
	}
}

void ops_close(struct ops *o)
{
	for (size_t i = 0; i < o->sup->n; i++)
		preempt(o, o->sup->mods[i]);
}

void ops_submit(struct ops *o, struct mod *m, enum op_kind kind,
		int timeout_s, struct httpd_conn *c)
{
	struct op *op;

	if (list_empty(&o->free)) {
		httpd_json(c, 503, STR("{\"error\":\"busy\","
			"\"error_description\":\"too many operations are "
			"waiting; try again\"}"));
		return;
	}
	if (kind == OP_STOP)
		preempt(o, m);
	op = CONTAINER(o->free.next, struct op, node);
	list_remove(&op->node);
	op->kind = kind;
	op->mod = m;
	op->conn = c;
	op->begun = op->ended = op->stuck = false;
	op->wait = timeout_s > 0;
	op->timeout_s = timeout_s;
	list_append(&m->ops, &op->node);
	httpd_watch_gone(c, op, on_gone);
	if (op->wait)
		loop_in(o->sup->loop, &op->deadline, (int64_t)timeout_s * 1000);
	run_queue(m);
}

void ops_stuck(struct ops *o, struct mod *m)
{
	struct left left[LEFT_MAX];
	size_t n = sweep_left(o->sup, m, left, LEFT_MAX);

	for (size_t i = 0; i < n && i < LEFT_MAX; i++)
		mod_say(m, "cannot end pid %d (%s)", (int)left[i].pid,
			left[i].command);
	/* Nothing that waits for its end can come to one before that is gone:
	 * the head goes on, and the last that was asked is not forgotten. */
	LIST_EACH(node, &m->ops) {
		struct op *op = CONTAINER(node, struct op, node);

		if (op->begun && !op->stuck)
			tell(op, "failed", "its processes do not end");
		op->stuck = op->begun;
		if (op->conn)
			answer_stuck(op, left, n);
		if (!op->begun && (op->kind == OP_STOP || node->next != &m->ops))
			finish(op);
	}
	LIST_EACH(node, &o->waiting) {
		struct op *op = CONTAINER(node, struct op, node);

		if (op->mod == m && op->ended && op->conn)
			answer_stuck(op, left, n);
	}
}

/* Waiting */

static bool is_meant(const struct ready_set *set, const struct mod *m)
{
	if (!m->listed || !sm_wanted(m->state))
		return false;
	for (size_t i = 0; i < set->n; i++)
		if (set->ids[i] == m->id)
			return true;
	return set->n == 0;
}

/* All that should run are ready, or one of them will not be. */
static bool is_over(struct sup *s, const struct ready_set *set)
{
	bool ready = true;

	for (size_t i = 0; i < s->n; i++) {
		const struct mod *m = s->mods[i];

		if (!is_meant(set, m) || mod_is_ready(m))
			continue;
		if (waited_for(m))
			return true;
		ready = false;
	}
	return ready;
}

static void wait_finish(struct ready_wait *w)
{
	loop_cancel(w->ops->sup->loop, &w->deadline);
	list_remove(&w->node);
	list_append(&w->ops->waits_free, &w->node);
	w->conn = NULL;
}

static void on_wait_gone(struct httpd_conn *c, void *user)
{
	(void)c;
	wait_finish(user);
}

static void on_wait_deadline(struct loop *l, struct timer *t)
{
	struct ready_wait *w = CONTAINER(t, struct ready_wait, deadline);
	struct httpd_conn *c = w->conn;
	char text[96];
	struct buf b;

	(void)l;
	fmt(text, sizeof text, "not every module is ready after %d s; "
	    "pc-status says which", w->timeout_s);
	wait_finish(w);
	buf_init(&b, 4096);
	apierr_body(&b, "wait_timeout", str_of(text));
	httpd_json(c, 504, buf_str(&b));
	buf_release(&b);
}

/* How many connections are kept open for an answer that may take long. */
size_t ops_waiting(const struct ops *o, uint64_t peer)
{
	size_t n = 0;

	for (size_t i = 0; i < LEN(o->all); i++)
		n += o->all[i].wait && httpd_is_of(o->all[i].conn, peer);
	for (size_t i = 0; i < LEN(o->waits); i++)
		n += httpd_is_of(o->waits[i].conn, peer);
	return n;
}

void ops_wait_ready(struct ops *o, const struct ready_set *set, int timeout_s,
		    struct httpd_conn *c)
{
	struct ready_wait *w;

	if (list_empty(&o->waits_free)) {
		httpd_json(c, 503, STR("{\"error\":\"busy\","
			"\"error_description\":\"too many are waiting\"}"));
		return;
	}
	w = CONTAINER(o->waits_free.next, struct ready_wait, node);
	list_remove(&w->node);
	list_append(&o->waits_busy, &w->node);
	w->conn = c;
	w->set = *set;
	w->timeout_s = timeout_s;
	httpd_watch_gone(c, w, on_wait_gone);
	loop_in(o->sup->loop, &w->deadline, (int64_t)timeout_s * 1000);
	sup_touch(o->sup);
}

static void settle_waits(struct ops *o)
{
	LIST_EACH(n, &o->waits_busy) {
		struct ready_wait *w = CONTAINER(n, struct ready_wait, node);
		struct httpd_conn *c = w->conn;

		if (!is_over(o->sup, &w->set))
			continue;
		wait_finish(w);
		o->tell_ready(c, o->sup);
	}
}

static bool is_answerable(const struct op *op)
{
	if (op->ended)
		return op->mod->state == SM_DOWN ||
		       op->mod->downs != op->downs;
	return waited_for(op->mod) != NULL;
}

void ops_settle(struct ops *o)
{
	for (size_t i = 0; i < o->sup->n; i++)
		run_queue(o->sup->mods[i]);
	LIST_EACH(n, &o->waiting) {
		struct op *op = CONTAINER(n, struct op, node);

		if (op->conn && !is_answerable(op))
			continue;
		answer(op);
		finish(op);
	}
	settle_waits(o);
}

void ops_init(struct ops *o, struct sup *s)
{
	o->sup = s;
	list_init(&o->free);
	list_init(&o->waiting);
	list_init(&o->waits_free);
	list_init(&o->waits_busy);
	for (size_t i = 0; i < LEN(o->all); i++) {
		o->all[i] = (struct op){ .ops = o,
			.deadline = TIMER_INIT(on_deadline) };
		list_append(&o->free, &o->all[i].node);
	}
	for (size_t i = 0; i < LEN(o->waits); i++) {
		o->waits[i] = (struct ready_wait){ .ops = o,
			.deadline = TIMER_INIT(on_wait_deadline) };
		list_append(&o->waits_free, &o->waits[i].node);
	}
}
