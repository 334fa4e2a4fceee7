"""An agent that tries what no agent may do.

It is sent the name of a probe and what to aim at, and answers what came of it. It runs wherever an agent does, so it
imports nothing but Python's own library and Flask.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypedDict

import flask

Target = dict[str, str | int]
"""Paths, process ids, ports and addresses that an agent mustn't reach, by name."""

Probe = Callable[[Target], object]

PROBES: Final[dict[str, Probe]] = {}
"""By name: each raises OSError when it is refused, and returns what it got when it isn't."""

TITLES: Final[dict[str, tuple[str, str]]] = {}
"""By the same names: the kind of a probe, and what it does."""

REFUSED: Final = frozenset(
    {
        *(errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAGAIN, errno.EFBIG, errno.EMFILE, errno.ENOMEM, errno.EXDEV),
        errno.EROFS,
        *(
            errno.EISCONN,
            errno.EOPNOTSUPP,
            errno.EPROTONOSUPPORT,
            errno.ESOCKTNOSUPPORT,
            errno.EAFNOSUPPORT,
            errno.EINVAL,
        ),
    }
)
"""Errors that say no. ECONNREFUSED and ENOENT, for one, don't: there was nobody, but one could have gone there."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Outcome(TypedDict):
    """What came of a probe."""

    refused: bool
    by: str
    """The error, or what was let through."""


def agent(request: flask.Request) -> Outcome:
    """Try `{"probe": name, "target": …}`."""
    asked = request.get_json()
    try:
        found = PROBES[asked["probe"]](asked["target"])
    except OSError as error:
        code = error.errno or 0
        return {"refused": code in REFUSED, "by": errno.errorcode.get(code, str(error))}
    except (AttributeError, TypeError, ValueError) as error:
        return {"refused": False, "by": f"the probe itself failed: {error!r}"}
    except MemoryError:
        return {"refused": True, "by": "MemoryError"}
    return {"refused": False, "by": repr(found)[:200]}


def probe(kind: str, title: str) -> Callable[[Probe], Probe]:
    """Register a probe."""

    def register(function: Probe) -> Probe:
        name = function.__name__
        PROBES[name], TITLES[name] = function, (kind, title)
        return function

    return register


def call(name: str, *arguments: int | bytes | None) -> int:
    """Return what a system call returns, or raise OSError."""
    library = ctypes.CDLL("libseccomp.so.2")
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number < 0:
        raise OSError(errno.ENOSYS, name)
    values = [ctypes.c_char_p(each) if isinstance(each, bytes) else ctypes.c_void_p(each) for each in arguments]
    return checked(_libc.syscall(ctypes.c_long(number), *values))


def checked(result: int) -> int:
    """Return it, or raise OSError when it is less than 0."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


# Files


@probe("files", "read a secret of the platform's")
def read_secret(target: Target) -> object:
    return Path(str(target["secret"])).read_text(encoding="utf-8")


@probe("files", "list the folder of secrets")
def list_secrets(target: Target) -> object:
    return os.listdir(Path(str(target["secret"])).parent)


@probe("files", "write beside a secret")
def write_secret(target: Target) -> object:
    return Path(str(target["secret"])).with_name("planted").write_text("x", encoding="utf-8")


@probe("files", "delete a secret")
def delete_secret(target: Target) -> None:
    os.unlink(str(target["secret"]))


@probe("files", "truncate a secret")
def truncate_secret(target: Target) -> None:
    os.truncate(str(target["secret"]), 0)


@probe("files", "read another instance's config")
def read_neighbour(target: Target) -> object:
    return (Path(str(target["neighbour"])) / "config.json").read_text(encoding="utf-8")


@probe("files", "list the folders of other instances")
def list_neighbours(target: Target) -> object:
    return os.listdir(Path(str(target["neighbour"])).parents[1])


@probe("files", "write into another instance's folder")
def write_neighbour(target: Target) -> object:
    return (Path(str(target["neighbour"])) / "planted").write_text("x", encoding="utf-8")


