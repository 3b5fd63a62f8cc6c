import type { RunOperation } from '../graph/index.js';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function has(env: readonly string[], name: string): boolean {
  return env.some((entry) => entry.startsWith(`${name}=`));
}

/**
 * The complete environment of a step: the image's and the declared build args, proxy variables
 * that the step does not set itself, secrets, and HOME from the image's /etc/passwd.
 */
export function stepEnvironment(
  operation: RunOperation,
  home: string,
  secrets: readonly string[],
): readonly string[] {
  const env = [...operation.env, ...secrets];
  const proxies = operation.proxyEnv.filter((entry) => !has(env, entry.slice(0, entry.indexOf('='))));
  return [
    ...(has(env, 'PATH') ? [] : [DEFAULT_PATH]),
    ...env,
    ...proxies,
    ...(has(env, 'HOME') ? [] : [`HOME=${home}`]),
  ];
}
