/* relay.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Passes bytes on, both ways, and the pressure against them. */
#include "arguments.h"
#include "connection.h"
#include "error.h"
#include "future.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct relay;

struct side {
    struct protocol protocol;
    struct relay *relay;
    struct side *other;
    struct transport *transport; /* from connection_made to connection_lost, else NULL */
    bool ended;                  /* it will send no more */
};

struct target_address {
    struct loop *loop;
    const char *host;
    int port;
};

struct relay {
    struct side client, target;
    const struct target_address *address;
    struct future connecting;
    struct handle connected;
    bool is_connecting; /* and connected() has not been called */
    unsigned protocols; /* in the library's hands: the client's, the target's */
};

static struct side *side_of(struct protocol *protocol)
{
    return (struct side *)protocol;
}

static void stop_connecting(struct relay *relay)
{
    void *transport;
    if (!relay->is_connecting)
        return;
    relay->is_connecting = false;
    handle_cancel(&relay->connected);
    if (future_result(&relay->connecting, &transport) == 0)
        transport_release(transport);
    future_destroy(&relay->connecting);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct side *to = side_of(protocol)->other;
    if (to->transport != NULL)
        transport_write(to->transport, data, size);
}

static void pause_writing(struct protocol *protocol)
{
    struct side *from = side_of(protocol)->other;
    if (from->transport != NULL)
        transport_pause_reading(from->transport);
}

static void resume_writing(struct protocol *protocol)
{
    struct side *from = side_of(protocol)->other;
    if (from->transport != NULL)
        transport_resume_reading(from->transport);
}

static bool eof_received(struct protocol *protocol)
{
    struct side *side = side_of(protocol), *other = side->other;
    side->ended = true;
    if (other->transport == NULL)
        return false;
    transport_write_eof(other->transport);
    if (!other->ended)
        return true;
    transport_close(other->transport);
    return false;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct side *side = side_of(protocol), *other = side->other;
    side->transport = NULL;
    stop_connecting(side->relay);
    if (other->transport == NULL)
        return;
    if (exc != NULL)
        transport_abort(other->transport);
    else
        transport_close(other->transport);
}

static void released(struct protocol *protocol)
{
    struct relay *relay = side_of(protocol)->relay;
    stop_connecting(relay);
    if (--relay->protocols == 0)
        free(relay);
}

static void target_made(struct protocol *protocol, struct transport *transport)
{
    struct side *target = side_of(protocol);
    target->transport = transport;
    if (target->other->transport != NULL)
        transport_resume_reading(target->other->transport);
    else
        transport_close(transport);
}

static const struct protocol_callbacks target_callbacks = {
    .connection_made = target_made,
    .data_received = data_received,
    .eof_received = eof_received,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *target_side(void *context)
{
    struct relay *relay = context;
    relay->protocols++;
    return &relay->target.protocol;
}

static void connected(void *context)
{
    struct relay *relay = context;
    int failed = future_result(&relay->connecting, NULL);
    if (failed)
        fprintf(stderr, "relay: %s\n", future_exception(&relay->connecting)->text);
    stop_connecting(relay);
    if (failed && relay->client.transport != NULL)
        transport_abort(relay->client.transport);
}

static void client_made(struct protocol *protocol, struct transport *transport)
{
    struct side *client = side_of(protocol);
    struct relay *relay = client->relay;
    const struct target_address *address = relay->address;
    client->transport = transport;
    transport_pause_reading(transport);
    future_init(&relay->connecting, address->loop);
    handle_init(&relay->connected, connected, relay);
    future_add_done_callback(&relay->connecting, &relay->connected);
    relay->is_connecting = true;
    int failed = loop_create_connection(
        address->loop, &relay->connecting, target_side, relay, address->host, address->port, NULL);
    if (failed) {
        fprintf(stderr, "relay: %s\n", strerror(-failed));
        stop_connecting(relay);
        transport_abort(transport);
    }
}

static const struct protocol_callbacks client_callbacks = {
    .connection_made = client_made,
    .data_received = data_received,
    .eof_received = eof_received,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *new_client(void *context)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return NULL;
    relay->address = context;
    relay->protocols = 1;
    struct side *client = &relay->client, *target = &relay->target;
    *client = (struct side){{&client_callbacks}, relay, target, NULL, false};
    *target = (struct side){{&target_callbacks}, relay, client, NULL, false};
    return &client->protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    struct target_address target = {NULL, "127.0.0.1", 9999};
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--target-host", ARGUMENT_TEXT, &target.host, "where to connect for each client (127.0.0.1)"},
        {"--target-port", ARGUMENT_PORT, &target.port, "the target's port (9999)"},
    };
    int status = arguments_parse(argc, argv, "Pass bytes on between clients and a target.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    target.loop = loop_create(NULL);
    status = serve("relay", target.loop, new_client, &target, host, port, NULL);
    loop_free(target.loop);
    return status;
}