@probe("files", "change its own code, which others run too")
def write_code(target: Target) -> object:
    return Path(__file__).write_text("x", encoding="utf-8")


@probe("files", "delete its own code")
def delete_code(target: Target) -> None:
    os.unlink(__file__)


@probe("files", "put a module among those that all agents import")
def plant_module(target: Target) -> object:
    return Path(flask.__file__).with_name("planted.py").write_text("x", encoding="utf-8")


@probe("files", "read the source of the platform")
def read_platform(target: Target) -> object:
    return os.listdir(str(target["platform"]))


@probe("files", "read /etc/passwd")
def read_accounts(target: Target) -> object:
    return Path("/etc/passwd").read_text(encoding="utf-8")


@probe("files", "list the root folder")
def list_root(target: Target) -> object:
    return os.listdir("/")


@probe("files", "list /root, and with it keys")
def list_home(target: Target) -> object:
    return os.listdir("/root")


@probe("files", "read a secret through a symbolic link of its own")
def follow_link(target: Target) -> object:
    link = Path("link")
    link.unlink(missing_ok=True)
    link.symlink_to(str(target["secret"]))
    return link.read_text(encoding="utf-8")


@probe("files", "have a second name for a secret in its own folder")
def hard_link(target: Target) -> None:
    os.link(str(target["secret"]), "second")


@probe("files", "move a file of its own out of its folder")
def move_out(target: Target) -> None:
    Path("mine").touch()
    os.rename("mine", Path(str(target["secret"])).with_name("moved"))


@probe("files", "open a file by its handle")
def open_by_handle(target: Target) -> object:
    return call("open_by_handle_at", -100, bytes(64), 0)


def _unchanged(path: str, change: Callable[[], object]) -> object:
    """Raise PermissionError if nothing has changed: some calls only pretend to work."""
    before = os.stat(path)
    change()
    after = os.stat(path)
    if (before.st_mode, before.st_mtime, before.st_uid) == (after.st_mode, after.st_mtime, after.st_uid):
        raise PermissionError(errno.EPERM, "nothing has changed")
    return oct(after.st_mode)


@probe("files", "make a secret readable to everybody")
def change_mode(target: Target) -> object:
    return _unchanged(str(target["secret"]), lambda: os.chmod(str(target["secret"]), 0o666))


@probe("files", "shut its own code to everybody, by a file that it may read")
def change_mode_of_open_file(target: Target) -> object:
    with open(__file__, encoding="utf-8") as file:
        return _unchanged(__file__, lambda: os.fchmod(file.fileno(), 0))


@probe("files", "give a secret another time")
def change_times(target: Target) -> object:
    return _unchanged(str(target["secret"]), lambda: os.utime(str(target["secret"]), (1, 1)))


@probe("files", "give a secret away")
def change_owner(target: Target) -> None:
    os.chown(str(target["secret"]), 12345, 12345)


@probe("files", "put an attribute on a secret")
def set_attribute(target: Target) -> None:
    os.setxattr(str(target["secret"]), "user.planted", b"x")


@probe("files", "watch what happens to secrets")
def watch_files(target: Target) -> object:
    watch = checked(_libc.inotify_init())
    return checked(_libc.inotify_add_watch(watch, str(target["secret"]).encode(), 0xFFF))


@probe("files", "write to /tmp")
def write_tmp(target: Target) -> object:
    return Path("/tmp/planted").write_text("x", encoding="utf-8")


@probe("files", "write to shared memory")
def write_shared_memory(target: Target) -> object:
    return Path("/dev/shm/planted").write_text("x", encoding="utf-8")


@probe("files", "make a device")
def make_device(target: Target) -> None:
    os.mknod("device", 0o020666, os.makedev(1, 1))


@probe("files", "mount something")
def mount(target: Target) -> object:
    return checked(_libc.mount(b"none", b"tmp", b"tmpfs", 0, None))


@probe("files", "have another root folder")
def change_root(target: Target) -> None:
    os.chroot(".")


# /proc


@probe("/proc", "list all processes")
def list_processes(target: Target) -> object:
    return os.listdir("/proc")


