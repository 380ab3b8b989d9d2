// SPDX-License-Identifier: MIT
// jose and we: each verifies what the other made.

import crypto from 'node:crypto';
import fs from 'node:fs';
import { activeKey, ask, bye, claims, end, failure, home, jose, ok, origin,
	port, seconds } from './front.mjs';

const j = await jose();
const key = activeKey();
const jwksUrl = new URL('/.well-known/jwks.json', origin);
const keys = j.createRemoteJWKSet(jwksUrl);
const issuers = [origin, `http://localhost:${port}`, 'https://hub.example'];
const verify = (t, o = {}) => j.jwtVerify(t, keys, { issuer: issuers,
	algorithms: ['RS256'], ...o });
const read = (name) => fs.readFileSync(name, 'utf8').trim();

// --- the key set

const set = await (await fetch(jwksUrl)).json();
ok(JSON.stringify(Object.keys(set)) === '["keys"]' && set.keys.length === 1,
	'JWKS: one key', set);
for (const jwk of set.keys) {
	const n = Buffer.from(jwk.n, 'base64url');
	const pem = sha(key.publicPem);

	ok(Object.keys(jwk).sort().join() === 'alg,e,kid,kty,n,use' &&
		jwk.alg === 'RS256' && jwk.use === 'sig' &&
		jwk.kty === 'RSA' && jwk.e === 'AQAB', '  its members', jwk);
	ok(n.length === 256 && n[0] >= 128 && !/[+/=]/.test(jwk.n),
		'  n: 2048 bits, no zero in front, base64url', jwk.n);
	ok(jwk.kid === key.kid && jwk.kid === pem,
		'  kid: the hash of the public PEM', jwk.kid, key.kid, pem);
	const there = await j.exportJWK(await j.importSPKI(key.publicPem,
		'RS256'));
	ok(there.n === jwk.n && there.e === jwk.e, '  the same as the PEM');
}
function sha(text) {
	return crypto.createHash('sha256').update(text).digest('base64url');
}

// --- our tokens, verified by jose

const http = await ask('POST', '/api/auth/mint-token', {
	headers: { authorization: `Bearer ${read(`${home}/operator.token`)}` },
	body: JSON.stringify({ scope: 'vault:work:read vault:work:write',
		expires_in: 3600, subject: 'somebody',
		permissions: { scoped_tags: ['a', '\u00e9"\\'], n: 1.5 } }) });
ok(http.status === 200, 'mint through HTTP', http.status, http.text);

// name, token, audience, scope, seconds that it lives, more
const ours = [
	['operator.token', read(`${home}/operator.token`), 'operator', undefined,
		90 * 86400, { pa_scope_set: 'admin', sub: 'operator' }],
	['mint-token', read('plain'), 'scribe', 'scribe:transcribe', 90 * 86400],
	['mint-token --ephemeral', read('short'), 'vault.default',
		'vault:default:read', 3600],
	['mint-token with all there is', read('all'), 'else',
		'vault:default:write scribe:transcribe', 777,
		{ sub: 'cron job', permissions: { scoped_tags: ['x'] } }],
	['through HTTP', http.json?.token, 'vault.work',
		'vault:work:read vault:work:write', 3600, { sub: 'somebody',
			permissions: { scoped_tags: ['a', '\u00e9"\\'],
				n: 1.5 } }],
];
for (const [name, token, audience, scope, ttl, more = {}] of ours) {
	let done;
	const e = await failure(verify(token, { audience }).then(
		(d) => { done = d; }));

	if (!ok(!e, `jose verifies ${name}`, String(e)))
		continue;
	const { payload: p, protectedHeader: h } = done;
	const names = ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'scope',
		'sub', 'vault_scope', ...Object.keys(more).filter(
			(k) => k !== 'sub')].sort().join();

	ok(JSON.stringify(h) === JSON.stringify({ alg: 'RS256', kid: key.kid }),
		'  header: alg and kid', h);
	ok(Object.keys(p).sort().join() === names, '  its claims',
		Object.keys(p), names);
	ok(p.iss === origin && p.client_id === 'parachute-hub' &&
		Array.isArray(p.vault_scope) && typeof p.aud === 'string' &&
		typeof p.sub === 'string' && p.sub !== '' &&
		/^[A-Za-z0-9_-]{22}$/.test(p.jti), '  their form', p);
	ok(Number.isInteger(p.iat) && p.exp === p.iat + ttl &&
		Math.abs(p.iat - seconds()) < 600, `  lives ${ttl} s`, p);
	ok(scope === undefined || p.scope === scope, '  scope', p.scope);
	for (const [k, v] of Object.entries(more))
		ok(JSON.stringify(p[k]) === JSON.stringify(v), `  ${k}`, p[k]);
	ok((await failure(verify(token, { issuer: 'https://hub.example' })))
		?.code === 'ERR_JWT_CLAIM_VALIDATION_FAILED',
	'  not of another issuer');
	const bent = token.replace(/\.(.)([^.]*)$/, (_, a, rest) =>
		`.${a === 'A' ? 'B' : 'A'}${rest}`);
	ok((await failure(verify(bent)))?.code ===
		'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', '  nor bent');
	ok(!await failure(j.compactVerify(token, await j.importSPKI(
		key.publicPem, 'RS256'))), '  by the PEM as well');
}

