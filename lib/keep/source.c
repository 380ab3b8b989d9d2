/* SPDX-License-Identifier: MIT */
#include "keep/source.h"

#include "keep/logger.h"
#include "keep/out.h"

void source_init(struct source *s, struct logs *logs, const char *name,
		 void *block)
{
	*s = (struct source){ .logs = logs, .name = name, .prefix = name };
	ring_init(&s->ring, block, RING_SIZE);
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
