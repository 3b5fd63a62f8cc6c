import { problem } from './problem.js';

const encodingProblem = (message: string, hint: string) => problem('buildfile-encoding', message, hint);

function isUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/**
 * The text of a Buildfile read from disk. Empty, UTF-16 and binary files are refused; bytes that are not
 * UTF-8 become U+FFFD, as old files have Latin-1 in their comments.
 */
export function decodeBuildfile(bytes: Uint8Array, file: string): string {
  if (isUtf16(bytes)) {
    throw encodingProblem(`${file} is UTF-16, not UTF-8`, `iconv -f UTF-16 -t UTF-8 ${file}`);
  }
  if (bytes.length === 0) {
    throw problem(
      'buildfile-empty',
      'the Dockerfile cannot be empty',
      `${file} has no bytes; a Buildfile begins with FROM`,
    );
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    throw encodingProblem(
      `${file} is not a text file: byte ${zero + 1} is zero`,
      'a Buildfile is UTF-8 text; -f names another one',
    );
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
