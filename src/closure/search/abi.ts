import type { ElfAbi } from '../elf/header.js';

/** What the loader of one ABI is built with; used when the loader itself cannot be read. */
export interface AbiTraits {
  /** GNU multiarch triplet. */
  readonly triplet: string;
  /** The directory below / and /usr that distributions without multiarch use. */
  readonly libDirectory: string;
  /** PT_INTERP of programs linked against glibc. */
  readonly glibcLoader: string;
  /** The ARCH of ld-musl-ARCH.so.1. */
  readonly muslName: string;
  /** AT_PLATFORM, for $PLATFORM; undefined where it depends on the CPU. */
  readonly platform?: string;
  /** Flags of a libc6 entry of this ABI in ld.so.cache. */
  readonly cacheFlags?: number;
  /** Subdirectories of glibc-hwcaps, best CPU first. */
  readonly hwcaps: readonly string[];
  /** Names of directories that loaders before glibc 2.37 look into first. */
  readonly legacyHwcaps: readonly string[];
  /** The architecture in an OCI platform. */
  readonly ociArchitecture: string;
}

const EM_386 = 3;
const EM_MIPS = 8;
const EM_PPC = 20;
const EM_PPC64 = 21;
const EM_S390 = 22;
const EM_ARM = 40;
const EM_X86_64 = 62;
const EM_AARCH64 = 183;
const EM_RISCV = 243;
const EM_LOONGARCH = 258;

const ARM_HARD = 0x400;
const ARM_SOFT = 0x200;
const MIPS_N32 = 0x20;
const MIPS_NAN2008 = 0x400;
const RISCV_FLOAT = 0x6;
const LOONGARCH_FLOAT = 0x7;
const PPC64_ABI = 0x3;

function traits(
  [triplet, libDirectory, glibcLoader, muslName]: readonly [string, string, string, string],
  ociArchitecture: string,
  rest: Partial<AbiTraits> = {},
): AbiTraits {
  const base = { triplet, libDirectory, glibcLoader, muslName, ociArchitecture };
  return { ...base, hwcaps: [], legacyHwcaps: ['tls'], ...rest };
}

/** What is known of an ABI; undefined for machines that no Linux distribution of today supports. */
export function abiTraits(abi: ElfAbi): AbiTraits | undefined {
  const { machine, bits, flags, littleEndian } = abi;
  switch (machine) {
    case EM_X86_64:
      return bits === 64 ? X86_64 : X32;
    case EM_386:
      return I386;
    case EM_AARCH64:
      return littleEndian ? AARCH64 : undefined;
    case EM_ARM:
      return (flags & ARM_SOFT) !== 0 ? ARM_EL : ARM_HF;
    case EM_PPC64:
      return littleEndian ? PPC64LE : PPC64;
    case EM_PPC:
      return traits(['powerpc-linux-gnu', 'lib', '/lib/ld.so.1', 'powerpc'], 'ppc', { cacheFlags: 3 });
    case EM_S390:
      return bits === 64
        ? S390X
        : traits(['s390-linux-gnu', 'lib', '/lib/ld.so.1', 's390'], 's390', { cacheFlags: 3 });
    case EM_RISCV:
      return riscv(flags);
    case EM_LOONGARCH:
      return traits(
        ['loongarch64-linux-gnu', 'lib64', '/lib64/ld-linux-loongarch-lp64d.so.1', 'loongarch64'],
        'loong64',
        { cacheFlags: 0x1203 },
      );
    case EM_MIPS:
      return mips(abi);
    default:
      return undefined;
  }
}

const X86_64 = traits(['x86_64-linux-gnu', 'lib64', '/lib64/ld-linux-x86-64.so.2', 'x86_64'], 'amd64', {
  platform: 'x86_64',
  cacheFlags: 0x303,
  hwcaps: ['x86-64-v4', 'x86-64-v3', 'x86-64-v2'],
  legacyHwcaps: ['tls', 'haswell', 'xeon_phi', 'avx512_1', 'x86_64'],
});
const X32 = traits(['x86_64-linux-gnux32', 'libx32', '/libx32/ld-linux-x32.so.2', 'x32'], 'amd64', {
  platform: 'x86_64',
  cacheFlags: 0x803,
});
const I386 = traits(['i386-linux-gnu', 'lib', '/lib/ld-linux.so.2', 'i386'], '386', {
  platform: 'i686',
  cacheFlags: 3,
  legacyHwcaps: ['tls', 'i686', 'i586', 'i486', 'sse2', 'cmov'],
});
const AARCH64 = traits(['aarch64-linux-gnu', 'lib64', '/lib/ld-linux-aarch64.so.1', 'aarch64'], 'arm64', {
  platform: 'aarch64',
  cacheFlags: 0xa03,
  legacyHwcaps: ['tls', 'atomics'],
});
const ARM_HF = traits(['arm-linux-gnueabihf', 'lib', '/lib/ld-linux-armhf.so.3', 'armhf'], 'arm', {
  platform: 'v7l',
  cacheFlags: 0x903,
  legacyHwcaps: ['tls', 'v6l', 'v7l', 'neon', 'vfp', 'half', 'thumb', 'fastmult', 'edsp'],
});
const ARM_EL = traits(['arm-linux-gnueabi', 'lib', '/lib/ld-linux.so.3', 'arm'], 'arm', {
  platform: 'v6l',
  cacheFlags: 0xb03,
  legacyHwcaps: ARM_HF.legacyHwcaps,
});
const POWER = ['power10', 'power9'];
const PPC64LE = traits(['powerpc64le-linux-gnu', 'lib64', '/lib64/ld64.so.2', 'powerpc64le'], 'ppc64le', {
  cacheFlags: 0x503,
  hwcaps: POWER,
  legacyHwcaps: ['tls', 'power9', 'power8', 'altivec', 'vsx'],
});
const PPC64 = traits(['powerpc64-linux-gnu', 'lib64', '/lib64/ld64.so.1', 'powerpc64'], 'ppc64', {
  cacheFlags: 0x503,
  hwcaps: POWER,
});
const S390X = traits(['s390x-linux-gnu', 'lib64', '/lib/ld64.so.1', 's390x'], 's390x', {
  cacheFlags: 0x403,
  hwcaps: ['z16', 'z15', 'z14', 'z13'],
  legacyHwcaps: ['tls', 'z13', 'z14', 'z15', 'z196', 'zEC12'],
});