@probe("/proc", "read the host's environment")
def read_environment(target: Target) -> object:
    return Path(f"/proc/{target['host']}/environ").read_bytes()


@probe("/proc", "read the host's memory")
def read_memory(target: Target) -> object:
    return os.open(f"/proc/{target['host']}/mem", os.O_RDWR)


@probe("/proc", "list the host's open files")
def list_files(target: Target) -> object:
    return os.listdir(f"/proc/{target['host']}/fd")


@probe("/proc", "read the command line of another instance")
def read_command_line(target: Target) -> object:
    return Path(f"/proc/{target['neighbour_pid']}/cmdline").read_bytes()


@probe("/proc", "walk into another instance's folder by its process")
def walk_root(target: Target) -> object:
    return os.listdir(f"/proc/{target['neighbour_pid']}/cwd/")


@probe("/proc", "open the platform's files by its own process' parent")
def read_parent(target: Target) -> object:
    return Path(f"/proc/{os.getppid()}/maps").read_bytes()


@probe("/proc", "read which connections there are")
def read_connections(target: Target) -> object:
    return Path("/proc/net/tcp").read_text(encoding="ascii")


@probe("/proc", "not be the first to go when memory runs out")
def lower_badness(target: Target) -> object:
    return Path("/proc/self/oom_score_adj").write_text("0", encoding="ascii")


@probe("/proc", "change a setting of the kernel's")
def change_kernel(target: Target) -> object:
    return Path("/proc/sys/kernel/core_pattern").write_text("|/bin/false", encoding="ascii")


# Processes


@probe("processes", "stop the host")
def signal_host(target: Target) -> None:
    os.kill(int(target["host"]), 0)


@probe("processes", "stop the process that all agents are forked from")
def signal_spawner(target: Target) -> None:
    os.kill(int(target["spawner"]), 0)


@probe("processes", "stop another instance")
def signal_neighbour(target: Target) -> None:
    os.kill(int(target["neighbour_pid"]), signal.SIGTERM)


@probe("processes", "stop another instance by its thread")
def signal_thread(target: Target) -> object:
    return call("tkill", int(target["neighbour_pid"]), signal.SIGTERM)


@probe("processes", "queue a signal for another instance")
def queue_signal(target: Target) -> object:
    return call("rt_sigqueueinfo", int(target["neighbour_pid"]), signal.SIGTERM, bytes(128))


@probe("processes", "stop another instance by a file that stands for it")
def signal_by_file(target: Target) -> None:
    signal.pidfd_send_signal(os.pidfd_open(int(target["neighbour_pid"])), signal.SIGTERM)


@probe("processes", "have the kernel send its signals to the host")
def own_signals(target: Target) -> object:
    one, _ = socket.socketpair()
    return call("fcntl", one.fileno(), 8, int(target["host"]))


@probe("processes", "the same, with bits that the kernel ignores")
def own_signals_in_disguise(target: Target) -> object:
    one, _ = socket.socketpair()
    return call("fcntl", one.fileno(), 8 | 1 << 32, int(target["host"]))


@probe("processes", "take an open file from the host")
def take_file(target: Target) -> object:
    return call("pidfd_getfd", os.pidfd_open(int(target["host"])), 0, 0)


@probe("processes", "trace the host")
def trace_host(target: Target) -> object:
    return checked(_libc.ptrace(16, int(target["host"]), None, None))


@probe("processes", "trace another instance")
def trace_neighbour(target: Target) -> object:
    return checked(_libc.ptrace(0x4206, int(target["neighbour_pid"]), None, None))


@probe("processes", "read another instance's memory")
def read_other_memory(target: Target) -> object:
    buffer = ctypes.create_string_buffer(8)
    vector = struct.pack("PN", ctypes.addressof(buffer), 8)
    return call("process_vm_readv", int(target["neighbour_pid"]), vector, 1, vector, 1, 0)


@probe("processes", "limit the host")
def limit_host(target: Target) -> object:
    return resource.prlimit(int(target["host"]), resource.RLIMIT_NOFILE)


