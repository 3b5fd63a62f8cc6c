import type { ContainerConfig } from '../oci/index.js';

/** The order in which Go writes the fields: the spec's, then Docker's. */
const FIELDS: readonly (keyof ContainerConfig)[] = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'StopTimeout',
  'Shell',
];
const HEALTH_FIELDS = ['Test', 'Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'];

/** True for what Go's `omitempty` leaves out. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function sorted(map: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function writable(key: keyof ContainerConfig, config: ContainerConfig): unknown {
  const value = config[key];
  if (key === 'Healthcheck' && config.Healthcheck !== undefined) {
    const fields = Object.entries(config.Healthcheck).filter(([, field]) => !isEmpty(field));
    return Object.fromEntries(fields.sort(([a], [b]) => HEALTH_FIELDS.indexOf(a) - HEALTH_FIELDS.indexOf(b)));
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? sorted({ ...value }) : value;
}

/** `config` in the one order in which it is written, without what is empty. */
export function orderedContainerConfig(config: ContainerConfig): ContainerConfig {
  const fields = FIELDS.filter((key) =>
    key === 'Healthcheck' ? config[key] !== undefined : !isEmpty(config[key]),
  );
  return Object.fromEntries(fields.map((key) => [key, writable(key, config)]));
}
