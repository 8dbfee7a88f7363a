"""Runs one command that nobody trusts: in a session of its own, within limits, and ends everything it leaves behind.

The one that calls is a process that does nothing else meanwhile (a worker of a pool). It is a subreaper, so whatever a
command starts and orphans becomes its child. When it is root, each run gets a numeric user of its own that nobody else
has: then RLIMIT_NPROC binds, and one kill as that user reaches everything at once, a fork bomb too.
"""
import ctypes
import fcntl
import os
import pwd
import random
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
LIBC = ctypes.CDLL(None, use_errno=True)
MEGABYTE = 1 << 20
PAGE = os.sysconf('SC_PAGESIZE')


@dataclass
class Limits:
    wall: float = 20                    # seconds
    cpu: int = 3                        # seconds, of each process
    address_space: int = 320            # MB; 0: memory is only watched
    resident: int = 300                 # MB, of all its processes together, watched
    file_size: int = 16                 # MB
    descriptors: int = 1024
    processes: int = 64                 # threads count too
    output: int = 1                     # MB, of standard output and error together; what is over ends the run
    record: int = 4                     # MB


@dataclass
class Outcome:
    status: int = 0                     # as subprocess has it: minus the signal
    stopped: str = ''                   # '', or the limit that ended it: time, cpu, memory, output
    output: str = ''
    errors: str = ''
    record: list = field(default_factory=list)      # lines of the private socket, as they came
    seconds: float = 0
    left: int = 0                       # processes that had to be ended after the command itself had