@probe("processes", "slow the host down")
def slow_host(target: Target) -> None:
    os.setpriority(os.PRIO_PROCESS, int(target["host"]), os.getpriority(os.PRIO_PROCESS, int(target["host"])))


@probe("processes", "slow all processes of its user down")
def slow_user(target: Target) -> None:
    os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_USER, 0))


@probe("processes", "move the host to one processor")
def move_host(target: Target) -> None:
    os.sched_setaffinity(int(target["host"]), os.sched_getaffinity(0))


@probe("processes", "schedule the host otherwise")
def schedule_host(target: Target) -> None:
    os.sched_setscheduler(int(target["host"]), os.SCHED_OTHER, os.sched_param(0))


@probe("processes", "let the host's reads and writes wait")
def slow_input(target: Target) -> object:
    return call("ioprio_set", 1, int(target["host"]), 2 << 13 | 7)


def _lower_mark() -> None:
    try:
        resource.setrlimit(10, (1, 1))
    except ValueError:
        # So Python calls EPERM.
        raise PermissionError(errno.EPERM, "not allowed") from None


@probe("processes", "take the mark off by which it is ended")
def take_mark_off(target: Target) -> None:
    _lower_mark()


@probe("processes", "the same, by another call")
def take_mark_off_again(target: Target) -> object:
    return resource.prlimit(0, 10, (1, 1))


@probe("processes", "go on when the platform has ended")
def outlive(target: Target) -> object:
    return checked(_libc.prctl(1, 0, 0, 0, 0))


@probe("processes", "hide its memory from being counted")
def hide(target: Target) -> object:
    return checked(_libc.prctl(4, 0, 0, 0, 0))


@probe("processes", "have more open files than its limit")
def raise_limit(target: Target) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    except ValueError:
        raise PermissionError(errno.EPERM, "not allowed to raise maximum limit") from None


@probe("processes", "be somebody else")
def change_user(target: Target) -> None:
    os.setuid(12345)


@probe("processes", "have a capability")
def take_capability(target: Target) -> object:
    return call("capset", struct.pack("II", 0x20080522, 0), struct.pack("6I", 1 << 21, 1 << 21, 0, 0, 0, 0))


# Network


def _connect(address: str, port: int, family: int = socket.AF_INET, protocol: int = 0) -> object:
    with socket.socket(family, socket.SOCK_STREAM, protocol) as connection:
        connection.settimeout(5)
        connection.connect((address, port))
        return connection.getpeername()


@probe("network", "connect to a port of this machine")
def connect_local(target: Target) -> object:
    return _connect("127.0.0.1", int(target["port"]))


@probe("network", "the same, without waiting")
def connect_without_waiting(target: Target) -> object:
    with socket.socket() as connection:
        connection.setblocking(False)
        code = connection.connect_ex(("127.0.0.1", int(target["port"])))
        if code not in {0, errno.EINPROGRESS}:
            raise OSError(code, os.strerror(code))
        return code


@probe("network", "the same, by the address 0.0.0.0")
def connect_any(target: Target) -> object:
    return _connect("0.0.0.0", int(target["port"]))


@probe("network", "the same, by IPv6")
def connect_local_6(target: Target) -> object:
    return _connect("::1", int(target["port"]), socket.AF_INET6)


@probe("network", "the same, by IPv4 within IPv6")
def connect_mapped(target: Target) -> object:
    return _connect("::ffff:127.0.0.1", int(target["port"]), socket.AF_INET6)


@probe("network", "the same, by 6to4")
def connect_6to4(target: Target) -> object:
    return _connect("2002:7f00:1::1", int(target["port"]), socket.AF_INET6)


@probe("network", "the same, by NAT64")
def connect_nat64(target: Target) -> object:
    return _connect("64:ff9b::127.0.0.1", int(target["port"]), socket.AF_INET6)


@probe("network", "connect to this machine by its own address")
def connect_own(target: Target) -> object:
    return _connect(str(target["own_address"]), int(target["port"]))


@probe("network", "connect to the metadata of a cloud")
def connect_metadata(target: Target) -> object:
    return _connect("169.254.169.254", 80)


