"""Chapter 8's programs: run and pipeline, with children of every kind."""
import os
import signal

from peers import bytes_of_every_kind, case, each, expect, own_words


@each(that_says_nothing=(('true',), 0), that_fails=(('false',), 1), with_a_status=(('sh', '-c', 'exit 42'), 42))
def run_passes_on_the_status_of_a_program(bench, command, status):
    bench.ours('run', *command).ends(status)


@each(missing=('/no/such/program', 127), not_executable=('/etc/passwd', 126))
def run_of_a_program_that_is(bench, program, status):
    run = bench.ours('run', program)
    run.ends(status)
    expect(len(own_words(run.err.lines)), 1, 'how many lines it wrote to standard error')


@case
def run_ends_a_program_whose_time_is_up(bench):
    run = bench.ours('run', '--timeout', '0.2', 'sleep', '1000')
    run.ends(124)


@case
def run_ends_even_a_program_that_will_not_hear(bench):
    run = bench.ours('run', '--timeout', '0.2', 'sh', '-c', "trap '' TERM; while :; do sleep 0.1; done")
    run.process.wait(60)
    expect(run.process.returncode != 0, True, 'that it tells of the failure')


@case
def run_streams_both_outputs(bench):
    run = bench.ours('run', 'sh', '-c', 'echo to out; echo to err >&2')
    run.ends(0)
    text = '\n'.join(run.out.lines + run.err.lines)
    expect(('to out' in text, 'to err' in text), (True, True), 'what came of both')


@case
def pipeline_of_three(bench):
    line = bench.ours('pipeline', 'printf', 'b\\na\\nb\\n', '|', 'sort', '|', 'uniq')
    line.ends()
    expect(line.out.data, b'a\nb\n', 'what it wrote')


@case
def pipeline_passes_everything_on(bench):
    data = bytes_of_every_kind(1 << 20)
    line = bench.ours('pipeline', 'cat', bench.file(data), '|', 'cat', '|', 'cat')
    line.ends()
    expect(line.out.data == data, True, 'that everything came through')


@case
def pipeline_whose_last_has_read_enough(bench):
    line = bench.ours('pipeline', 'yes', '|', 'head', '-n', '3')
    line.until(lambda: line.out.ended, 'the end')
    expect(line.out.data, b'y\ny\ny\n', 'what it wrote')
    line.process.wait(30)


@each(run=('run',), pipeline=('pipeline',))
def without_arguments_one_line_says_so(bench, name):
    program = bench.ours(name)
    program.ends(2)
    expect(len(own_words(program.err.lines)), 1, 'how many lines it wrote to standard error')


@case
def run_interrupted_leaves_no_child_behind(bench):
    run = bench.ours('run', 'sh', '-c', 'echo $$; exec sleep 1000')
    number = int(run.line(1).split()[-1])
    run.process.send_signal(signal.SIGINT)
    run.process.wait(30)
    try:
        os.kill(number, 0)
        alive = True
    except ProcessLookupError:
        alive = False
    expect(alive, False, 'whether the child still runs')
