/* signal_pipe.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef SIGNAL_PIPE_H
#define SIGNAL_PIPE_H

/* Signals as bytes in a pipe: one pipe in a process. */

/* Makes the pipe. 0 or a negative errno. */
int signal_pipe_open(void);

/* From now on each delivery of the signal puts its number into the pipe. If the
   pipe is full, this delivery is lost. Whatever the signal interrupts notices
   nothing. 0 or a negative errno. */
int signal_pipe_catch(int signal);

/* The end to wait at: readable when a signal has come. */
int signal_pipe_descriptor(void);

/* The next signal, in the order of delivery; 0: none has come. Never waits. */
int signal_pipe_next(void);

/* Each signal that was caught is handled as it was before the first
   signal_pipe_catch; then the pipe is closed. May be followed by another
   signal_pipe_open. */
void signal_pipe_close(void);

#endif
