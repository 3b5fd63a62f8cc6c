import { ForgeError } from '../core/index.js';

/** `# check=skip=A,B;error=true;experimental=C`. */
export interface CheckOptions {
  readonly skip: ReadonlySet<string> | 'all';
  readonly experimental: ReadonlySet<string> | 'all';
  readonly error: boolean;
}

export const NO_CHECK_OPTIONS: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);
const MAX_PARTS = 3;

function bad(message: string): ForgeError {
  return new ForgeError('user/check-options', `failed to parse check options: ${message}`, {
    hint: 'write skip=Rule,Rule or skip=all, error=true, experimental=Rule, joined by ;',
  });
}

function parseRules(value: string): ReadonlySet<string> | 'all' {
  return value === 'all' ? 'all' : new Set(value.split(',').map((rule) => rule.trim()));
}

function parseBoolean(part: string, value: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
  throw bad(`failed to parse check option ${JSON.stringify(part)}: ${why}`);
}

/** The first parts of `text`, cut at `;`; the last one keeps the rest. */
function partsOf(text: string): readonly string[] {
  const parts = text.split(';');
  return parts.length <= MAX_PARTS
    ? parts
    : [...parts.slice(0, MAX_PARTS - 1), parts.slice(MAX_PARTS - 1).join(';')];
}

/** Merges two lists of rules. */
function both(a: CheckOptions['skip'], b: CheckOptions['skip']): CheckOptions['skip'] {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}

/** Parses the value of a check directive, of an inline check comment, or of BUILDKIT_DOCKERFILE_CHECK. */
export function parseCheckOptions(text: string): CheckOptions {
  let options = NO_CHECK_OPTIONS;
  if (text.trim() === '') return options;
  for (const part of partsOf(text.trim())) {
    const equals = part.indexOf('=');
    if (equals < 0) throw bad(`invalid check option ${JSON.stringify(part)}`);
    const key = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    if (key === 'skip') options = { ...options, skip: both(options.skip, parseRules(value)) };
    else if (key === 'experimental') {
      options = { ...options, experimental: both(options.experimental, parseRules(value)) };
    } else if (key === 'error') options = { ...options, error: parseBoolean(part, value) };
    else throw bad(`invalid check option ${JSON.stringify(key)}`);
  }
  return options;
}

const INLINE = /^check\s*=\s*(\S+)/;

/** The options in comments right above an instruction; they hold for that instruction only. */
export function inlineCheckOptions(comments: readonly string[]): CheckOptions | undefined {
  const value = comments.map((comment) => INLINE.exec(comment)?.[1]).find((text) => text !== undefined);
  return value === undefined ? undefined : parseCheckOptions(value);
}

interface NamedRule {
  readonly name: string;
  readonly experimental?: boolean;
}

/** Whether the rule is on. */
export function isEnabled(rule: NamedRule, { skip, experimental }: CheckOptions): boolean {
  if (rule.experimental) return experimental === 'all' || experimental.has(rule.name);
  return skip !== 'all' && !skip.has(rule.name);
}
