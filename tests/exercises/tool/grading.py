"""Grades files against an exercise: builds them, runs each test plain, with the sanitizers and under Valgrind.

What comes out is one record a file set (a dictionary, kept as JSON); report.py shows it in every form. Workers of a
pool do what is slow, one thing at a time each (see jail.py).
"""
import concurrent.futures
import hashlib
import multiprocessing
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

import facts
import findings
import jail

STANDARD = ['-std=c11', '-D_POSIX_C_SOURCE=200809L']
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion']
WRAPPED = ('send sendmsg sendto recv recvmsg recvfrom accept connect socket listen pthread_create select poll '
           'epoll_wait malloc calloc realloc free read write readv writev pipe open').split()
SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer']
# Without --vex-guest-chase=no the first instruction of a function is sometimes taken for its caller's.
VALGRIND = ['valgrind', '--quiet', '--vgdb=no', '--vex-guest-chase=no', '--leak-check=full', '--show-leak-kinds=all',
            '--errors-for-leak-kinds=all', '--num-callers=30', '--child-silent-after-fork=yes', '--xml=yes']
MODES = ('plain', 'sanitizers', 'valgrind')
LIMITS = {
    'build': jail.Limits(wall=120, cpu=40, address_space=2048, file_size=64),
    'plain': jail.Limits(wall=12, cpu=2),
    'sanitizers': jail.Limits(wall=30, cpu=5, address_space=0),
    'valgrind': jail.Limits(wall=120, cpu=40, address_space=0),
}
LARGEST_FILE = 1 << 20


def shown_path(exercise, name):
    return f'work/{exercise.number}/{name}'


# ---------------------------------------------------------------- what every grading of an exercise shares

class Kit:
    """Headers, objects and the library of one exercise, where any user may read them."""

    def __init__(self, parent, exercise, compiler='gcc'):
        self.exercise, self.compiler = exercise, compiler
        self.path = os.path.join(parent, 'kits', exercise.number)
        top = facts.TOP
        tree = os.path.join(top, 'build', 'ch' + exercise.chapter)
        os.makedirs(self.path, exist_ok=True)
        self._copy('include', [os.path.join(tree, 'src', name) for name in os.listdir(os.path.join(tree, 'src'))
                               if name.endswith('.h')])
        self._copy('given', [os.path.join(exercise.starter, name) for name in exercise.given])
        shutil.copy(os.path.join(tree, 'libweft.a'), self.path)
        for mode in ('plain', 'sanitizers'):
            built = os.path.join(top, 'build', 'exercises', mode)
            support = os.path.join(built, 'support')
            self._copy(mode, [os.path.join(support, name) for name in sorted(os.listdir(support))
                              if name.endswith('.o')])
            shutil.copy(os.path.join(built, exercise.number, 'grader.o'), os.path.join(self.path, mode, 'tests.o'))
        certificates = os.path.join(top, 'build', 'certificates')
        self.certificates = certificates if exercise.chapter >= '07' and os.path.isdir(certificates) else ''
        if exercise.kind == 'program':
            subprocess.run(self.link('plain', [], os.path.join(self.path, 'grader')), check=True)
        open_to_all(self.path)

    def _copy(self, folder, paths):
        where = os.path.join(self.path, folder)
        os.makedirs(where, exist_ok=True)
        for path in paths:
            shutil.copy(path, where)

    def compile(self, mode, source, made):
        """The command that compiles one of the student's files, named as the student names it."""
        debug = ['-g', '-gdwarf-4'] if 'clang' in self.compiler else ['-g']
        return [self.compiler, *STANDARD, *WARNINGS, '-O1', '-fno-omit-frame-pointer', *debug,
                '-pthread', '-fdiagnostics-color=never',
                *(SANITIZERS if mode == 'sanitizers' else []), '-I' + os.path.join(self.path, 'given'),
                '-I' + os.path.join(self.path, 'include'), '-c', '-o', made, source]

    def link(self, mode, objects, made, with_grader=True):
        parts = []
        if with_grader:
            folder = os.path.join(self.path, mode)
            parts = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
            parts += ['-Wl,--wrap=' + name for name in WRAPPED]
        return [self.compiler, '-g', '-pthread', *(SANITIZERS if mode == 'sanitizers' else []), '-o', made, *objects,
                *parts, os.path.join(self.path, 'libweft.a'),
                *(['-lssl', '-lcrypto'] if self.exercise.chapter >= '07' else []),
                *(['-lcunit'] if with_grader else []), '-lm']


def open_to_all(folder):
    for where, folders, files in os.walk(folder):
        for name in ['.'] + folders:
            os.chmod(os.path.join(where, name), 0o755)
        for name in files:
            path = os.path.join(where, name)
            os.chmod(path, 0o755 if os.access(path, os.X_OK) else 0o644)


