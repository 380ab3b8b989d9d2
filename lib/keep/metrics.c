/* SPDX-License-Identifier: MIT */
#include "keep/metrics.h"

#include "keep/sup.h"
#include "sys/fd.h"
#include "sys/os.h"

#include <sys/resource.h>
#include <unistd.h>

/*
 * A counter's samples end in _total in both formats, its family only in the
 * older one; a unit is a suffix of the family. Times are written in seconds
 * from milliseconds.
 */
enum kind { GAUGE, COUNTER, INFO };

struct metric {
	const char *name;       /* without "parachute_" and "_total" */
	const char *unit, *help;
	enum kind kind;
	bool ms;                /* the value is in milliseconds */
	/* One of them; false: not known. */
	bool (*of_module)(const struct mod *, int64_t *);
	bool (*of_hub)(const struct api *, int64_t *);
};

/* Modules */

static bool is_up(const struct mod *m, int64_t *v)
{
	*v = m->state == SM_UP;
	return true;
}

static bool is_ready(const struct mod *m, int64_t *v)
{
	*v = mod_is_ready(m);
	return true;
}

static bool listens(const struct mod *m, int64_t *v)
{
	*v = m->state == SM_UP && m->listening == LISTEN_YES;
	return true;
}

static bool is_healthy(const struct mod *m, int64_t *v)
{
	struct facts f;

	mod_facts(m, &f);
	*v = f.healthy == HEALTH_OK;
	return f.healthy != HEALTH_UNKNOWN;
}

static bool restarts(const struct mod *m, int64_t *v)
{
	*v = m->runs ? m->runs - 1 : 0;
	return true;
}

static bool started(const struct mod *m, int64_t *v)
{
	*v = m->started_unix_ms;
	return m->pid != 0;
}

static bool cpu(const struct mod *m, int64_t *v)
{
	const struct usage_facts *u = usage_of(m);

	*v = u ? (int64_t)u->cpu_ms : 0;
	return u != NULL;
}

static bool memory(const struct mod *m, int64_t *v)
{
	const struct usage_facts *u = usage_of(m);

	*v = u ? (int64_t)u->memory_bytes : 0;
	return u != NULL;
}

static bool processes(const struct mod *m, int64_t *v)
{
	const struct usage_facts *u = usage_of(m);

	*v = u ? u->processes : 0;
	return u != NULL;
}

static bool descriptors(const struct mod *m, int64_t *v)
{
	const struct usage_facts *u = usage_of(m);

	*v = u ? u->descriptors : -1;
	return *v >= 0;
}

static bool lines(const struct mod *m, int64_t *v)
{
	*v = (int64_t)m->log.lines_total;
	return true;
}

static bool dropped(const struct mod *m, int64_t *v)
{
	*v = (int64_t)m->log.dropped_total;
	return true;
}

/* The hub */

static bool hub_started(const struct api *a, int64_t *v)
{
	*v = a->started_unix_ms;
	return true;
}

