import type { HealthcheckConfig } from '../buildfile/index.js';
import type { CopyOperation, CopySource } from './types.js';

/** The texts that BuildKit writes as `created_by`; what it prints by Go's formats is printed alike. */

/** Go's %q of a string list. */
export function quoteList(words: readonly string[]): string {
  return `[${words.map(goQuote).join(' ')}]`;
}

/** Go's strconv.Quote for the text that Buildfiles hold. */
export function goQuote(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '"': '\\"',
    '\\': '\\\\',
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\v': '\\v',
    '\f': '\\f',
    '\b': '\\b',
    '\x07': '\\a',
  };
  const body = text.replace(/["\\\p{Cc}]/gu, (character) => {
    const code = character.charCodeAt(0);
    return (
      escapes[character] ??
      (code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`)
    );
  });
  return `"${body}"`;
}

/** `|N K=V … argv` with the build args declared so far, each name once, then the command. */
export function runText(
  argv: readonly string[],
  declaredArgs: readonly string[],
  value: (name: string) => string,
): string {
  const names = [...new Set(declaredArgs)];
  const prefix =
    names.length > 0 ? [`|${names.length}`, ...names.map((name) => `${name}=${value(name)}`)] : [];
  return `RUN ${[...prefix, ...argv].join(' ')} # buildkit`;
}

function sourceText(source: CopySource): string {
  switch (source.kind) {
    case 'path':
      return source.path;
    case 'inline':
      return `<<${source.name}`;
    case 'url':
    case 'git':
      return source.url;
  }
}

/** COPY or ADD, with the flags that BuildKit mentions. `destination` is as written. */
export function copyText(operation: CopyOperation, destination: string): string {
  const flags = [
    ...(operation.parents ? ['--parents'] : []),
    ...(operation.chown ? [`--chown=${operation.chown}`] : []),
    ...(operation.chmod ? [`--chmod=${operation.chmod}`] : []),
  ];
  const sources = operation.sources.map(sourceText);
  return [operation.instruction, ...flags, ...sources, destination, '# buildkit'].join(' ');
}

/** Go's time.Duration.String(). */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const seconds = nanoseconds / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

export function healthcheckText(check: HealthcheckConfig): string {
  const duration = (value: number | undefined) => goDuration(value ?? 0);
  const fields = [
    `Test:[${check.test.join(' ')}]`,
    `Interval:${duration(check.intervalNs)}`,
    `Timeout:${duration(check.timeoutNs)}`,
    `StartPeriod:${duration(check.startPeriodNs)}`,
    `StartInterval:${duration(check.startIntervalNs)}`,
    `Retries:${check.retries ?? 0}`,
  ];
  return `HEALTHCHECK {${fields.join(' ')}}`;
}
