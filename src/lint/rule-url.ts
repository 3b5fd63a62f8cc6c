/** Where the reference describes a rule that it and forge share. */
export function referenceUrl(name: string): string {
  return `https://docs.docker.com/go/dockerfile/rule/${name}/`;
}

/** Where forge describes a rule of its own: a page of this repository. */
export function ownUrl(rule: string): string {
  return `docs/lint/${rule}.md`;
}
