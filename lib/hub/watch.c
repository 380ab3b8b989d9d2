/* SPDX-License-Identifier: MIT */
#include "hub/watch.h"

#include "hub/news.h"
#include "hub/show.h"
#include "sys/cli.h"
#include "sys/screen.h"

#include <stdlib.h>
#include <unistd.h>

#define CALM_MS  50     /* changes that come together are one picture */
#define TICK_MS  1000   /* the clock in the picture; and how often a hub that
			 * is gone is looked for */
#define USAGE_MS 2000
#define TEXT_MAX (16 * 1024 * 1024)

struct live {
	const struct watch_args *args;
	struct client client;
	struct news news;
	struct report report;
	struct screen screen;
	bool has_report, is_screen, connected, stop;
	struct timer fetch, tick, usage, retry;
	struct watch keys, reader;
	int status;
	struct err why;         /* of a status that is not 0 */
};

/* Signal handlers are given the loop, which is the client's. */
static struct live *live_of(struct loop *l)
{
	return CONTAINER(l, struct live, client.loop);
}

/* The end: told to, or nobody reads any more. */
static void on_reader(struct loop *l, struct watch *w, unsigned events)
{
	(void)w;
	if (events & LOOP_HUP)
		live_of(l)->stop = true;
}

static void watch_reader(struct live *v)
{
	v->reader = (struct watch)WATCH_INIT(on_reader);
	/* A file cannot be watched, and never goes away. */
	loop_watch(&v->client.loop, &v->reader, STDOUT_FILENO, 0, NULL);
}

/* The picture */

static void draw(struct live *v)
{
	struct buf text;

	if (!v->has_report)
		return;
	buf_init(&text, TEXT_MAX);
	show_table(&text, &v->report, v->args->wanted, v->args->usage);
	if (v->is_screen) {
		screen_draw(&v->screen, buf_str(&text));
	} else {
		cli_put(buf_str(&text));
		cli_put(STR("\n"));
		cli_flush();
	}
	buf_release(&text);
}

static void fail(struct live *v, const struct err *e)
{
	v->why = *e;
	v->status = EXIT_FAILED;
	v->stop = true;
}

static void gather(struct live *v)
{
	struct err e = { 0 };

	if (v->has_report)
		report_release(&v->report);
	v->has_report = report_gather(&v->report, v->args->reach,
				      v->args->usage ? REPORT_USAGE : 0,
				      &e) == 0;
	if (!v->has_report)
		fail(v, &e);
	else if (report_is_refused(&v->report))
		fail(v, &v->report.why);        /* waiting mends no token */
	else
		draw(v);
}

static void on_fetch(struct loop *l, struct timer *t)
{
	(void)t;
	gather(live_of(l));
}

static void on_usage(struct loop *l, struct timer *t)
{
	gather(live_of(l));
	loop_in(l, t, USAGE_MS);
}

static void on_tick(struct loop *l, struct timer *t)
{
	draw(live_of(l));
	loop_in(l, t, TICK_MS);
}

/* News */

static void on_retry(struct loop *l, struct timer *t)
{
	struct live *v = live_of(l);
	struct err e = { 0 };

	v->connected = news_open(&v->news, &v->client, &e) == 0;
	if (!v->connected)
		loop_in(l, t, TICK_MS);
}

static void on_change(struct news *n, struct str type, struct str data)
{
	struct live *v = n->ctx;

	(void)type;
	(void)data;
	if (!v->fetch.armed)
		loop_in(&v->client.loop, &v->fetch, CALM_MS);
}

static void on_lost(struct news *n, const struct err *e)
{
	struct live *v = n->ctx;

	(void)e;
	if (v->connected)
		loop_in(&v->client.loop, &v->fetch, CALM_MS);
	v->connected = false;
	loop_in(&v->client.loop, &v->retry, TICK_MS);
}

/* Keys and signals */

static void on_key(struct loop *l, struct watch *w, unsigned events)
{
	struct live *v = live_of(l);
	int key = screen_key(&v->screen);

	if (key == 'q' || key == 'Q')
		v->stop = true;
	else if (key == '\f')
		screen_resized(&v->screen);
	if (key == '\f')
		draw(v);
	/* A terminal that hung up: nobody looks any more. */
	if (key < 0 || (key == 0 && (events & LOOP_HUP))) {
		loop_forget(l, w);
		v->stop = true;
	}
}

