import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildOptions, BuildStep } from './cases.js';

/** Where one case's things are. */
export interface CasePlaces {
  /** Directory with one directory per context. */
  readonly contexts: string;
  readonly scratch: string;
  readonly store: string;
  /** Replaces @@HTTP@@, @@GIT:…@@ and the like. */
  readonly expand: (text: string) => string;
}

function keyValues(flag: string, values: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(values ?? {}).flatMap(([key, value]) => [flag, `${key}=${value}`]);
}

function csv(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function each(flag: string, values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => [flag, value]);
}

function contextSource(value: string, places: CasePlaces): string {
  if (value.startsWith('dir:')) return join(places.contexts, value.slice('dir:'.length));
  return value.startsWith('oci:')
    ? `oci-layout://${join(places.scratch, 'saved', value.slice('oci:'.length))}`
    : value;
}

function secretFlags(options: BuildOptions, places: CasePlaces): string[] {
  const directory = join(places.scratch, 'secrets');
  return Object.entries(options.secrets ?? {}).flatMap(([id, value]) => {
    mkdirSync(directory, { recursive: true });
    const file = join(directory, id);
    writeFileSync(file, value);
    return ['--secret', `id=${id},src=${file}`];
  });
}

/** Raw frontend options have flags of their own. */
function attributeFlags(attributes: Readonly<Record<string, string>>): string[] {
  return Object.entries(attributes).flatMap(([name, value]) => {
    if (name === 'hostname') return ['--hostname', value];
    if (name.startsWith('attest:')) return ['--attest', `type=${name.slice('attest:'.length)},${value}`];
    return ['--opt', `${name}=${value}`];
  });
}

function buildFlags(options: BuildOptions, places: CasePlaces): string[] {
  const contexts = Object.entries(options.build_contexts ?? {});
  return [
    ...(options.target ? ['--target', options.target] : []),
    ...keyValues('--build-arg', options.build_args),
    ...(options.platforms?.length ? ['--platform', options.platforms.join(',')] : []),
    ...keyValues('--label', options.labels),
    ...(options.no_cache ? ['--no-cache'] : []),
    ...each('--no-cache-filter', options.no_cache_filter),
    ...each('--add-host', options.add_hosts),
    ...(options.network ? ['--network', options.network] : []),
    ...each('--ulimit', options.ulimits),
    ...(options.shm_size === undefined ? [] : ['--shm-size', String(options.shm_size)]),
    ...(options.cgroup_parent ? ['--cgroup-parent', options.cgroup_parent] : []),
    ...contexts.flatMap(([name, value]) => ['--build-context', `${name}=${contextSource(value, places)}`]),
    ...each('--allow', options.allow),
    ...secretFlags(options, places),
    ...each('--ssh', options.ssh),
    ...(options.cache_to ?? []).flatMap((values) => ['--cache-to', csv(values)]),
    ...(options.cache_from ?? []).flatMap((values) => ['--cache-from', csv(values)]),
    ...attributeFlags(options.attrs ?? {}),
  ];
}

/** The `forge` command line of one step; the image always goes to an OCI layout directory `layout`. */
export function buildCommand(
  step: BuildStep,
  places: CasePlaces,
  outputs: { readonly layout: string; readonly extra?: string },
): readonly string[] {
  const options = step.options ?? {};
  const context = step.context ?? 'main';
  const isUrl = /:\/\/|^@@/.test(context);
  const source = isUrl ? context : context.startsWith('tar:') ? '-' : join(places.contexts, context);
  const fileContext = step.dockerfile_context && join(places.contexts, step.dockerfile_context);
  const file = fileContext ? join(fileContext, options.file ?? 'Dockerfile') : options.file;
  const fileFlags =
    file === undefined ? [] : ['-f', isUrl || fileContext ? file : join(places.contexts, context, file)];
  const exporter = Object.entries(options.exporter ?? {})
    .map(([key, value]) => `,${key}=${value}`)
    .join('');
  const extra = outputs.extra === undefined ? [] : ['-o', `type=${step.output},dest=${outputs.extra}`];
  const image = step.output ? '' : exporter;
  const words = [
    'build',
    '--progress',
    'plain',
    '--root',
    places.store,
    ...buildFlags(options, places),
    ...fileFlags,
    '-o',
    `type=oci,tar=false,dest=${outputs.layout}${image}`,
    ...extra.map((word) => (word === '-o' ? word : word + exporter)),
    // The store answers for the registry: later steps find what was pushed by its name.
    ...(options.push ? ['--tag', options.push, '-o', 'type=image'] : []),
    source,
  ];
  return words.map(places.expand);
}
