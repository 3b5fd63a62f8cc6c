import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { loadAddon, type ScanEntry } from '../../src/native/index.js';
import { type ExpectedImage, entryBytes, type FileEntry } from './cases.js';
import type { ReadImage } from './image-tree.js';

/** What differs: hard fields fail the case, soft ones are printed as notes. */
export interface Differences {
  readonly hard: string[];
  readonly soft: string[];
}

const addon = loadAddon();

function typeOf(entry: ScanEntry): string {
  return entry.hardlinkOf === undefined ? entry.type : 'hardlink';
}

/** A fixture server has another port in each run: recorded ones stand for ours. */
const LOOPBACK_PORT = /127\.0\.0\.1:\d+/g;

function withoutPorts<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replace(LOOPBACK_PORT, '127.0.0.1:PORT')) as T;
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(JSON.stringify(value));
  return text.length > 300 ? `${text.slice(0, 297)}...` : text;
}

function checkContent(expected: FileEntry, path: string, found: Differences): void {
  const bytes = readFileSync(path);
  if (expected.sha256 !== undefined) {
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (digest !== expected.sha256.replace(/^sha256:/, ''))
      found.hard.push(`${expected.path}: content digest ${digest}`);
    return;
  }
  if (expected.content === undefined && expected.content_b64 === undefined) return;
  const wanted = entryBytes(expected);
  if (withoutPorts(bytes.toString('latin1')) !== withoutPorts(wanted.toString('latin1'))) {
    found.hard.push(
      `${expected.path}: content ${show(bytes.toString())}, expected ${show(wanted.toString())}`,
    );
  }
}

function checkXattrs(expected: FileEntry, path: string, found: Differences): void {
  for (const [name, value] of Object.entries(expected.xattrs ?? {})) {
    const actual = addon.getXattr(path, name)?.toString('latin1');
    if (actual !== value && addon.getXattr(path, name)?.toString('base64') !== value) {
      found.hard.push(`${expected.path}: xattr ${name} is ${show(actual)}, expected ${show(value)}`);
    }
  }
}

/** Compares one expected entry with what stands in a directory. */
export function compareEntry(
  expected: FileEntry,
  entries: ReadonlyMap<string, ScanEntry>,
  directory: string,
  found: Differences,
): void {
  const actual = entries.get(expected.path);
  if (!actual) {
    found.hard.push(`${expected.path}: missing`);
    return;
  }
  const check = (name: string, is: unknown, wanted: unknown) => {
    if (wanted !== undefined && is !== wanted)
      found.hard.push(`${expected.path}: ${name} ${show(is)}, expected ${show(wanted)}`);
  };
  const isLink = expected.type === 'hardlink' || actual.hardlinkOf !== undefined;
  if (!isLink) check('type', typeOf(actual), expected.type ?? 'file');
  if (actual.type !== 'symlink')
    check('mode', actual.mode & 0o7777, expected.mode && Number.parseInt(expected.mode, 8));
  check('uid', actual.uid, expected.uid);
  check('gid', actual.gid, expected.gid);
  if (actual.type === 'symlink') check('target', actual.target, expected.target);
  if (expected.mtime !== undefined) check('mtime', Number(actual.mtimeNs / 1_000_000_000n), expected.mtime);
  if (expected.type === 'hardlink' && expected.target !== undefined) {
    const target = entries.get(expected.target);
    const same = [actual.hardlinkOf, target?.hardlinkOf ?? target?.path, target?.path];
    if (!same.includes(expected.target) && actual.path !== target?.hardlinkOf) {
      found.hard.push(`${expected.path}: no hard link of ${expected.target}`);
    }
  }
  const path = join(directory, expected.path);
  if (actual.type === 'file' && !expected.volatile) checkContent(expected, path, found);
  checkXattrs(expected, path, found);
}

/** Same tree: every expected entry is there and equal; others, when the whole tree was recorded, are errors. */
export function compareTree(
  expected: readonly FileEntry[],
  entries: ReadonlyMap<string, ScanEntry>,
  directory: string,
  found: Differences,
  wholeTree: boolean,
): void {
  for (const entry of expected) compareEntry(entry, entries, directory, found);
  if (!wholeTree) return;
  const known = new Set(expected.map(({ path }) => path));
  for (const path of entries.keys()) if (!known.has(path)) found.hard.push(`${path}: not expected`);
}

