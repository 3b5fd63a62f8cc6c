/** One statement of /etc/ld.so.conf. */
export type ConfStatement =
  | { readonly kind: 'directory'; readonly path: string }
  /** A glob; relative ones count from the directory of the file that includes. */
  | { readonly kind: 'include'; readonly pattern: string };

/**
 * Parses ld.so.conf as ldconfig does: `#` comments, `include` with globs, the obsolete `hwcap`
 * lines (without effect) and the obsolete `=libc6` suffix of a directory.
 */
export function parseLdConf(text: string): readonly ConfStatement[] {
  return text.split('\n').flatMap((line): readonly ConfStatement[] => {
    const statement = line.replace(/#.*/, '').trim();
    if (statement === '' || /^hwcap\s/.test(statement)) return [];
    const include = /^include\s+(.*)$/.exec(statement)?.[1];
    if (include !== undefined) {
      return include.split(/\s+/).map((pattern) => ({ kind: 'include', pattern }));
    }
    const path = directoryOf(statement);
    return path.startsWith('/') ? [{ kind: 'directory', path }] : [];
  });
}

/** Without the obsolete suffix and the slashes at the end. */
function directoryOf(statement: string): string {
  const equals = statement.lastIndexOf('=');
  const hasSuffix = equals >= 0 && !statement.includes('/', equals);
  const path = (hasSuffix ? statement.slice(0, equals) : statement).trim();
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}
