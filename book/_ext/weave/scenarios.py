"""The conformance scenarios, as far as the book shows them: GROUP/ID.txt, each with a head

    title: half a conversation ends
    stands for: T06, B3.16
    differs: asyncio says ...;
      ours ...

and, where there is `differs`, the two traces after the lines `trace asyncio` and `trace ours`.
tests/conformance/README.md describes the rest of the language."""
import os
import re
from dataclasses import dataclass


GROUPS = {'tls': 'TLS', 'flow': 'Flow control', 'buffered': 'Buffered protocols', 'unix': 'Unix sockets'}


@dataclass(frozen=True)
class Scenario:
    id: str
    group: str
    title: str = ''
    stands_for: str = ''
    differs: str = ''
    asyncio: str = ''
    ours: str = ''

    @property
    def anchor(self):
        return 'scenario-' + re.sub(r'[^a-z0-9]+', '-', self.id.lower()).strip('-')


def read(folder):
    """id -> Scenario, group by group, T2 before T10; {} when the folder does not exist."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith('.txt'):
                group = os.path.relpath(where, folder).replace(os.sep, '/')
                with open(os.path.join(where, name), encoding='utf-8') as lines:
                    found.append(parse(lines, name[:-len('.txt')], '' if group == '.' else group))
    found.sort(key=lambda made: (made.group, [(int(part) if part.isdigit() else 0, part)
                                              for part in re.split(r'(\d+)', made.id)]))
    return {made.id: made for made in found}


def parse(lines, name, group):
    fields, last, traces, trace = {}, None, {}, None
    in_head = True
    for raw in lines:
        line = raw.rstrip()
        match = re.match(r'([a-z][a-z ]*):\s*(.*)', line) if in_head else None
        if match:
            last = match.group(1)
            fields[last] = match.group(2)
        elif in_head and last and re.match(r' {2,}\S', line):
            fields[last] += ' ' + line.strip()
        elif re.match(r'trace (asyncio|ours)$', line):
            in_head, trace = False, line.split()[1]
            traces[trace] = []
        elif trace and (line.startswith('    ') or not line):
            traces[trace].append(line[4:])
        elif line and not line.startswith('#'):
            in_head, trace = False, None
    return Scenario(name, group, fields.get('title', ''), fields.get('stands for', ''), fields.get('differs', ''),
                    *('\n'.join(traces.get(key, ())).rstrip() for key in ('asyncio', 'ours')))
