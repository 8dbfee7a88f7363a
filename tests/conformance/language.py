"""The language of the conformance scenarios: reading, checking, and the flat form that both runners execute.

The language itself is described in README.md beside this file.  `read_scenario` turns one file into a `Scenario` or
raises `BadScenario` with a text of the form file:line: message.  `Scenario.flat()` gives the lines that the C runner
reads from its standard input; the Python runner walks over the same lists in memory.
"""

import errno
import os
import re
import signal
import socket

HEADERS = {'title', 'stands for', 'compare', 'chunks', 'clock', 'python', 'needs', 'differs'}
COMPARE = ('exact', 'per party', 'per pipe', 'set')
CHUNKS = ('exact', 'joined')
CLOCK = ('fake', 'real')
NEEDS = ('ipv6',)
CALLBACKS = ('connection_made', 'data_received', 'eof_received', 'connection_lost', 'pause_writing', 'resume_writing',
             'get_buffer', 'buffer_updated', 'line_received', 'datagram_received', 'error_received',
             'pipe_data_received', 'pipe_connection_lost', 'process_exited')
OPTIONS = ('quiet', 'flow', 'buffered', 'lines', 'datagrams')
TARGETED = 'party?'          # the transport that a verb acts on: left out, it is the callback's own

TLS_OPTIONS = {'tls': 'context', 'server_hostname': 'host', 'handshake_timeout': 'number', 'shutdown_timeout': 'number'}

