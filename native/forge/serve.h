#ifndef FORGE_SERVE_H
#define FORGE_SERVE_H

/*
 * The sandbox server: makes boxes for the client at the other end of `client` until that closes,
 * then kills what runs and returns. Waits for the first request before it copies itself into
 * memory (`sealed` is false then, and it comes back here as a fresh image).
 */
int serve(int client, int sealed_program);

#endif
