import { type ByteSource, elfError, Words } from './byte-source.js';
import { DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM, type DynamicSection } from './dynamic.js';

/** The symbol versions that an object wants from one library. */
export interface NeededVersions {
  /** The library as it is called in DT_NEEDED. */
  readonly library: string;
  readonly versions: readonly { readonly name: string; readonly weak: boolean }[];
}

const VER_FLG_WEAK = 2;
const MAX_RECORDS = 1 << 16;
const RECORD_BYTES = 16;
const DEFINITION_BYTES = 20;

/** A reader of version records: fixed-size reads at file offsets, in the file's byte order. */
type RecordReader = (offset: number, length: number) => Words;

function recordReader(source: ByteSource, little: boolean): RecordReader {
  return (offset, length) => new Words(source.read(offset, length), little, false);
}

/** DT_VERNEED (LSB, "Version Requirements"): what is needed from which library. */
export function readNeededVersions(
  source: ByteSource,
  dynamic: DynamicSection,
  little: boolean,
): readonly NeededVersions[] {
  let offset = dynamic.tableOffset(DT_VERNEED);
  if (offset === undefined) return [];
  const read = recordReader(source, little);
  const budget = new Budget(dynamic.value(DT_VERNEEDNUM) ?? 0);
  const result: NeededVersions[] = [];
  while (budget.next()) {
    const record = read(offset, RECORD_BYTES);
    const library = dynamic.strings.at(record.u32(4));
    const count = record.u16(2);
    const versions = readNeededNames(read, dynamic, { offset: offset + record.u32(8), count }, budget);
    result.push({ library, versions });
    const step = record.u32(12);
    if (step === 0) break;
    offset += step;
  }
  return result;
}

function readNeededNames(
  read: RecordReader,
  dynamic: DynamicSection,
  list: { readonly offset: number; readonly count: number },
  budget: Budget,
): NeededVersions['versions'] {
  const versions: { name: string; weak: boolean }[] = [];
  let { offset } = list;
  for (let index = 0; index < list.count; index++) {
    budget.spend();
    const record = read(offset, RECORD_BYTES);
    const weak = (record.u16(4) & VER_FLG_WEAK) !== 0;
    versions.push({ name: dynamic.strings.at(record.u32(8)), weak });
    const step = record.u32(12);
    if (step === 0) break;
    offset += step;
  }
  return versions;
}

/** DT_VERDEF (LSB, "Version Definitions"): the versions an object offers; undefined: it has none at all. */
export function readDefinedVersions(
  source: ByteSource,
  dynamic: DynamicSection,
  little: boolean,
): ReadonlySet<string> | undefined {
  let offset = dynamic.tableOffset(DT_VERDEF);
  if (offset === undefined) return undefined;
  const read = recordReader(source, little);
  const budget = new Budget(dynamic.value(DT_VERDEFNUM) ?? 0);
  const names = new Set<string>();
  while (budget.next()) {
    const record = read(offset, DEFINITION_BYTES);
    if (record.u16(6) > 0) names.add(dynamic.strings.at(read(offset + record.u32(12), 8).u32(0)));
    const step = record.u32(16);
    if (step === 0) break;
    offset += step;
  }
  return names;
}

/** Counts records, so that overlapping or endless lists end in an error and not in a long wait. */
class Budget {
  private left: number;
  private spent = 0;

  constructor(records: number) {
    this.left = records;
  }

  /** True while the announced number of top-level records is not used up. */
  next(): boolean {
    if (this.left <= 0) return false;
    this.left -= 1;
    this.spend();
    return true;
  }

  spend(): void {
    this.spent += 1;
    if (this.spent > MAX_RECORDS) throw elfError(`more than ${MAX_RECORDS} symbol version records`);
  }
}
