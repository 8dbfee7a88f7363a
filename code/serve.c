/* serve.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "serve.h"
#include "address.h"
#include "loop.h"
#include "server.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_addresses(const struct server *server)
{
    const int *fds;
    size_t count = server_sockets(server, &fds);
    printf("Serving on ");
    for (size_t i = 0; i < count; i++) {
        struct address address;
        char text[ADDRESS_TEXT_ROOM];
        address_of_socket(fds[i], &address);
        address_format(&address, text, sizeof text);
        printf("%s%s", i == 0 ? "" : ", ", text);
    }
    printf("\n");
}

static void interrupt(void *forever)
{
    future_cancel(forever);
}

static void serve_until_interrupted(struct loop *loop, struct server *server)
{
    struct future forever;
    future_init(&forever, loop);
    loop_add_signal_handler(loop, SIGINT, interrupt, &forever);
    server_serve_forever(server, &forever);
    print_addresses(server);
    loop_run_until_complete(loop, &forever);
    loop_remove_signal_handler(loop, SIGINT);
    future_destroy(&forever);
}

static struct server *create(const char *program, struct loop *loop, protocol_factory *factory,
    void *context, const char *host, int port, const struct server_options *options)
{
    struct future created;
    void *server = NULL;
    future_init(&created, loop);
    int failed = loop_create_server(loop, &created, factory, context, host, port, options);
    if (failed == 0)
        failed = loop_run_until_complete(loop, &created);
    if (failed == 0 && future_result(&created, &server) != 0)
        fprintf(stderr, "%s: %s\n", program, future_exception(&created)->text);
    else if (failed != 0)
        fprintf(stderr, "%s: %s\n", program, strerror(-failed));
    future_destroy(&created);
    return server;
}

int serve(const char *program, struct loop *loop, protocol_factory *factory, void *context,
    const char *host, int port, const struct server_options *options)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (loop == NULL) {
        fprintf(stderr, "%s: %s\n", program, strerror(errno));
        return 1;
    }
    struct server *server = create(program, loop, factory, context, host, port, options);
    if (server == NULL)
        return 1;
    serve_until_interrupted(loop, server);
    server_release(server);
    return 0;
}
