import { formatPlatform, type Platform } from '../core/index.js';
import type { LowerOptions } from './types.js';
import type { Variables } from './variables.js';

/** Proxy variables: visible to RUN undeclared, in neither history nor key (features.md, "predefined ARG"). */
const PROXY_NAMES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'];

/** Build args that steer the frontend and never count as unused. */
const BUILT_IN = new Set([
  'SOURCE_DATE_EPOCH',
  ...PROXY_NAMES,
  ...PROXY_NAMES.map((name) => name.toUpperCase()),
]);

/** Declared with ARG they are read by the builder, and are not part of the environment. */
export const NOT_ENVIRONMENT: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
]);

/** True for a build arg that no instruction needs to take. */
export function isBuiltInArg(name: string): boolean {
  return BUILT_IN.has(name) || name.startsWith('BUILDKIT_');
}

/** `K=V` in lower and upper case for each proxy variable given as a build arg. */
export function proxyEnvironment(buildArgs: Readonly<Record<string, string>>): readonly string[] {
  return PROXY_NAMES.flatMap((name) => {
    const value = buildArgs[name.toUpperCase()] ?? buildArgs[name];
    return value === undefined ? [] : [`${name}=${value}`, `${name.toUpperCase()}=${value}`];
  });
}

/** `os(version)/architecture[/variant]`: unlike `formatPlatform` it tells versions of an OS apart. */
export function fullPlatform(platform: Platform): string {
  const { os, osVersion } = platform;
  const text = formatPlatform(platform);
  return osVersion ? `${os}(${osVersion})${text.slice(os.length)}` : text;
}

function platformVariables(prefix: string, platform: Platform): [string, string][] {
  return [
    [`${prefix}PLATFORM`, fullPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform.osVersion ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
}

/** SOURCE_DATE_EPOCH as a global ARG or the command line has it; absent when empty. */
export function sourceDateEpochText(
  globals: Variables,
  { buildArgs }: Pick<LowerOptions, 'buildArgs'>,
): string | undefined {
  return (globals.get('SOURCE_DATE_EPOCH') ?? buildArgs.SOURCE_DATE_EPOCH) || undefined;
}

/** The global scope before the first ARG: TARGET*, BUILD*, TARGETSTAGE; build args override. */
export function platformArgs(
  target: Platform,
  build: Platform,
  targetStage: string | undefined,
  buildArgs: Readonly<Record<string, string>>,
): readonly (readonly [string, string])[] {
  const defaults: [string, string][] = [
    ...platformVariables('BUILD', build),
    ...platformVariables('TARGET', target),
    ['TARGETSTAGE', targetStage ?? 'default'],
  ];
  return defaults.map(([name, value]) => [name, buildArgs[name] ?? value]);
}
