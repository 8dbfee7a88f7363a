/* child_watch.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef CHILD_WATCH_H
#define CHILD_WATCH_H

#include "loop.h"
#include "subprocess.h"
#include <stdbool.h>
#include <sys/types.h>

/* Waits for the end of one child of ours. Embedded by its owner, who sets pid and exited. */
struct child_watch {
    pid_t pid;
    void (*exited)(struct child_watch *); /* called by the loop, once; the watch is stopped by then */
    bool reaped;                          /* the number may be another process's now */
    int returncode;                       /* once reaped: 0 and above, or minus the signal */
    struct loop *loop;                    /* private from here on; NULL: not watching */
    int pidfd;                            /* -1: by signal */
    struct handle handle;
    struct child_watch *next, *previous; /* those by signal */
};

int child_watch_start(struct loop *, struct child_watch *); /* 0 or a negative errno */
void child_watch_stop(struct child_watch *);

/* Kills and reaps the child of a watch that was stopped, or never started; may wait for a moment. */
void child_watch_end(struct child_watch *);

/* SIGCHLD has come. */
void child_watch_look(struct loop *);

/* linux_pidfd.c. A descriptor for the process, close-on-exec, or a negative errno. */
int pidfd_of(pid_t);

#endif
