/** The values of the dynamic string tokens for one object (ld.so(8), "Dynamic string tokens"). */
export interface TokenValues {
  readonly origin?: string;
  readonly lib?: string;
  readonly platform?: string;
}

const TOKEN = /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))/g;

/** True when `text` holds a token that depends on where the object lies. */
export function usesOrigin(text: string): boolean {
  return text.includes('$ORIGIN') || text.includes('${ORIGIN}');
}

/**
 * Replaces $ORIGIN, $LIB and $PLATFORM, with or without braces; other dollar signs stay. Undefined
 * when a token has no value: glibc then drops the whole path element.
 */
export function expandTokens(text: string, values: TokenValues): string | undefined {
  if (!text.includes('$')) return text;
  const byName = { ORIGIN: values.origin, LIB: values.lib, PLATFORM: values.platform };
  let complete = true;
  const expanded = text.replace(TOKEN, (_, braced, plain) => {
    const value = byName[(braced ?? plain) as keyof typeof byName];
    if (value === undefined) complete = false;
    return value ?? '';
  });
  return complete ? expanded : undefined;
}

/**
 * Expands the way musl does: $ORIGIN alone is known, and one other dollar sign makes the loader
 * ignore the whole list (undefined).
 */
export function expandMuslOrigin(text: string, origin: string): string | undefined {
  const expanded = text.replace(/\$(?:\{ORIGIN\}|ORIGIN)/g, () => origin.replaceAll('$', '\0'));
  return expanded.includes('$') ? undefined : expanded.replaceAll('\0', '$');
}
