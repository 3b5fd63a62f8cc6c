import { type ArgInstruction, type Expansion, type Instruction, parseMount } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';

/** How texts of an instruction are expanded. */
export interface WordExpanders {
  readonly word: (text: string) => Expansion;
  /** The --build-arg of a name: the default in its ARG is then not looked at. */
  readonly given: (name: string) => string | undefined;
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

/** Name and, where there is a default, the value of each ARG. */
function argWords(args: ArgInstruction['args'], { word, given }: WordExpanders): readonly Expansion[] {
  return args.flatMap(({ key, value }) => {
    const name = word(key);
    if (value === undefined) return [name];
    const text = given(name.text);
    return [name, text === undefined ? word(value) : plain(text)];
  });
}

const plain = (text: string): Expansion => ({
  text,
  words: [text],
  matched: new Set(),
  unmatched: new Set(),
});

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
export function wordsOf(instruction: Instruction, expanders: WordExpanders): readonly Expansion[] {
  const { word, body } = expanders;
  if (instruction.kind === 'ARG') return argWords(instruction.args, expanders);
  if (instruction.kind === 'RUN') return instruction.mounts.flatMap((raw) => mountWords(raw, word));
  const bodies = instruction.kind === 'COPY' || instruction.kind === 'ADD' ? instruction.inline : [];
  return [
    ...textsOf(instruction).map(word),
    ...bodies.filter((heredoc) => heredoc.expand).map(({ content }) => body(content)),
  ];
}
