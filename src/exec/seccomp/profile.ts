/** How an argument must be for a rule to apply; arguments count from 0. */
export type ArgumentTest =
  | { readonly index: number; readonly test: 'one-of'; readonly values: readonly number[] }
  | { readonly index: number; readonly test: 'no-bits'; readonly mask: number };

export interface Rule {
  /** System calls, separated by spaces; those that an architecture lacks do not count there. */
  readonly names: string;
  /** An errno in place of permission. */
  readonly errno?: number;
  readonly argument?: ArgumentTest;
  /** Only with this capability, only without it. */
  readonly capability?: string;
  readonly withoutCapability?: string;
  /** Only on this machine architecture. */
  readonly architecture?: 'x64' | 'arm64';
}

/** What is not allowed below gets this. */
export const DEFAULT_ERRNO = 1; // EPERM
export const ENOSYS = 38;

/** CLONE_NEW*: NS, CGROUP, UTS, IPC, USER, PID, NET. */
const NAMESPACE_FLAGS = 0x7e02_0000;

/** ADDR_NO_RANDOMIZE and friends stay out: Linux, Linux32 with and without UNAME26, and "just ask". */
const PERSONALITIES = [0, 0x8, 0x20000, 0x20008, 0xffff_ffff];

/**
 * Address families that socket(2) may be asked for: all but those that the kernel has dropped (12,
 * 19, 20, 23, 25, 34, 37) and AF_ALG (38) and AF_VSOCK (40), which reach what no container needs.
 */
const SOCKET_FAMILIES = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33,
  35, 36, 39, 41, 42, 43, 44, 45,
];

const ALWAYS = `
  accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32
  clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
  eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate
  fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync
  fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync
  ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat
  getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
  getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid
  getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid getsockname getsockopt
  get_thread_area gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init
  inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents
  io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule
  landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount
  listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise
  map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2
  mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
  mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock
  munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause
  pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64
  prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev
  pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
  remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam
  sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval
  sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
  sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64
  sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
  setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
  setreuid32 setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address setuid setuid32
  setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask
  sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat
  sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun
  timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
  timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask
  uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid
  waitpid write writev process_vm_readv process_vm_writev ptrace`;

const SYS_ADMIN = `
  bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
  lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl
  quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`;

/** The default profile, as moby has it (github.com/moby/profiles, seccomp/default_linux.go). */
export const DEFAULT_PROFILE: readonly Rule[] = [
  { names: ALWAYS },
  { names: 'socket', argument: { index: 0, test: 'one-of', values: SOCKET_FAMILIES } },
  { names: 'personality', argument: { index: 0, test: 'one-of', values: PERSONALITIES } },
  {
    names: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
    architecture: 'arm64',
  },
  { names: 'arch_prctl modify_ldt', architecture: 'x64' },
  { names: 'open_by_handle_at', capability: 'dac_read_search' },
  { names: SYS_ADMIN, capability: 'sys_admin' },
  {
    names: 'clone',
    withoutCapability: 'sys_admin',
    argument: { index: 0, test: 'no-bits', mask: NAMESPACE_FLAGS },
  },
  // Its flags lie behind a pointer: with ENOSYS the C library falls back to clone.
  { names: 'clone3', withoutCapability: 'sys_admin', errno: ENOSYS },
  { names: 'reboot', capability: 'sys_boot' },
  { names: 'chroot', capability: 'sys_chroot' },
  { names: 'delete_module init_module finit_module', capability: 'sys_module' },
  { names: 'acct', capability: 'sys_pacct' },
  {
    names: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
    capability: 'sys_ptrace',
  },
  { names: 'iopl ioperm', capability: 'sys_rawio' },
  { names: 'settimeofday stime clock_settime clock_settime64', capability: 'sys_time' },
  { names: 'vhangup', capability: 'sys_tty_config' },
  { names: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node', capability: 'sys_nice' },
  { names: 'syslog', capability: 'syslog' },
  { names: 'bpf', capability: 'bpf' },
  { names: 'perf_event_open', capability: 'perfmon' },
];