static bool hub_cpu(const struct api *a, int64_t *v)
{
	struct rusage r;

	(void)a;
	if (getrusage(RUSAGE_SELF, &r) < 0)
		return false;
	*v = ((int64_t)r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
	     (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
	return true;
}

static bool hub_memory(const struct api *a, int64_t *v)
{
	(void)a;
	*v = (int64_t)proc_memory(getpid());
	return *v > 0;
}

static bool hub_descriptors(const struct api *a, int64_t *v)
{
	(void)a;
	*v = (int64_t)fd_count(FD_FREE);
	return true;
}

static bool hub_modules(const struct api *a, int64_t *v)
{
	*v = (int64_t)a->sup->n;
	return true;
}

static bool hub_ignored(const struct api *a, int64_t *v)
{
	*v = (int64_t)a->sup->notifier.ignored;
	return true;
}

static bool hub_events(const struct api *a, int64_t *v)
{
	*v = (int64_t)events_total(a->events);
	return true;
}

static bool hub_deaths(const struct api *a, int64_t *v)
{
	*v = 0;
	LIST_EACH(n, &a->crew->members)
		*v += (int64_t)CONTAINER(n, struct crew_member, node)->deaths;
	return true;
}

static bool hub_info(const struct api *a, int64_t *v)
{
	(void)a;
	*v = 1;
	return true;
}

static const struct metric metrics[] = {
	{ "module_up", NULL, "Whether it runs.", GAUGE, .of_module = is_up },
	{ "module_ready", NULL, "Whether it is ready.", GAUGE,
	  .of_module = is_ready },
	{ "module_listening", NULL, "Whether it listens on its own port.",
	  GAUGE, .of_module = listens },
	{ "module_healthy", NULL, "Whether its health path answers.", GAUGE,
	  .of_module = is_healthy },
	{ "module_restarts", NULL, "Runs after the first.", COUNTER,
	  .of_module = restarts },
	{ "module_start_time_seconds", "seconds",
	  "When the present run was started.", GAUGE, true,
	  .of_module = started },
	{ "module_cpu_seconds", "seconds", "CPU time of the present run.",
	  COUNTER, true, .of_module = cpu },
	{ "module_memory_bytes", "bytes", "Resident memory of all of it.",
	  GAUGE, .of_module = memory },
	{ "module_processes", NULL, "Processes of it.", GAUGE,
	  .of_module = processes },
	{ "module_descriptors", NULL, "Descriptors that it has open.", GAUGE,
	  .of_module = descriptors },
	{ "module_log_lines", NULL, "Lines that it has written.", COUNTER,
	  .of_module = lines },
	{ "module_log_dropped_lines", NULL,
	  "Lines of it that its log file does not have.", COUNTER,
	  .of_module = dropped },
	{ "hub_start_time_seconds", "seconds", "When the hub was started.",
	  GAUGE, true, .of_hub = hub_started },
	{ "hub_cpu_seconds", "seconds", "CPU time of the keeper.", COUNTER,
	  true, .of_hub = hub_cpu },
	{ "hub_memory_bytes", "bytes", "Resident memory of the keeper.",
	  GAUGE, .of_hub = hub_memory },
	{ "hub_descriptors", NULL, "Descriptors that the keeper has open.",
	  GAUGE, .of_hub = hub_descriptors },
	{ "hub_modules", NULL, "Modules that the hub looks after.", GAUGE,
	  .of_hub = hub_modules },
	{ "hub_notifications_ignored", NULL,
	  "Datagrams of nobody the hub knows.", COUNTER,
	  .of_hub = hub_ignored },
	{ "hub_events", NULL, "Events that were announced.", COUNTER,
	  .of_hub = hub_events },
	{ "hub_log_writer_deaths", NULL, "How often the log writer ended.",
	  COUNTER, .of_hub = hub_deaths },
	{ "hub", NULL, "What the hub is.", INFO, .of_hub = hub_info },
};

/* Writing */

void metrics_label(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' || s.p[i] == '"')
			buf_putc(b, '\\');
		if (s.p[i] == '\n')
			buf_put(b, STR("\\n"));
		else
			buf_putc(b, s.p[i]);
	}
}

static const char *suffix_of(enum kind k)
{
	return k == COUNTER ? "_total" : k == INFO ? "_info" : "";
}

static void put_head(struct buf *b, bool open, const char *name,
		     const struct metric *m)
{
	static const char *const kinds[] = {
		[GAUGE] = "gauge", [COUNTER] = "counter", [INFO] = "info",
	};
	/* The older format names samples, and knows no info. */
	const char *end = open ? "" : suffix_of(m->kind);
	const char *kind = kinds[m->kind == INFO && !open ? GAUGE : m->kind];

	buf_printf(b, "# TYPE parachute_%s%s %s\n", name, end, kind);
	if (open && m->unit)
		buf_printf(b, "# UNIT parachute_%s %s\n", name, m->unit);
	buf_printf(b, "# HELP parachute_%s%s %s\n", name, end, m->help);
}

static void put_value(struct buf *b, const struct metric *m, int64_t v)
{
	if (m->ms)
		buf_printf(b, " %lld.%03d\n", (long long)(v / 1000),
			   (int)(v % 1000));
	else
		buf_printf(b, " %lld\n", (long long)v);
}

static void put_metric(struct buf *b, bool open, const struct api *api,
		       const struct metric *m)
{
	int64_t v;

	put_head(b, open, m->name, m);
	for (size_t i = 0; m->of_module && i < api->sup->n; i++) {
		const struct mod *mod = api->sup->mods[i];

		if (!m->of_module(mod, &v))
			continue;
		buf_printf(b, "parachute_%s%s{module=\"", m->name,
			   suffix_of(m->kind));
		metrics_label(b, str_of(mod->short_name));
		buf_put(b, STR("\"}"));
		put_value(b, m, v);
	}
	if (!m->of_hub || !m->of_hub(api, &v))
		return;
	buf_printf(b, "parachute_%s%s", m->name, suffix_of(m->kind));
	if (m->kind == INFO) {
		buf_put(b, STR("{version=\""));
		metrics_label(b, STR(PC_VERSION));
		buf_put(b, STR("\"}"));
	}
	put_value(b, m, v);
}

static void put_states(struct buf *b, bool open, const struct sup *s)
{
	static const struct metric state = { .kind = GAUGE,
		.help = "1 for the state that the module is in." };

	put_head(b, open, "module_state", &state);
	for (size_t i = 0; i < s->n; i++) {
		enum status is = status_of(str_of(sm_wire(s->mods[i]->state)));

		for (int k = STATUS_STARTING; k <= STATUS_RESTARTING; k++) {
			buf_put(b, STR("parachute_module_state{module=\""));
			metrics_label(b, str_of(s->mods[i]->short_name));
			buf_printf(b, "\",state=\"%s\"} %d\n",
				   status_name((enum status)k),
				   (enum status)k == is);
		}
	}
}

void metrics_write(struct api *api, bool open, struct buf *b)
{
	put_states(b, open, api->sup);
	for (size_t i = 0; i < LEN(metrics); i++)
		put_metric(b, open, api, &metrics[i]);
	if (open)
		buf_put(b, STR("# EOF\n"));
}
