/**
 * The direction of the house: a folder of src/ imports only folders that stand before it in this
 * list, and only through their index.ts.
 */
const order = [
  'core',
  'oci',
  'tar',
  'buildfile',
  'graph',
  'lint',
  'native',
  'store',
  'context',
  'closure',
  'snapshot',
  'exec',
  'layer',
  'image',
  'import',
  'export',
  'solve',
  'progress',
  'build',
  'api',
  'cli',
];
const pure = ['core', 'oci', 'buildfile', 'graph', 'lint'];

const upward = order.slice(0, -1).map((folder, position) => ({
  name: `downwards-only-from-${folder}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(${order.slice(position + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'through-the-door',
      comment: 'a folder is entered through its index.ts',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'pure-folders-touch-nothing',
      severity: 'error',
      from: { path: `^src/(${pure.join('|')})/` },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|path/posix|path)$' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
      extensions: ['.ts', '.js'],
    },
  },
};
