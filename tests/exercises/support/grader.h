/* grader.h: what a grader is written with. A grader is a table of tests; each runs in a process of its own, plain, with
   the sanitizers and under Valgrind, and tells a story: what it did, what it expected, what it got. */
#ifndef GRADER_H
#define GRADER_H
#include <stdbool.h>
#include <stddef.h>

#include "kernel.h"

struct grader_test {
    const char *name; /* a sentence, with underscores: the behaviour that it looks at */
    void (*function)(void);
};

#define GRADER_TEST(function) \
    { \
#function, function \
    }

/* Runs the tests that the arguments name, or all of them; returns the exit status of main. */
int grader_main(int argc, char **argv, const struct grader_test *tests, size_t count);

/* The story. Lines add up; the first is shown first. Said before anything can go wrong. */
void did(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A failed expectation ends the test. `what` is a noun ("the number of frames"), `expected` says what should be so
   ("the frame to be kept"). */
void expect(bool holds, const char *expected, const char *got, ...) __attribute__((format(printf, 3, 4)));
void expect_int(const char *what, long long expected, long long got);
void expect_between(const char *what, double least, double most, double got);
void expect_text(const char *what, const char *expected, const char *got); /* got may be NULL */
void expect_contains(const char *what, const char *part, const char *got);
void expect_bytes(const char *what, const void *expected, size_t expected_size, const void *got, size_t got_size);

/* Seconds that a thing which must happen may take: longer with the sanitizers, much longer under Valgrind. Seconds in
   which nothing must happen are the test's own, and few. */
double patience(void);
bool under_valgrind(void);
double seconds_now(void); /* a clock that only goes forward */

/* Text with quotes around it, and with \r, \n, \xNN in it; one of a few buffers that are used in turn. */
const char *quoted(const void *data, size_t size);

/* ---- kind `program`: the student's program, run as a child.

   Its standard error goes to a file. What a test leaves running is ended after it: first with SIGINT, so that Valgrind
   can say what was leaked. */
struct program;
struct program *program_start(const char *argument, ...); /* after argv[0], ended by NULL */
struct program *program_start_with(const char *const *arguments);
void program_write(struct program *program, const void *data, size_t size);
void program_say(struct program *program, const char *text); /* program_write of a text */
void program_end_input(struct program *program);
/* The next line of its standard output, without its end, good until the next call; NULL at the end or when patience
   is over. */
const char *program_read_line(struct program *program);
const char *program_read_line_within(struct program *program, double seconds);
/* How many bytes of it came: fewer than `size` at the end, or when patience is over. */
size_t program_read(struct program *program, void *data, size_t size);
bool program_ended_output(struct program *program); /* its standard output has ended, and all of it is read */
const char *program_error(struct program *program);                    /* all of its standard error so far */
void program_signal(struct program *program, int number);
int program_wait(struct program *program); /* its status, or minus the signal; -1000 when patience is over */
/* From its line Serving on ('127.0.0.1', PORT); a failed expectation if none comes. */
int program_port(struct program *program);
int program_pid(const struct program *program);
size_t program_resident(const struct program *program); /* bytes of memory now; 0 when it has ended */
/* Under Valgrind some are its own: compare, do not count. */
int program_open_descriptors(const struct program *program);

/* ---- sockets: the other end, in the test's own hands. These calls get past every planted fault. Blocking sockets;
   each waits patience() at most, and a failed call is a failed expectation. */
int connect_to(int port);                      /* TCP, 127.0.0.1, TCP_NODELAY */
int try_to_connect(int port);                  /* the same; -1 with errno instead of a failed expectation */
int connect_with_buffers(int port, int bytes); /* small buffers, as small as the kernel lets them be */
int listen_on(int *port);                      /* 127.0.0.1, a free port */
int accept_from(int fd);                       /* the next connection; -1 when patience is over */
int unused_port(void);                         /* nobody listens there */
void tcp_pair(int ends[2]);                    /* connected; ends[0], the student's, is non-blocking */
void unix_pair(int ends[2]);                   /* the same, Unix sockets */
void send_to(int fd, const void *data, size_t size);
void send_text(int fd, const char *text);
size_t send_what_fits(int fd, const void *data, size_t size); /* without waiting */
void end_sending(int fd);                                     /* shutdown(SHUT_WR) */
void close_with_reset(int fd);                                /* the peer sees ECONNRESET */
void close_socket(int fd);
/* How many bytes came: `size`, or fewer at the end of the stream or when the seconds are over. */
size_t receive(int fd, void *data, size_t size, double seconds);
/* The next line with its end, until the next call; what came so far when none is complete; NULL when nothing came. */
const char *receive_line(int fd, double seconds);
bool receives_end(int fd, double seconds);   /* nothing but the end of the stream comes */
bool receives_reset(int fd, double seconds); /* ECONNRESET comes, whatever data stood before it */
bool stays_silent(int fd, double seconds);   /* nothing comes, not even the end */
int udp_socket(int *port);                   /* bound to 127.0.0.1 */
int udp_socket_to(int port);                 /* connected to it */

/* ---- planted faults (kind `functions`): between the student's code and the system, and between the library and the
   system. All are taken back after each test. kernel.h has the parts they are made of. */
void fault_short_writes(size_t most); /* send, sendmsg, write, writev move at most so many bytes; 0: any number */
void fault_short_reads(size_t most);  /* recv, read, readv */
void fault_eintr(unsigned times);     /* the next calls of each kind that can be interrupted fail with EINTR */
void fault_eagain(unsigned times);    /* the next sends and receives (write and read too) fail with EAGAIN */
void fault_emfile(unsigned times);    /* the next socket, accept, pipe and open fail with EMFILE */
void fault_reset(unsigned after);     /* after so many more receives one fails with ECONNRESET */
void fault_send_error(int error);     /* the next send or write fails with it */
void fault_no_memory(unsigned after, unsigned times); /* after so many more allocations, so many fail */
void faults_end(void);
unsigned long calls_of_send(void);    /* since the test began: send, sendmsg, write, writev */
unsigned long calls_of_receive(void); /* recv, read, readv */
#endif
