/* spawn.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef SPAWN_H
#define SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* How to start a program. All that it points to is lent for the call. */
struct spawn {
    const char *const *arguments; /* the program first; NULL ends them */
    const char *const *env;       /* "NAME=value"; NULL: our own */
    const char *cwd;              /* NULL: our own */
    bool start_new_session;
    bool stderr_is_stdout;
    int fds[3];         /* what become its 0, 1, 2; -1: our own */
    bool failed_at_cwd; /* set by spawn: it is cwd that is wrong, and not the program */
    int report;         /* private from here on */
    int highest;        /* the highest of our descriptors; -1: nobody needs to know */
    const char *path;   /* where programs are looked for */
    char *room;         /* for the names that are tried */
    sigset_t mask;      /* of the caller */
};

/* Returns the number of the child, which runs the program by now, or a negative errno, and then
   there is no child. Nothing but fds is inherited. asyncio leaves this to subprocess.Popen. */
pid_t spawn(struct spawn *);

/* linux_spawn.c. Calls child(context) in a vforked child, which may not return. */
pid_t spawn_split(void (*child)(void *context), void *context);
int spawn_pipe(int ends[2]);             /* both close-on-exec: 0 or a negative errno */
int spawn_close_on_exec_from(int first); /* this descriptor and all above it */

#endif
