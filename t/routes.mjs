// SPDX-License-Identifier: MIT
// Every route, with every kind of token: status and error of each.

import fs from 'node:fs';
import crypto from 'node:crypto';
import { activeKey, ask, b64u, bye, claims, end, home, jti, ok, origin, port,
	seconds, sign, sql } from './front.mjs';

const key = activeKey();
const token = (over, header) => sign(key, claims(over), header);
const iso = (s) => new Date(s * 1000).toISOString();
const row = (id, scopes, revoked) => sql(`INSERT INTO tokens (jti, client_id,
	scopes, expires_at, revoked_at, created_at, created_via, subject)
	VALUES (?1, 'parachute-hub', ?2, ?3, nullif(?4, ''), ?5, 'cli_mint', 's')`,
id, scopes, iso(seconds() + 3600), revoked, iso(seconds()));

const AUTH = 'parachute:host:auth', ADMIN = 'parachute:host:admin',
	START = 'parachute:host:start';
const dead = jti(), victim = jti();
row(dead, AUTH, iso(seconds() - 5));
row(victim, 'scribe:transcribe', '');

const valid = token();
const [head, body, mark] = valid.split('.');
const bent = mark.slice(0, 40) + (mark[40] === 'A' ? 'B' : 'A') +
	mark.slice(41);
const none = token({}, { alg: 'none' }).split('.').slice(0, 2).join('.') + '.';
const operator = fs.readFileSync(`${home}/operator.token`, 'utf8').trim();

// --- what a bearer may: its scopes, or null for one who is nobody