def plain_environment(folder):
    return {'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': folder, 'TMPDIR': folder, 'LANG': 'C.UTF-8'}


# ---------------------------------------------------------------- tasks of the workers

def build(kit, folder, modes):
    """Compiles and links in `folder`, as a user of its own: {'messages', 'failed', 'seconds'}."""
    exercise, user = kit.exercise, jail.User()
    made = {'messages': '', 'failed': '', 'seconds': 0.0}

    def step(command):
        done = jail.run(command, folder, plain_environment(folder), LIMITS['build'], user)
        made['seconds'] += done.seconds
        if done.stopped:
            made['failed'] = f'the compiler was stopped: it was over its limit of {done.stopped}'
        elif done.status:
            made['failed'] = done.errors or f'{command[0]} ended with status {done.status}'
        return done

    try:
        user.own(folder)
        for mode in [mode for mode in ('plain', 'sanitizers') if mode in modes]:
            objects = []
            for name in exercise.files:
                objects.append(f'{mode}-{os.path.basename(name)}.o')
                done = step(kit.compile(mode, shown_path(exercise, name), objects[-1]))
                if mode == 'plain':
                    made['messages'] += done.errors
                if made['failed']:
                    return made
            step(kit.link(mode, objects, mode, exercise.kind == 'functions'))
            if made['failed']:
                return made
    finally:
        user.end_all()
        user.close()
        if os.geteuid() == 0:
            for where, folders, files in os.walk(folder):
                for name in ['.'] + folders + files:
                    os.chown(os.path.join(where, name), 0, 0, follow_symlinks=False)
        open_to_all(folder)
    return made


def test(kit, folder, name, modes):
    """Runs one test in each mode: {mode: what came of it}. What hangs plain is not tried again in slow motion."""
    results = {}
    for mode in modes:
        results[mode] = run_mode(kit, folder, name, mode)
        if mode == 'plain' and results[mode]['stopped'] in ('time', 'cpu', 'memory', 'output'):
            break
    return results


def run_mode(kit, folder, name, mode):
    exercise, user = kit.exercise, jail.User()
    private = jail.private_folder(os.path.dirname(folder), user)
    files = [shown_path(exercise, each) for each in exercise.files]
    try:
        if kit.certificates:
            shutil.copytree(kit.certificates, os.path.join(private, 'build', 'certificates'))
            user.own(private)
        nonce = secrets.token_hex(16)
        binary = os.path.join(folder, 'sanitizers' if mode == 'sanitizers' else 'plain')
        wrapper = VALGRIND + [f'--xml-file={private}/valgrind.%p.xml'] if mode == 'valgrind' else []
        environment = plain_environment(private)
        environment['WEFT_MODE'] = mode
        environment['ASAN_OPTIONS'] = ('detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1:'
                                       f'log_path={private}/sanitizer:handle_abort=1')
        environment['UBSAN_OPTIONS'] = f'print_stacktrace=1:log_path={private}/sanitizer'
        command = ['--record', '@record', name]
        if exercise.kind == 'program':
            environment['WEFT_PROGRAM'] = binary
            environment['WEFT_WRAP'] = ' '.join(wrapper)
            command = [os.path.join(kit.path, 'grader')] + command
        else:
            command = wrapper + [binary] + command
        done = jail.run(command, private, environment, LIMITS[mode], user, nonce)
        said = read_record(done, nonce)
        said.update(seconds=round(done.seconds, 3), findings=[])
        if mode == 'sanitizers':
            said['findings'] = findings.of_sanitizers(private, files, done.errors + ''.join(said['errors']))
        elif mode == 'valgrind':
            said['findings'], logs = findings.of_valgrind(private, files, said['passed'])
            if said['passed'] and not logs and exercise.kind == 'functions':
                said.update(passed=False, expected="Valgrind's log to be there", got='somebody removed it')
        return said
    finally:
        user.end_all()
        user.close()
        jail.remove(private)


def read_record(done, nonce):
    """The story, and whether the test passed: the record says so, ends there, and the process ended well."""
    said = {'passed': False, 'did': [], 'expected': '', 'got': '', 'stopped': done.stopped, 'errors': []}
    last = ''
    for line in done.record:
        mark, _, rest = line.partition(' ')
        kind, _, text = rest.partition(' ')
        if not secrets.compare_digest(mark.encode(), nonce.encode()):
            continue                    # not ours: who does not know the nonce has nothing to say
        last = f'{kind} {text}'
        text = re.sub(r'\\(.)', lambda match: '\n' if match[1] == 'n' else match[1], text)
        if kind == 'did':
            said['did'].append(text[:2000])
        elif kind in ('expected', 'got'):
            said[kind] = text[:4000]
        elif kind == 'errors':
            said['errors'].append(text[:8000] + '\n')
        elif kind == 'time' and not said['stopped']:
            said['stopped'] = 'cpu'
    said['did'] = said['did'][-3:]
    said['passed'] = last == 'end passed' and done.status == 0 and not done.stopped
    if not said['passed'] and not said['got']:
        said['expected'], said['got'] = how_it_ended(done, last)
    return said


