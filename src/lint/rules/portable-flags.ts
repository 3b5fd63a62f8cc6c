import { nodeRange } from '../node-range.js';
import { ownUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const OWN_FLAGS: Readonly<Record<string, readonly string[]>> = {
  RUN: ['memory', 'cpus', 'pids', 'timeout'],
  COPY: ['with-libs', 'with-data', 'lib-path', 'allow-missing'],
};

export const portableFlags: LintRule = {
  name: 'PortableFlags',
  description: 'Flags that only forge knows make other builders refuse the file',
  url: ownUrl('PortableFlags'),
  experimental: true,
  *find({ buildfile, parsed }) {
    for (const node of parsed ? buildfile.nodes : []) {
      const own = OWN_FLAGS[node.name.toUpperCase()] ?? [];
      const used = node.flags.map((flag) => flag.split('=', 1)[0]?.slice(2) ?? '');
      for (const name of own.filter((flag) => used.includes(flag))) {
        const message = `${node.name.toUpperCase()} --${name} is forge's own: other builders refuse this file`;
        yield { message, source: nodeRange(buildfile, node) };
      }
    }
  },
};