# verb: (what stands after it, {key=: kind}).  A kind that ends in ? may be missing, one that ends in * may repeat.
VERBS = {
    'print': (('text*',), {}),
    'show': (('observable', 'comparison?', 'number?'), {}),
    # the loop
    'call_soon': (('callback',), {}),
    'call_soon_threadsafe': (('callback',), {}),
    'call_later': (('number', 'callback'), {}),
    'call_at': (('number', 'callback'), {}),
    'cancel': (('callback',), {}),
    'stop': ((), {}),
    'run': ((), {}),
    'run_until_complete': (('future',), {}),
    'pass': (('number?',), {}),
    'settle': ((), {}),
    'carry': ((), {}),
    'advance': (('number',), {}),
    'move_clock': (('number',), {}),
    'close_loop': ((), {}),
    'add_reader': (('descriptor', 'callback'), {}),
    'add_writer': (('descriptor', 'callback'), {}),
    'remove_reader': (('descriptor',), {}),
    'remove_writer': (('descriptor',), {}),
    'add_signal_handler': (('signal', 'callback'), {}),
    'remove_signal_handler': (('signal',), {}),
    'kill': (('signal',), {}),
    'start': (('thread', 'idle?'), {}),
    'join': (('thread',), {}),
    # futures
    'future': (('+future',), {}),
    'set_result': (('future', 'text'), {}),
    'set_exception': (('future', 'error'), {}),
    'cancel_future': (('future',), {}),
    'add_done_callback': (('future', 'callback'), {}),
    'remove_done_callback': (('future', 'callback'), {}),
    'drop': (('future',), {}),
    # transports
    'link': (('party', '+peer', 'family', 'buffers?'), {}),
    'endpoint': (('party', '+peer'), {'connected': 'yesno', 'host': 'host', 'family': 'family'}),
    'sendto_until_full': ((TARGETED, 'number'), {}),
    'count_datagrams': (('peer',), {}),
    'create_endpoint': (('+op', 'factory'), {
        'host': 'host', 'port': 'port', 'remote': 'host', 'remote_port': 'port', 'family': 'ip', 'sock': 'peer',
        'reuse_port': 'yesno', 'broadcast': 'yesno'}),
    'mailbox': (('+peer',), {}),
    'speak_to': (('peer', 'party'), {}),
    'sendto': ((TARGETED, 'data'), {'to': 'destination'}),
    'write': ((TARGETED, 'data'), {}),
    'writelines': ((TARGETED, 'text*'), {}),
    'write_eof': ((TARGETED,), {}),
    'close': ((TARGETED,), {}),
    'abort': ((TARGETED,), {}),
    'set_protocol': ((TARGETED, 'party'), {}),
    'raise': (('error',), {}),
    'keep': ((), {}),
    'fail': ((), {}),
    'pause_reading': ((TARGETED,), {}),
    'resume_reading': ((TARGETED,), {}),
    'set_write_buffer_limits': ((TARGETED,), {'high': 'limit', 'low': 'limit'}),
    'offer': (('number',), {}),
    'forward': (('party',), {}),
    # pipes and subprocesses
    'connect_read_pipe': (('+op', 'factory', 'peer'), {}),
    'connect_write_pipe': (('+op', 'factory', 'peer'), {}),
    'subprocess_exec': (('+op', 'factory', 'text*'), {'stdin': 'stream', 'stdout': 'stream', 'stderr': 'stream'}),
    'subprocess_shell': (('+op', 'factory', 'text'), {'stdin': 'stream', 'stdout': 'stream', 'stderr': 'stream'}),
    'await_lost': (('party',), {}),
    'await_exit': (('party',), {}),
    'write_pipe': ((TARGETED, 'number', 'data'), {}),
    'close_pipe': ((TARGETED, 'number'), {}),
    'send_signal': ((TARGETED, 'signal'), {}),
    'terminate_child': ((TARGETED,), {}),
    'kill_child': ((TARGETED,), {}),
    # TLS
    'tls_context': (('+context', 'side'), {'cert': 'certificate', 'ca': 'certificate', 'verify': 'yesno',
                                           'demand': 'yesno', 'newest': 'version'}),
    'start_tls': (('+op', 'party', 'context'), {'server_hostname': 'host', 'handshake_timeout': 'number',
                                                'shutdown_timeout': 'number'}),
    'relay': (('peer', 'peer'), {}),
    # servers and connections
    'create_server': (('+op', 'factory'), {
        'host': 'host', 'hosts': 'hosts', 'port': 'port', 'sock': 'peer', 'backlog': 'number', 'family': 'ip',
        'reuse_address': 'yesno', 'reuse_port': 'yesno', 'start_serving': 'yesno', **TLS_OPTIONS}),
    'create_unix_server': (('+op', 'factory'), {'path': 'path', 'sock': 'peer', 'backlog': 'number',
                                                'start_serving': 'yesno'}),
    'start_serving': (('op',), {}),
    'serve_forever': (('+op', 'op'), {}),
    'wait_closed': (('+op', 'op'), {}),
    'close_server': (('op',), {}),
    'create_connection': (('+op', 'factory'), {
        'to': 'address', 'host': 'host', 'port': 'port', 'sock': 'peer', 'local': 'host', 'local_port': 'port',
        'family': 'ip', 'happy': 'number', 'interleave': 'number', **TLS_OPTIONS}),
    'create_unix_connection': (('+op', 'factory'), {'path': 'path', 'sock': 'peer'}),
    'connect_accepted_socket': (('+op', 'factory', 'peer'), TLS_OPTIONS),
    'await': (('op*',), {}),
    'cancel_op': (('op',), {}),
    'answers': (('host', 'answer*'), {}),
    # peers: raw sockets that the steps move
    'socketpair': (('+peer', '+peer', 'buffers?'), {}),
    'tcp_pair': (('+peer', '+peer', 'buffers?'), {}),
    'pipe': (('+peer', '+peer'), {}),
    'socket': (('+peer', 'sort'), {}),
    'bind': (('+peer', 'host'), {'port': 'port', 'path': 'path'}),
    'listen': (('+peer', 'host'), {'port': 'port', 'path': 'path', 'backlog': 'number'}),
    'fill': (('peer',), {}),
    'accept': (('+peer', 'peer'), {}),
    'dial': (('+peer', 'address'), {}),
    'send': (('peer', 'data'), {}),
    'read': (('peer',), {}),
    'drain': (('peer',), {'against': 'number', 'tail': 'number'}),
    'take': (('peer', 'number'), {}),
    'shut': (('peer',), {}),
    'hangup': (('peer',), {}),
    'reset': (('peer',), {}),
    # files and descriptors
    'file': (('+peer', 'path'), {}),
    'unlink': (('path',), {}),
    'limit_fds': (('number?',), {}),
    'mark_fds': ((), {}),
}
STEPS_ONLY = {'await_lost', 'await_exit', 'relay', 'pass', 'settle', 'carry', 'advance', 'move_clock', 'await',
              'drain', 'take', 'link', 'endpoint', 'start', 'join'}
IN_CALLBACKS = {'raise', 'keep', 'fail', 'offer', 'forward'}
THREAD_VERBS = {'call_soon_threadsafe'}

