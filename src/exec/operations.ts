import type { ByteWriter } from './byte-writer.js';

/** One step of making a box; the sandbox server executes a list of them in order, in the box's first process. */
export type Operation =
  /** Moves the box into a cgroup: path of its `cgroup.procs`. */
  | { readonly kind: 'join-cgroup'; readonly file: string }
  | { readonly kind: 'unshare'; readonly namespaces: number }
  | { readonly kind: 'private' }
  | {
      readonly kind: 'root-overlay';
      readonly base: string;
      /** Where the overlay goes, relative to base. */
      readonly place: string;
      /** MS_* of mount(2). */
      readonly flags: number;
      /** Mount options, tried in turn until the kernel takes one. */
      readonly options: readonly string[];
    }
  | { readonly kind: 'root-directory'; readonly path: string; readonly attributes: number }
  | {
      readonly kind: 'mount';
      readonly type: string;
      readonly target: string;
      /** MOUNT_ATTR_*. */
      readonly attributes: number;
      /** A symlink on the way to the target is an error. */
      readonly noLinks: boolean;
      /** An empty value is a flag. */
      readonly options: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'bind';
      readonly source: string;
      /** Path below source, resolved inside it; empty for source itself. */
      readonly subpath: string;
      readonly target: string;
      readonly attributes: number;
      readonly recursive: boolean;
      /** Makes a missing mount point. */
      readonly create: boolean;
    }
  | {
      readonly kind: 'overlay';
      readonly target: string;
      readonly upper: string;
      readonly flags: number;
      readonly options: readonly string[];
    }
  | {
      readonly kind: 'data';
      readonly target: string;
      readonly content: Uint8Array;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number }
  | {
      readonly kind: 'device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    }
  | { readonly kind: 'symlink'; readonly link: string; readonly path: string }
  /** Makes a directory's mount nodev but for these device nodes in it. */
  | { readonly kind: 'expose'; readonly directory: string; readonly names: readonly string[] }
  | { readonly kind: 'mask'; readonly path: string }
  | { readonly kind: 'readonly'; readonly path: string }
  /** Adds MOUNT_ATTR_* to the mount at a path. */
  | { readonly kind: 'restrict'; readonly path: string; readonly attributes: number }
  | { readonly kind: 'hostname'; readonly name: string }
  | { readonly kind: 'loopback' }
  | { readonly kind: 'console'; readonly uid: number; readonly columns: number; readonly rows: number }
  | { readonly kind: 'pivot' };

/** The numbers of native/forge/operations.h. */
export const OPERATION_CODES: Readonly<Record<Operation['kind'], number>> = {
  'join-cgroup': 1,
  unshare: 2,
  private: 3,
  'root-overlay': 4,
  'root-directory': 5,
  mount: 6,
  bind: 7,
  overlay: 8,
  data: 9,
  mkdir: 10,
  file: 11,
  device: 12,
  symlink: 13,
  expose: 14,
  mask: 15,
  readonly: 16,
  restrict: 17,
  hostname: 18,
  loopback: 19,
  console: 20,
  pivot: 21,
};

/** Writes the arguments of one operation in the order in which its C function reads them. */
function writeArguments(writer: ByteWriter, operation: Operation): void {
  switch (operation.kind) {
    case 'join-cgroup':
      writer.text(operation.file);
      break;
    case 'unshare':
      writer.u32(operation.namespaces);
      break;
    case 'root-overlay':
      writer.text(operation.base).text(operation.place).u32(operation.flags).texts(operation.options);
      break;
    case 'root-directory':
      writer.text(operation.path).u32(operation.attributes);
      break;
    case 'mount': {
      const options = Object.entries(operation.options);
      writer.text(operation.type).text(operation.target).u32(operation.attributes);
      writer.u8(operation.noLinks ? 1 : 0).u32(options.length);
      for (const [key, value] of options) writer.text(key).text(value);
      break;
    }
    case 'bind':
      writer.text(operation.source).text(operation.subpath).text(operation.target).u32(operation.attributes);
      writer.u8(operation.recursive ? 1 : 0).u8(operation.create ? 1 : 0);
      break;
    case 'overlay':
      writer.text(operation.target).text(operation.upper).u32(operation.flags).texts(operation.options);
      break;
    case 'data':
      writer.text(operation.target).text(operation.content);
      writer.u32(operation.mode).u32(operation.uid).u32(operation.gid);
      break;
    case 'mkdir':
    case 'file':
      writer.text(operation.path).u32(operation.mode);
      break;
    case 'device':
      writer.text(operation.path).u32(operation.mode).u32(operation.major).u32(operation.minor);
      break;
    case 'symlink':
      writer.text(operation.link).text(operation.path);
      break;
    case 'expose':
      writer.text(operation.directory).texts(operation.names);
      break;
    case 'mask':
    case 'readonly':
      writer.text(operation.path);
      break;
    case 'restrict':
      writer.text(operation.path).u32(operation.attributes);
      break;
    case 'hostname':
      writer.text(operation.name);
      break;
    case 'console':
      writer.u32(operation.uid).u32(operation.columns).u32(operation.rows);
      break;
    case 'private':
    case 'loopback':
    case 'pivot':
      break;
  }
}

/** Writes a list of operations as native/forge/setup.c reads it. */
export function writeOperations(writer: ByteWriter, operations: readonly Operation[]): void {
  writer.u32(operations.length);
  for (const operation of operations) {
    writer.u8(OPERATION_CODES[operation.kind]);
    writeArguments(writer, operation);
  }
}
