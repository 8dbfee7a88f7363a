/* The verbs of TLS. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct context {
    struct thing thing;
    struct tls_context *tls;
};

/* All is run from the top of the tree. */
static const char *certificate(const char *name, const char *end)
{
    const char *folder = getenv("CONFORMANCE_CERTIFICATES");
    return name == NULL ? NULL : keep_text("%s/%s.%s", folder != NULL ? folder : "build/certificates", name, end);
}

static void verb_tls_context(const struct action *action)
{
    struct context *context = thing_new(CONTEXT, word(action, 0), sizeof *context);
    const char *verify = option(action, "verify"), *demand = option(action, "demand"), *cert = option(action, "cert");
    struct tls_context_options options = {
        .cert_file = certificate(cert, "pem"),
        .key_file = certificate(cert, "key"),
        .ca_file = certificate(option(action, "ca"), "pem"),
        .maximum_version = option(action, "newest") == NULL ? TLS_VERSION_DEFAULT
            : strcmp(option(action, "newest"), "1.2") == 0  ? TLS_VERSION_1_2
                                                            : TLS_VERSION_1_3,
    };
    if (verify != NULL && strcmp(verify, "no") == 0) {
        options.verify_mode = TLS_CERT_NONE;
        options.any_hostname = true;
    }
    if (demand != NULL && strcmp(demand, "yes") == 0)
        options.verify_mode = TLS_CERT_REQUIRED;
    struct error *error = NULL;
    bool serves = strcmp(word(action, 1), "server") == 0;
    context->tls = serves ? tls_server_context(&options, &error) : tls_client_context(&options, &error);
    if (context->tls == NULL) {
        fprintf(stderr, "conformance: %s: %s\n", word(action, 0), error->text);
        _exit(2);
    }
}

void forget_context(struct thing *thing)
{
    tls_context_release(((struct context *)thing)->tls);
}

struct tls_context *context_of(const struct action *action)
{
    const char *name = option(action, "tls");
    return name == NULL ? NULL : ((struct context *)thing_get(CONTEXT, name))->tls;
}

double seconds_of(const struct action *action, const char *name)
{
    const char *seconds = option(action, name);
    return seconds != NULL ? atof(seconds) : 0;
}

static void verb_start_tls(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    operation->upgraded = party_get(word(action, 1));
    struct start_tls_options options = {
        .server_hostname = option(action, "server_hostname"),
        .tls_handshake_timeout = seconds_of(action, "handshake_timeout"),
        .tls_shutdown_timeout = seconds_of(action, "shutdown_timeout"),
    };
    struct transport *transport = operation->upgraded->transport;
    begun(operation, "start_tls",
        loop_start_tls(run.loop, &operation->done, transport, transport_get_protocol(transport),
            ((struct context *)thing_get(CONTEXT, word(action, 2)))->tls, &options));
}

/* What waits at one peer goes to the other; whether there was anything. */
static bool pass_on(int from, int to)
{
    static char data[65536];
    ssize_t got = recv(from, data, sizeof data, MSG_DONTWAIT);
    for (ssize_t sent = 0, some; sent < got; sent += some)
        if ((some = send(to, data + sent, (size_t)(got - sent), MSG_NOSIGNAL)) < 0)
            break;
    return got > 0;
}

/* Carries bytes both ways between two peers until nothing moves. */
static void verb_relay(const struct action *action)
{
    const struct peer *one = thing_get(PEER, word(action, 0)), *other = thing_get(PEER, word(action, 1));
    bool moved = true;
    while (moved) {
        settle();
        moved = pass_on(one->fd, other->fd);
        moved |= pass_on(other->fd, one->fd);
        carry();
    }
}

const struct verb tls_verbs[] = {
    {"tls_context", verb_tls_context},
    {"start_tls", verb_start_tls},
    {"relay", verb_relay},
    {0},
};