@probe("network", "connect to the metadata of a cloud that has a public address")
def connect_public_metadata(target: Target) -> object:
    return _connect("168.63.129.16", 80)


@probe("network", "connect to a private network")
def connect_private(target: Target) -> object:
    return _connect("10.0.0.1", 5432)


@probe("network", "connect to a carrier's network")
def connect_carrier(target: Target) -> object:
    return _connect("100.100.100.200", 80)


@probe("network", "connect while sending (TCP Fast Open)")
def fast_open(target: Target) -> object:
    with socket.socket() as connection:
        return connection.sendto(b"x", 0x20000000, ("127.0.0.1", int(target["port"])))


@probe("network", "the same, by a message")
def fast_open_message(target: Target) -> object:
    with socket.socket() as connection:
        return connection.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", int(target["port"])))


@probe("network", "connect by MPTCP")
def multipath(target: Target) -> object:
    return _connect("127.0.0.1", int(target["port"]), protocol=262)


@probe("network", "connect by SCTP")
def sctp(target: Target) -> object:
    return _connect("127.0.0.1", int(target["port"]), protocol=132)


@probe("network", "send by UDP")
def datagram(target: Target) -> object:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        return connection.sendto(b"x", ("127.0.0.1", int(target["port"])))


@probe("network", "ask for a name by UDP")
def ask_name(target: Target) -> object:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        return connection.sendto(bytes(12), ("8.8.8.8", 53))


@probe("network", "listen on a port")
def listen(target: Target) -> object:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()


@probe("network", "take the port of a part of the platform that has ended")
def squat(target: Target) -> object:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", int(target["port"])))
        return listening.getsockname()


@probe("network", "listen without having a port")
def listen_anywhere(target: Target) -> object:
    with socket.socket() as listening:
        listening.listen()
        return listening.getsockname()


@probe("network", "connect to a socket of the machine's by its path")
def unix_path(target: Target) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(target["unix"]))


@probe("network", "connect to a socket of the machine's by its abstract name")
def unix_abstract(target: Target) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"\0{target['abstract']}")


@probe("network", "the same, by a pair of datagram sockets")
def unix_pair(target: Target) -> None:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.connect(str(target["unix"]))


@probe("network", "send an open file to a socket of the machine's")
def unix_stream_pair(target: Target) -> object:
    one, _ = socket.socketpair()
    return one.sendto(b"x", str(target["unix"]))


@probe("network", "ask the kernel about networks (netlink)")
def netlink(target: Target) -> object:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)


@probe("network", "speak to the machine around this one (vsock)")
def vsock(target: Target) -> object:
    return socket.socket(socket.AF_VSOCK)


@probe("network", "send packets of its own making")
def raw_packets(target: Target) -> object:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@probe("network", "see all packets")
def all_packets(target: Target) -> object:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@probe("network", "speak to the kernel's ciphers")
def kernel_ciphers(target: Target) -> object:
    return socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)


# Kernel


@probe("kernel", "have a user namespace, with all capabilities")
def user_namespace(target: Target) -> object:
    return call("unshare", 0x10000000)


@probe("kernel", "the same, while forking")
def clone_namespace(target: Target) -> object:
    return call("clone", 0x10000000 | signal.SIGCHLD, None, None, None, None)