/** An entry of the base that is as it was. */
function unchanged(path: string, image: ReadImage, base: ReadImage): boolean {
  const [now, before] = [image.entries.get(path), base.entries.get(path)];
  if (!now || !before) return false;
  const facts = ({ type, mode, uid, gid, sizeBytes, target, mtimeNs }: ScanEntry) =>
    type === 'dir' ? { type, mode, uid, gid } : { type, mode, uid, gid, sizeBytes, target, mtimeNs };
  return isDeepStrictEqual(facts(now), facts(before));
}

function compareWithBase(
  expected: ExpectedImage,
  image: ReadImage,
  base: ReadImage,
  found: Differences,
): void {
  const files = expected.files ?? [];
  const known = new Set(files.map(({ path }) => path));
  for (const entry of files) compareEntry(entry, image.entries, image.directory, found);
  for (const path of image.entries.keys()) {
    if (!known.has(path) && !unchanged(path, image, base))
      found.hard.push(`${path}: not expected to be added or changed`);
  }
  const gone = (expected.deleted ?? []).map((path) => path.replace(/\/$/, ''));
  const isGone = (path: string) =>
    gone.some(
      (pattern) =>
        pattern === path ||
        (pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path.startsWith(`${pattern}/`)),
    );
  for (const path of base.entries.keys()) {
    const present = image.entries.has(path);
    if (!present && !isGone(path) && !known.has(path)) found.hard.push(`${path}: is gone`);
    if (present && isGone(path) && !known.has(path)) found.hard.push(`${path}: should be gone`);
  }
}

function withoutSoftKeys(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { ArgsEscaped: _soft, ...rest } = config;
  return rest;
}

function compareHistory(
  expected: ExpectedImage,
  image: ReadImage,
  base: ReadImage | undefined,
  found: Differences,
): void {
  const history = (image.config.history ?? []).slice(base?.config.history?.length ?? 0);
  const wanted = expected.history ?? [];
  const flags = (list: readonly { readonly empty_layer?: boolean }[]) =>
    list.map((entry) => (entry.empty_layer ? 'empty' : 'layer')).join(' ');
  if (flags(history) !== flags(wanted)) {
    found.hard.push(`history shape [${flags(history)}], expected [${flags(wanted)}]`);
  }
  wanted.forEach((entry, index) => {
    const actual = history[index]?.created_by;
    if (actual !== entry.created_by)
      found.soft.push(`history ${index}: ${show(actual)}, expected ${show(entry.created_by)}`);
  });
}

/** Compares an image with what was recorded; `base` is the stand-in image it builds on. */
export function compareImage(
  expected: ExpectedImage,
  image: ReadImage,
  base: ReadImage | undefined,
  found: Differences,
): void {
  const config = withoutSoftKeys(withoutPorts((image.config.config ?? {}) as Record<string, unknown>));
  const wanted = withoutSoftKeys(withoutPorts(expected.config ?? {}));
  for (const key of new Set([...Object.keys(config), ...Object.keys(wanted)])) {
    if (!isDeepStrictEqual(config[key], wanted[key])) {
      found.hard.push(`config ${key}: ${show(config[key])}, expected ${show(wanted[key])}`);
    }
  }
  if (
    expected.created !== undefined &&
    Date.parse(image.config.created ?? '') !== Date.parse(expected.created)
  ) {
    found.hard.push(`created ${image.config.created}, expected ${expected.created}`);
  }
  if (expected.author !== undefined && image.config.author !== expected.author) {
    found.hard.push(`author ${show(image.config.author)}, expected ${show(expected.author)}`);
  }
  const layers = image.manifest.layers.length - (base?.manifest.layers.length ?? 0);
  if (expected.layers && layers !== expected.layers.length) {
    found.hard.push(`${layers} layers, expected ${expected.layers.length}`);
  }
  if (base) compareWithBase(expected, image, base, found);
  else compareTree(expected.files ?? [], image.entries, image.directory, found, true);
  compareHistory(expected, image, base, found);
}
