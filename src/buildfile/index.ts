export { decodeBuildfile } from './decode.js';
export { type Directive, detectDirective, detectSyntax, parseDirectives } from './directives.js';
export { type Expansion, expand, expandWord, lookupIn } from './expand.js';
export type { ExpandOptions, VariableLookup } from './expander.js';
export { type GitReference, parseGitReference } from './git-reference.js';
export { chompHeredoc, type HeredocWord, heredocsInLine, parseHeredocWord } from './heredoc.js';
export type {
  AddInstruction,
  ArgInstruction,
  Buildfile,
  CommandLine,
  CopyInstruction,
  HealthcheckConfig,
  Heredoc,
  Instruction,
  InstructionNode,
  InstructionOrigin,
  KeyValue,
  ParseWarning,
  PlacedNode,
  RunInstruction,
  RunMount,
  Stage,
  StepLimits,
  WithLibs,
} from './instructions.js';
export { parseJsonArray } from './json-array.js';
export { parseMount, type ValueExpander } from './mount.js';
export { parseOnbuild } from './onbuild.js';
export { parseBuildfile, type ReadBuildfile, readBuildfile } from './parse-buildfile.js';
export { type PortSpec, parsePort, parsePorts, splitPortSpec } from './ports.js';
export { buildfileErrorText, placing } from './problem.js';
export { checkStopSignal } from './stop-signal.js';
export { suggest, withSuggestion } from './suggest.js';
