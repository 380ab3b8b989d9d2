/* SPDX-License-Identifier: MIT */
#include "sys/log.h"
#include "unit/front/rig.h"

static const char *answer;      /* of who is at the port; NULL: none yet */
static struct httpd_conn *asking;
static int status = 200;

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 200, STR("{}"));
}

static void serve(struct httpd_conn *c, struct httpd_req *r)
{
	ok(str_is(r->path, "/health"), "it asks for /health");
	if (answer)
		httpd_reply(c, status, NULL, STR_NULL, str_of(answer));
	else
		asking = c;
}

/* One question to its end; what the keeper was told. */
static const char *probe(const char *who)
{
	answer = who;
	probe_start(&rig.front.probe);
	until(rig.front.probe.busy);
	until(!rig.front.probe.busy);
	return told();
}

/* Bytes that are no HTTP, from who listens there now. */
static void on_visitor(struct loop *l, struct watch *w, unsigned events)
{
	int fd = os_accept(w->fd);

	(void)l;
	(void)events;
	if (fd < 0 || send(fd, "SSH-2.0\r\n", 9, MSG_NOSIGNAL) < 0)
		scratch_bail("no visitor");
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void test_stranger(void)
{
	struct watch w = WATCH_INIT(on_visitor);
	int fd;

	httpd_release(&rig.front.httpd);
	fd = net_listen_tcp("127.0.0.1", &rig.front.port, NULL);
	loop_watch(&rig.front.loop, &w, fd, LOOP_READ, NULL);
	ok(strstr(probe(NULL), "hijacked another program answers"),
	   "what speaks no HTTP is another");
	loop_forget(&rig.front.loop, &w);
	close(fd);
	answer = NULL;
	probe_start(&rig.front.probe);
	for (int i = 0; i < 3; i++)
		turn(100);
	until(!rig.front.probe.busy);
	ok(!told()[0] && rig.front.probe.hijacked,
	   "where nobody answers all stays as it was");
}

static void ignore(struct str line)
{
	(void)line;
}

int main(void)
{
	static const char ours[] = "{\"service\":\"parachute-hub\","
		"\"instance\":\"of-the-rig\"}";

	rig_up(keeper);
	rig.front.httpd.on_request = serve;
	log_to(ignore);
	told();
	ok(!probe(ours)[0], "this hub: nothing to say");
	ok(strstr(probe("{\"service\":\"parachute-hub\",\"instance\":\"x\"}"),
		  "hijacked another hub answers on 127.0.0.1 port "),
	   "another hub");
	ok(strstr(probe("{\"service\":\"parachute-hub\"}"),
		  "hijacked another hub"), "an old one, too");
	ok(strstr(probe("<html>"), "hijacked another program"),
	   "another program");
	ok(!strcmp(probe(ours), "hijacked\n"), "all is well again");
	status = 503;
	ok(!probe("{\"error\":\"unavailable\"}")[0],
	   "a hub with too many connections may be this one");
	status = 200;
	ok(!probe(NULL)[0], "no answer in time proves nothing");
	ok(asking && !rig.front.probe.hijacked, "it had been asked");
	ok(rig.front.probe.timer.armed, "it asks again");
	test_stranger();
	rig_down();
	return tap_done();
}
