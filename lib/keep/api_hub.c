/* SPDX-License-Identifier: MIT */
/* The hub itself: GET /api/hub. */
#include "keep/api_view.h"

#include "sys/fd.h"
#include "sys/os.h"
#include "wire/date.h"

#include <stdlib.h>
#include <unistd.h>

static void put_descriptors(struct jsonw *w)
{
	jsonw_key(w, "descriptors");
	jsonw_object(w);
	for (int k = FD_FREE + 1; k < FD_NKIND; k++) {
		size_t n = fd_count((enum fd_kind)k);

		if (!n)
			continue;
		jsonw_key(w, fd_kind_name((enum fd_kind)k));
		jsonw_int(w, (int64_t)n);
	}
	jsonw_end(w);
}

static void put_crew(struct jsonw *w, const struct crew *c)
{
	jsonw_key(w, "crew");
	jsonw_array(w);
	LIST_EACH(n, &c->members) {
		const struct crew_member *m =
			CONTAINER(n, struct crew_member, node);

		if (m->passing)
			continue;
		jsonw_object(w);
		jsonw_key(w, "name");
		jsonw_cstr(w, m->name);
		jsonw_key(w, "pid");
		if (m->pid)
			jsonw_int(w, m->pid);
		else
			jsonw_null(w);
		jsonw_key(w, "deaths");
		jsonw_int(w, (int64_t)m->deaths);
		jsonw_key(w, "error");
		jsonw_cstr(w, m->error[0] ? m->error : NULL);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void put_said(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_cstr(w, text[0] ? text : NULL);
}

static void put_front(struct jsonw *w, const struct workers *f)
{
	jsonw_key(w, "front");
	if (!f->n) {
		jsonw_null(w);
		return;
	}
	jsonw_object(w);
	jsonw_key(w, "instance");
	jsonw_cstr(w, f->instance);
	jsonw_key(w, "preparing");
	jsonw_bool(w, f->preparing);
	put_said(w, "prepare_error", f->prepare_error[0] ? f->prepare_error :
		 f->prepare.error);
	put_said(w, "hijacked", f->hijacked);
	jsonw_key(w, "workers");
	jsonw_array(w);
	for (size_t i = 0; i < LEN(f->each); i++) {
		const struct worker *k = &f->each[i];

		if (!k->member.crew)
			continue;
		jsonw_object(w);
		jsonw_key(w, "pid");
		jsonw_int(w, k->member.pid);
		jsonw_key(w, "ready");
		jsonw_bool(w, k->ready);
		put_said(w, "db", k->db);
		put_said(w, "sandbox", k->sandbox);
		put_said(w, "error", k->member.error);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

void view_hub_put(struct jsonw *w, struct api *api)
{
	char at[DATE_ISO_SIZE];

	date_iso(api->started_unix_ms, at);
	jsonw_object(w);
	jsonw_key(w, "version");
	jsonw_cstr(w, PC_VERSION);
	jsonw_key(w, "api");
	jsonw_int(w, HUB_API);
	jsonw_key(w, "started_at");
	jsonw_cstr(w, at);
	jsonw_key(w, "uptime_ms");
	jsonw_int(w, os_now_ms() - api->started_ms);
	jsonw_key(w, "source");
	jsonw_cstr(w, str_is(str_of(getenv("PARACHUTE_HOME")), "/parachute") ?
		   "container" : "unknown");
	jsonw_key(w, "pid");
	jsonw_int(w, getpid());
	jsonw_key(w, "manager");
	jsonw_cstr(w, api->manager);
	jsonw_key(w, "home");
	jsonw_cstr(w, api->spawn->home->path);
	jsonw_key(w, "port");
	if (api->port)
		jsonw_int(w, api->port);
	else
		jsonw_null(w);
	jsonw_key(w, "loop");
	jsonw_cstr(w, loop_name());
	/* Whether who listens on a module's port is proven to be of it. */
	jsonw_key(w, "listeners");
	jsonw_cstr(w, api->sup->deaf || access("/proc/self", F_OK) < 0 ?
		   "believed" : "proven");
	jsonw_key(w, "notifications_ignored");
	jsonw_int(w, (int64_t)api->sup->notifier.ignored);
	put_descriptors(w);
	put_crew(w, api->crew);
	put_front(w, api->workers);
	jsonw_key(w, "stdout_lines_dropped");
	jsonw_int(w, (int64_t)api->out->dropped_total);
	jsonw_end(w);
}

void view_hub(struct api *api, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out, JSONW_COMPACT);
	view_hub_put(&w, api);
}
