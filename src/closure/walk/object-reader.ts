import { ForgeError } from '../../core/index.js';
import { isElf } from '../elf/header.js';
import { type ElfObject, readElf } from '../elf/read-elf.js';
import type { Arrival, PathWalker } from '../root/path-walker.js';
import { parseShebang, SHEBANG_BYTES, type Shebang } from '../search/shebang.js';

/** What a regular file turned out to be. */
export type FileContent =
  | { readonly kind: 'elf'; readonly object: ElfObject }
  | { readonly kind: 'script'; readonly shebang: Shebang }
  | { readonly kind: 'other' }
  | { readonly kind: 'broken'; readonly error: ForgeError };

/** Dynamic symbols that tell the rules what a program will open at run time. */
const WANTED_IMPORTS: readonly string[] = [
  'pthread_exit',
  'pthread_cancel',
  'thrd_exit',
  'backtrace',
  'iconv_open',
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
  'localtime',
  'localtime_r',
  'tzset',
  'setupterm',
];
/** Dynamic symbols by which musl's loader knows a second libc. */
const WANTED = { imports: new Set(WANTED_IMPORTS), exports: ['__libc_start_main', 'stdin'] };

/** Reads each file once, whatever number of names it has. */
export class ObjectReader {
  private readonly contents = new Map<string, FileContent>();

  constructor(private readonly walker: PathWalker) {}

  /** Never throws for what is in the file: unreadable and malformed files are `broken`. */
  read({ path, stat }: Arrival): FileContent {
    const known = this.contents.get(stat.inode);
    if (known !== undefined) return known;
    const content = stat.kind === 'file' ? this.readFile(path) : ({ kind: 'other' } as const);
    this.contents.set(stat.inode, content);
    return content;
  }

  private readFile(path: string): FileContent {
    try {
      const file = this.walker.root.open(path);
      try {
        const start = file.read(0, Math.min(SHEBANG_BYTES, file.sizeBytes));
        if (isElf(start)) return { kind: 'elf', object: readElf(file, WANTED) };
        const shebang = parseShebang(start);
        return shebang === undefined ? { kind: 'other' } : { kind: 'script', shebang };
      } finally {
        file.close();
      }
    } catch (error) {
      if (error instanceof ForgeError) return { kind: 'broken', error };
      throw error;
    }
  }
}
