import { ForgeError } from '../../core/index.js';
import type { ClosureWalk } from '../walk/closure-walk.js';
import { automaticRules } from './automatic.js';
import { caCertificates } from './ca-certificates.js';
import type { DataSet } from './data-set.js';
import { dpkgStatus } from './dpkg-status.js';
import { gconv } from './gconv.js';
import { locales } from './locales.js';
import { node } from './node.js';
import { nss } from './nss.js';
import { openssl } from './openssl.js';
import { osRelease } from './os-release.js';
import { perl } from './perl.js';
import { python } from './python.js';
import { RuleSource } from './rule-source.js';
import { terminfo } from './terminfo.js';
import { tzdata } from './tzdata.js';

/** In the order in which they are applied: the last ones look at what the others have added. */
const DATA_SETS: readonly DataSet[] = [
  caCertificates,
  tzdata,
  locales,
  gconv,
  openssl,
  terminfo,
  python,
  node,
  perl,
  osRelease,
  nss,
  dpkgStatus,
];

/** The names that `--with-data` takes. */
export const dataSetNames: readonly string[] = DATA_SETS.map(({ name }) => name).sort();

/** Refuses names of data sets that there are not: `user/data-set`. */
export function checkDataSets(names: readonly string[]): void {
  const unknown = names.find((name) => !dataSetNames.includes(name));
  if (unknown === undefined) return;
  throw new ForgeError('user/data-set', `there is no data set ${JSON.stringify(unknown)}`, {
    hint: `choose among ${dataSetNames.join(', ')}`,
  });
}

/** Adds what the named sets find; a set that finds nothing is an error (`user/data-set-empty`). */
export function applyDataSets(walk: ClosureWalk, names: readonly string[]): void {
  checkDataSets(names);
  for (const { name, summary, apply } of DATA_SETS) {
    if (!names.includes(name)) continue;
    const source = new RuleSource(walk, `data:${name}`, false);
    apply(source);
    if (source.matches > 0) continue;
    throw new ForgeError(
      'user/data-set-empty',
      `the data set ${name} (${summary}) matches nothing in the source`,
      {
        hint: `install the package that brings it in the source stage, or leave ${name} out`,
      },
    );
  }
}

/** Adds what the automatic rules guess. */
export function applyAutomaticRules(walk: ClosureWalk): void {
  for (const { name, apply } of automaticRules) apply(new RuleSource(walk, `rule:${name}`, true));
}
