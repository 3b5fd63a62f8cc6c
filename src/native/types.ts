/**
 * What the native addon (`prebuilt/linux-<arch>/forge.node`) offers: few, large verbs. JavaScript
 * decides, C does: no verb calls back per file. Every asynchronous verb runs on its own threads,
 * rejects with an Error that carries `code` (errno name, or an `EFORGE_*` code of ours), `syscall`
 * and `path`, and can be watched and cancelled through `control`.
 *
 * Paths named `…Root` are absolute host paths that are trusted; every other path is untrusted and
 * is resolved beneath its root with openat2.
 */

/**
 * Shared words between JavaScript and a running verb: [0] set to 1 cancels (the verb rejects with
 * code `EFORGE_CANCELLED`), [1] bytes done, [2] entries done, [3] bytes in all when known.
 */
export type Control = BigInt64Array<SharedArrayBuffer>;

/** A compiled ignore/exclude matcher (see `context/`), understood by both TypeScript and C. */
export type PatternProgram = Uint8Array;

export type CompressionKind = 'none' | 'gzip' | 'zstd';

export interface PackOptions {
  /** The tree to pack: an overlay upper directory, or any directory. */
  readonly sourceRoot: string;
  /**
   * The directories below it, nearest first (absolute). With them, `sourceRoot` is read as an
   * overlay upper: 0/0 character devices and opaque directories become whiteouts, and what is the
   * same as in the layers below is left out. Without them everything is packed.
   */
  readonly lowerRoots: readonly string[];
  /** Paths (no leading slash) that must not appear: mount points that forge itself made. */
  readonly omit: readonly string[];
  readonly compression: CompressionKind;
  /** libdeflate 1–12, zstd 1–19; ignored for none. */
  readonly level: number;
  /** mtimes later than this are set to it (SOURCE_DATE_EPOCH, seconds). */
  readonly clampMtimeSeconds?: number;
  /** Where to write the blob: a file created exclusively. Absent: only the diffID is computed. */
  readonly destination?: string;
  readonly threads: number;
  readonly control?: Control;
}

export interface PackResult {
  /** sha256 of the uncompressed tar, hex. */
  readonly diffId: string;
  /** sha256 of what was written, hex; equal to diffId for compression none. */
  readonly digest: string;
  /** Bytes of the blob (of the tar, when nothing was written). */
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
  readonly entries: number;
}

export interface CompressOptions {
  /** An uncompressed tar blob. */
  readonly source: string;
  readonly destination: string;
  readonly compression: CompressionKind;
  readonly level: number;
  readonly threads: number;
  readonly control?: Control;
}

export interface CompressResult {
  /** sha256 of what was written, and of the source; hex. */
  readonly digest: string;
  readonly diffId: string;
  readonly sizeBytes: number;
}

export interface ApplyOptions {
  /** The layer blob: a file; tar, tar+gzip, tar+zstd, by content. */
  readonly blob: string;
  /**
   * Where the stack stands: an absolute directory that shows the layers so far (an overlay mount,
   * or a plain directory for the first layer or a flat root file system). Whiteouts remove.
   */
  readonly destinationRoot: string;
  /**
   * Directory below destinationRoot that is the archive's root, symlinks followed inside
   * destinationRoot, made when missing. Absent: destinationRoot itself.
   */
  readonly destinationPath?: string;
  /** False: `.wh.` names are names like others (an archive of ADD). Absent: they remove, as in a layer. */
  readonly whiteouts?: boolean;
  /** Everything belongs to these instead of what the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Checked while reading; a mismatch rejects with `EFORGE_DIGEST` (with `expected`, `actual`). Hex. */
  readonly expectedDigest?: string;
  readonly expectedDiffId?: string;
  /** Refuse with `EFORGE_LIMIT` beyond these (bombs). */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Keep going over things an ordinary user may not make (device nodes, xattrs): leave them out. */
  readonly skipDevices: boolean;
  readonly control?: Control;
}

export interface ApplyResult {
  readonly digest: string;
  readonly diffId: string;
  readonly uncompressedBytes: number;
  readonly entries: number;
  readonly skippedDevices: number;
}

/** How a mode is changed: octal replaces, otherwise symbolic operations applied in order. */
export type ModeChange =
  | { readonly octal: number }
  | {
      readonly operations: readonly {
        /** Bits of who (u=4, g=2, o=1). */
        readonly who: number;
        readonly operator: '+' | '-' | '=';
        /** r=4 w=2 x=1. */
        readonly permissions: number;
        /** `X`: adds x for directories and files that already have an x. */
        readonly conditionalExecute: boolean;
        /** s = 8 (setuid/setgid as who says), t = 16; without effect when who is only o. */
        readonly special: number;
        /** Whose present permissions are taken (`g=u`): u=4, g=2, o=1. */
        readonly copied?: number;
      }[];
    };

