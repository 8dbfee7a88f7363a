/* posts.h: a protocol for datagrams that writes down what it hears, an endpoint made of it, and plain sockets at
   the other end. */
#ifndef POSTS_H
#define POSTS_H
#include "address.h"
#include "datagram.h"
#include "error.h"
#include "kernel.h"
#include "loops.h"
#include "peers.h"
#include "protocol.h"
#include "transport.h"

/* Writes CM; DG(text); ER(ECONNREFUSED); PW; RW; CL(None). */
struct post {
    struct protocol protocol;
    struct transport *transport; /* NULL before connection_made and after connection_lost */
    struct address from;         /* of the latest datagram */
    int made, received, errors, lost, released;
    size_t size_at_resume;
    bool silent; /* DG is not traced */
    void (*on_made)(struct post *);
    void (*on_datagram)(struct post *, const void *data, size_t size);
    void (*on_error)(struct post *);
    void (*on_pause)(struct post *);
    void (*on_resume)(struct post *);
    void (*on_lost)(struct post *);
    void *context;
};
void post_init(struct post *post);

/* A loop, a future whose callback writes RET, and a post that the factory hands out. */
struct office {
    struct loop *loop;
    struct future done;
    struct handle told;
    struct post post;
    struct transport *transport; /* one reference, once it is open */
    int factory_calls;
    bool no_protocol; /* the factory fails */
    void (*in_factory)(struct office *);
};
void office_begin(struct office *office);
int office_request(struct office *office, const struct datagram_options *options);
void office_wait(struct office *office); /* until it is open; the trace is empty then */
void office_open(struct office *office, const struct datagram_options *options); /* all three */
/* Aborts what is open, and checks that each post that was handed over lived once and was released once. */
void office_end(struct office *office);
/* How `done` ended: 0 and NULL, or a code and the error's text. */
#define CHECK_DONE(office, code, text) check_done((office), (code), (text), __FILE__, __LINE__)
void check_done(struct office *office, int code, const char *text, const char *file, int line);
int office_port(struct office *office);

/* Plain sockets, blocking. */
int udp_peer(int *port); /* at 127.0.0.1 */
struct address loopback(int port);
void udp_send(int fd, int port, const char *text);
#define CHECK_DATAGRAM(fd, text) check_datagram((fd), (text), __FILE__, __LINE__)
void check_datagram(int fd, const char *text, const char *file, int line); /* it has arrived already */
#define CHECK_NO_DATAGRAM(fd) check_no_datagram((fd), __FILE__, __LINE__)
void check_no_datagram(int fd, const char *file, int line);

/* Sends text through the transport; checks that it returns 0. */
void post_send(struct transport *transport, const char *text, const struct address *to);
#endif