class User:
    """A numeric user that nothing else runs as; for root only, otherwise ourselves."""

    def __init__(self):
        self.uid = self.lock = None
        if os.geteuid() != 0:
            return
        folder = os.path.join(tempfile.gettempdir(), f'weft-users-{os.geteuid()}')
        os.makedirs(folder, mode=0o700, exist_ok=True)
        most = mapped_users()
        for _ in range(1000):
            uid = random.randrange(20000, most)
            lock = os.open(os.path.join(folder, str(uid)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not is_known(uid) and not processes_of(uid):
                    self.uid, self.lock = uid, lock
                    return
            except OSError:
                pass
            os.close(lock)
        raise RuntimeError('no unused user id could be found')

    def own(self, path):
        """Gives a folder and what is in it to the user."""
        if self.uid is None:
            return
        for where, folders, files in os.walk(path):
            for name in ['.'] + folders + files:
                os.chown(os.path.join(where, name), self.uid, self.uid, follow_symlinks=False)

    def become(self):
        if self.uid is not None:
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)

    def end_all(self):
        """Kills whatever runs as this user, in one stroke that nothing can outrun."""
        if self.uid is None:
            return
        for _ in range(50):
            child = os.fork()
            if child == 0:
                try:
                    self.become()
                    os.kill(-1, signal.SIGKILL)
                except OSError:
                    pass
                os._exit(0)
            os.waitpid(child, 0)
            reap()
            if not processes_of(self.uid):
                return
            time.sleep(0.02)

    def close(self):
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def mapped_users():
    """One more than the last user id that this machine, or container, lets us become; 60000 at most."""
    try:
        with open('/proc/self/uid_map', encoding='ascii') as stream:
            first, _, count = (int(word) for word in stream.readline().split())
            return max(20001, min(60000, first + count))
    except (OSError, ValueError):
        return 60000


def is_known(uid):
    try:
        pwd.getpwuid(uid)
        return True
    except KeyError:
        return False


def all_processes():
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def processes_of(uid):
    """Living ones; a zombie does nothing any more."""
    found = []
    for pid in all_processes():
        try:
            if os.stat(f'/proc/{pid}').st_uid == uid and state_and_parent(pid)[0] not in 'ZX':
                found.append(pid)
        except OSError:
            pass
    return found


def state_and_parent(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as stream:
            words = stream.read().rpartition(')')[2].split()
        return words[0], int(words[1])
    except (OSError, IndexError, ValueError):
        return 'X', 0


def descendants():
    """Every process below this one."""
    parents = {pid: state_and_parent(pid)[1] for pid in all_processes()}
    found, new = set(), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def resident(pids):
    """Megabytes."""
    total = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/statm', encoding='ascii') as stream:
                total += int(stream.read().split()[1]) * PAGE
        except (OSError, IndexError, ValueError):
            pass
    return total / MEGABYTE


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def prepare_worker():
    """Once in each worker: orphans come here; Ctrl-C is the parent's; no worker outlives the one it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def memory_there_is():
    """Megabytes: what is available, or less where a control group (a container) says so."""
    found = []
    try:
        with open('/proc/meminfo', encoding='ascii') as stream:
            found += [int(line.split()[1]) // 1024 for line in stream if line.startswith('MemAvailable:')]
        with open('/proc/self/cgroup', encoding='ascii') as stream:
            groups = [line.rstrip('\n').split(':', 2) for line in stream]
    except OSError:
        groups = []
    places = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']
    places += [f'/sys/fs/cgroup{path}/memory.max' for _, kind, path in groups if not kind]
    places += [f'/sys/fs/cgroup/memory{path}/memory.limit_in_bytes' for _, kind, path in groups if kind == 'memory']
    for place in places:
        try:
            with open(place, encoding='ascii') as stream:
                found.append(int(stream.read()) // MEGABYTE)
        except (OSError, ValueError):
            pass
    return min(found, default=1024)


def running_as_us():
    """How many processes and threads count against our own RLIMIT_NPROC, about."""
    count = 0
    for pid in all_processes():
        try:
            if os.stat(f'/proc/{pid}').st_uid == os.getuid():
                count += len(os.listdir(f'/proc/{pid}/task'))
        except OSError:
            pass
    return count


def limit(limits, user):
    def set_limit(what, soft, hard=None):
        most = resource.getrlimit(what)[1]
        hard = soft if hard is None else hard
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(what, (soft, hard))

    set_limit(resource.RLIMIT_CPU, limits.cpu, limits.cpu + 2)
    set_limit(resource.RLIMIT_FSIZE, limits.file_size * MEGABYTE)
    set_limit(resource.RLIMIT_NOFILE, limits.descriptors, max(limits.descriptors, 2048))
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_NPROC, limits.processes + (0 if user.uid is not None else running_as_us()))
    if limits.address_space:
        set_limit(resource.RLIMIT_AS, limits.address_space * MEGABYTE)


def run(command, folder, environment, limits, user, nonce=None):
    """The Outcome of a command that works in `folder`. With a nonce it gets --record FD in place of '@record'."""
    ours = theirs = None
    if nonce is not None:
        ours, theirs = socket.socketpair()
        ours.sendall(nonce.encode() + b'\n')
        command = [str(theirs.fileno()) if word == '@record' else word for word in command]

    def enter():
        os.setsid()
        limit(limits, user)
        LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        user.become()
        os.umask(0o077)
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)

    started = time.monotonic()
    outcome = Outcome()
    try:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=enter,
                                   pass_fds=[theirs.fileno()] if theirs else [])
    finally:
        if theirs:
            theirs.close()
    try:
        watch(process, ours, limits, user, outcome, started)
    finally:
        end(process, user, outcome)
        for stream in (process.stdout, process.stderr, ours):
            if stream:
                stream.close()
    outcome.seconds = time.monotonic() - started
    if outcome.status == -signal.SIGXCPU and not outcome.stopped:
        outcome.stopped = 'cpu'
    return outcome


def watch(process, ours, limits, user, outcome, started):
    """Takes what the command says until it has ended, or is over a limit."""
    said = {'output': bytearray(), 'errors': bytearray(), 'record': bytearray()}
    selector = selectors.DefaultSelector()
    for name, stream in (('output', process.stdout), ('errors', process.stderr), ('record', ours)):
        if stream:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, name)
    total, looked, pause = 0, 0.0, 0.01
    while True:
        for key, _ in selector.select(pause if process.poll() is None else 0):
            try:
                data = os.read(key.fileobj.fileno(), 1 << 16)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b''
            if not data:
                selector.unregister(key.fileobj)
                continue
            if key.data == 'record':
                if len(said['record']) < limits.record * MEGABYTE:
                    said['record'] += data
                continue
            total += len(data)
            if len(said[key.data]) < 1 << 16:
                said[key.data] += data
        if process.poll() is not None:
            drain(selector, said, limits)
            break
        now = time.monotonic()
        pause = min(0.1, pause * 1.5)
        if total > limits.output * MEGABYTE:
            outcome.stopped = 'output'
        elif now - started > limits.wall:
            outcome.stopped = 'time'
        elif now - looked > 0.1:
            looked = now
            if resident([process.pid]) > limits.resident or (
                    int((now - started) * 10) % 3 == 2 and resident(descendants()) > limits.resident):
                outcome.stopped = 'memory'
        if outcome.stopped:
            break
    selector.close()
    outcome.output = said['output'].decode('utf-8', 'replace')
    outcome.errors = said['errors'].decode('utf-8', 'replace')
    outcome.record = said['record'].decode('utf-8', 'replace').split('\n')[:-1]


def drain(selector, said, limits):
    """What still lies in the pipes; a process that was left behind may hold them open for ever, so nobody waits."""
    for key in list(selector.get_map().values()):
        for _ in range(limits.record * 16):
            try:
                data = os.read(key.fileobj.fileno(), 1 << 16)
            except OSError:
                break
            if not data:
                break
            if len(said[key.data]) < limits.record * MEGABYTE:
                said[key.data] += data


def end(process, user, outcome):
    """Ends the command and whatever it left."""
    outcome.left = len([pid for pid in descendants() if pid != process.pid and state_and_parent(pid)[0] not in 'ZX'])
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    outcome.status = process.wait()
    user.end_all()
    for _ in range(200):
        below = [pid for pid in descendants() if state_and_parent(pid)[0] not in 'ZX']
        for pid in below:
            try:
                os.kill(pid, signal.SIGSTOP)        # so that none forks while the others are ended
            except OSError:
                pass
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        reap()
        if not below:
            return
        time.sleep(0.01)


def private_folder(parent, user, name='run'):
    """A new folder that the user alone may use."""
    path = tempfile.mkdtemp(prefix=name + '-', dir=parent)
    user.own(path)
    return path


def remove(path):
    """A folder, whatever a student has made of it."""
    def retry(function, failed, _):
        try:
            os.chmod(os.path.dirname(failed), 0o700)
            os.chmod(failed, 0o700)
            function(failed)
        except OSError:
            pass
    shutil.rmtree(path, onerror=retry)