/** Copies sources, in order, into one destination. */
export interface CopyOptions {
  readonly sourceRoot: string;
  /** Below sourceRoot ("" for itself), without symlinks on the way and in the end: none is followed. */
  readonly sourcePaths: readonly string[];
  /** For each source, its name inside a destination that is a directory. */
  readonly sourceNames: readonly string[];
  readonly destinationRoot: string;
  /** Below destinationRoot; a leading slash is ignored, a trailing one counts. */
  readonly destinationPath: string;
  /**
   * `contents`: COPY's rules. A directory's entries go into destinationPath, which is made (0755 or
   * the octal mode, `owner` or 0:0) or keeps its mode and owner; anything else becomes
   * destinationPath or, when that is a directory or ends in a slash, goes into it. The
   * destination's symlinks are followed inside its root. Directories further down take mode and
   * owner of their sources even if they exist.
   * `entry`: the source itself becomes destinationPath, whose last component is not followed.
   */
  readonly shape: 'contents' | 'entry';
  /** Owner of all that is copied and made; absent: kept from the source (`keepOwner`) or 0:0. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly keepOwner: boolean;
  readonly mode?: ModeChange;
  /** Patterns against the path below sourceRoot (.dockerignore). */
  readonly ignore?: PatternProgram;
  /** Only what these match below a copied directory, and the directories above it (`--parents`). */
  readonly include?: PatternProgram;
  /** Not what these match below a copied directory (`--exclude`). */
  readonly exclude?: PatternProgram;
  /** Set on everything written (seconds); absent: all keep theirs, but directories only made on the way. */
  readonly mtimeSeconds?: number;
  /** user.* xattrs and security.capability: kept from stages, dropped from contexts. */
  readonly keepXattrs: boolean;
  readonly control?: Control;
}

export interface HashOptions {
  readonly sourceRoot: string;
  /** Paths below sourceRoot, each with how it will be named in the hash. */
  readonly selections: readonly {
    readonly path: string;
    /** Path hashed for the root of this selection. */
    readonly name: string;
  }[];
  /** As in CopyOptions. */
  readonly include?: PatternProgram;
  readonly exclude?: PatternProgram;
  readonly ignore?: PatternProgram;
  /** Owners and xattrs count (COPY --from); they do not for contexts. */
  readonly withOwner: boolean;
  /** File of a stat index that lets unchanged files go unread; made and updated by the verb. */
  readonly indexFile?: string;
  readonly threads: number;
  readonly control?: Control;
}

export interface HashResult {
  /** sha256, hex, over names, types, modes, link targets and contents; mtimes do not count. */
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
}

export interface ScanOptions {
  readonly root: string;
  readonly ignore?: PatternProgram;
  readonly control?: Control;
}

export interface ScanEntry {
  /** No leading slash; directories have no trailing one. */
  readonly path: string;
  readonly type: 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'char' | 'block';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** Symlink target, verbatim. */
  readonly target?: string;
  /** Path of the first entry with the same inode, for further names of a hardlinked file. */
  readonly hardlinkOf?: string;
  readonly device?: { readonly major: number; readonly minor: number };
}

export interface TreeUsage {
  readonly bytes: number;
  readonly entries: number;
}

export interface NativeAddon {
  /** tree → tar → sha256 → compress → sha256 → file, on several threads; bytes depend on nothing but the tree and the options. */
  pack(options: PackOptions): Promise<PackResult>;
  /** An uncompressed blob to a compressed one: the same bytes that `pack` gives for the same tar. */
  compress(options: CompressOptions): Promise<CompressResult>;
  /** Verify, decompress and extract one layer. After a failure the destination is to be thrown away. */
  apply(options: ApplyOptions): Promise<ApplyResult>;
  /** Whether a file is a tar (plain, gzip, zstd) that `apply` can read, with at least one entry. */
  isArchive(path: string): Promise<boolean>;
  /**
   * Rejects with `EFORGE_NOT_DIRECTORY` (a directory onto something else) and `EFORGE_IS_DIRECTORY`
   * (something else onto a directory), whose messages are BuildKit's.
   */
  copy(options: CopyOptions): Promise<TreeUsage>;
  hash(options: HashOptions): Promise<HashResult>;
  /** Sorted entries of a tree, for what needs them one by one (diff, closure, local export's tests). */
  scan(options: ScanOptions): Promise<readonly ScanEntry[]>;
  /** `rm -rf` beneath a trusted directory, not crossing mounts, not following links. */
  remove(path: string): Promise<void>;
  usage(path: string): Promise<TreeUsage>;
  /** sha256 of a file, hex (CPU's SHA instructions, own thread). */
  hashFile(path: string): Promise<{ readonly digest: string; readonly sizeBytes: number }>;
  /** Batched fsync of files and directories. */
  sync(paths: readonly string[]): Promise<void>;

  mount(source: string, target: string, fstype: string, flags: number, data: string): void;
  unmount(target: string, flags: number): void;
  /** Changes the directory that relative mount options are resolved against for one overlay mount. */
  mountOverlay(options: {
    /** Directory against which lower, upper and work names are resolved. */
    readonly base: string;
    /** Nearest first. */
    readonly lowers: readonly string[];
    readonly upper?: string;
    readonly work?: string;
    readonly target: string;
    /** Adds userxattr: inside a user namespace. */
    readonly userXattr: boolean;
  }): void;
  getXattr(path: string, name: string): Buffer | undefined;
  setXattr(path: string, name: string, value: Uint8Array): void;
  listXattrs(path: string): readonly string[];
  mknod(path: string, mode: number, major: number, minor: number): void;
  /** Access and modification time, to the nanosecond, which Node's own calls do not reach. */
  copyTimes(from: string, to: string): void;
  /** Makes a terminal show what is written to it as it is: Node's raw mode still turns \n into \r\n. */
  passOutput(fd: number): void;
  /** flock(2); false when `nonBlocking` and somebody else holds it. */
  lock(fd: number, kind: 'shared' | 'exclusive' | 'unlock', nonBlocking: boolean): boolean;
}
