/* SPDX-License-Identifier: MIT */
#include "keep/source.h"

#include "keep/logger.h"
#include "keep/out.h"

#include <string.h>

static void note_ended(struct logs *logs, const char *name, uint64_t last)
{
	size_t at = 0;

	while (at < ENDED_MAX && strcmp(logs->ended[at].name, name) != 0)
		at++;
	if (at == ENDED_MAX) {
		at = logs->nended++ % ENDED_MAX;
		if (logs->ended_last < logs->ended[at].last)
			logs->ended_last = logs->ended[at].last;
	}
	str_to_c(str_of(name), logs->ended[at].name,
		 sizeof logs->ended[at].name);
	logs->ended[at].last = last;
}

/* The last number a source of that name has had under this keeper, or one
 * that is not lower. */
static uint64_t last_of(const struct logs *logs, const char *name)
{
	for (size_t i = 0; i < ENDED_MAX; i++)
		if (!strcmp(logs->ended[i].name, name))
			return logs->ended[i].last;
	return logs->ended_last;
}

void source_init(struct source *s, struct logs *logs, const char *name,
		 void *block)
{
	*s = (struct source){ .logs = logs, .name = name, .prefix = name };
	ring_init(&s->ring, block, RING_SIZE);
	ring_go_on(&s->ring, last_of(logs, name));
	feed_init(&s->feed, logs->feeds, name, &s->ring);
	list_append(&logs->all, &s->node);
}

void source_put(struct source *s, int stream, bool partial, int64_t unix_ns,
		struct str text)
{
	struct ring_line line;

	ring_put(&s->ring, stream, partial, unix_ns, text);
	s->lines_total++;
	out_line(s->logs->out, str_of(s->prefix), text);
	feed_said(&s->feed);
	if (!s->logs->logger)
		return;
	line = (struct ring_line){ ring_last(&s->ring), unix_ns, stream,
				   partial, text };
	logger_put(s->logs->logger, s, &line);
}

const char *source_fault(const struct source *s)
{
	if (s->mode == LOG_MODE_MEMORY)
		return NULL;
	if (s->log_error[0])
		return s->log_error;
	return s->logs->logger ? logger_fault(s->logs->logger) :
		"log writer missing";
}

void source_end(struct source *s)
{
	note_ended(s->logs, s->name, ring_last(&s->ring));
	feed_end(&s->feed);
	list_remove(&s->node);
}

struct source *logs_find(struct logs *logs, struct str name)
{
	LIST_EACH(n, &logs->all) {
		struct source *s = CONTAINER(n, struct source, node);

		if (str_is(name, s->name))
			return s;
	}
	return NULL;
}

void logs_init(struct logs *logs, struct out *out, struct feeds *feeds,
	       void *hub_block, void *front_block)
{
	*logs = (struct logs){ .out = out, .feeds = feeds };
	list_init(&logs->all);
	source_init(&logs->hub, logs, "hub", hub_block);
	logs->hub.prefix = "supervisor";
	source_init(&logs->front, logs, "front", front_block);
}
