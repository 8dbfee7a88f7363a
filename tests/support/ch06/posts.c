/* posts.c: a protocol for datagrams that writes down what it hears. */
#include "posts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *name_of(const struct error *exc)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {EMSGSIZE, "EMSGSIZE"},
        {EACCES, "EACCES"},
        {EDESTADDRREQ, "EDESTADDRREQ"},
        {ENOBUFS, "ENOBUFS"},
    };
    if (exc != NULL && exc->domain == &error_os)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i].code == exc->code)
                return names[i].name;
    return error_name(exc);
}

static void made(struct protocol *protocol, struct transport *transport)
{
    struct post *post = (struct post *)protocol;
    post->made++;
    post->transport = transport;
    trace("CM");
    if (post->on_made != NULL)
        post->on_made(post);
}

static void received(struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    struct post *post = (struct post *)protocol;
    post->received++;
    address_copy(&post->from, from);
    if (!post->silent)
        trace("DG(%.*s)", (int)size, (const char *)data);
    if (post->on_datagram != NULL)
        post->on_datagram(post, data, size);
}

static void error(struct protocol *protocol, const struct error *exc)
{
    struct post *post = (struct post *)protocol;
    post->errors++;
    trace("ER(%s)", name_of(exc));
    if (post->on_error != NULL)
        post->on_error(post);
}

static void paused(struct protocol *protocol)
{
    struct post *post = (struct post *)protocol;
    trace("PW");
    if (post->on_pause != NULL)
        post->on_pause(post);
}

static void resumed(struct protocol *protocol)
{
    struct post *post = (struct post *)protocol;
    trace("RW");
    post->size_at_resume = transport_get_write_buffer_size(post->transport);
    if (post->on_resume != NULL)
        post->on_resume(post);
}

static void lost(struct protocol *protocol, const struct error *exc)
{
    struct post *post = (struct post *)protocol;
    post->lost++;
    trace("CL(%s)", name_of(exc));
    if (post->on_lost != NULL)
        post->on_lost(post);
    post->transport = NULL;
}

static void released(struct protocol *protocol)
{
    ((struct post *)protocol)->released++;
}

static const struct protocol_callbacks post_callbacks = {
    .connection_made = made,
    .datagram_received = received,
    .error_received = error,
    .pause_writing = paused,
    .resume_writing = resumed,
    .connection_lost = lost,
    .released = released,
};

void post_init(struct post *post)
{
    *post = (struct post){.protocol = {&post_callbacks}};
}

static struct protocol *make(void *context)
{
    struct office *office = context;
    office->factory_calls++;
    if (office->in_factory != NULL)
        office->in_factory(office);
    return office->no_protocol ? NULL : &office->post.protocol;
}

void office_begin(struct office *office)
{
    *office = (struct office){.told = TRACES("RET")};
    office->loop = new_loop();
    post_init(&office->post);
    future_init(&office->done, office->loop);
    CHECK_INT(future_add_done_callback(&office->done, &office->told), 0);
}

int office_request(struct office *office, const struct datagram_options *options)
{
    return loop_create_datagram_endpoint(office->loop, &office->done, make, office, options);
}

void office_wait(struct office *office)
{
    void *transport = NULL;
    EXPECT(office->loop, "CM;RET");
    CHECK_INT(future_result(&office->done, &transport), 0);
    REQUIRE(transport != NULL);
    office->transport = transport;
    trace_clear();
}

void office_open(struct office *office, const struct datagram_options *options)
{
    office_begin(office);
    REQUIRE(office_request(office, options) == 0);
    office_wait(office);
}

void office_end(struct office *office)
{
    if (office->transport != NULL)
        transport_abort(office->transport);
    settle(office->loop);
    transport_release(office->transport);
    future_destroy(&office->done);
    free_loop(office->loop);
    int handed = office->no_protocol ? 0 : office->factory_calls;
    CHECK_INT(office->post.released, handed);
    CHECK_INT(office->post.lost, office->post.made);
}

void check_done(struct office *office, int code, const char *text, const char *file, int line)
{
    void *transport = NULL;
    int result = future_result(&office->done, &transport);
    const struct error *exception = future_exception(&office->done);
    check_integer(result, code, "how the call ended", file, line);
    if (text != NULL)
        check_text(exception == NULL ? "no error" : exception->text, text, "the error", file, line);
}

int office_port(struct office *office)
{
    return port_of(*(const int *)transport_get_extra_info(office->transport, "socket"));
}

int udp_peer(int *port)
{
    struct address address = loopback(0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    REQUIRE(fd >= 0);
    REQUIRE(bind(fd, &address.of.any, address.size) == 0);
    *port = port_of(fd);
    return fd;
}

struct address loopback(int port)
{
    struct address address = {.size = sizeof address.of.in};
    address.of.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    address.of.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void udp_send(int fd, int port, const char *text)
{
    struct address address = loopback(port);
    CHECK_INT(sendto(fd, text, strlen(text), 0, &address.of.any, address.size), strlen(text));
}

void check_datagram(int fd, const char *text, const char *file, int line)
{
    char data[2000];
    ssize_t size = recv(fd, data, sizeof data - 1, MSG_DONTWAIT);
    data[size < 0 ? 0 : size] = '\0';
    check_text(size < 0 ? strerror(errno) : data, text, "the datagram", file, line);
}

void check_no_datagram(int fd, const char *file, int line)
{
    char data[2000];
    ssize_t size = recv(fd, data, sizeof data - 1, MSG_DONTWAIT);
    check_integer(size, -1, "what arrived", file, line);
}

void post_send(struct transport *transport, const char *text, const struct address *to)
{
    CHECK_INT(transport_sendto(transport, text, strlen(text), to), 0);
}
