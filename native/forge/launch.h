#ifndef FORGE_LAUNCH_H
#define FORGE_LAUNCH_H

/*
 * The launcher: `arguments` are a script and its arguments. Enters the namespaces, starts the
 * sandbox server, becomes Node. Returns only when that failed: the exit code.
 */
int launch(char **arguments);

#endif
