"""Which system calls a child may make; every other answers ENOSYS, as if the kernel didn't have it.

The names are those of every architecture; what one of them lacks is left out there. Left out on purpose are io_uring,
bpf, perf, ptrace, keyrings, namespaces, mounts, modules, the IPC of SysV and POSIX, inotify (which tells of files
that can't be read), memfd (memory that no process' size shows), clone3 (whose flags a filter can't read: libraries
fall back to clone), and whatever is newer than this list.
"""

from typing import Final

FILES: Final = (
    "access chdir close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate "
    "fchdir fdatasync flock fstat fstat64 fstatat64 fstatfs fsync ftruncate getcwd getdents getdents64 lgetxattr "
    "link linkat listxattr llistxattr flistxattr getxattr fgetxattr lseek lstat mkdir mkdirat mknod mknodat "
    "newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink "
    "readlinkat readv rename renameat renameat2 rmdir sendfile splice stat statfs statx symlink symlinkat "
    "sync_file_range tee truncate umask unlink unlinkat vmsplice write writev fcntl ioctl"
)

WAITING: Final = (
    "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 pipe pipe2 poll "
    "ppoll pselect6 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime"
)

MEMORY: Final = (
    "brk madvise membarrier mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap "
    "pkey_alloc pkey_free pkey_mprotect get_mempolicy map_shadow_stack mseal"
)

PROCESSES: Final = (
    "arch_prctl capget execve execveat exit exit_group futex futex_waitv futex_wait futex_wake futex_requeue "
    "get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid "
    "getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid prlimit64 restart_syscall rseq "
    "sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
    "sched_getscheduler sched_rr_get_interval sched_setaffinity sched_yield set_robust_list set_thread_area "
    "set_tid_address setpgid setpriority setrlimit setsid uname sysinfo wait4 waitid waitpid kill tgkill tkill "
    "pidfd_open pidfd_send_signal times"
)

SIGNALS_AND_TIME: Final = (
    "alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep pause rt_sigaction "
    "rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait setitimer sigaltstack sigreturn time "
    "timer_create timer_delete timer_getoverrun timer_gettime timer_settime getrandom"
)

SOCKETS: Final = (
    "getpeername getsockname getsockopt recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown"
)

ALLOWED: Final = tuple(
    name for names in (FILES, WAITING, MEMORY, PROCESSES, SIGNALS_AND_TIME, SOCKETS) for name in names.split()
)

CHANGING_MODES: Final = ("chmod", "fchmod", "fchmodat", "fchmodat2")

PRETENDED: Final = ("utime", "utimes", "futimesat")
"""Succeed and do nothing, as those before do for agents: Landlock doesn't cover them, and a file that can't be opened
could be shut to everybody else.

Libraries that copy or unpack files call them, and take an error for a failure.
"""

DENIED: Final = (
    *("chown", "fchown", "fchownat", "lchown", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid"),
    *("setgroups", "capset", "bind", "listen", "accept", "accept4", "ptrace", "process_vm_readv", "process_vm_writev"),
    *("pidfd_getfd", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot"),
)
"""Answer EPERM, which says more than ENOSYS to whoever wonders."""

UNSUPPORTED: Final = ("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr")
"""Answer EOPNOTSUPP, as many file systems do."""

SIGNALS: Final = ("kill", "tgkill", "tkill", "pidfd_send_signal")
"""Reach other processes of the user, where Landlock doesn't keep them inside."""

FORKS: Final = ("fork", "vfork")
