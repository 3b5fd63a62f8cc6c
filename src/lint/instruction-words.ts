import { type Expansion, type Instruction, parseMount } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';

/** How texts of an instruction are expanded. */
export interface WordExpanders {
  readonly word: (text: string) => Expansion;
  /** For bodies of heredocs. */
  readonly body: (text: string) => Expansion;
}

/** The values of a mount, as far as it can be parsed. */
function mountWords(raw: string, word: WordExpanders['word']): readonly Expansion[] {
  const words: Expansion[] = [];
  try {
    parseMount(raw, (value) => {
      const expansion = word(value);
      words.push(expansion);
      return expansion.text;
    });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
  }
  return words;
}

function textsOf(instruction: Instruction): readonly string[] {
  switch (instruction.kind) {
    case 'COPY':
    case 'ADD': {
      const { sources, destination, chown, chmod } = instruction;
      const checksum = instruction.kind === 'ADD' ? instruction.checksum : undefined;
      const flags = [chown, chmod, checksum].filter((text) => text !== undefined);
      return [...sources, destination, ...flags];
    }
    case 'ENV':
    case 'LABEL':
      return instruction.pairs.flatMap(({ key, value }) => [key, value]);
    case 'ARG':
      return instruction.args.flatMap(({ key, value }) => (value === undefined ? [key] : [key, value]));
    case 'WORKDIR':
      return [instruction.path];
    case 'USER':
      return [instruction.user];
    case 'EXPOSE':
      return instruction.ports;
    case 'VOLUME':
      return instruction.volumes;
    case 'STOPSIGNAL':
      return [instruction.signal];
    default:
      return [];
  }
}

/** The words of an instruction in which variables count, expanded; heredoc bodies come last. */
export function wordsOf(instruction: Instruction, { word, body }: WordExpanders): readonly Expansion[] {
  if (instruction.kind === 'RUN') return instruction.mounts.flatMap((raw) => mountWords(raw, word));
  const bodies = instruction.kind === 'COPY' || instruction.kind === 'ADD' ? instruction.inline : [];
  return [
    ...textsOf(instruction).map(word),
    ...bodies.filter((heredoc) => heredoc.expand).map(({ content }) => body(content)),
  ];
}