@probe("kernel", "the same, by the newer call")
def clone3_namespace(target: Target) -> object:
    return call("clone3", struct.pack("8Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0), 64)


@probe("kernel", "enter the namespaces of the first process")
def enter_namespace(target: Target) -> object:
    return call("setns", os.pidfd_open(1), 0x40000000)


@probe("kernel", "do reads, writes and connects past all filters (io_uring)")
def ring(target: Target) -> object:
    return call("io_uring_setup", 1, bytes(120))


@probe("kernel", "load a program into the kernel")
def load_program(target: Target) -> object:
    return call("bpf", 0, bytes(64), 64)


@probe("kernel", "measure the kernel")
def measure(target: Target) -> object:
    return call("perf_event_open", bytes(128), 0, -1, -1, 0)


@probe("kernel", "use the keyring of its user")
def keyring(target: Target) -> object:
    return call("keyctl", 0, -4, 0)


@probe("kernel", "put a key into it")
def add_key(target: Target) -> object:
    return call("add_key", b"user", b"planted", b"x", 1, -4)


@probe("kernel", "share memory with others of its user (SysV)")
def shared_memory(target: Target) -> object:
    return call("shmget", 0x1234, 4096, 0o1666)


@probe("kernel", "share messages with others of its user (POSIX)")
def message_queue(target: Target) -> object:
    return call("mq_open", b"planted", os.O_CREAT | os.O_RDWR, 0o666, None)


@probe("kernel", "have memory that no process' size shows")
def hidden_memory(target: Target) -> object:
    return os.memfd_create("hidden")


@probe("kernel", "handle its own page faults")
def page_faults(target: Target) -> object:
    return call("userfaultfd", 1)


@probe("kernel", "switch the layout of memory to a guessable one")
def personality(target: Target) -> object:
    return call("personality", 0x0040000)


@probe("kernel", "load a module")
def load_module(target: Target) -> object:
    return call("finit_module", 0, b"", 0)


@probe("kernel", "restart the machine")
def reboot(target: Target) -> object:
    return call("reboot", 0, 0, 0, None)


@probe("kernel", "set the clock")
def set_clock(target: Target) -> object:
    return call("clock_settime", 0, struct.pack("qq", 1, 0))


@probe("kernel", "answer its own calls, in the platform's place")
def own_filter(target: Target) -> object:
    return call("seccomp", 1, 8, struct.pack("HxxxxxxP", 0, 0))


# Use of more than its share: what happens is seen from outside


@probe("limits", "have more files open than its limit")
def many_files(target: Target) -> object:
    files: list[int] = []
    try:
        while len(files) < 100_000:
            files.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for each in files:
            os.close(each)
    return len(files)


@probe("limits", "write one file that is longer than its limit")
def long_file(target: Target) -> object:
    with open("long", "wb") as file:
        while True:
            file.write(bytes(1 << 20))
            file.flush()


@probe("limits", "start processes without end")
def many_processes(target: Target) -> object:
    started: list[subprocess.Popen[bytes]] = []
    try:
        while len(started) < 10_000:
            started.append(subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)"]))
    finally:
        for each in started:
            each.kill()
            each.wait()
    return len(started)


@probe("limits", "use more memory than its limit")
def much_memory(target: Target) -> object:
    kept = []
    while True:
        piece = mmap.mmap(-1, 1 << 24)
        for page in range(0, 1 << 24, mmap.PAGESIZE):
            piece[page] = 1
        kept.append(piece)


@contextlib.contextmanager
def _staying_when_it_is_full() -> Iterator[None]:
    """Keep what was taken where the file system is full before the limit is noticed."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        time.sleep(60)


@probe("limits", "use more disk than its limit, in many files")
def much_disk(target: Target) -> object:
    number = 0
    with _staying_when_it_is_full():
        while True:
            number += 1
            Path(f"part-{number}").write_bytes(bytes(1 << 20))


@probe("limits", "use more disk than its limit, in files that it has deleted")
def deleted_disk(target: Target) -> object:
    files = []
    with _staying_when_it_is_full():
        while True:
            files.append(open("gone", "wb+"))
            os.unlink("gone")
            while os.fstat(files[-1].fileno()).st_size < int(target["file_bytes"]) - (1 << 20):
                files[-1].write(bytes(1 << 20))


@probe("limits", "leave processes behind that ignore SIGTERM and have sessions of their own")
def leave_processes(target: Target) -> object:
    text = """
import os, signal, time
for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(each, signal.SIG_IGN)
for _ in range(5):
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        os.setsid()
        while True:
            time.sleep(1)
"""
    subprocess.run([sys.executable, "-I", "-c", text], check=True, stdout=subprocess.DEVNULL)
    os._exit(0)


@probe("limits", "print without end")
def flood(target: Target) -> object:
    for _ in range(200):
        os.write(1, b"x" * 8191 + b"\n")
    return 200
