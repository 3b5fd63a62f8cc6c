/** The seccomp program (struct sock_filter[]) of the default profile for a set of capabilities. */
export function defaultFilter(_capabilities: readonly string[]): Uint8Array {
  return new Uint8Array();
}
