import type { DataSet } from './data-set.js';

const FILES = [
  '/etc/os-release',
  '/usr/lib/os-release',
  '/etc/debian_version',
  '/etc/alpine-release',
  '/etc/redhat-release',
  '/etc/lsb-release',
];

export const osRelease: DataSet = {
  name: 'os-release',
  summary: 'the name and version of the distribution, for scanners',
  apply: (source) => source.addAll(FILES),
};
