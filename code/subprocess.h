/* subprocess.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef SUBPROCESS_H
#define SUBPROCESS_H

#include "protocol_factory.h"
#include "transport.h"
#include <sys/types.h>

struct future;
struct loop;

/* What a child's descriptor is connected to: one of these, or a descriptor of ours, above 0. */
enum { SUBPROCESS_PIPE = 0, SUBPROCESS_STDOUT = -2, SUBPROCESS_DEVNULL = -3, SUBPROCESS_INHERIT = -4 };

struct subprocess_options {
    int stdin_from, stdout_to;
    int stderr_to;          /* also SUBPROCESS_STDOUT: the same as stdout_to */
    const char *const *env; /* "NAME=value", then NULL; NULL: our own environment */
    const char *cwd;        /* NULL: our own directory */
    bool start_new_session; /* a group of its own, away from our terminal */
};

/* Start a program: arguments[0] is looked for along PATH unless it has a slash, NULL ends them. Or
   have the shell read a command: never let a stranger have a say in it. Nothing but descriptors 0
   to 2 is inherited. The protocol hears connection_made, then pipe_data_received,
   pipe_connection_lost and process_exited in any order, but for what their comments promise, and
   connection_lost; pause_writing and resume_writing are about the child's standard input.
   Arguments and options are lent for the call. Return 0, -EINVAL, -EBADF (closed loop) or -ENOMEM.
   The rest completes `done`: a transport, of which the caller holds a reference; or an error, such
   as "[Errno 2] No such file or directory: 'lss'", and then the protocol heard nothing but
   `released`. Cancelling `done` kills the child.
   asyncio: subprocess_exec, subprocess_shell. */
int loop_subprocess_exec(struct loop *, struct future *done, protocol_factory *, void *context,
    const char *const *arguments, const struct subprocess_options *);
int loop_subprocess_shell(struct loop *, struct future *done, protocol_factory *, void *context,
    const char *command, const struct subprocess_options *);

/* All of these: on a transport that is no subprocess, -1, false, NULL or -ENOTSUP. */

pid_t transport_get_pid(const struct transport *);

/* False while the child runs. Else its exit status, or minus the signal that ended it; 255 if
   somebody else has asked the kernel before us. asyncio: get_returncode, None while it runs. */
bool transport_get_returncode(const struct transport *, int *returncode);

/* The transport of the pipe at the child's descriptor fd, 0 to 2; NULL if there is none. Borrowed:
   valid while the subprocess transport is. asyncio: get_pipe_transport. */
struct transport *transport_get_pipe_transport(const struct transport *, int fd);

/* 0, also when the child has ended; -ESRCH after connection_lost; -EINVAL: no such signal; -EPERM.
   terminate sends SIGTERM, kill SIGKILL. transport_close and _abort also kill a child that runs,
   and close its pipes. asyncio: send_signal, terminate, kill. */
int transport_send_signal(struct transport *, int signal);
int transport_terminate(struct transport *);
int transport_kill(struct transport *);

/* By a descriptor of the process, by SIGCHLD, or by the first if it works here. For children
   started from now on. 0, or -ENOSYS: there is no such descriptor on this system. */
enum child_watcher { CHILD_WATCHER_DEFAULT, CHILD_WATCHER_PIDFD, CHILD_WATCHER_SIGCHLD };
int loop_set_child_watcher(struct loop *, enum child_watcher);

#endif
