import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { BlockList, isIP } from 'node:net';

let linkLocal: BlockList | undefined;

/** Made at first use, as most builds ask for no address. */
function linkLocalAddresses(): BlockList {
  if (linkLocal) return linkLocal;
  linkLocal = new BlockList();
  linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
  linkLocal.addSubnet('fe80::', 10, 'ipv6');
  return linkLocal;
}

function isLinkLocal(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  return linkLocalAddresses().check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}

/** True for a host written as a link-local address, such as a cloud's metadata service. */
export function isLinkLocalHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return isIP(bare) !== 0 && isLinkLocal(bare);
}

/** Resolves names, but never to a link-local address: for where a redirect leads. */
export const lookupElsewhere: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const allowed = (addresses ?? []).filter(({ address }) => !isLinkLocal(address));
    const [first] = allowed;
    const refused = Object.assign(new Error(`${hostname} is a link-local address`), { code: 'EACCES' });
    if (error || !first) callback(error ?? refused, '', 0);
    else if (options.all) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
};
