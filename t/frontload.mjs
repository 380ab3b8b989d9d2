// SPDX-License-Identifier: MIT
/*
 * frontload.mjs ROUNDS TOKEN-FILE - load on the front door while its workers
 * are killed, one after the other
 *
 * A victim is stopped first, so that its connections can be read from the
 * system; those may break when it is killed, and no others. Nobody's connect
 * is ever refused. Streams and waits on other workers go on, which counts as
 * requests in flight.
 */

import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { end, home, ok, port } from './front.mjs';

const rounds = Number(process.argv[2]);
const bearer = fs.readFileSync(process.argv[3], 'utf8').trim();
const tick = (ms) => new Promise((done) => setTimeout(done, ms));
process.chdir(home);

// --- what the keeper says

const ask = (path) => new Promise((resolve, reject) => {
	http.get({ socketPath: 'hub.sock', path }, (res) => {
		let text = '';
		res.on('data', (d) => { text += d; });
		res.on('end', () => resolve(JSON.parse(text)));
	}).on('error', reject);
});
const crew = async () => (await ask('/api/hub')).crew.filter(
	(m) => m.name === 'pc-front');
const pids = (members) => members.map((m) => m.pid).filter(Boolean);
const deaths = (members) => members.reduce((n, m) => n + m.deaths, 0);

// --- who holds a connection

// The remote ports of what a stopped process has accepted.
function portsOf(pid) {
	const inodes = new Set(), ports = new Set();

	for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
		const to = fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
		const inode = /^socket:\[(\d+)\]$/.exec(to);

		if (inode)
			inodes.add(inode[1]);
	}
	for (const line of fs.readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
		const f = line.trim().split(/\s+/);

		if (inodes.has(f[9]))
			ports.add(parseInt(f[2]?.split(':')[1], 16));
	}
	return ports;
}
const isStopped = (pid) => /\) T /.test(fs.readFileSync(
	`/proc/${pid}/stat`, 'utf8'));

// --- the load

const faults = [], kills = [];  // kills: { at, ports }
const count = { kept: 0, fresh: 0, streams: 0, waits: 0, broken: 0 };
let over = false;

// An end that nobody asked for: may it be, of this connection?
function broken(what, conn, error) {
	if (over && conn.over)
		return;
	if (error?.code !== 'ECONNREFUSED' && kills.some((k) =>
		k.at >= conn.since && k.ports.has(conn.port))) {
		count.broken++;
		return;
	}
	faults.push(`${what}: ${error?.code ?? error} on a connection ` +
		`of ${conn.port}, made ${Math.round(conn.since)}, in round ` +
		kills.length);
}

// One request on a connection of its own, or on one that is kept.
function request(path, o) {
	return new Promise((resolve) => {
		const conn = o.conn ?? { since: performance.now(), port: 0 };
		const r = http.request({ host: '127.0.0.1', port, path,
			agent: o.agent ?? false, headers: o.token ? {
				authorization: `Bearer ${bearer}` } : {} });
		let text = '', ended = false;
		const done = (error, status) => {
			if (ended)
				return;
			ended = true;
			if (error)
				broken(path, conn, error);
			else if (status !== 200)
				faults.push(`${path}: ${status} ${text}`);
			resolve(!error && status === 200);
		};

		r.on('socket', (s) => {
			const known = () => { conn.port = s.localPort; };

			if (s.connecting) {
				conn.since = performance.now();
				s.once('connect', known);
			} else {
				known();
			}
		});
		r.on('response', (res) => {
			res.on('data', (d) => {
				text += d;
				o.on?.(d, r, conn);
			});
			res.on('end', () => done(o.endless && !conn.over &&
				'its end', res.statusCode));
			res.on('error', (e) => done(conn.over ? undefined : e,
				res.statusCode));
		});
		r.on('error', (e) => done(e));
		o.begun?.(r, conn);
		r.end();
	});
}

const paths = [['/health', false], ['/api/modules', true],
	['/.well-known/jwks.json', false], ['/api/ready', false],
	['/api/modules/good', true]];

async function kept(seed) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	const conn = { since: performance.now(), port: 0 };

	for (let i = seed; !over; i++) {
		const [path, token] = paths[i % paths.length];

		if (await request(path, { agent, token, conn }))
			count.kept++;
		await tick(0);
	}
	agent.destroy();
}
async function fresh(seed) {
	for (let i = seed; !over; i++) {
		const [path, token] = paths[i % paths.length];

		if (await request(path, { token }))
			count.fresh++;
		await tick(2);
	}
}

// Streams are opened anew when their worker has died, never otherwise.
const open = new Set();
async function stream(path, name) {
	while (!over) {
		await request(path, { token: true, endless: true,
			begun: (r, conn) => open.add({ r, conn }),
			on: () => { count[name]++; } });
	}
}

// --- one victim

async function kill() {
	const there = pids(await crew());
	const victim = there[Math.floor(Math.random() * there.length)];

	process.kill(victim, 'SIGSTOP');
	while (!isStopped(victim))
		await tick(0);
	// Its ports are known before anybody can see a connection end.
	kills.push({ at: performance.now(), ports: portsOf(victim) });
	process.kill(victim, 'SIGKILL');
	for (;;) {
		const now = await crew();

		if (pids(now).length === there.length &&
				!pids(now).includes(victim))
			return;
		await tick(2);
	}
}

// --- all of it

const started = await crew();
const modules = async () => (await ask('/api/modules')).modules.filter(
	(m) => m.installed).map((m) => [m.short, m.pid, m.restarts,
	m.supervisor_status]);
const was = await modules();
ok(pids(started).length > 1, 'more than one worker', started);

const load = [];
for (let i = 0; i < 8; i++)
	load.push(kept(i), ...(i < 3 ? [fresh(i)] : []),
		...(i < 6 ? [stream('/api/events', 'streams')] : []),
		...(i < 4 ? [stream('/api/modules/good/logs?follow=1',
			'waits')] : []));
let idle = 0;
for (let i = 0; i < rounds; i++) {
	const before = count.fresh;

	await kill();
	// Somebody is served after every death.
	while (count.fresh === before)
		await tick(1);
	if (!kills.at(-1).ports.size)
		idle++;
}
// Who holds the connections now has them until the end.
const now = await modules();
const died = deaths(await crew()) - deaths(started);
over = true;
for (const { r, conn } of open) {
	conn.over = true;
	r.destroy();
}
await Promise.all(load);

console.log(`# ${rounds} workers killed, ${idle} of them idle: ` +
	`${count.kept} requests on kept connections, ${count.fresh} on new ` +
	`ones, ${count.broken} connections of the dead broken`);
ok(!faults.length, 'only connections of the dead broke, none was refused',
	`${faults.length} others`, ...faults.slice(0, 10));
ok(count.broken > 0, 'and such there were: the load was on them');
ok(count.streams > 0 && count.waits > 0, 'streams spoke', count);
ok(died === rounds, 'deaths are counted', died, rounds);
ok(JSON.stringify(was) === JSON.stringify(now), 'no module noticed', was, now);
end();
