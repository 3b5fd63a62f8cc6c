/** Numbers of the kernel's interface. */

/** clone(2), unshare(2). */
export const CLONE_NEWNS = 0x00020000;
export const CLONE_NEWCGROUP = 0x02000000;
export const CLONE_NEWUTS = 0x04000000;
export const CLONE_NEWIPC = 0x08000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

/** mount(2). */
export const MS_NODEV = 4;

/** mount_setattr(2), fsmount(2). */
export const ATTR_RDONLY = 0x1;
export const ATTR_NOSUID = 0x2;
export const ATTR_NODEV = 0x4;
export const ATTR_NOEXEC = 0x8;
export const ATTR_STRICTATIME = 0x20;
