/** How COPY --chmod changes modes: octal replaces, symbolic operations are applied in order. */
export type ModeChange = { readonly octal: number } | { readonly operations: readonly ModeOperation[] };

export interface ModeOperation {
  /** Bits of who: u=4, g=2, o=1. */
  readonly who: number;
  readonly operator: '+' | '-' | '=';
  /** r=4, w=2, x=1. */
  readonly permissions: number;
  /** `X`: x for directories and for files that already have an x. */
  readonly conditionalExecute: boolean;
  /** s=8 (setuid/setgid as who says), t=16. */
  readonly special: number;
  /** Whose present permissions are taken (`g=u`): u=4, g=2, o=1; 0 for nobody's. */
  readonly copied: number;
}

const PERMISSION: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const WHO: Readonly<Record<string, number>> = { u: 4, g: 2, o: 1 };
const SPECIAL: Readonly<Record<string, number>> = { s: 8, t: 16 };

function parseClause(clause: string): ModeOperation[] | undefined {
  const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (!match) return undefined;
  const [, letters = '', actions = ''] = match;
  const who = whoBits(letters);
  return [...actions.matchAll(/([-+=])([rwxXst]*|[ugo])(?=[-+=]|$)/g)].map(
    ([, operator, permissions = '']) => ({
      who,
      operator: operator as '+' | '-' | '=',
      permissions: sum(permissions, PERMISSION),
      conditionalExecute: permissions.includes('X'),
      special: sum(permissions, SPECIAL),
      copied: sum(permissions, WHO),
    }),
  );
}

function whoBits(letters: string): number {
  if (letters === '' || letters.includes('a')) return 7;
  return sum(letters, WHO);
}

function sum(letters: string, bits: Readonly<Record<string, number>>): number {
  return [...new Set(letters)].reduce((total, letter) => total | (bits[letter] ?? 0), 0);
}

/** Parses the value of --chmod; undefined when it is neither octal up to 07777 nor symbolic. */
export function parseChmod(text: string): ModeChange | undefined {
  if (/^[0-7]+$/.test(text)) {
    const octal = Number.parseInt(text, 8);
    return octal <= 0o7777 ? { octal } : undefined;
  }
  const clauses = text.split(',').map(parseClause);
  if (clauses.includes(undefined)) return undefined;
  return { operations: clauses.flatMap((clause) => clause ?? []) };
}
