import type { RuleSource } from './rule-source.js';

/** Run-time data that ELF does not mention: one file of rules each. */
export interface DataSet {
  readonly name: string;
  /** What it brings, in a few words. */
  readonly summary: string;
  /** Adds what is there; finding nothing makes the caller fail. */
  readonly apply: (source: RuleSource) => void;
}
