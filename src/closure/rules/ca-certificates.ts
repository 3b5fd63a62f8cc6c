import type { DataSet } from './data-set.js';

/** Where distributions keep the bundle and the hashed directory of certificate authorities. */
const TREES = [
  '/etc/ssl/certs',
  '/etc/pki/tls/certs',
  '/etc/pki/ca-trust/extracted',
  '/etc/ca-certificates/extracted',
];
const FILES = [
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cert.pem',
  '/var/lib/ca-certificates/ca-bundle.pem',
];
/** OPENSSLDIR: the places in which OpenSSL looks of its own accord. */
const OPENSSL_DIRECTORIES = [
  '/usr/lib/ssl',
  '/etc/ssl',
  '/etc/pki/tls',
  '/usr/local/ssl',
  '/usr/local/etc/openssl',
];

export const caCertificates: DataSet = {
  name: 'ca-certificates',
  summary: 'the certificate authorities, as bundle and as hashed directory',
  apply(source) {
    for (const tree of TREES) source.addTree(tree, (path) => !path.endsWith('/localhost.key'));
    source.addAll(FILES);
    for (const directory of OPENSSL_DIRECTORIES) {
      if (source.isDirectory(`${directory}/certs`)) source.addTree(`${directory}/certs`);
      source.add(`${directory}/cert.pem`);
    }
    const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories } = source.options.env ?? {};
    if (file !== undefined) source.add(file);
    for (const directory of directories?.split(':') ?? [])
      if (directory.startsWith('/')) source.addTree(directory);
  },
};
