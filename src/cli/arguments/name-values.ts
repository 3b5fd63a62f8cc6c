import { ForgeError } from '../../core/index.js';

type Environment = Readonly<Record<string, string | undefined>>;

function split(text: string, what: string): readonly [string, string | undefined] {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '')
    throw new ForgeError('user/usage', `invalid ${what} ${JSON.stringify(text)}: it has no name`);
  return [name, equals < 0 ? undefined : text.slice(equals + 1)];
}

/** `K=V`, or `K` whose value is that of the environment; left out when it has none. The last wins. */
export function fromEnvironment(
  texts: readonly string[],
  what: string,
  env: Environment,
): Readonly<Record<string, string>> {
  const pairs = texts.map((text) => split(text, what));
  const known = pairs.map(([name, value]) => [name, value ?? env[name]] as const);
  return Object.fromEntries(known.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

/** `K=V`, or `K` for an empty value. The last wins. */
export function orEmpty(texts: readonly string[], what: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name, value] = split(text, what);
      return [name, value ?? ''];
    }),
  );
}