static void on_signal(struct loop *l, int signo)
{
	struct live *v = live_of(l);

	switch (signo) {
	case SIGTSTP:
		screen_leave(&v->screen);
		raise(SIGSTOP);         /* until SIGCONT */
		screen_enter(&v->screen);
		break;
	case SIGCONT:                   /* who knows what stands there now */
	case SIGWINCH:
		screen_resized(&v->screen);
		break;
	default:
		v->stop = true;
		return;
	}
	draw(v);
}

static int begin(struct live *v, const struct watch_args *args,
		 const int *signals, struct err *e)
{
	v->args = args;
	if (client_init(&v->client, args->reach, e) < 0 ||
	    loop_signals(&v->client.loop, signals, on_signal, e) < 0)
		return -1;
	news_init(&v->news);
	v->news.ctx = v;
	return 0;
}

static void open_screen(struct live *v)
{
	screen_init(&v->screen, STDIN_FILENO, STDOUT_FILENO);
	screen_enter(&v->screen);
	v->keys = (struct watch)WATCH_INIT(on_key);
	if (v->screen.in >= 0)
		loop_watch(&v->client.loop, &v->keys, v->screen.in, LOOP_READ,
			   NULL);
	loop_in(&v->client.loop, &v->tick, TICK_MS);
}

int watch_table(const struct watch_args *args)
{
	static const int plain[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	static const int terminal[] = { SIGINT, SIGTERM, SIGHUP, SIGTSTP,
		SIGCONT, SIGWINCH, 0 };
	static struct live v;
	struct err e = { 0 };

	v.fetch = (struct timer)TIMER_INIT(on_fetch);
	v.tick = (struct timer)TIMER_INIT(on_tick);
	v.usage = (struct timer)TIMER_INIT(on_usage);
	v.retry = (struct timer)TIMER_INIT(on_retry);
	v.is_screen = screen_usable(STDOUT_FILENO);
	if (begin(&v, args, v.is_screen ? terminal : plain, &e) < 0)
		cli_die(&e);
	v.news.on_event = on_change;
	v.news.on_end = on_lost;
	if (v.is_screen)
		open_screen(&v);
	else
		watch_reader(&v);
	gather(&v);
	if (args->usage)
		loop_in(&v.client.loop, &v.usage, USAGE_MS);
	loop_in(&v.client.loop, &v.retry, 0);
	if (client_run(&v.client, &v.stop, &e) < 0)
		fail(&v, &e);
	if (v.is_screen)
		screen_release(&v.screen);
	if (v.status)
		cli_warn(&v.why);
	return v.status;
}

/* Events as lines */

static void print_json(struct news *n, struct str type,
		       const struct json *data)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "event");
	jsonw_str(&w, type);
	jsonw_key(&w, "id");
	jsonw_cstr(&w, n->id);
	JSON_EACH(j, data) {
		jsonw_keyn(&w, j->key);
		jsonw_value(&w, j);
	}
	jsonw_end(&w);
	buf_putc(&b, '\n');
	cli_put(buf_str(&b));
	buf_release(&b);
}

static void on_event(struct news *n, struct str type, struct str data)
{
	struct live *v = n->ctx;
	const struct json *j;
	struct str who;
	struct arena a;
	struct buf b;

	arena_init(&a, ANSWER_MAX * 4);
	j = json_parse(data, &a, NULL, NULL);
	if (json_str(json_get(j, "short"), &who) &&
	    !show_wants(v->args->wanted, who)) {
		arena_release(&a);
		return;
	}
	if (v->args->json) {
		print_json(n, type, j);
	} else {
		buf_init(&b, TEXT_MAX);
		show_event(&b, type, j);
		cli_put(buf_str(&b));
		buf_release(&b);
	}
	cli_flush();
	arena_release(&a);
}

static void on_end(struct news *n, const struct err *e)
{
	struct live *v = n->ctx;
	struct err why;

	v->stop = true;
	if (!e)
		return;
	why = *e;
	err_wrap(&why, "hub");
	cli_warn(&why);
	v->status = cli_status(&why);
}

int watch_events(const struct watch_args *args)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	static struct live v;
	struct err e = { 0 };

	if (begin(&v, args, signals, &e) < 0)
		cli_die(&e);
	v.news.on_event = on_event;
	v.news.on_end = on_end;
	watch_reader(&v);
	if (news_open(&v.news, &v.client, &e) < 0 ||
	    client_run(&v.client, &v.stop, &e) < 0)
		cli_die(&e);
	news_release(&v.news);
	return v.status;
}
