/**
 * The number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into
 * `b`, none of them inside another.
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (beforePrevious[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min(substitution, swap, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

const MAX_DISTANCE = 2;

export interface SuggestOptions {
  /** Compare without regard to case, and answer in the case of the given word. */
  readonly ignoreCase?: boolean;
}

/** The option nearest to `word` (the first of several), if it is at most two edits away and none is equal. */
export function suggest(
  word: string,
  options: Iterable<string>,
  { ignoreCase = false }: SuggestOptions = {},
): string | undefined {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  let best: string | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  for (const option of options) {
    if (fold(option) === fold(word)) return undefined;
    if (Math.abs(option.length - word.length) >= bestDistance) continue;
    const distance = editDistance(fold(word), fold(option));
    if (distance < bestDistance) [best, bestDistance] = [option, distance];
  }
  if (best === undefined || !ignoreCase) return best;
  if (word === word.toUpperCase()) return best.toUpperCase();
  return word === word.toLowerCase() ? best.toLowerCase() : best;
}

/** `message` with ` (did you mean X?)` when an option is near. */
export function withSuggestion(message: string, suggestion: string | undefined): string {
  return suggestion === undefined ? message : `${message} (did you mean ${suggestion}?)`;
}
