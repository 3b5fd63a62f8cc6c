import { ForgeError } from '../core/index.js';

/** Who a command runs as. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them (so that "not this group" rules hold: CVE-2023-25173). */
  readonly additionalGids: readonly number[];
  /** The user's home directory; `/` for an id without an entry. */
  readonly home: string;
}

/** Docker's largest id. */
const MAX_ID = 2 ** 31 - 1;

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** A decimal id in range, or undefined: never a guess, and never 0 for want of something better. */
function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

/** Lines whose ids cannot be read do not count. */
function parsePasswd(text: string): readonly PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uidText, gidText, , home = ''] = line.trim().split(':');
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    return name === '' || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home }];
  });
}

function parseGroup(text: string): readonly GroupEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , gidText, members = ''] = line.trim().split(':');
    const gid = parseId(gidText);
    return name === '' || gid === undefined
      ? []
      : [{ name, gid, members: members.split(',').filter(Boolean) }];
  });
}

const isNumeric = (text: string) => /^[+-]?\d+$/.test(text);

function outOfRange(what: string, text: string): ForgeError {
  return new ForgeError('user/user-range', `${what} ${JSON.stringify(text)} is out of range`, {
    hint: `ids are decimal numbers from 0 to ${MAX_ID}`,
  });
}

function findUser(text: string, entries: readonly PasswdEntry[]): PasswdEntry {
  if (isNumeric(text)) {
    // A number is always an id, also when some user has that name.
    const uid = parseId(text);
    if (uid === undefined) throw outOfRange('user id', text);
    return entries.find((entry) => entry.uid === uid) ?? { name: '', uid, gid: 0, home: '/' };
  }
  const entry = entries.find(({ name }) => name === text);
  if (entry) return entry;
  throw new ForgeError('user/unknown-user', `unable to find user ${JSON.stringify(text)} in /etc/passwd`, {
    hint: 'create it in an earlier step (RUN adduser …), or give its numeric id',
  });
}

function findGroup(text: string, entries: readonly GroupEntry[]): number {
  if (isNumeric(text)) {
    const gid = parseId(text);
    if (gid === undefined) throw outOfRange('group id', text);
    return gid;
  }
  const entry = entries.find(({ name }) => name === text);
  if (entry) return entry.gid;
  throw new ForgeError('user/unknown-group', `unable to find group ${JSON.stringify(text)} in /etc/group`, {
    hint: 'create it in an earlier step (RUN addgroup …), or give its numeric id',
  });
}

/**
 * Resolves `USER` (`""`, `user`, `uid`, each with `:group` or `:gid`) by the image's own files, as
 * Docker does: a number is an id, anything else must have an entry; without a group the user's own
 * and those that list it. An empty user is root. Errors: `user/user-syntax`, `user/user-range`,
 * `user/unknown-user`, `user/unknown-group`.
 */
export function resolveUser(spec: string, passwdText: string, groupText: string): ResolvedUser {
  const [userText = '', groupName, ...more] = spec.split(':');
  if (more.length > 0 || groupName === '') {
    throw new ForgeError('user/user-syntax', `invalid user ${JSON.stringify(spec)}`, {
      hint: 'write it as user[:group], names or numeric ids',
    });
  }
  const user = findUser(userText === '' ? '0' : userText, parsePasswd(passwdText));
  const home = user.home === '' ? '/' : user.home;
  const groups = parseGroup(groupText);
  if (groupName !== undefined) {
    const gid = findGroup(groupName, groups);
    return { uid: user.uid, gid, additionalGids: [gid], home };
  }
  const member = groups.filter(({ members }) => user.name !== '' && members.includes(user.name));
  const additionalGids = [...new Set([user.gid, ...member.map(({ gid }) => gid)])];
  return { uid: user.uid, gid: user.gid, additionalGids, home };
}