PROPERTIES = {
    'party': {'is_closing', 'is_reading', 'size', 'buffered', 'can_write_eof', 'peername', 'sockname', 'fileno',
              'nodelay', 'protocol', 'unknown', 'received', 'count', 'largest', 'limits', 'peername_is', 'sockname_is',
              'got_all', 'returncode', 'pipes', 'pipe_size', 'tls_version', 'peercert'},
    'future': {'done', 'cancelled', 'result', 'exception'},
    'callback': {'cancelled', 'when'},
    'loop': {'is_running', 'is_closed', 'time'},
    'op': {'done', 'is_serving', 'sockets', 'hosts', 'families', 'reuse_address', 'reuse_port'},
    'peer': {'is_open'},
    'fds': {'change'},
    'path': {'exists'},
}
NUMERIC = {'size', 'pipe_size', 'count', 'largest', 'sockets', 'time', 'when'}
AI_ERRORS = [name for name in dir(socket) if name.startswith('EAI_')]


class BadScenario(Exception):
    pass


class Action:
    """One verb with its arguments, and for which calls of its block it counts."""

    def __init__(self, line, verb, words, first=1, last=0, only=None):
        self.line, self.verb, self.words = line, verb, words
        self.first, self.last, self.only = first, last, only      # last 0: no end; only: these data

    def flat(self):
        only = '-' if self.only is None else '"' + self.only.hex()
        return '\t'.join(['A', str(self.line), str(self.first), str(self.last), only, self.verb] + [
            '"' + word.hex() if isinstance(word, bytes) else word for word in self.words])


class Scenario:
    def __init__(self, path):
        self.path = path
        self.id = os.path.splitext(os.path.basename(path))[0]
        self.group = os.path.basename(os.path.dirname(os.path.abspath(path)))
        self.headers = {}
        self.protocols = {}      # name: {'options': set, 'callbacks': {name: [Action]}}
        self.callbacks = {}      # name: [Action]
        self.quiet = set()       # callbacks that are no events
        self.factories = {}      # name: {'makes': name, 'actions': [Action]}
        self.threads = {}        # name: [Action]
        self.steps = []
        self.traces = {}         # 'asyncio', 'ours': lines, when we differ on purpose

    def flat(self):
        lines = ['S\t' + self.id, 'H\tclock\t' + self.headers.get('clock', 'fake')]
        for name, protocol in self.protocols.items():
            lines.append('\t'.join(['P', name] + sorted(protocol['options'])))
            for callback, actions in protocol['callbacks'].items():
                lines.append('M\t' + callback)
                lines += [action.flat() for action in actions]
        for kind, blocks in (('C', self.callbacks), ('T', self.threads)):
            for name, actions in blocks.items():
                lines.append(kind + '\t' + name + ('\tquiet' if name in self.quiet else ''))
                lines += [action.flat() for action in actions]
        for name, factory in self.factories.items():
            lines.append('F\t%s\t%s' % (name, factory['makes']))
            lines += [action.flat() for action in factory['actions']]
        lines.append('X')
        lines += [action.flat() for action in self.steps]
        lines.append('E')
        return lines


TOKEN = re.compile(r'''\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[^\s"#]\S*)|(?P<comment>\#.*))''')
ESCAPE = re.compile(rb'\\(x[0-9a-fA-F]{2}|.)')
ESCAPES = {b'n': b'\n', b'r': b'\r', b't': b'\t', b'0': b'\0', b'"': b'"', b'\\': b'\\'}