def how_it_ended(done, last):
    """Expected and got for a test that never came to its end."""
    expected = 'the test to come to its end'
    stopped = {
        'time': f'nothing happened for {done.seconds:.0f} seconds, and it was stopped',
        'cpu': 'it computed for seconds without an end, and was stopped: a loop that never ends?',
        'memory': 'it took more memory than it may have, and was stopped',
        'output': 'it wrote more than a megabyte to its output, and was stopped',
    }
    if done.stopped:
        return expected, stopped[done.stopped]
    if done.status < 0:
        names = {signal.SIGSEGV: 'a pointer that points nowhere', signal.SIGABRT: 'an assertion, or a damaged heap',
                 signal.SIGXFSZ: 'a file grew larger than it may', signal.SIGKILL: 'killed from outside',
                 signal.SIGFPE: 'a division by zero', signal.SIGPIPE: 'it wrote to a connection that was gone'}
        number = -done.status
        name = signal.Signals(number).name if number in set(signal.Signals) else f'signal {number}'
        why = names.get(number, '')
        return expected, f'it died of {name}' + (f' ({why})' if why else '')
    if last.startswith('end'):
        return expected, f'it ended with status {done.status}'
    said = [line for line in done.errors.strip().splitlines() if not line.lstrip().startswith('#')]
    if 'runtime error: ' in done.errors or 'Sanitizer' in done.errors or done.status == 1 and not said:
        return expected, 'a sanitizer stopped it'
    return expected, (f'the process ended with status {done.status} in the middle of the test: was exit called?'
                      + (f' The last it said: {said[-1][:300]}' if said else ''))


# ---------------------------------------------------------------- one set of files

class Grading:
    """The files that somebody hands in for one exercise, on their way to a record."""

    def __init__(self, bench, kit, source, label, modes=MODES):
        self.bench, self.kit, self.exercise = bench, kit, kit.exercise
        self.source, self.label, self.modes = source, label, list(modes)
        self.started = time.monotonic()
        self.messages, self.failed = '', ''
        self.results = {}
        self.missing = []
        self.folder = tempfile.mkdtemp(prefix='job-', dir=bench.scratch)
        os.chmod(self.folder, 0o755)
        self.made = os.path.join(self.folder, 'made')
        self.digest = self._snapshot()

    def _snapshot(self):
        """Copies the files, so that whoever changes them meanwhile changes nothing; their checksums."""
        where = os.path.join(self.made, 'work', self.exercise.number)
        os.makedirs(where)
        digest = {}
        for name in self.exercise.files:
            path = os.path.join(self.source, name)
            if not os.path.isfile(path):
                self.missing.append(name)
                continue
            with open(path, 'rb') as stream:
                text = stream.read(LARGEST_FILE + 1)
            if len(text) > LARGEST_FILE:
                self.failed = f'{name} has more than {LARGEST_FILE >> 20} MB'
            digest[name] = hashlib.sha256(text).hexdigest()
            with open(os.path.join(where, os.path.basename(name)), 'wb') as stream:
                stream.write(text)
        if self.missing:
            self.failed = f"there is no {' and no '.join(self.missing)} in {self.label}"
        return digest

    def begin(self):
        if self.failed:
            return []
        return [((self, 'build', ''), (build, self.kit, self.made, self.modes))]

    def take(self, what, name, result):
        """What a task brought; more tasks to do."""
        if what == 'build':
            self.messages, self.failed = result['messages'], result['failed']
            if self.failed:
                return []
            return [((self, 'test', each.name), (test, self.kit, self.made, each.name, self.modes))
                    for each in self.exercise.tests]
        self.results[name] = result
        return []

    @property
    def done(self):
        return bool(self.failed) or len(self.results) == len(self.exercise.tests)

    def record(self):
        """The one record from which everything else is made."""
        exercise = self.exercise
        files = [shown_path(exercise, name) for name in exercise.files]
        said = findings.of_compiler(self.messages or self.failed, files)
        warnings = [entry for entry in said if entry[0] == 'warning']
        clean = not warnings and not self.failed
        tests = [judged(each, self.results.get(each.name), self.failed) for each in exercise.tests]
        score = sum(each['score'] for each in tests)
        # Files that do nothing right earn nothing by being tidy.
        tidy = exercise.warning_points if clean and score > 0 else 0
        record = {
            'exercise': exercise.number, 'title': exercise.title, 'chapter': exercise.chapter, 'label': self.label,
            'files': self.digest, 'failed': self.failed, 'messages': (self.messages or self.failed)[:8000],
            'warnings': [f'{place}: {text}' for _, place, text in warnings][:20],
            'tidy': tidy, 'most_tidy': exercise.warning_points, 'tests': tests,
            'score': score + tidy, 'max_score': exercise.most, 'hint': None,
            'seconds': round(time.monotonic() - self.started, 2),
        }
        hint = find_hint(exercise, record)
        if hint:
            record['hint'] = {'name': hint.name, 'text': hint.text, 'test': hint.when[0]}
        return record

    def close(self):
        jail.remove(self.folder)


