import { ForgeError } from '../../core/index.js';
import { type ByteSource, elfError } from './byte-source.js';
import { type DlopenNote, dlopenNotes } from './dlopen-note.js';
import { type Dependency, type DynamicSection, readDynamic } from './dynamic.js';
import { type ElfAbi, type ElfHeader, ET_DYN, ET_EXEC, PT_INTERP, readHeader } from './header.js';
import { minimumKernel, type Note, readNotes } from './notes.js';
import { findSymbols, type SymbolUse, type WantedSymbols } from './symbols.js';
import { type NeededVersions, readDefinedVersions, readNeededVersions } from './versions.js';

/** All that the loader looks at in an ELF file, and what the rules look at. */
export interface ElfObject {
  readonly abi: ElfAbi;
  /** ET_EXEC or ET_DYN: something that can be run or loaded. */
  readonly loadable: boolean;
  readonly positionIndependent: boolean;
  readonly dynamic: boolean;
  readonly interpreter?: string;
  readonly soname?: string;
  readonly dependencies: readonly Dependency[];
  readonly rpath?: string;
  readonly runpath?: string;
  readonly audit?: string;
  readonly depAudit?: string;
  /** DF_1_NODEFLIB: do not look in the default directories. */
  readonly noDefaultLibs: boolean;
  readonly neededVersions: readonly NeededVersions[];
  /** Absent: the object defines no versions. */
  readonly definedVersions?: ReadonlySet<string>;
  readonly dlopenNotes: readonly DlopenNote[];
  /** Why its dlopen notes could not be read; the loader does not mind. */
  readonly dlopenProblem?: string;
  readonly minimumKernel?: readonly number[];
  readonly symbols: SymbolUse;
}

const NO_SYMBOLS: WantedSymbols = { imports: new Set(), exports: [] };
const DF_1_NODEFLIB = 0x800;
const MAX_INTERPRETER_BYTES = 4096;

/**
 * Reads an ELF file by its program headers alone; every range, count and length is checked.
 * `wanted` names are looked for among the dynamic symbols. Throws `integrity/elf`.
 */
export function readElf(source: ByteSource, wanted: WantedSymbols = NO_SYMBOLS): ElfObject {
  const header = readHeader(source);
  const loadable = header.type === ET_EXEC || header.type === ET_DYN;
  const dynamic = loadable ? readDynamic(source, header) : undefined;
  const little = header.abi.littleEndian;
  const notes = loadable ? readNotes(source, header) : [];
  const kernel = minimumKernel(notes, little);
  const interpreter = loadable ? readInterpreter(source, header) : undefined;
  return {
    abi: header.abi,
    loadable,
    positionIndependent: header.type === ET_DYN,
    dynamic: dynamic !== undefined,
    ...(interpreter === undefined ? {} : { interpreter }),
    ...(dynamic === undefined ? STATIC : dynamicFacts(source, dynamic, header.abi, wanted)),
    ...readDlopenNotes(notes),
    ...(kernel === undefined ? {} : { minimumKernel: kernel }),
  };
}

const STATIC = {
  dependencies: [],
  noDefaultLibs: false,
  neededVersions: [],
  symbols: { imports: new Set<string>(), exports: new Set<string>() },
} as const;

function dynamicFacts(
  source: ByteSource,
  dynamic: DynamicSection,
  { littleEndian, bits }: ElfAbi,
  wanted: WantedSymbols,
) {
  const { soname, rpath, runpath, audit, depAudit } = dynamic;
  const definedVersions = readDefinedVersions(source, dynamic, littleEndian);
  const format = { little: littleEndian, wide: bits === 64 };
  return {
    dependencies: dynamic.dependencies,
    noDefaultLibs: (dynamic.flags1 & DF_1_NODEFLIB) !== 0,
    neededVersions: readNeededVersions(source, dynamic, littleEndian),
    symbols: findSymbols(source, dynamic, format, wanted),
    ...(soname === undefined ? {} : { soname }),
    ...(rpath === undefined ? {} : { rpath }),
    ...(runpath === undefined ? {} : { runpath }),
    ...(audit === undefined ? {} : { audit }),
    ...(depAudit === undefined ? {} : { depAudit }),
    ...(definedVersions === undefined ? {} : { definedVersions }),
  };
}

function readDlopenNotes(notes: readonly Note[]): Pick<ElfObject, 'dlopenNotes' | 'dlopenProblem'> {
  try {
    return { dlopenNotes: dlopenNotes(notes) };
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    return { dlopenNotes: [], dlopenProblem: error.message };
  }
}

function readInterpreter(source: ByteSource, header: ElfHeader): string | undefined {
  const segment = header.segments.find(({ type }) => type === PT_INTERP);
  if (segment === undefined) return undefined;
  if (segment.fileBytes > MAX_INTERPRETER_BYTES) {
    throw elfError(`an interpreter path of ${segment.fileBytes} bytes`);
  }
  const bytes = source.read(segment.offset, segment.fileBytes);
  const end = bytes.indexOf(0);
  // execve(2) wants the path to end within its segment.
  if (end <= 0) throw elfError('the interpreter path is empty or does not end');
  return bytes.toString('utf8', 0, end);
}
