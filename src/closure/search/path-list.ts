/** Splits RPATH or RUNPATH: colons; an empty element means the current directory. */
export function splitRunPath(text: string): readonly string[] {
  return text === '' ? [] : text.split(':');
}

/** Splits LD_LIBRARY_PATH as glibc does: colons and semicolons. */
export function splitLibraryPath(text: string): readonly string[] {
  return text === '' ? [] : text.split(/[:;]/);
}

/** Splits a list as musl does, in variables and in its path file: colons and newlines; empty elements do not count. */
export function splitMuslPath(text: string): readonly string[] {
  return text.split(/[:\n]/).filter((element) => element !== '');
}

/** /etc/ld.so.preload: names separated by white space or colons; `#` begins a comment. */
export function splitPreload(text: string): readonly string[] {
  return text
    .replace(/#.*/g, '')
    .split(/[\s:]+/)
    .filter((name) => name !== '');
}