function riscv(flags: number): AbiTraits {
  const double = (flags & RISCV_FLOAT) === 4;
  const abi = double ? 'lp64d' : 'lp64';
  return traits(
    [
      'riscv64-linux-gnu',
      `lib64/${abi}`,
      `/lib/ld-linux-riscv64-${abi}.so.1`,
      double ? 'riscv64' : 'riscv64-sf',
    ],
    'riscv64',
    { cacheFlags: double ? 0x1003 : 0xf03 },
  );
}

function mips({ bits, flags, littleEndian }: ElfAbi): AbiTraits {
  const el = littleEndian ? 'el' : '';
  const file = (flags & MIPS_NAN2008) !== 0 ? 'ld-linux-mipsn8.so.1' : 'ld.so.1';
  const nan = (flags & MIPS_NAN2008) !== 0 ? 0x600 : 0;
  if (bits === 64) {
    return traits(
      [`mips64${el}-linux-gnuabi64`, 'lib64', `/lib64/${file}`, `mips64${el}`],
      `mips64${littleEndian ? 'le' : ''}`,
      {
        cacheFlags: 0x703 + (nan === 0 ? 0 : 0x700),
      },
    );
  }
  if ((flags & MIPS_N32) !== 0) {
    return traits(
      [`mips64${el}-linux-gnuabin32`, 'lib32', `/lib32/${file}`, `mipsn32${el}`],
      `mips64${littleEndian ? 'le' : ''}`,
      {
        cacheFlags: 0x603 + (nan === 0 ? 0 : 0x700),
      },
    );
  }
  return traits(
    [`mips${el}-linux-gnu`, 'lib', `/lib/${file}`, `mips${el}`],
    `mips${littleEndian ? 'le' : ''}`,
    {
      cacheFlags: nan === 0 ? 3 : 0xc03,
    },
  );
}

/** Why a library of ABI `found` cannot be loaded by a program of ABI `wanted`; undefined when it can. */
export function abiMismatch(wanted: ElfAbi, found: ElfAbi): string | undefined {
  if (wanted.bits !== found.bits) return `wrong ELF class: ${found.bits}-bit`;
  if (wanted.littleEndian !== found.littleEndian) return 'wrong byte order';
  if (wanted.machine !== found.machine) return `wrong machine: ${machineName(found)}`;
  // System V and GNU/Linux are the two that Linux loads.
  if (found.osAbi !== wanted.osAbi && found.osAbi !== 0 && found.osAbi !== 3)
    return `wrong OS ABI: ${found.osAbi}`;
  return flagMismatch(wanted, found) ? 'wrong floating-point or calling ABI' : undefined;
}

function flagMismatch({ machine, flags: wanted }: ElfAbi, { flags: found }: ElfAbi): boolean {
  switch (machine) {
    case EM_ARM: {
      const [a, b] = [wanted & (ARM_HARD | ARM_SOFT), found & (ARM_HARD | ARM_SOFT)];
      return a !== 0 && b !== 0 && a !== b;
    }
    case EM_MIPS:
      return ((wanted ^ found) & (MIPS_N32 | MIPS_NAN2008)) !== 0;
    case EM_RISCV:
      return ((wanted ^ found) & RISCV_FLOAT) !== 0;
    case EM_LOONGARCH:
      return ((wanted ^ found) & LOONGARCH_FLOAT) !== 0;
    case EM_PPC64: {
      const [a, b] = [wanted & PPC64_ABI, found & PPC64_ABI];
      return a !== 0 && b !== 0 && a !== b;
    }
    default:
      return false;
  }
}

/** A short name for messages: the architecture, or the number of an unknown machine. */
export function machineName(abi: ElfAbi): string {
  return abiTraits(abi)?.ociArchitecture ?? `machine ${abi.machine}`;
}

/** Two files with the same key can be answered by the same searches. */
export function abiKey({ bits, littleEndian, machine, flags, osAbi }: ElfAbi): string {
  return `${bits}${littleEndian ? 'l' : 'b'}:${machine}:${flags}:${osAbi}`;
}

/** The directories that the loader of an ABI searches last, as distributions build it. */
export function usualDirectories(abi: ElfAbi): readonly string[] {
  const known = abiTraits(abi);
  if (known === undefined) return ['/lib', '/usr/lib'];
  const { triplet, libDirectory } = known;
  const all = [
    `/lib/${triplet}`,
    `/usr/lib/${triplet}`,
    `/${libDirectory}`,
    `/usr/${libDirectory}`,
    '/lib',
    '/usr/lib',
  ];
  return [...new Set(all)];
}
