import { problem } from './problem.js';

const PROTOCOLS = new Set(['tcp', 'udp', 'sctp']);
const MAX_PORT = 65535;

export interface PortSpec {
  readonly address: string;
  readonly hostPorts: string;
  readonly containerPorts: string;
  /** As written; empty when there is none. */
  readonly writtenProtocol: string;
  readonly protocol: string;
}

const bad = (message: string) =>
  problem('port', message, 'write EXPOSE port[-port][/tcp|udp|sctp], for example 8080/tcp');

/** Cuts `[address:[hostPorts:]]ports[/protocol]`; the address may hold colons itself. */
export function splitPortSpec(text: string): PortSpec {
  const parts = text.split(':');
  const last = parts.pop() ?? '';
  const slash = last.indexOf('/');
  const writtenProtocol = slash < 0 ? '' : last.slice(slash + 1);
  return {
    containerPorts: slash < 0 ? last : last.slice(0, slash),
    hostPorts: parts.pop() ?? '',
    address: parts.join(':'),
    writtenProtocol,
    protocol: writtenProtocol.toLowerCase() || 'tcp',
  };
}

type PortRange = readonly [number, number];

function parseRange(text: string): PortRange | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first <= last && last <= MAX_PORT ? [first, last] : undefined;
}

function checkAddress(address: string): void {
  const bare = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
  if (bare !== '' && !isIpAddress(bare)) throw bad(`invalid IP address: ${address}`);
}

function isIpAddress(text: string): boolean {
  const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
  const v4 = `${octet}(?:\\.${octet}){3}`;
  if (new RegExp(`^${v4}$`).test(text)) return true;
  const asV6 = text.replace(new RegExp(`(?<=:)${v4}$`), '0:0');
  const halves = asV6.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

function checkHostPorts(spec: PortSpec, container: PortRange): void {
  if (spec.hostPorts === '') return;
  const host = parseRange(spec.hostPorts);
  if (host === undefined) throw bad(`invalid hostPort: ${spec.hostPorts}`);
  const sameLength = host[1] - host[0] === container[1] - container[0];
  // Many host ports for one container port: one of them would be chosen.
  if (sameLength || container[0] === container[1]) return;
  throw bad(
    `invalid ranges specified for container and host Ports: ${spec.containerPorts} and ${spec.hostPorts}`,
  );
}

/**
 * The ports that one EXPOSE word names, each as `port/protocol`. Host addresses and ports are
 * accepted as in `docker run -p`, checked, and mean nothing.
 */
export function parsePort(text: string): readonly string[] {
  const spec = splitPortSpec(text);
  if (spec.containerPorts === '') throw bad(`invalid port: ${JSON.stringify(text)}: no port specified`);
  if (!PROTOCOLS.has(spec.protocol)) throw bad(`invalid proto: ${spec.protocol}`);
  checkAddress(spec.address);
  const range = parseRange(spec.containerPorts);
  if (range === undefined) throw bad(`invalid containerPort: ${spec.containerPorts}`);
  checkHostPorts(spec, range);
  const [first, last] = range;
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${spec.protocol}`);
}

/** The ports of all words of an EXPOSE, after expansion. */
export function parsePorts(words: readonly string[]): readonly string[] {
  return words.flatMap(parsePort);
}
