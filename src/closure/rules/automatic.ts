import { posix } from 'node:path';
import type { ResolvedProgram } from '../walk/closure-walk.js';
import { isInsideLibc } from './nss.js';
import type { RuleSource } from './rule-source.js';

/** What programs open at run time without their files saying so: guesses, reported by name. */
export interface AutomaticRule {
  readonly name: string;
  readonly apply: (source: RuleSource) => void;
}

/** Functions of libc that open libgcc_s.so.1 to unwind the stack. */
const UNWINDING = ['pthread_exit', 'pthread_cancel', 'thrd_exit', 'backtrace'];
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
const MOZILLA_NSS = [
  'libsoftokn3.so',
  'libfreebl3.so',
  'libfreeblpriv3.so',
  'libnssckbi.so',
  'libnssdbm3.so',
  'libnsssysinit.so',
];

/** True when an object of the process, other than libc, calls one of the functions. */
export function callsOneOf({ process }: ResolvedProgram, functions: readonly string[]): boolean {
  return process.objects.some(({ object }) => {
    return object.soname !== 'libc.so.6' && functions.some((name) => object.symbols.imports.has(name));
  });
}

function loads({ process }: ResolvedProgram, soname: string): boolean {
  return process.objects.some(({ object }) => object.soname === soname);
}

const libgcc: AutomaticRule = {
  name: 'libgcc_s',
  apply(source) {
    for (const program of source.programs) {
      if (program.loader.kind !== 'glibc' || loads(program, 'libgcc_s.so.1')) continue;
      if (callsOneOf(program, UNWINDING)) source.addLibrary('libgcc_s.so.1', program);
    }
  },
};

/** Before glibc 2.34 even the plain files and DNS were modules. */
const oldNss: AutomaticRule = {
  name: 'nss',
  apply(source) {
    for (const program of source.programs) {
      if (program.loader.kind !== 'glibc' || !callsOneOf(program, NAME_SERVICE)) continue;
      for (const service of ['files', 'dns']) {
        if (!isInsideLibc(service, program)) source.addLibrary(`libnss_${service}.so.2`, program);
      }
    }
  },
};

const mozillaNss: AutomaticRule = {
  name: 'mozilla-nss',
  apply(source) {
    for (const program of source.programs) {
      const nss = program.process.objects.find(({ object }) => object.soname === 'libnss3.so');
      if (nss === undefined) continue;
      for (const name of MOZILLA_NSS) {
        if (source.addLibrary(name, program, nss)) addChecksum(source, posix.dirname(nss.arrival.path), name);
      }
    }
  },
};

function addChecksum(source: RuleSource, directory: string, name: string): void {
  const checksum = name.replace(/\.so$/, '.chk');
  source.addAll([`${directory}/${checksum}`, `${directory}/nss/${checksum}`]);
}

/** Checksums that libraries in FIPS mode compare themselves with. */
const fips: AutomaticRule = {
  name: 'fips-hmac',
  apply(source) {
    for (const { object } of source.objects.values()) {
      const { path } = object.arrival;
      source.add(posix.join(posix.dirname(path), `.${posix.basename(path)}.hmac`), object.filePath);
    }
  },
};

/** git runs its helpers for transports by name from its own directory. */
const git: AutomaticRule = {
  name: 'git',
  apply(source) {
    for (const { object } of source.programs) {
      if (posix.basename(object.arrival.path) !== 'git') continue;
      for (const directory of ['/usr/lib/git-core', '/usr/libexec/git-core', '/usr/local/libexec/git-core']) {
        for (const path of source.glob(`${directory}/git-remote-*`))
          if (source.isElf(path)) source.addProgram(path, object.filePath);
      }
      for (const path of ['/usr/share/git-core/templates']) source.addTree(path);
    }
  },
};

export const automaticRules: readonly AutomaticRule[] = [libgcc, oldNss, mozillaNss, fips, git];
