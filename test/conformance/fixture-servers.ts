import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { entryBytes, type HttpRoute } from './cases.js';

/** A loopback server that a case's builds fetch from. */
export interface FixtureServer extends AsyncDisposable {
  readonly port: number;
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FixtureServer> {
  const server: Server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Serves the routes of a case; an etag that the client knows is answered 304. */
export function serveRoutes(routes: Readonly<Record<string, HttpRoute>>): Promise<FixtureServer> {
  return listen((request, response) => {
    const route = routes[(request.url ?? '/').split('?')[0] ?? '/'];
    if (!route) {
      response.writeHead(404).end();
      return;
    }
    const bytes = entryBytes(route);
    const headers: Record<string, string> = { 'content-length': String(bytes.length) };
    if (route.etag) headers.etag = `"${route.etag}"`;
    if (route.last_modified) headers['last-modified'] = route.last_modified;
    if (route.content_disposition) headers['content-disposition'] = route.content_disposition;
    if (route.content_encoding) headers['content-encoding'] = route.content_encoding;
    if (route.etag && request.headers['if-none-match'] === headers.etag) {
      response.writeHead(304).end();
      return;
    }
    response.writeHead(route.status ?? 200, headers);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
}

/** Serves a directory as it is: git's dumb HTTP protocol needs no more. */
export function serveDirectory(root: string): Promise<FixtureServer> {
  return listen((request, response) => {
    const path = join(root, decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'));
    if (!path.startsWith(root) || !existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': String(statSync(path).size) });
    createReadStream(path).pipe(response);
  });
}

const GIT_ENV = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_DATE: '2024-01-01T00:00:00Z',
  GIT_COMMITTER_DATE: '2024-01-01T00:00:00Z',
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'init.defaultBranch',
  GIT_CONFIG_VALUE_0: 'master',
  GIT_CONFIG_KEY_1: 'protocol.file.allow',
  GIT_CONFIG_VALUE_1: 'always',
};

/** Runs a case's shell script in a fresh directory, which becomes a repository; it may clone from our servers. */
export async function makeRepository(directory: string, script: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await promisify(execFile)('sh', ['-ec', script], { cwd: directory, env: GIT_ENV });
}

/** The full hash of a ref in a repository. */
export function commitOf(directory: string, ref: string): string {
  return execFileSync('git', ['rev-parse', `${ref}^{commit}`], {
    cwd: directory,
    env: GIT_ENV,
    encoding: 'utf8',
  }).trim();
}
