import { problem } from './problem.js';
import { suggest, withSuggestion } from './suggest.js';

/**
 * `bool`: `--x` or `--x=true|false`; `text`: `--x=value`, once; `list`: may be repeated;
 * `optional`: `--x` (the empty text) or `--x=value`.
 */
type FlagKind = 'bool' | 'text' | 'list' | 'optional';
export type FlagSpecs = Readonly<Record<string, FlagKind>>;

type FlagValue<Kind extends FlagKind> = Kind extends 'bool'
  ? boolean | undefined
  : Kind extends 'list'
    ? readonly string[]
    : string | undefined;

export type FlagValues<Specs extends FlagSpecs> = { readonly [Name in keyof Specs]: FlagValue<Specs[Name]> };

/** Reads the flags of one instruction; throws on an unknown, repeated or malformed one. */
export function parseFlags<const Specs extends FlagSpecs>(
  flags: readonly string[],
  specs: Specs,
): FlagValues<Specs> {
  const values = new Map<string, boolean | string | string[]>();
  for (const [name, kind] of Object.entries(specs)) if (kind === 'list') values.set(name, []);
  for (const flag of flags) setFlag(values, flag, specs);
  // The map holds for each name what its kind says; the loop above is the proof.
  return Object.fromEntries(values) as FlagValues<Specs>;
}

function setFlag(values: Map<string, boolean | string | string[]>, flag: string, specs: FlagSpecs): void {
  const equals = flag.indexOf('=');
  const written = equals < 0 ? flag : flag.slice(0, equals);
  const value = equals < 0 ? undefined : flag.slice(equals + 1);
  const name = written.slice(2);
  const kind = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (kind === undefined) throw unknownFlag(written, name, specs);
  const earlier = values.get(name);
  if (Array.isArray(earlier)) earlier.push(required(written, value));
  else if (earlier !== undefined) {
    throw problem('duplicate-flag', `duplicate flag specified: ${written}`, `give ${written} once`, written);
  } else values.set(name, flagValue(kind, written, value));
}

function flagValue(kind: FlagKind, written: string, value: string | undefined): boolean | string {
  if (kind === 'bool') return parseBoolean(written, value);
  return kind === 'optional' && value === undefined ? '' : required(written, value);
}

function unknownFlag(written: string, name: string, specs: FlagSpecs) {
  const suggestion = suggest(name, Object.keys(specs));
  const known = Object.keys(specs).map((flag) => `--${flag}`);
  const hint =
    known.length === 0
      ? 'this instruction takes no flags; `--` alone ends flags'
      : `it takes ${known.join(', ')}; \`--\` alone ends flags`;
  return problem('unknown-flag', withSuggestion(`unknown flag: ${written}`, suggestion), hint, written);
}

function required(written: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw problem('flag-value', `missing a value on flag: ${written}`, `write ${written}=value`, written);
}

function parseBoolean(written: string, value: string | undefined): boolean {
  if (value === undefined) return true;
  if (value === '')
    throw problem('flag-value', `missing a value on flag: ${written}`, `write ${written}=true`, written);
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  throw problem(
    'flag-value',
    `expecting boolean value for flag ${written}, not: ${value}`,
    undefined,
    written,
  );
}
