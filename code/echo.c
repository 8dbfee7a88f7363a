/* echo.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "echo.h"
#include "address.h"
#include "text.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_line(const char *label, const void *data, size_t size)
{
    const char *text = data;
    text_strip(&text, &size);
    fputs(label, stdout);
    text_print(stdout, text, size);
    fputc('\n', stdout);
}

struct server_protocol {
    struct protocol protocol;
    struct transport *transport;
    const struct echo_server *shared;
};

static void server_connection_made(struct protocol *protocol, struct transport *transport)
{
    struct server_protocol *self = (struct server_protocol *)protocol;
    char peer[ADDRESS_TEXT_ROOM];
    self->transport = transport;
    if (!self->shared->quiet) {
        address_format(transport_get_extra_info(transport, "peername"), peer, sizeof peer);
        printf("Connection from: %s\n", peer);
    }
}

static void server_data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct server_protocol *self = (struct server_protocol *)protocol;
    if (!self->shared->quiet) {
        print_line("Data received: ", data, size);
        print_line("Echoing back: ", data, size);
    }
    transport_write(self->transport, data, size);
}

static void server_connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    if (!((struct server_protocol *)protocol)->shared->quiet)
        printf("Connection closed.\n");
}

static void server_released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks server_callbacks = {
    .connection_made = server_connection_made,
    .data_received = server_data_received,
    .connection_lost = server_connection_lost,
    .released = server_released,
};

struct protocol *echo_server_protocol(void *echo_server)
{
    struct server_protocol *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &server_callbacks;
    self->shared = echo_server;
    return &self->protocol;
}

struct client_protocol {
    struct protocol protocol;
    const struct echo_client *shared;
};

static void client_connection_made(struct protocol *protocol, struct transport *transport)
{
    const char *message = ((struct client_protocol *)protocol)->shared->message;
    printf("Sending: ");
    text_print(stdout, message, strlen(message));
    printf("\n");
    transport_write(transport, message, strlen(message));
}

static void client_data_received(struct protocol *protocol, const void *data, size_t size)
{
    (void)protocol;
    print_line("Received echo: ", data, size);
}

static bool client_eof_received(struct protocol *protocol)
{
    (void)protocol;
    printf("Received EOF from server.\n");
    return false;
}

static void client_connection_lost(struct protocol *protocol, const struct error *exc)
{
    const struct echo_client *shared = ((struct client_protocol *)protocol)->shared;
    (void)exc;
    if (future_done(shared->on_con_lost))
        return;
    printf("The server closed the connection\n");
    future_set_result(shared->on_con_lost, NULL);
}

static void client_released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks client_callbacks = {
    .connection_made = client_connection_made,
    .data_received = client_data_received,
    .eof_received = client_eof_received,
    .connection_lost = client_connection_lost,
    .released = client_released,
};

struct protocol *echo_client_protocol(void *echo_client)
{
    struct client_protocol *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &client_callbacks;
    self->shared = echo_client;
    return &self->protocol;
}