def judged(each, modes, failed):
    """The result of one test over all its modes."""
    made = {'name': each.name, 'title': each.title, 'max_score': each.points, 'score': 0.0, 'status': 'failed',
            'read': each.read, 'visibility': each.visibility, 'did': [], 'expected': '', 'got': '', 'mode': 'plain',
            'stopped': '', 'findings': [], 'seconds': 0.0}
    if modes is None:
        made.update(expected='the file to compile', got='it does not' if failed else 'it was not run')
        return made
    made['findings'] = unique([finding for mode in modes.values() for finding in mode['findings']])
    made['seconds'] = round(sum(mode['seconds'] for mode in modes.values()), 3)
    bad = next((mode for mode, said in modes.items() if not said['passed']), None)
    shown = modes[bad or 'plain']
    made.update(did=shown['did'], expected=shown['expected'], got=shown['got'], stopped=shown['stopped'],
                mode=bad or 'plain')
    if modes['plain']['passed']:
        flawed = bad or made['findings']
        made['status'] = 'flawed' if flawed else 'passed'
        made['score'] = facts.halves(each.points / 2) if flawed else each.points
    return made


def unique(found):
    seen, out = set(), []
    for finding in found:
        key = (finding['tool'], finding['place'], finding['what'])
        if key not in seen:
            seen.add(key)
            out.append(finding)
    return out


def find_hint(exercise, record):
    """The first known mistake that this looks like."""
    tests = {each['name']: each for each in record['tests']}
    if record['failed'] or record['score'] == record['max_score']:
        return None
    for hint in exercise.hints:
        got = None
        for name in hint.when:
            if name == 'memory':
                holds = any(each['findings'] for each in tests.values())
                text = '\n'.join(finding['what'] for each in tests.values() for finding in each['findings'])
            elif name == 'time':
                holds = any(each['stopped'] in ('time', 'cpu') for each in tests.values())
                text = ''
            else:
                holds, text = tests[name]['status'] == 'failed', tests[name]['got']
            if not holds:
                break
            got = text if got is None else got
        else:
            if all(tests[name]['status'] != 'failed' for name in hint.passed) and \
                    (not hint.got or re.search(hint.got, got, re.S)):
                return hint
    return None


# ---------------------------------------------------------------- the bench where all this happens

class Bench:
    """A scratch folder and a pool of workers; `run` takes gradings to their records."""

    def __init__(self, jobs=0):
        fitting = min(len(os.sched_getaffinity(0)), jail.memory_there_is() // 350)
        self.jobs = jobs or max(1, min(fitting, 8))
        self.scratch = tempfile.mkdtemp(prefix='weft-grade-')
        os.chmod(self.scratch, 0o755)
        self.kits = {}
        self.pool = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pool:
            self.pool.shutdown(wait=True, cancel_futures=True)
        jail.remove(self.scratch)

    def kit(self, exercise, compiler='gcc'):
        key = (exercise.number, compiler)
        if key not in self.kits:
            self.kits[key] = Kit(os.path.join(self.scratch, compiler), exercise, compiler)
        return self.kits[key]

    def run(self, gradings, each_done, progress=None):
        """Calls each_done(grading) when one is complete; gradings may be a generator, taken as workers get free."""
        if self.pool is None:
            self.pool = concurrent.futures.ProcessPoolExecutor(
                self.jobs, multiprocessing.get_context('fork'), jail.prepare_worker)
        waiting, source = {}, iter(gradings)
        exhausted = False

        def submit(tasks):
            for key, task in tasks:
                waiting[self.pool.submit(*task)] = key

        def finish(grading):
            each_done(grading)
            grading.close()

        while waiting or not exhausted:
            while not exhausted and len(waiting) < 2 * self.jobs:
                grading = next(source, None)
                if grading is None:
                    exhausted = True
                    break
                tasks = grading.begin()
                if tasks:
                    submit(tasks)
                else:
                    finish(grading)
            done, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                grading, what, name = waiting.pop(future)
                submit(grading.take(what, name, future.result()))
                if progress:
                    progress()
                if grading.done:
                    finish(grading)
