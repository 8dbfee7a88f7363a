/* children.h: a protocol of a subprocess that keeps its story, and a loop that has some. */
#ifndef CHILDREN_H
#define CHILDREN_H
#include "error.h"
#include "future.h"
#include "loops.h"
#include "protocol.h"
#include "subprocess.h"
#include "transport.h"

/* Checks the order that is promised: connection_made first, of each pipe the data before its end, connection_lost
   last, and everything but data once. */
struct child {
    struct protocol protocol;
    struct transport *transport; /* NULL before connection_made and after connection_lost */
    struct transport *result;    /* of the call; retained */
    struct loop *loop;
    struct future done;
    char output[3][4000]; /* the beginning of what came from 1 and 2 */
    size_t sizes[3];
    const char *closed[3]; /* NULL: not yet; None, EPIPE … */
    int made, exited, returncode, lost, released, paused, resumed;
    char loss[100], story[9000];
    bool exited_first; /* process_exited came before some pipe's end */
    void (*on_made)(struct child *);
    void (*on_data)(struct child *, int fd, const void *data, size_t size);
    void (*on_exit)(struct child *);
    void *context;
};

/* The test's body once with each way of watching children. */
void with_both_watchers(void (*body)(void));
struct loop *new_loop_of_children(void); /* watches them so */

void child_begin(struct child *child, struct loop *loop);
/* Starts a program (loop_subprocess_exec) or a command of the shell, and runs until the call is done. */
void child_exec(struct child *child, const char *const *arguments, const struct subprocess_options *options);
void child_shell(struct child *child, const char *command, const struct subprocess_options *options);
struct protocol *child_give(void *child); /* a factory */
int child_outcome(struct child *child); /* of the call: 0 or a negative errno */
/* Kills it if it runs, waits for connection_lost, releases; checks that it was released once. */
void child_end(struct child *child);
void child_is_lost(struct child *child); /* runs until then */
/* Runs until connection_lost, and compares, in the order 0, 1, 2, PX, CL: "PD(1,out);PL(1,None);PX(3);CL(None)". */
#define CHILD_ENDS(child, expected) check_child((child), (expected), __FILE__, __LINE__)
void check_child(struct child *child, const char *expected, const char *file, int line);
bool child_says(struct child *child, int fd, const char *text); /* runs until its output holds this */
void child_hears(struct child *child, const char *text);        /* on its standard input */
void child_hears_end(struct child *child);

/* Nothing of ours is left behind for anybody to wait for. */
#define CHECK_NO_ZOMBIE() check_no_zombie(__FILE__, __LINE__)
void check_no_zombie(const char *file, int line);
#endif
