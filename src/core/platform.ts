import { ForgeError } from './errors.js';

/** An OCI platform (image-spec, image-index.md: platform). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
}

const ARCHITECTURES: Readonly<Record<string, readonly [string, string?]>> = {
  i386: ['386'],
  i486: ['386'],
  i586: ['386'],
  i686: ['386'],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  amd64: ['amd64'],
  aarch64: ['arm64'],
  arm64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  arm: ['arm', 'v7'],
};

const COMPONENT = /^[A-Za-z0-9_.-]+$/;
const OS_AND_VERSION = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;

/** containerd's words for a part of a platform that cannot be. */
function checkComponents(text: string): void {
  const [os = '', ...rest] = text.split('/');
  const others = [...rest.slice(0, 2), ...(rest.length > 2 ? [rest.slice(2).join('/')] : [])];
  const wrong = others.find((part) => !COMPONENT.test(part));
  const rule = OS_AND_VERSION.test(os)
    ? wrong !== undefined &&
      `${JSON.stringify(wrong)} is an invalid component of ${JSON.stringify(text)}: platform specifier component must match ${JSON.stringify(COMPONENT.source)}`
    : `${JSON.stringify(os)} is an invalid OS component of ${JSON.stringify(text)}: OSAndVersion specifier component must match ${JSON.stringify(OS_AND_VERSION.source)}`;
  if (rule === false) return;
  throw new ForgeError('user/platform', `${rule}: invalid argument`, {
    hint: 'write it as os/architecture[/variant], for example linux/arm64',
  });
}

/**
 * Parses `os[(version)]/arch[/variant]` or a bare os or architecture, normalised as containerd's
 * platforms package does (`x86_64` is amd64, `aarch64/v8` is arm64, `arm` is arm/v7).
 */
export function parsePlatform(text: string): Platform {
  checkComponents(text.trim());
  const match = /^([^/()]+)(?:\(([^()]*)\))?(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(text.trim());
  const parts = match?.slice(1).map((part) => part?.toLowerCase()) ?? [];
  const [first, osVersion, second, third] = parts;
  if (first === undefined || parts.some((part) => part !== undefined && !COMPONENT.test(part))) {
    throw new ForgeError(
      'user/platform',
      `${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`,
      {
        hint: 'write it as os/architecture[/variant], for example linux/arm64',
      },
    );
  }
  if (second === undefined) {
    const known = ARCHITECTURES[first];
    if (known) return normalise('linux', first, undefined);
    if (first === 'linux') return { ...hostPlatform() };
    if (first === 'windows' || first === 'darwin' || first === 'freebsd') {
      return { os: first, architecture: hostPlatform().architecture };
    }
    throw new ForgeError(
      'user/platform',
      `unknown operating system or architecture ${JSON.stringify(text)}`,
      {
        hint: 'write it as os/architecture[/variant], for example linux/arm64',
      },
    );
  }
  return { ...normalise(first, second, third), ...(osVersion ? { osVersion } : {}) };
}

function normalise(os: string, architecture: string, variant: string | undefined): Platform {
  const [arch, defaultVariant] = ARCHITECTURES[architecture] ?? [architecture];
  let v = variant ?? defaultVariant;
  if (arch === 'arm64' && (v === 'v8' || v === '8')) v = undefined;
  if (arch === 'amd64' && v === 'v1') v = undefined;
  if (arch === 'arm' && v !== undefined && /^\d$/.test(v)) v = `v${v}`;
  return { os: os === 'macos' ? 'darwin' : os, architecture: arch, ...(v ? { variant: v } : {}) };
}

/** The platform of the machine forge runs on. */
export function hostPlatform(): Platform {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return { os: 'linux', architecture };
}

/** `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/** True when both name the same os, architecture and variant. */
export function samePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(a) === formatPlatform(b);
}
