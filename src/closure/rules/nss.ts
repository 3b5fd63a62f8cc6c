import type { ResolvedProgram } from '../walk/closure-walk.js';
import type { DataSet } from './data-set.js';
import type { RuleSource } from './rule-source.js';

const FILES = [
  '/etc/nsswitch.conf',
  '/etc/host.conf',
  '/etc/gai.conf',
  '/etc/services',
  '/etc/protocols',
  '/etc/networks',
];
/** What glibc asks when nsswitch.conf is silent. */
const DEFAULT_SERVICES = ['files', 'dns'];

export const nss: DataSet = {
  name: 'nss',
  summary: 'nsswitch.conf with the modules it names, passwd and group',
  apply(source) {
    const services = nssServices(source.text('/etc/nsswitch.conf') ?? '');
    source.addAll(FILES);
    for (const program of programsPerLibc(source)) addModules(source, program, services);
    addAccounts(source);
  },
};

/** The services that nsswitch.conf names, in order, without repetition. */
export function nssServices(text: string): readonly string[] {
  const services = text
    .split('\n')
    .map((line) => line.replace(/#.*/, ''))
    .flatMap(
      (line) =>
        /^\s*\w+\s*:(.*)$/
          .exec(line)?.[1]
          ?.replace(/\[[^[\]]*\]/g, ' ')
          .split(/\s+/) ?? [],
    )
    .filter((service) => /^[A-Za-z0-9_-]+$/.test(service));
  return [...new Set([...services, ...DEFAULT_SERVICES])];
}

/** One program for each glibc among the programs; the modules of both word sizes may be wanted. */
function programsPerLibc(source: RuleSource): readonly ResolvedProgram[] {
  const byLoader = new Map<string, ResolvedProgram>();
  for (const program of source.programs) {
    if (program.loader.kind === 'glibc' && !byLoader.has(program.loader.path))
      byLoader.set(program.loader.path, program);
  }
  return [...byLoader.values()];
}

function addModules(source: RuleSource, program: ResolvedProgram, services: readonly string[]): void {
  for (const service of services) {
    if (isInsideLibc(service, program)) continue;
    source.addLibrary(`libnss_${service}.so.2`, program);
  }
}

/** `files` and `dns` are part of libc itself since glibc 2.34. */
export function isInsideLibc(service: string, { process }: ResolvedProgram): boolean {
  if (!DEFAULT_SERVICES.includes(service)) return false;
  const libc = process.objects.find(({ object }) => object.soname === 'libc.so.6');
  return libc?.object.definedVersions?.has('GLIBC_2.34') === true;
}

/** Lines of passwd and group for root, nobody, the owners of what is copied and the users asked for. */
function addAccounts(source: RuleSource): void {
  const owners = [...source.files.values()].flatMap(
    ({ path, source: from }) => source.owner(from ?? path) ?? [],
  );
  const wanted = new Set(['root', '0', '65534', ...(source.options.users ?? [])]);
  const uids = new Set([...owners.map(({ uid }) => String(uid)), ...wanted]);
  const users = linesOf(source, '/etc/passwd').filter(
    ([name = '', , uid = '']) => uids.has(name) || uids.has(uid),
  );
  const gids = new Set([
    ...owners.map(({ gid }) => String(gid)),
    ...users.map(([, , , gid = '']) => gid),
    ...wanted,
  ]);
  const names = new Set(users.map(([name = '']) => name));
  const groups = linesOf(source, '/etc/group').filter(([name = '', , gid = '', members = '']) => {
    return gids.has(name) || gids.has(gid) || members.split(',').some((member) => names.has(member));
  });
  if (users.length > 0) source.addGenerated('/etc/passwd', toText(users), true);
  if (groups.length > 0) source.addGenerated('/etc/group', toText(groups), true);
}

function linesOf(source: RuleSource, path: string): readonly (readonly string[])[] {
  const lines = (source.text(path) ?? '').split('\n').filter((line) => line.includes(':'));
  return lines.map((line) => line.split(':'));
}

function toText(lines: readonly (readonly string[])[]): string {
  return lines.map((fields) => `${fields.join(':')}\n`).join('');
}
