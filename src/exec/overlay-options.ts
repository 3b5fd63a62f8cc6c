import { ForgeError } from '../core/index.js';

/** mount(2) cuts its options at a page, without a word. */
const OPTIONS_LIMIT_BYTES = 4096;

const escapeName = (name: string) => name.replace(/[\\,:]/g, '\\$&');

export interface OverlayDirectories {
  /** Nearest first. */
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
}

/**
 * Option strings for an overlay, the best first; kernels differ in what they know. `volatile`
 * leaves out syncs that a build has no use for; the rest keeps upper directories plain, so that
 * they can be read as a layer.
 */
export function overlayOptions(directories: OverlayDirectories, inUserNamespace: boolean): readonly string[] {
  const { lowers, upper, work } = directories;
  const places = `lowerdir=${lowers.map(escapeName).join(':')},upperdir=${escapeName(upper)},workdir=${escapeName(work)}`;
  const plain = 'redirect_dir=off,metacopy=off,index=off,xino=off';
  const tries = inUserNamespace
    ? ['userxattr,volatile', 'userxattr']
    : [`${plain},uuid=null,volatile`, `${plain},volatile`, `${plain}`];
  const options = tries.map((flags) => `${places},${flags}`);
  if (Buffer.byteLength(options[0] ?? '') >= OPTIONS_LIMIT_BYTES) {
    throw new ForgeError(
      'system/too-many-layers',
      `${lowers.length} layers do not fit into one overlay mount`,
      {
        hint: 'join RUN and COPY instructions, or build in stages',
      },
    );
  }
  return options;
}
