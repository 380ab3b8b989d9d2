// SPDX-License-Identifier: MIT
/*
 * firsttoken.mjs JOSE-DIR - a module that takes tokens as modules do
 *
 * It accepts a bearer by the rules that the modules share: keys from the
 * hub's JWKS, remembered for 5 minutes and fetched anew, at most every 10 s,
 * when one is unknown; the revocation list every 60 s, the last one when that
 * fails, nobody at all while there never was one.
 *
 *	GET /check?scope=S&aud=A        200, 401 or 403, with the reason
 *	GET /clock?s=N                  so many seconds later, for what is
 *					remembered (tokens live by the real one)
 *	GET /stats                      how often the hub was asked
 *
 * Anything else is 200: it is alive.
 */

import diagnostics from 'node:diagnostics_channel';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const j = await import(pathToFileURL(
	path.join(process.argv[2], 'dist/node/esm/index.js')));

// It stands still, but for /clock.
let now = Date.now();
Date.now = () => now;

const bare = (s) => s.replace(/\/+$/, '');
const hub = bare(process.env.PARACHUTE_HUB_JWKS_ORIGIN ||
	'http://127.0.0.1:1939');
const issuers = [process.env.PARACHUTE_HUB_ORIGIN,
	...(process.env.PARACHUTE_HUB_ORIGINS ?? '').split(',')]
	.filter(Boolean).map(bare);
const stats = { jwks: 0, revocation: 0, failed: 0, listed: null, issuers };

diagnostics.subscribe('http.client.request.start', ({ request }) => {
	if (request.path === '/.well-known/jwks.json')
		stats.jwks++;
});

class Refused extends Error {
	constructor(status, code) {
		super(code);
		this.status = status;
	}
}

// --- keys

const keys = j.createRemoteJWKSet(new URL(`${hub}/.well-known/jwks.json`),
	{ cacheMaxAge: 300000, cooldownDuration: 30000 });
const ofKeys = ['ERR_JWKS_NO_MATCHING_KEY', 'ERR_JWKS_TIMEOUT',
	'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'ERR_JOSE_GENERIC',
	'ECONNREFUSED', 'ECONNRESET'];
let forcedAt = -Infinity;

async function verify(token) {
	const once = () => j.jwtVerify(token, keys, { issuer: issuers,
		algorithms: ['RS256'] });
	try {
		return await once();
	} catch (e) {
		if (/^ECONN|TIMEOUT|GENERIC/.test(e.code))
			stats.failed++;
		if (!ofKeys.includes(e.code) || Date.now() - forcedAt < 10000)
			throw e;
	}
	forcedAt = Date.now();
	await keys.reload();
	return once();
}

// --- revocation

let revoked, askedAt = -Infinity;

async function fetchRevoked() {
	const res = await fetch(`${hub}/.well-known/parachute-revocation.json`,
		{ redirect: 'error' });
	const doc = res.ok && await res.json();

	if (!Array.isArray(doc?.jtis) ||
			doc.jtis.some((t) => typeof t !== 'string'))
		throw new Error(`no list: ${res.status}`);
	return new Set(doc.jtis);
}

async function isRevoked(jti) {
	if (Date.now() - askedAt >= 60000) {
		stats.revocation++;
		try {
			revoked = await fetchRevoked();
			askedAt = Date.now();
			stats.listed = revoked.size;
		} catch {
			stats.failed++;
			if (!revoked)
				throw new Refused(401, 'revocation_unavailable');
			askedAt = Date.now();
		}
	}
	return revoked.has(jti);
}

// --- the decision

const rank = { read: 1, write: 2, admin: 3 };
function covers(have, need) {
	const [h, n] = [have.split(':'), need.split(':')];

	if (have === need)
		return true;
	return h.length === 3 && n.length === 3 && h[0] === 'vault' &&
		n[0] === 'vault' && h[1] === n[1] && rank[h[2]] >= rank[n[2]];
}

async function check(token, aud, scope) {
	if (!/^eyJ[^.]*\.[^.]+\.[^.]+$/.test(token))
		throw new Refused(401, 'no_jwt');
	const { payload: p } = await verify(token).catch((e) => {
		throw new Refused(401, e.code ?? String(e.cause ?? e));
	});
	if (typeof p.sub !== 'string' || !p.sub)
		throw new Refused(401, 'no_sub');
	if (aud && ![p.aud].flat().includes(aud))
		throw new Refused(401, 'audience');
	if (typeof p.jti !== 'string' || !p.jti)
		throw new Refused(401, 'no_jti');
	if (await isRevoked(p.jti))
		throw new Refused(401, 'revoked');
	if (!(p.scope ?? '').split(/\s+/).some((s) => covers(s, scope)))
		throw new Refused(403, 'scope');
	return p.sub;
}

http.createServer(async (req, res) => {
	const url = new URL(req.url, 'http://module');
	const q = url.searchParams;
	const answer = (status, body) => {
		res.writeHead(status, { 'content-type': 'application/json' });
		res.end(JSON.stringify(body));
	};

	if (url.pathname === '/stats')
		return answer(200, stats);
	if (url.pathname === '/clock') {
		now += Number(q.get('s')) * 1000;
		return answer(200, { now });
	}
	if (url.pathname !== '/check')
		return answer(200, { ok: true });
	try {
		const token = (req.headers.authorization ?? '')
			.replace(/^bearer /i, '');
		answer(200, { sub: await check(token, q.get('aud'),
			q.get('scope')) });
	} catch (e) {
		answer(e.status ?? 500, { error: e.message });
	}
}).listen(Number(process.env.PORT), '127.0.0.1');
