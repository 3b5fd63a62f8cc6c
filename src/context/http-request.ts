import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ForgeError } from '../core/index.js';
import { isLinkLocalHost, lookupElsewhere } from './http-address.js';
import { redactUrl } from './redact.js';

const MAX_REDIRECTS = 10;

/** An answer with a body to be read, and the URL that gave it. */
export interface HttpAnswer {
  readonly url: URL;
  readonly response: IncomingMessage;
}

export interface HttpOptions {
  readonly signal: AbortSignal;
  /** How long the server may be silent. */
  readonly idleTimeoutMs: number;
}

function remoteError(code: string, url: URL, message: string, cause?: unknown): ForgeError {
  return new ForgeError(`remote/${code}`, `GET ${redactUrl(url.href)}: ${message}`, { cause });
}

function send(url: URL, redirected: boolean, options: HttpOptions): Promise<IncomingMessage> {
  const { signal, idleTimeoutMs } = options;
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      signal,
      timeout: idleTimeoutMs,
      headers: { 'user-agent': 'forge', 'accept-encoding': 'identity', accept: '*/*' },
      ...(redirected && { lookup: lookupElsewhere }),
    });
    let answered: IncomingMessage | undefined;
    sent.once('response', (response) => {
      answered = response;
      resolve(response);
    });
    sent.once('timeout', () =>
      (answered ?? sent).destroy(remoteError('timeout', url, `no answer for ${idleTimeoutMs} ms`)),
    );
    sent.once('error', (error) => {
      const known = error instanceof ForgeError || error.name === 'AbortError';
      reject(known ? error : remoteError('unreachable', url, error.message, error));
    });
    sent.end();
  });
}

/** Where a redirect may lead: on http(s), not from https to http, not to link-local addresses. */
function redirectTarget(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const refuse = (why: string) => remoteError('redirect', from, `refusing a redirect ${why}`);
  if (!to) throw refuse('to an invalid address');
  if (to.protocol !== 'http:' && to.protocol !== 'https:') throw refuse(`to a ${to.protocol} address`);
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refuse('from https to http');
  if (isLinkLocalHost(to.hostname) && !isLinkLocalHost(from.hostname))
    throw refuse('to a link-local address');
  if (to.origin !== from.origin) {
    to.username = '';
    to.password = '';
  } else if (to.username === '') {
    to.username = from.username;
    to.password = from.password;
  }
  return to;
}

/**
 * GETs a URL, following redirects that stay on http and https. Throws `remote/…`; a status of 400
 * or more is `remote/status`. The body is not decoded. Credentials in the URL go to its own origin
 * only and are in no message.
 */
export async function getUrl(text: string, options: HttpOptions): Promise<HttpAnswer> {
  if (!URL.canParse(text)) throw new ForgeError('user/url', `invalid URL ${JSON.stringify(redactUrl(text))}`);
  let url = new URL(text);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await send(url, redirects > 0, options);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (status >= 300 && status < 400 && location !== undefined) {
      response.resume();
      url = redirectTarget(url, location);
      continue;
    }
    if (status >= 200 && status < 300) return { url, response };
    response.resume();
    throw remoteError('status', url, `invalid response status ${status}`);
  }
  throw remoteError('redirect', url, `more than ${MAX_REDIRECTS} redirects`);
}
