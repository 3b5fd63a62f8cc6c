import type { Closure, ClosureFile, MissingFile } from './types.js';

/** `forge closure --json`: stable field names; what rules guessed is there only when asked for. */
export function closureToJson(closure: Closure, options: { readonly rules?: boolean } = {}): unknown {
  const files = closure.files.filter(({ guessed }) => options.rules === true || guessed !== true);
  return {
    files: files.map(({ path, target, source, kind, sizeBytes, neededBy, rule, detail, guessed }) => ({
      path,
      ...(target === undefined ? {} : { target }),
      ...(source === undefined ? {} : { source }),
      kind,
      sizeBytes,
      neededBy,
      rule,
      ...(detail === undefined ? {} : { detail }),
      ...(guessed === true ? { guessed } : {}),
    })),
    missing: closure.missing.map(({ name, reason, neededBy, chain, message, searched }) => {
      return { name, reason, neededBy, chain, message, searched };
    }),
    warnings: closure.warnings,
  };
}

/**
 * The closure as a tree: under each file what it was the first to ask for, with size and rule; then
 * what is missing and what should be known. Symlinks are counted, not shown.
 */
export function renderTree(closure: Closure): string {
  const children = childrenOf(closure.files);
  const lines: string[] = [];
  const roots = children.get(null) ?? [];
  const trees = roots.filter(({ rule }) => !rule.startsWith('data:'));
  for (const file of trees) {
    lines.push(`${file.path}  ${describe(file)}`);
    renderChildren(file.path, '', { children, lines });
  }
  lines.push(...dataLines(roots));
  return [...lines, '', ...summary(closure)].join('\n');
}

type Children = ReadonlyMap<string | null, readonly ClosureFile[]>;

function childrenOf(files: readonly ClosureFile[]): Children {
  const children = new Map<string | null, ClosureFile[]>();
  for (const file of files) {
    if (file.kind === 'symlink') continue;
    const siblings = children.get(file.neededBy);
    if (siblings === undefined) children.set(file.neededBy, [file]);
    else siblings.push(file);
  }
  return children;
}

/** Depth is bounded by the resolver, so that recursion is safe here. */
function renderChildren(
  path: string,
  indent: string,
  tree: { readonly children: Children; readonly lines: string[] },
): void {
  const files = tree.children.get(path) ?? [];
  for (const [index, file] of files.entries()) {
    const isLast = index === files.length - 1;
    tree.lines.push(`${indent}${isLast ? '└─' : '├─'} ${file.path}  ${describe(file)}`);
    renderChildren(file.path, `${indent}${isLast ? '   ' : '│  '}`, tree);
  }
}

function describe({ sizeBytes, rule, guessed }: ClosureFile): string {
  return `${formatBytes(sizeBytes)}  [${rule}${guessed === true ? ', guessed' : ''}]`;
}

/** Data sets hold thousands of files: one line each. */
function dataLines(roots: readonly ClosureFile[]): readonly string[] {
  const sets = new Map<string, { files: number; bytes: number }>();
  for (const { rule, sizeBytes } of roots) {
    if (!rule.startsWith('data:')) continue;
    const set = sets.get(rule) ?? { files: 0, bytes: 0 };
    sets.set(rule, { files: set.files + 1, bytes: set.bytes + sizeBytes });
  }
  return [...sets].map(([rule, { files, bytes }]) => `${rule}  ${files} files, ${formatBytes(bytes)}`);
}

function summary({ files, missing, warnings }: Closure): readonly string[] {
  const content = files.filter(({ kind }) => kind === 'file' || kind === 'generated');
  const bytes = content.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const links = files.filter(({ kind }) => kind === 'symlink').length;
  return [
    `${content.length} files, ${links} links, ${formatBytes(bytes)}`,
    ...missing.map((item) => `missing: ${renderMissing(item)}`),
    ...warnings.map(({ message }) => `note: ${message}`),
  ];
}

/** One missing thing with the chain that leads to it. */
export function renderMissing({ message, chain }: MissingFile): string {
  return chain.length > 1 ? `${message}\n  by ${shortChain(chain).join(' → ')}` : message;
}

const SHOWN_CHAIN = 12;

/** A very long chain is cut in the middle. */
function shortChain(chain: readonly string[]): readonly string[] {
  if (chain.length <= SHOWN_CHAIN) return chain;
  const half = SHOWN_CHAIN / 2;
  return [...chain.slice(0, half), `… ${chain.length - SHOWN_CHAIN} more …`, ...chain.slice(-half)];
}

/**
 * `forge closure --why PATH`: from the path up to the program, who asked and by which rule it was
 * found where. The path may be spelled through links of the closure. Undefined when it is not in it.
 */
export function renderWhy(closure: Closure, path: string): string | undefined {
  const byPath = new Map(closure.files.map((file) => [file.path, file]));
  const lines: string[] = [];
  let file = byPath.get(path) ?? byPath.get(throughLinks(byPath, path));
  while (file !== undefined && lines.length < closure.files.length) {
    lines.push(explain(file));
    file = file.neededBy === null ? undefined : byPath.get(file.neededBy);
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

function explain({ path, target, neededBy, rule, detail, guessed }: ClosureFile): string {
  const name = target === undefined ? path : `${path} -> ${target}`;
  const found = detail === undefined ? '' : `: ${detail}`;
  const how = `${rule}${found}${guessed === true ? ' (guessed)' : ''}`;
  return neededBy === null ? `${name}\n  is there as ${how}` : `${name}\n  needed by ${neededBy}, ${how}`;
}

const MAX_LINKS = 40;

/** Resolves a spelled path with the symlinks of the closure alone. */
function throughLinks(byPath: ReadonlyMap<string, ClosureFile>, path: string): string {
  let pending = path.split('/').filter((name) => name !== '');
  let at = '';
  for (let links = 0; pending.length > 0; ) {
    const [name = '', ...rest] = pending;
    pending = rest;
    if (name === '.') continue;
    const next = name === '..' ? at.slice(0, Math.max(0, at.lastIndexOf('/'))) : `${at}/${name}`;
    const target = name === '..' ? undefined : byPath.get(next)?.target;
    if (target === undefined || links++ >= MAX_LINKS) at = next;
    else {
      if (target.startsWith('/')) at = '';
      pending = [...target.split('/').filter((part) => part !== ''), ...pending];
    }
  }
  return at;
}

function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