class Reader:
    """Reads one file.  Two rounds: the first collects sections and names, the second checks every verb."""

    def __init__(self, path):
        self.path = path
        self.scenario = Scenario(path)
        self.names = {}          # name: kind
        self.pending = []        # (Action, where): to be checked when all names are known
        self.line = 0

    def fail(self, message, line=None):
        raise BadScenario('%s:%d: %s' % (self.path, self.line if line is None else line, message))

    def declare(self, name, kind, line=None):
        if not re.fullmatch(r'[a-z][a-z0-9_]*', name):
            self.fail('%r is not a name (small letters, digits and _)' % name, line)
        if name in ('loop', 'fds', 'self', 'closed', 'everybody') or self.names.get(name, kind) != kind:
            self.fail('the name %s is taken' % name, line)
        self.names[name] = kind

    def tokens(self, text):
        """Strings become bytes, words stay str."""
        found, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                self.fail('cannot read: %s' % text[at:].strip())
            at = match.end()
            if match['string'] is not None:
                found.append(self.unescape(match['string'][1:-1]))
            elif match['word'] is not None:
                found.append(match['word'])
            else:
                break
        return found

    def unescape(self, text):
        def one(match):
            code = match[1]
            if code[:1] == b'x' and len(code) == 3:
                return bytes([int(code[1:], 16)])
            if code not in ESCAPES:
                self.fail('unknown escape \\%s' % code.decode())
            return ESCAPES[code]
        return ESCAPE.sub(one, text.encode())

    # ---- first round: the shape of the file

    def read(self):
        try:
            with open(self.path, encoding='utf-8') as file:
                lines = file.read().split('\n')
        except (OSError, UnicodeDecodeError) as problem:
            raise BadScenario('%s:1: cannot be read: %s' % (self.path, problem))
        section, block = None, None
        for self.line, raw in enumerate(lines, 1):
            if '\t' in raw:
                self.fail('a tab: indent by four spaces')
            text = raw.strip()
            if not text or text.startswith('#'):
                continue
            indent = len(raw) - len(raw.lstrip(' '))
            if indent == 0:
                if section is None and ':' in text and text.split(':')[0] in HEADERS:
                    self.header(text)
                    continue
                section, block = self.section(text)
            elif section is None:
                if not self.scenario.headers:
                    self.fail('indented, but no section has begun')
                last = list(self.scenario.headers)[-1]
                self.scenario.headers[last] += ' ' + text
            elif section[0] == 'trace':
                block.append(text)
            elif section[0] == 'protocol' and indent == 4:
                block = self.protocol_line(section[1], text)
            elif indent == (8 if section[0] == 'protocol' else 4):
                if block is None:
                    self.fail('an action outside any callback')
                self.action(text, section, block)
            else:
                self.fail('indented by %d: sections at 0, their contents at 4, a callback\'s actions at 8' % indent)
        self.whole()
        return self.scenario

    def header(self, text):
        key, value = (part.strip() for part in text.split(':', 1))
        if key in self.scenario.headers:
            self.fail('%s: given twice' % key)
        allowed = {'compare': COMPARE, 'chunks': CHUNKS, 'clock': CLOCK, 'needs': NEEDS}.get(key)
        if allowed and value not in allowed:
            self.fail('%s: is one of %s' % (key, ', '.join(allowed)))
        if not value:
            self.fail('%s: is empty' % key)
        self.scenario.headers[key] = value

    def section(self, text):
        words = text.split()
        kind, names = words[0], words[1:]
        if kind == 'steps' and not names:
            if self.scenario.steps:
                self.fail('steps: given twice')
            return (kind, ''), self.scenario.steps
        if kind == 'trace' and names in (['asyncio'], ['ours']):
            if names[0] in self.scenario.traces:
                self.fail('trace %s: given twice' % names[0])
            return (kind, names[0]), self.scenario.traces.setdefault(names[0], [])
        if kind == 'protocol' and len(names) == 1:
            name = names[0]
            self.declare(name.rstrip('*'), 'many' if name.endswith('*') else 'party')
            if name in self.scenario.protocols:
                self.fail('protocol %s: given twice' % name)
            self.scenario.protocols[name] = {'options': set(), 'callbacks': {}}
            return (kind, name), None
        if kind == 'callback' and len(names) == 2 and names[1] == 'quiet':
            self.scenario.quiet.add(names[0])
            names.pop()
        if kind in ('callback', 'thread') and len(names) == 1:
            table = self.scenario.callbacks if kind == 'callback' else self.scenario.threads
            if names[0] in table:
                self.fail('%s %s: given twice' % (kind, names[0]))
            self.declare(names[0], kind)
            return (kind, names[0]), table.setdefault(names[0], [])
        if kind == 'factory' and len(names) == 3 and names[1] == 'makes':
            if names[0] in self.scenario.factories:
                self.fail('factory %s: given twice' % names[0])
            self.declare(names[0], 'factory')
            factory = self.scenario.factories[names[0]] = {'makes': names[2], 'actions': [], 'line': self.line}
            return (kind, names[0]), factory['actions']
        self.fail('not a header nor a section: %s (sections: protocol NAME, callback NAME [quiet], factory NAME makes '
                  'PROTOCOL, thread NAME, steps, trace asyncio, trace ours)' % text)

    def protocol_line(self, name, text):
        protocol = self.scenario.protocols[name]
        if text in OPTIONS:
            protocol['options'].add(text)
            return None
        if text not in CALLBACKS:
            self.fail('%s is no callback of a protocol (%s) nor an option (%s)' % (
                text, ', '.join(CALLBACKS), ', '.join(OPTIONS)))
        if text in protocol['callbacks']:
            self.fail('%s: given twice' % text)
        return protocol['callbacks'].setdefault(text, [])

    def action(self, text, section, block):
        first, last, only = 1, 0, None
        match = re.match(r'\[(\d+)(-?)\]\s+', text)
        if match:
            first = int(match[1])
            last = 0 if match[2] else first
            text = text[match.end():]
        match = re.match(r'\[("(?:[^"\\]|\\.)*")\]\s+', text)
        if match:
            only = self.unescape(match[1][1:-1])
            text = text[match.end():]
        words = self.tokens(text)
        if not words or not isinstance(words[0], str) or words[0] not in VERBS:
            self.fail('unknown verb: %s' % (text.split() or [text])[0])
        action = Action(self.line, words[0], words[1:], first, last, only)
        self.declare_names(action)
        if section[0] != 'steps' and action.verb in STEPS_ONLY:
            self.fail('%s stands in steps only' % action.verb)
        if section[0] == 'thread' and action.verb not in THREAD_VERBS:
            self.fail('a thread may only use %s' % ', '.join(sorted(THREAD_VERBS)))
        if section[0] == 'steps' and (action.verb in IN_CALLBACKS or only is not None or (first, last) != (1, 0)):
            what = action.verb if action.verb in IN_CALLBACKS else 'a condition [ ]'
            self.fail('%s stands in callbacks only' % what)
        if block and block[-1].verb in ('raise', 'fail') and block[-1].only is None and (
                block[-1].first <= first and (block[-1].last == 0 or (last and block[-1].last >= last))):
            self.fail('nothing runs after %s' % block[-1].verb)
        block.append(action)
        self.pending.append((action, section))

    def declare_names(self, action):
        """The names that a verb makes are known before anything is checked: callbacks use what steps create."""
        kinds, _ = VERBS[action.verb]
        for kind, word in zip(kinds, action.words):
            if kind.startswith('+'):
                if not isinstance(word, str):
                    self.fail('%s: expected a name' % action.verb)
                self.declare(word, kind[1:])

    # ---- second round: every argument

    def whole(self):
        scenario = self.scenario
        if 'title' not in scenario.headers:
            self.fail('no title:', 1)
        if not scenario.steps:
            self.fail('no steps')
        if set(scenario.traces) != ({'asyncio', 'ours'} if 'differs' in scenario.headers else set()):
            self.fail('differs: needs both sections, trace asyncio and trace ours; they stand only with differs:')
        for factory in scenario.factories.values():
            if factory['makes'] not in scenario.protocols:
                self.fail('no protocol %s' % factory['makes'], factory['line'])
        for action, section in self.pending:
            self.line = action.line
            self.check(action, section)

    def check(self, action, section):
        kinds, keys = VERBS[action.verb]
        words, checked, named = list(action.words), [], {}
        while words and isinstance(words[-1], str) and re.match(r'[a-z_]+=', words[-1]):
            key, value = words.pop().split('=', 1)
            if key not in keys:
                self.fail('%s: no option %s= (%s)' % (action.verb, key, ', '.join(keys) or 'it has none'))
            named[key] = self.convert(action, keys[key], value)
        for kind in kinds:
            if kind == TARGETED:
                if words and isinstance(words[0], str) and self.is_party(words[0]) and (
                        action.verb != 'set_protocol' or len(words) > 1):
                    checked.append(words.pop(0))
                elif section[0] == 'protocol':
                    checked.append('self')
                else:
                    self.fail('%s: of which protocol?' % action.verb)
            elif kind.endswith('*'):
                if not words and kind == 'op*':
                    self.fail('%s: of what?' % action.verb)
                checked += [self.convert(action, kind[:-1], word) for word in words]
                words = []
            elif kind.endswith('?'):
                if words:
                    checked.append(self.convert(action, kind[:-1], words.pop(0)))
            else:
                if not words:
                    self.fail('%s: a %s is missing' % (action.verb, kind.lstrip('+')))
                word = words.pop(0)
                checked.append(word if kind.startswith('+') else self.convert(action, kind, word))
        if words:
            self.fail('%s: too much: %s' % (action.verb, words[0]))
        if action.verb == 'show' and len(checked) not in (1, 3):
            self.fail('show: a comparison needs a number')
        if action.verb == 'create_server' and not named.keys() & {'host', 'hosts', 'port', 'sock'}:
            self.fail('create_server: needs host=, hosts=, port= or sock=')
        action.words = checked + ['%s=%s' % pair for pair in named.items()]

    def is_party(self, word):
        if self.names.get(word) == 'party':
            return True
        match = re.fullmatch(r'(.*?)(\d+)', word)
        return bool(match) and self.names.get(match[1]) == 'many'

    def kind_of(self, word):
        return 'party' if self.is_party(word) else self.names.get(word)

    def convert(self, action, kind, word):
        check = getattr(self, 'as_' + kind, None)
        if isinstance(word, bytes) and kind not in ('text', 'data', 'error', 'host'):
            self.fail('%s: expected a %s, not a string' % (action.verb, kind))
        if check:
            value = check(word)
            if value is None:
                self.fail('%s: %s is no %s' % (action.verb, word if isinstance(word, str) else '"..."', kind))
            return value
        if self.kind_of(word) != kind:
            self.fail('%s: there is no %s %s' % (action.verb, {'party': 'protocol'}.get(kind, kind), word))
        return word

    def as_text(self, word):
        return word if isinstance(word, bytes) else word.encode()

    def as_number(self, word):
        return word if re.fullmatch(r'-?\d+(\.\d+)?', word) else None

    def as_limit(self, word):
        return word if re.fullmatch(r'-?\d+|size([+-]\d+)?', word) else None

    def as_data(self, word):
        return word if isinstance(word, bytes) or word.isdigit() else None

    def as_error(self, word):
        return word if isinstance(word, bytes) or hasattr(errno, word) else None

    def as_signal(self, word):
        if word.isdigit():
            return word
        number = getattr(signal, 'SIG' + word, None)
        return None if number is None else str(int(number))

    def as_descriptor(self, word):
        if word in ('-1', 'closed') or self.kind_of(word) == 'peer':
            return word
        return word if word.endswith('.fd') and self.is_party(word[:-3]) else None

    def as_observable(self, word):
        if word.startswith('@'):
            name, dot, prop = word.rpartition('.')
            return word if dot and prop in PROPERTIES['path'] else None
        name, dot, prop = word.partition('.')
        kind = 'party' if name == 'self' else name if name in ('loop', 'fds') else self.kind_of(name)
        prop, colon, other = prop.partition(':')
        if (prop.endswith('_is') or prop == 'got_all') != bool(colon) or (colon and self.kind_of(other) != 'peer'):
            return None
        return word if dot and prop in PROPERTIES.get(kind, ()) else None

    def as_destination(self, word):
        return word if word == 'everybody' or self.kind_of(word) == 'peer' else None

    def as_comparison(self, word):
        return word if word in ('<', '<=', '>', '>=', '==') else None

    def as_factory(self, word):
        if self.names.get(word) in ('factory', 'party'):
            return word
        return word if word.endswith('*') and self.names.get(word[:-1]) == 'many' else None

    def as_family(self, word):
        return word if word in ('tcp', 'unix') else None

    def as_sort(self, word):
        return word if word in ('tcp', 'unix', 'udp') else None

    def as_buffers(self, word):
        return word if word in ('small', 'big') else None

    def as_idle(self, word):
        return word if word == 'idle' else None

    def as_yesno(self, word):
        return word if word in ('yes', 'no') else None

    def as_ip(self, word):
        return word if word in ('4', '6') else None

    def as_host(self, word):
        return word if isinstance(word, str) and re.fullmatch(r'[A-Za-z0-9.:-]+|@[\w/.-]*', word) else None

    def as_hosts(self, word):
        return word if all(self.as_host(part) for part in word.split(',')) else None

    def as_port(self, word):
        return word if word.isdigit() or self.kind_of(word) in ('peer', 'op') else None

    def as_path(self, word):
        return word if re.fullmatch(r'@[\w.-]+', word) else None

    def as_address(self, word):
        name = word.partition('/')[0]
        return word if self.kind_of(name) in ('peer', 'op') else None

    def as_stream(self, word):
        return word if word in ('pipe', 'null', 'inherit', 'stdout') else None

    def as_side(self, word):
        return word if word in ('server', 'client') else None

    def as_certificate(self, word):
        return word if re.fullmatch(r'[a-z-]+', word) else None

    def as_version(self, word):
        return word if word in ('1.2', '1.3') else None

    def as_answer(self, word):
        return word if word in AI_ERRORS or self.as_host(word) else None


def read_scenario(path):
    return Reader(path).read()
