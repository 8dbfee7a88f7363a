"""Runs one program of a pipeline and believes it only when it is content."""
import os
import subprocess

PACKAGE = {'markup': 'noweb', 'finduses': 'noweb', 'noidx': 'noweb', 'ctags': 'universal-ctags'}


class NowebError(Exception):
    """One line that says what is wrong, with file and line where they are known."""


def run(command, data=b'', cwd=None):
    """The standard output of a stage that ended with 0 and kept its stderr empty."""
    name = os.path.basename(command[0])
    try:
        done = subprocess.run(command, input=data, cwd=cwd, capture_output=True, check=False)
    except OSError as why:
        hint = f' (the Debian package {PACKAGE[name]} brings it)' if name in PACKAGE else ''
        raise NowebError(f'{name}: {why.strerror}{hint}') from None
    said = '; '.join(done.stderr.decode('utf-8', 'replace').strip().splitlines())
    if done.returncode:
        raise NowebError(said or f'{name} ended with status {done.returncode}')
    if said:
        raise NowebError(said)
    return done.stdout