// --- tokens of jose, taken by us

const mine = await j.importPKCS8(key.privatePem, 'RS256');
const made = (over, by = mine, header = {}) => new j.SignJWT(claims(over))
	.setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header }).sign(by);
const list = async (token) => (await ask('GET', '/api/modules', { headers: {
	authorization: `Bearer ${token}` } })).status;
const pair = await j.generateKeyPair('RS256');

ok(await list(await made()) === 200, 'we take a token of jose');
ok(await list(await made({}, mine, { typ: 'JWT' })) === 200, '  with a typ');
ok(await list(await made({ nbf: seconds() - 1, x: { y: ['\u00fc'] } })) ===
	200, '  with more claims');
ok(await list(await made({ aud: 'operator' })) === 200, '  for the operator');
ok(await list(await made({ aud: 'scribe' })) === 401, '  not for scribe');
ok(await list(await made({ scope: 'parachute:host:admin' })) === 403,
	'  not without the scope');
ok(await list(await made({}, pair.privateKey)) === 401,
	'  not by another key under our kid');
ok(await list(new j.UnsecuredJWT(claims()).encode()) === 401,
	'  not without a signature');
ok(await list(await new j.SignJWT(claims()).setProtectedHeader({ alg: 'HS256',
	kid: key.kid }).sign(Buffer.from(key.publicPem))) === 401,
'  not by the public PEM as a secret');
ok(await list(await new j.SignJWT(claims()).setProtectedHeader({ alg: 'PS256',
	kid: key.kid }).sign(await j.importPKCS8(key.privatePem, 'PS256'))) ===
	401, '  not in PSS');
ok(await list(await new j.SignJWT(claims()).setProtectedHeader({ alg: 'RS384',
	kid: key.kid }).sign(await j.importPKCS8(key.privatePem, 'RS384'))) ===
	401, '  not with SHA-384');

// --- node's fetch reads every public document

for (const [path, type, has] of [
	['/health', 'application/json', 'status'],
	['/api/ready', 'application/json', 'ready'],
	['/.well-known/jwks.json', 'application/json', 'keys'],
	['/.well-known/parachute-revocation.json', 'application/json', 'jtis'],
	['/.well-known/parachute.json', 'application/json', 'services'],
	['/.well-known/oauth-protected-resource', 'application/json',
		'resource'],
	['/', 'text/html'], ['/hub.html', 'text/html']]) {
	const res = await fetch(origin + path, { redirect: 'error' });
	const text = await res.text();

	ok(res.status === 200 && (res.headers.get('content-type') ?? '')
		.startsWith(type), `fetch ${path}: 200, ${type}`, res.status,
	res.headers.get('content-type'));
	ok(has ? has in JSON.parse(text) : /<html/i.test(text), '  its content',
		text);
}
const resource = await (await fetch(
	`${origin}/.well-known/oauth-protected-resource`)).json();
ok(resource.resource === origin && JSON.stringify(
	resource.authorization_servers) === JSON.stringify([origin]) &&
	JSON.stringify(resource.bearer_methods_supported) === '["header"]' &&
	Array.isArray(resource.scopes_supported) && !resource.scopes_supported
		.some((s) => /^parachute:host:|^hub:admin$|^scribe:admin$/.test(s)),
'protected resource: ours, without the scopes nobody may ask for', resource);
const list2 = await (await fetch(
	`${origin}/.well-known/parachute-revocation.json`)).json();
ok(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(list2.generated_at) &&
	JSON.stringify(list2.jtis) === '[]', 'revocation: empty, with its time',
list2);

bye();
end();
