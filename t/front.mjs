// SPDX-License-Identifier: MIT
// What the tests of the front door that are written for node share. They are
// started by judge (front.sh) and print their results themselves.

import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const home = process.env.PARACHUTE_HOME;
export const port = Number(process.env.WEB_PORT);
export const origin = `http://127.0.0.1:${port}`;

// --- results

export function ok(fine, name, ...why) {
	console.log(`${fine ? 'ok' : 'not ok'} ${name}`);
	if (!fine)
		for (const w of why)
			console.log('#   ' + (typeof w === 'string' ? w :
				JSON.stringify(w)).slice(0, 600));
	return fine;
}
export const end = () => console.log('end');

// What a promise fails with; undefined when it does not.
export const failure = (promise) => promise.then(() => undefined, (e) => e);

// --- requests

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// The whole answer; of a stream what came first.
export function ask(method, target, o = {}) {
	return new Promise((resolve, reject) => {
		const r = http.request({ host: '127.0.0.1', port, method,
			path: target, headers: { ...o.headers },
			agent: o.stream ? false : agent }, (res) => {
			let text = '';
			const done = () => resolve({ status: res.statusCode,
				headers: res.headers, text, get json() {
					try { return JSON.parse(text); }
					catch { return undefined; }
				} });
			res.setEncoding('utf8');
			res.on('data', (d) => {
				text += d;
				if (o.stream && res.statusCode === 200) {
					done();
					r.destroy();
				}
			});
			res.on('end', done);
			res.on('error', (e) => o.stream ? done() : reject(e));
		});
		r.on('error', reject);
		if (o.body !== undefined) {
			r.setHeader('content-type', 'application/json');
			r.setHeader('content-length',
				Buffer.byteLength(o.body));
			r.write(o.body);
		}
		r.end();
	});
}
export const bye = () => agent.destroy();

// --- hub.db and its keys

export const sql = (...args) => JSON.parse(execFileSync(
	process.env.PYTHON ?? 'python3',
	[path.join(here, 'refhome.py'), 'sql', home, ...args]));

export function activeKey() {
	const [[kid, publicPem, privatePem]] = sql(`SELECT kid,
		public_key_pem, private_key_pem FROM signing_keys WHERE
		retired_at IS NULL ORDER BY created_at DESC LIMIT 1`);
	return { kid, publicPem, privatePem };
}

export const b64u = (v) => Buffer.from(
	typeof v === 'string' || Buffer.isBuffer(v) ? v : JSON.stringify(v)
).toString('base64url');
export const jti = () => b64u(crypto.randomBytes(16));
export const seconds = () => Math.floor(Date.now() / 1000);
export const sign = (key, claims, header = {}) => {
	const text = [{ alg: 'RS256', kid: key.kid, ...header }, claims]
		.map(b64u).join('.');
	return `${text}.${b64u(crypto.sign('sha256', text, key.privatePem))}`;
};
export const admin = 'parachute:host:admin parachute:host:auth';
export const claims = (over = {}) => ({ scope: admin,
	client_id: 'parachute-hub-spa', vault_scope: [], sub: 'tester',
	iss: origin, iat: seconds(), exp: seconds() + 600, aud: 'hub',
	jti: jti(), ...over });

// --- the package that t/npm.sh fetched

export const jose = () => import(pathToFileURL(
	path.join(process.env.JOSE, 'dist/node/esm/index.js')));
