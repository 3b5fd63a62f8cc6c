import { posix } from 'node:path';
import type { ClosureWalk, ResolvedProgram } from '../walk/closure-walk.js';
import { callsOneOf } from './automatic.js';

const NAME_SERVICE = [
  'getaddrinfo',
  'gethostbyname',
  'gethostbyname_r',
  'getpwnam',
  'getpwnam_r',
  'getpwuid',
  'getpwuid_r',
  'getgrnam',
  'getgrgid',
  'getgrgid_r',
  'getservbyname',
];

type Test = (program: ResolvedProgram) => boolean;

const named =
  (pattern: RegExp): Test =>
  ({ object }) =>
    pattern.test(posix.basename(object.arrival.path));
const linked =
  (pattern: RegExp): Test =>
  ({ process }) =>
    process.objects.some(({ object }) => pattern.test(object.soname ?? ''));
const calls =
  (...functions: readonly string[]): Test =>
  (program) =>
    callsOneOf(program, functions);

/** Signs that a program will want a data set. */
const SIGNS: readonly (readonly [string, Test])[] = [
  ['ca-certificates', linked(/^lib(ssl|gnutls|curl|nss3|mbedtls)\b/)],
  ['openssl', linked(/^libcrypto\.so/)],
  ['nss', calls(...NAME_SERVICE)],
  ['gconv', calls('iconv_open')],
  ['tzdata', calls('localtime', 'localtime_r', 'tzset')],
  ['terminfo', linked(/^lib(tinfo|ncurses|ncursesw|readline|edit)\b/)],
  ['locales', linked(/^lib(readline|tinfo|ncursesw|glib-2\.0)\b/)],
  ['python', named(/^python\d/)],
  ['node', named(/^node(js)?$/)],
  ['perl', named(/^perl/)],
];

/** The data sets that the programs of a closure seem to want, sorted. */
export function suggestData(walk: ClosureWalk): readonly string[] {
  const programs = [...walk.programs.values()];
  return SIGNS.filter(([, test]) => programs.some(test))
    .map(([name]) => name)
    .sort();
}
