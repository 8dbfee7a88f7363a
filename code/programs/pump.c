/* pump.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "address.h"
#include "arguments.h"
#include "error.h"
#include "loop.h"
#include "socket_transport.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pump {
    struct protocol protocol;
    struct loop *loop;
    struct transport *transport;
    struct handle more; /* reads the next piece */
    int source;
    bool watched;  /* the loop says when there is more to read */
    bool finished; /* the source has ended */
    unsigned long long pumped;
    size_t high; /* the most that ever waited in the transport */
    int status;
};

static void stop_pumping(struct pump *pump)
{
    if (pump->watched)
        loop_remove_reader(pump->loop, pump->source);
    handle_cancel(&pump->more);
    pump->watched = false;
}

static void give_up(struct pump *pump, const char *what, const char *why)
{
    fprintf(stderr, "pump: %s: %s\n", what, why);
    pump->status = 1;
    stop_pumping(pump);
    transport_abort(pump->transport);
}

static void pump_piece(void *context)
{
    struct pump *pump = context;
    char piece[65536];
    ssize_t size = read(pump->source, piece, sizeof piece);
    if (size == 0) {
        pump->finished = true;
        stop_pumping(pump);
        transport_close(pump->transport);
    } else if (size < 0 && errno != EINTR && errno != EAGAIN)
        give_up(pump, "cannot read", strerror(errno));
    else {
        if (size > 0) {
            transport_write(pump->transport, piece, (size_t)size);
            pump->pumped += (unsigned long long)size;
            size_t waiting = transport_get_write_buffer_size(pump->transport);
            pump->high = waiting > pump->high ? waiting : pump->high;
        }
        if (!pump->watched)
            loop_call_soon(pump->loop, &pump->more);
    }
}

static void pump_interrupted(void *context)
{
    give_up(context, "stopped", "interrupted");
}

static void pump_connected(struct protocol *protocol, struct transport *transport)
{
    struct pump *pump = (struct pump *)protocol;
    pump->transport = transport;
    loop_add_signal_handler(pump->loop, SIGINT, pump_interrupted, pump);
    char peer[ADDRESS_TEXT_ROOM];
    address_format(transport_get_extra_info(transport, "peername"), peer, sizeof peer);
    printf("Connected to %s\n", peer);
    fflush(stdout);
    handle_init(&pump->more, pump_piece, pump);
    pump->watched = loop_add_reader(pump->loop, pump->source, &pump->more) == 0;
    if (!pump->watched)
        loop_call_soon(pump->loop, &pump->more);
}

static void pump_disconnected(struct protocol *protocol, const struct error *exc)
{
    struct pump *pump = (struct pump *)protocol;
    if (exc != NULL)
        give_up(pump, "lost the connection", exc->text);
    else if (!pump->finished && pump->status == 0)
        give_up(pump, "stopped", "the other side closed the connection");
    loop_remove_signal_handler(pump->loop, SIGINT);
    loop_stop(pump->loop);
}

static const struct protocol_callbacks pump_callbacks = {
    .connection_made = pump_connected,
    .connection_lost = pump_disconnected,
};

static int connect_to_any(const struct addrinfo *addresses)
{
    int failed = -EHOSTUNREACH;
    for (const struct addrinfo *one = addresses; one != NULL; one = one->ai_next) {
        int fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) == 0)
            return fd;
        failed = -errno;
        if (fd >= 0)
            close(fd);
    }
    return failed;
}

static int connect_to_peer(const char *host, int port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int failed = getaddrinfo(host, service, &hints, &addresses);
    if (failed) {
        fprintf(stderr, "pump: %s: %s\n", host, gai_strerror(failed));
        return -1;
    }
    int fd = connect_to_any(addresses);
    freeaddrinfo(addresses);
    if (fd < 0)
        fprintf(stderr, "pump: cannot connect to ('%s', %d): %s\n", host, port, strerror(-fd));
    return fd;
}

static int run_pump(struct pump *pump, int fd)
{
    pump->loop = loop_create(NULL);
    if (pump->loop == NULL
        || socket_transport_create(pump->loop, fd, &pump->protocol, NULL) == NULL) {
        fprintf(stderr, "pump: %s\n", strerror(errno));
        close(fd);
        pump->status = 1;
    } else {
        loop_run_forever(pump->loop);
        printf("Pumped:  %llu bytes\n", pump->pumped);
        printf("Waiting: %zu bytes at most\n", pump->high);
    }
    loop_free(pump->loop);
    return pump->status;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *file = NULL;
    int port = 8888;
    struct pump pump = {.protocol = {&pump_callbacks}};
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "whom to connect to (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "and at which port (8888)"},
        {"FILE", ARGUMENT_OPERAND, &file, "what to send (standard input)"},
    };
    int status = arguments_parse(argc, argv, "Copy a file, or standard input, to a network peer.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    pump.source = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (pump.source < 0) {
        fprintf(stderr, "pump: %s: %s\n", file, strerror(errno));
        return 1;
    }
    int fd = connect_to_peer(host, port);
    pump.status = fd < 0 ? 1 : run_pump(&pump, fd);
    if (file != NULL)
        close(pump.source);
    return pump.status;
}