const full = [AUTH, ADMIN];
const kinds = [
	['none', undefined, null],
	['Basic', 'Basic dGVzdGVyOnNlY3JldA==', null],
	['empty', 'Bearer ', null],
	['lower-case scheme', `bearer ${valid}`, full],
	['garbage', 'Bearer eyJhbGciOiJSUzI1NiJ9.garbage!.x', null],
	['operator', `Bearer ${operator}`, [...full, START]],
	['valid', `Bearer ${valid}`, full],
	['narrow', `Bearer ${token({ scope: START })}`, [START]],
	['no scope', `Bearer ${token({ scope: '' })}`, []],
	['expired', `Bearer ${token({ iat: seconds() - 60,
		exp: seconds() - 1 })}`, null],
	['wrong issuer', `Bearer ${token({ iss: 'https://hub.example' })}`, null],
	['localhost issuer', `Bearer ${token({
		iss: `http://localhost:${port}` })}`, full],
	['wrong audience', `Bearer ${token({ aud: 'vault.default' })}`, null],
	['no sub', `Bearer ${token({ sub: undefined })}`, null],
	['bad signature', `Bearer ${head}.${body}.${bent}`, null],
	['alg none', `Bearer ${none}`, null],
	['revoked', `Bearer ${token({ jti: dead })}`, null],
	// Beyond the 17: one scope implies no other.
	['host:auth only', `Bearer ${token({ scope: AUTH })}`, [AUTH]],
	['host:admin only', `Bearer ${token({ scope: ADMIN })}`, [ADMIN]],
	['a scope that begins like it', `Bearer ${token({
		scope: `${AUTH}s x${ADMIN} ${ADMIN}:x` })}`, []],
];

// --- routes: method, path, gate, scopes of which one is needed, answer

const mine = { body: JSON.stringify({ scope: 'vault:default:admin',
	expires_in: 60 }) };
const gone = { body: JSON.stringify({ jti: victim }) };
const routes = [
	['GET', '/health', '-'],
	['POST', '/health', '-'],
	['HEAD', '/health', '-'],
	['GET', '/api/ready', '-'],
	['HEAD', '/api/ready', '-'],
	['GET', '/', '-'],
	['GET', '/hub.html', '-'],
	['GET', '/.well-known/jwks.json', '-'],
	['GET', '/.well-known/parachute-revocation.json', '-'],
	['GET', '/.well-known/parachute.json', '-'],
	['GET', '/.well-known/oauth-protected-resource', '-'],
	['GET', '/.well-known/oauth-authorization-server', '-', [], 404],
	['GET', '/api/modules', 'A', [AUTH]],
	['GET', '/api/modules?view=status&usage=1', 'A', [AUTH]],
	['GET', '/api/modules/good', 'A', [AUTH]],
	['GET', '/api/modules/nobody', 'A', [AUTH], 404, 'not_supervised'],
	['GET', '/api/events', 'A', [AUTH], 200, undefined, { stream: true }],
	['GET', '/metrics', 'A', [AUTH]],
	['GET', '/api/auth/tokens', 'A', [AUTH]],
	['GET', '/api/auth/tokens?revoked=maybe', 'A', [AUTH], 400],
	['GET', '/api/auth/tokens?cursor=!', 'A', [AUTH]],
	['GET', '/api/modules/good/logs', 'A', [ADMIN]],
	['GET', '/api/modules/hub/logs', 'A', [ADMIN]],
	['GET', '/api/modules/good/logs?follow=1', 'A', [ADMIN], 200, undefined,
		{ stream: true }],
	['GET', '/api/modules/nobody/logs', 'A', [ADMIN], 404,
		'not_supervised'],
	['GET', '/api/modules/good/logs?n=x', 'A', [ADMIN], 400],
	['GET', '/api/settings/hub-origin', 'A', [ADMIN]],
	['PUT', '/api/settings/hub-origin', 'A', [ADMIN], 200, undefined,
		{ body: '{"hub_origin":null}' }],
	['PUT', '/api/settings/hub-origin', 'A', [ADMIN], 400,
		'invalid_hub_origin',
		{ body: '{"hub_origin":"https://x.example/"}' }],
	['PUT', '/api/settings/hub-origin', 'A', [ADMIN], 400,
		'invalid_request', { body: '[' }],
	['PUT', '/api/modules/channel', 'A', [ADMIN], 200, undefined,
		{ body: '{"channel":"latest"}' }],
	['PUT', '/api/modules/channel', 'A', [ADMIN], 400, 'invalid_channel',
		{ body: '{"channel":"banana"}' }],
	['POST', '/api/modules/good/stop', 'A', [ADMIN, START]],
	['POST', '/api/modules/good/start', 'A', [ADMIN, START]],
	['POST', '/api/modules/good/restart', 'A', [ADMIN, START]],
	['POST', '/api/modules/good/start?wait=ready&timeout=60', 'A',
		[ADMIN, START]],
	['POST', '/api/modules/good/start?wait=x', 'A', [ADMIN, START], 400],
	['POST', '/api/modules/nobody/start', 'A', [ADMIN, START], 400,
		'not_installed'],
	['POST', '/api/modules/nobody/stop', 'A', [ADMIN, START]],
	['POST', '/api/modules/nobody/restart', 'A', [ADMIN, START], 404,
		'not_supervised'],
	['GET', '/api/modules/operations/x', 'A', [ADMIN], 404, 'not_found'],
	['GET', '/api/hub', 'B', [ADMIN]],
	['POST', '/api/auth/mint-token', 'A', full, 200, undefined, mine],
	['POST', '/api/auth/mint-token', 'A', full, 400, 'invalid_request',
		{ body: '{"scope":1}' }],
	['POST', '/api/auth/mint-token', 'A', full, 400, 'invalid_scope',
		{ body: JSON.stringify({ scope: ADMIN }) }],
	['POST', '/api/auth/mint-token', 'A', full, 400, 'invalid_scope',
		{ body: '{"scope":"VAULT:x:read"}' }],
	['POST', '/api/auth/revoke-token', 'A', [AUTH], 200, undefined, gone],
];

// Not in this release: says so, to whom it tells anything.
const later = [
	['GET', '/login'], ['POST', '/login'], ['POST', '/login/2fa'],
	['POST', '/logout'], ['GET', '/account/'],
	['GET', '/account/change-password'], ['GET', '/admin'],
	['GET', '/admin/users'], ['GET', '/admin/setup'],
	['POST', '/admin/setup/account'], ['GET', '/admin/host-admin-token'],
	['GET', '/admin/vault-admin-token/default'],
	['GET', '/oauth/authorize?client_id=x'], ['POST', '/oauth/authorize'],
	['POST', '/oauth/token'], ['POST', '/oauth/register'],
	['POST', '/oauth/revoke'],
	['GET', '/vault/default/x'],
	['POST', '/vaults'], ['GET', '/api/users'], ['GET', '/api/grants'],
	['GET', '/api/oauth/clients/x'],
	['POST', '/api/modules/good/install'],
	['POST', '/api/modules/good/upgrade'],
	['POST', '/api/modules/good/uninstall'],
	['GET', '/api/modules/good/config'],
	['POST', '/api/hub/upgrade'], ['GET', '/api/hub/upgrade/status'],
];

// --- what holds of every answer

const secrets = [valid, operator, key.privatePem.split('\n')[1],
	...kinds.map(([, h]) => h && h.split(' ')[1])].filter((s) => s &&
	s.length > 20);
const inside = [/hub\.db/, /sqlite/i, /\bSELECT\b/, /\.[ch]:\d/, /\/proc\//,
	/\berrno\b/, /BEGIN [A-Z ]*PRIVATE KEY/, /stack|traceback/i];

// What is wrong with an answer, whoever asked.
function odd(res, method, open) {
	const why = [];
	const all = JSON.stringify(res.headers) + res.text;

	if (method !== 'HEAD' && res.status >= 400) {
		const html = /^text\/html/.test(res.headers['content-type']);

		if (!res.text)
			why.push('no body');
		if (!html && !(typeof res.json?.error === 'string' &&
				res.json.error_description?.length > 3))
			why.push(`not {error, error_description}: ${res.text}`);
		if (!html && !/^application\/json/.test(
			res.headers['content-type']))
			why.push(`type ${res.headers['content-type']}`);
	}
	if (method === 'HEAD' && res.text)
		why.push('HEAD with a body');
	for (const s of secrets)
		if (all.includes(s))
			why.push(`tells ${s.slice(0, 12)}...`);
	if (res.status >= 400 || open) {
		if (all.includes(home))
			why.push('tells the path of the home');
		why.push(...inside.filter((p) => p.test(all)).map(
			(p) => `tells its inside: ${p}`));
	}
	return why;
}

// What an answer to this bearer must be.
function wanted([, , gate, scopes = [], status = 200, error], may) {
	if (gate === '-')
		return { status, error };
	if (!may)
		return { status: 401, error: gate === 'B' ? 'invalid_token' :
			'unauthenticated' };
	if (!scopes.some((s) => may.includes(s)))
		return { status: 403, error: 'insufficient_scope' };
	return { status, error };
}

async function cell(route, [kind, header, may]) {
	const [method, target, gate, , , , o = {}] = route;
	const want = wanted(route, may);
	const res = await ask(method, target, { ...o,
		headers: header === undefined ? {} : { authorization: header } });
	const why = odd(res, method, gate === '-');
	const challenge = res.headers['www-authenticate'] ?? '';

	if (res.status !== want.status)
		why.push(`status ${res.status}, not ${want.status}: ` +
			res.text.slice(0, 200));
	if (want.error && method !== 'HEAD' && res.json?.error !== want.error)
		why.push(`error ${res.json?.error}, not ${want.error}`);
	if (gate === 'A' && challenge)
		why.push(`challenge ${challenge}`);
	if (gate === 'B' && (want.status === 401 || want.status === 403) &&
			!new RegExp(`^Bearer error="${want.error}", ` +
				'error_description="[^"\\r\\n]+"$').test(challenge))
		why.push(`challenge '${challenge}'`);
	if (gate !== '-' && res.status !== 200 &&
			!/no-store/.test(res.headers['cache-control']))
		why.push(`cache-control ${res.headers['cache-control']}`);
	if (!/well-known/.test(target) &&
			res.headers['access-control-allow-origin'])
		why.push('CORS');
	return ok(!why.length, `${method} ${target}, ${kind}: ${want.status}` +
		(want.error ? ` ${want.error}` : ''), ...why);
}

for (const route of routes)
	for (const kind of kinds)
		await cell(route, kind);

for (const [method, target] of later)
	for (const [kind, header, may] of kinds) {
		const res = await ask(method, target, { headers: header ===
			undefined ? {} : { authorization: header } });
		const why = odd(res, method, true);
		const fine = /^\/(api\/|vaults)/.test(target) ?
			may?.includes(ADMIN) ? [501] : [501, 401, 403] : [501];

		if (!fine.includes(res.status))
			why.push(`status ${res.status}`);
		ok(!why.length, `${method} ${target}, ${kind}: ` +
			fine.join(' or '), ...why);
	}

// --- the wrong method, before anybody is asked who he is

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const allowed = new Map();
for (const [method, target] of routes) {
	const p = target.split('?')[0];

	if (p === '/health' || /parachute\.json|authorization-server/.test(p) ||
			/nobody|\/hub\/logs/.test(p))
		continue;
	allowed.set(p, [...(allowed.get(p) ?? []), method]);
}
for (const [p, there] of allowed) {
	const also = there.includes('GET') ? ['HEAD'] : [];

	for (const method of methods) {
		if (there.includes(method) || also.includes(method) ||
				(method === 'OPTIONS' && /well-known/.test(p)))
			continue;
		const res = await ask(method, p, { headers: {
			authorization: 'Bearer x' } });
		const why = odd(res, method, true);
		const allow = (res.headers.allow ?? '').split(/, */);

		if (res.status !== 405)
			why.push(`status ${res.status}`);
		else if (method !== 'HEAD' &&
				res.json?.error !== 'method_not_allowed')
			why.push(`error ${res.json?.error}`);
		if (!there.every((m) => allow.includes(m)) ||
				allow.includes(method))
			why.push(`Allow: ${res.headers.allow}`);
		ok(!why.length, `${method} ${p}: 405 with Allow`, ...why);
	}
}

// --- HEAD is GET without the body, or refused

const bearer = { authorization: `Bearer ${valid}` };
for (const [method, target, , , , , o] of routes) {
	if (method !== 'GET' || o?.stream)
		continue;
	const get = await ask('GET', target, { headers: bearer });
	const res = await ask('HEAD', target, { headers: bearer });
	const why = odd(res, 'HEAD', false);

	if (res.status !== get.status && res.status !== 405)
		why.push(`status ${res.status}, GET has ${get.status}`);
	if (res.status === get.status && res.headers['content-type'] !==
			get.headers['content-type'])
		why.push(`type ${res.headers['content-type']}`);
	ok(!why.length, `HEAD ${target}`, ...why);
}

// --- who may read what: browsers

for (const doc of ['jwks.json', 'parachute-revocation.json',
	'parachute.json', 'oauth-protected-resource'])
	for (const method of ['GET', 'OPTIONS'])
		for (const from of [undefined, 'https://app.example']) {
			const res = await ask(method, `/.well-known/${doc}`,
				{ headers: from ? { origin: from } : {} });
			const h = res.headers;

			ok(res.status === (method === 'GET' ? 200 : 204) &&
				h['access-control-allow-origin'] === '*' &&
				h['access-control-allow-methods'] ===
					'GET, OPTIONS' &&
				(method === 'GET' || !res.text),
			`${method} ${doc} from ${from}: CORS`, res.status, h);
		}
ok(/no-store/.test((await ask('GET', '/.well-known/parachute.json'))
	.headers['cache-control']), 'parachute.json: no-store');
ok((await ask('GET', '/.well-known/jwks.json')).headers['cache-control'] ===
	undefined, 'jwks.json: no cache-control');

// --- what is not there

for (const p of ['/nothing', '/api', '/api/', '/api/nothing', '/api/modules/',
	'/api/modules/good/nothing', '/api/modules/good/start/more',
	'/.well-known/', '/.well-known/nothing', '/metrics/', '//api/modules',
	'/API/modules', '/health/', '/healthz',
	'/api/auth', '/api/auth/nothing', '/hub.db', '/operator.token',
	'/services.json', '/../hub.db', '/..%2fhub.db', '/.%2e/hub.db',
	'/%3Cscript%3Ealert(1)%3C/script%3E', '/x%00y', '/x%0d%0aA:%20b'])
	for (const accept of ['*/*', 'application/json',
		'text/html,application/xhtml+xml']) {
		const res = await ask('GET', p, { headers: { accept } });
		const html = /html/.test(res.headers['content-type']);
		// What was asked for may be named.
		const why = odd(res, 'GET', true).filter((w) => !/hub\\.db/
			.test(w) || !/hub\.db/.test(p));

		// Below /api/ and at odd escapes 401 and 400 tell as little.
		if (![404, ...(/^\/api/i.test(p) ? [401] : []),
			...(/%0|\.\./.test(p) ? [400] : [])].includes(res.status))
			why.push(`status ${res.status}`);
		if (res.status === 404 && html !== accept.includes('html') &&
				!/^\/api\//.test(p))
			why.push(`type ${res.headers['content-type']}`);
		if (html && (/<script>alert/.test(res.text) ||
				!/<html/i.test(res.text)))
			why.push('not safe, or no page');
		ok(!why.length, `GET ${p} as ${accept.slice(0, 9)}: 404`, ...why);
	}
for (const p of ['/api/modules/%zz', '/api/modules/%', '/api/modules/a%00b',
	'/api/modules/%zz/logs', '/api/modules/%2e%2e/logs',
	'/api/modules/a%2fb/logs'])
	ok([400, 404].includes((await ask('GET', p, { headers: bearer }))
		.status), `GET ${p}: 400 or 404`);

// --- more kinds of wrong tokens, all 401 on one route

const other = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = { kid: key.kid, privatePem: other.privateKey };
const jwk = other.publicKey.export({ format: 'jwk' });
const hmac = (text) => `${text}.` + crypto.createHmac('sha256',
	key.publicPem).update(text).digest('base64url');
const hs = [{ alg: 'HS256', kid: key.kid }, claims()].map(b64u).join('.');
const parts = valid.split('.');
const wrong = {
	'HS256 by the public PEM': hmac(hs),
	'another key under our kid': sign(stranger, claims()),
	'kid of nobody': token({}, { kid: 'nobody' }),
	'no kid': token({}, { kid: undefined }),
	'kid that is no text': token({}, { kid: 7 }),
	'kid with SQL': token({}, { kid: "' OR 1=1 --" }),
	'embedded jwk': sign(stranger, claims(), { kid: 'x', jwk }),
	'alg missing': token({}, { alg: undefined }),
	'alg RS512': token({}, { alg: 'RS512' }),
	'alg rs256': token({}, { alg: 'rs256' }),
	'crit': token({}, { crit: ['exp'] }),
	'no exp': token({ exp: undefined }),
	'exp as text': token({ exp: String(seconds() + 600) }),
	'exp is now': token({ exp: seconds() }),
	'nbf to come': token({ nbf: seconds() + 600 }),
	'no iss': token({ iss: undefined }),
	'iss empty': token({ iss: '' }),
	'iss with a slash': token({ iss: `${origin}/` }),
	'iss of another port': token({ iss: `http://127.0.0.1:${port + 1}` }),
	'sub empty': token({ sub: '' }),
	'sub no text': token({ sub: 7 }),
	'aud missing': token({ aud: undefined }),
	'aud like ours': token({ aud: 'hubs' }),
	'claims are no object': sign(key, [1]),
	'claims are no JSON': sign(key, 'x'),
	'two parts': parts.slice(0, 2).join('.'),
	'four parts': `${valid}.${parts[2]}`,
	'padding': `${parts[0]}.${parts[1]}.${parts[2]}==`,
	'no signature': `${parts[0]}.${parts[1]}.`,
	'signature cut': valid.slice(0, -4),
	'payload of another': `${parts[0]}.${b64u(claims({ sub: 'root' }))}.` +
		parts[2],
	'a token, then more': `${valid} ${valid}`,
	'long': `${parts[0]}.${'A'.repeat(9000)}.${parts[2]}`,
	'not ASCII': `${valid}\u00e9`,
};
for (const [name, t] of Object.entries(wrong)) {
	const res = await ask('GET', '/api/modules', { headers: {
		authorization: `Bearer ${t}` } });
	const why = odd(res, 'GET', false);
	const fine = /long|ASCII/.test(name) ? [401, 400, 431] : [401];

	if (!fine.includes(res.status))
		why.push(`status ${res.status}: ${res.text}`);
	ok(!why.length, `GET /api/modules, ${name}: 401`, ...why);
}

// --- the bearer of one vault, as its own tools use the API

const mint = (scope, over, more) => ask('POST', '/api/auth/mint-token', {
	headers: { authorization: `Bearer ${token(over)}` },
	body: JSON.stringify({ scope, ...more }) });
const keeper = { aud: 'vault.default', scope: 'vault:default:admin',
	vault_scope: ['default'] };
let res = await mint('vault:default:read', keeper);
ok(res.status === 200 && res.json?.token, 'a vault\'s bearer mints for it',
	res.status, res.text);
const child = JSON.parse(Buffer.from((res.json?.token ?? 'x.e30.x')
	.split('.')[1], 'base64url'));
ok(child.aud === 'vault.default' && child.sub === 'tester' &&
	JSON.stringify(child.vault_scope) === '["default"]',
'  pinned to that vault', child);
for (const scope of ['vault:other:read', 'scribe:transcribe', AUTH,
	'vault:default:read vault:other:read'])
	ok((res = await mint(scope, keeper)).status === 400 &&
		res.json?.error === 'invalid_scope', `  not ${scope}`,
	res.status, res.text);
ok((res = await mint('vault:default:read', keeper, { subject: 'root' }))
	.status === 403, '  not in another\'s name', res.status, res.text);
ok((res = await ask('POST', '/api/auth/revoke-token', { headers: {
	authorization: `Bearer ${token(keeper)}` },
body: JSON.stringify({ jti: child.jti }) })).status === 200,
'  and revokes it', res.status, res.text);
for (const bad of [{ expires_in: 0 }, { expires_in: 31536001 },
	{ expires_in: '60' }, { expires_in: 1.5 }, { permissions: [] },
	{ permissions: 'x' }, { audience: 7 }, { subject: '' },
	{ subject: {} }])
	ok((res = await mint('vault:default:admin', {}, bad)).status === 400 &&
		res.json?.error === 'invalid_request',
	`mint with ${JSON.stringify(bad)}: 400`, res.status, res.text);
for (const [name, post, want] of [['jti missing', '{}', 400],
	['jti too long', JSON.stringify({ jti: 'x'.repeat(257) }), 400],
	['jti no text', '{"jti":7}', 400], ['no JSON', 'jti=x', 400],
	['jti of nobody', '{"jti":"nobody"}', 404]])
	ok((res = await ask('POST', '/api/auth/revoke-token', { headers: bearer,
		body: post })).status === want, `revoke, ${name}: ${want}`,
	res.status, res.text);
ok((res = await ask('POST', '/api/auth/mint-token', { headers: bearer,
	body: `{"scope":"${'x'.repeat(70000)}"}` })).status === 413,
'a body of 70,000 bytes: 413', res.status);
const before = sql('SELECT revoked_at FROM tokens WHERE jti = ?', victim);
await ask('POST', '/api/auth/revoke-token', { headers: bearer, ...gone });
ok(JSON.stringify(before) === JSON.stringify(sql(
	'SELECT revoked_at FROM tokens WHERE jti = ?', victim)) &&
	before[0][0], 'a token stays revoked since the first time', before);

bye();
end();
