/* show: what can be seen of parties, futures, callbacks, operations, peers, files and the loop. */
#define _DEFAULT_SOURCE /* SO_REUSEPORT */
#include "runner.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double clock_start = 1024.0;

static const char *yes_no(bool value)
{
    return value ? "yes" : "no";
}

static const char *of_future(struct future *future, const char *property)
{
    if (strcmp(property, "done") == 0)
        return yes_no(future_done(future));
    if (strcmp(property, "cancelled") == 0)
        return yes_no(future_cancelled(future));
    if (!future_done(future))
        return "refused: not done yet";
    if (future_cancelled(future))
        return "raised cancelled";
    if (strcmp(property, "exception") == 0)
        return error_shown(future_exception(future));
    void *result = NULL;
    int code = future_result(future, &result);
    if (code == -EAGAIN)
        return "refused: not done yet";
    return code == 0 ? (const char *)result : keep_text("raised %s", error_shown(future_exception(future)));
}

static int by_text(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The hosts, or the families, of a server's sockets, sorted. */
static const char *of_sockets(const struct server *server, bool hosts)
{
    const int *fds = NULL;
    size_t count = server_sockets(server, &fds);
    const char *texts[16] = {NULL};
    if (count > 16)
        count = 16;
    for (size_t i = 0; i < count; i++) {
        struct address address;
        char text[128];
        address_of_socket(fds[i], &address);
        int family = address.of.any.sa_family;
        address_format(&address, text, sizeof text);
        const char *host = text + strcspn(text, "'") + 1;
        texts[i] = hosts         ? keep_text("%.*s", (int)strcspn(host, "'"), host)
            : family == AF_INET  ? "v4"
            : family == AF_INET6 ? "v6"
                                 : "unix";
    }
    qsort(texts, count, sizeof *texts, by_text);
    char all[512] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? " " : "", texts[i]);
    }
    return keep_text("%s", all);
}

static const char *of_operation(const struct operation *operation, const char *property)
{
    if (strcmp(property, "done") == 0)
        return yes_no(operation->ended);
    const struct server *server = operation->server;
    if (server == NULL)
        return "no server";
    if (strcmp(property, "is_serving") == 0)
        return yes_no(server_is_serving(server));
    const int *fds = NULL;
    size_t count = server_sockets(server, &fds);
    if (strcmp(property, "sockets") == 0)
        return keep_text("%zu", count);
    if (strcmp(property, "hosts") == 0 || strcmp(property, "families") == 0)
        return of_sockets(server, strcmp(property, "hosts") == 0);
    int value = 0, which = strcmp(property, "reuse_port") == 0 ? SO_REUSEPORT : SO_REUSEADDR;
    socklen_t size = sizeof value;
    getsockopt(fds[0], SOL_SOCKET, which, &value, &size);
    return yes_no(value != 0);
}

static bool has_name_of(const struct address *address, const struct peer *peer)
{
    struct address name;
    char texts[2][128];
    address_of_socket(peer->fd, &name);
    address_format(&name, texts[0], sizeof texts[0]);
    address_format(address, texts[1], sizeof texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

/* Which of a child's descriptors are pipes of ours. */
static const char *pipes_of(const struct transport *transport)
{
    char text[8] = "";
    for (int fd = 0; fd < 3; fd++)
        if (transport_get_pipe_transport(transport, fd) != NULL)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", text[0] ? " " : "", fd);
    return text[0] ? keep_text("%s", text) : "none";
}

static const char *of_tls(const struct transport *transport, const char *property)
{
    if (strcmp(property, "tls_version") == 0)
        return transport_get_extra_info(transport, "version");
    const struct tls_peercert *cert = transport_get_extra_info(transport, "peercert");
    return cert == NULL ? "None" : cert->subject != NULL ? "verified"
                                                         : "empty";
}

static const char *of_transport(const struct transport *transport, const char *property)
{
    int returncode = 0;
    if (strcmp(property, "returncode") == 0)
        return transport_get_returncode(transport, &returncode) ? keep_text("%d", returncode) : "None";
    if (strcmp(property, "pipes") == 0)
        return pipes_of(transport);
    if (strcmp(property, "pipe_size") == 0)
        return keep_text("%zu", transport_get_write_buffer_size(transport_get_pipe_transport(transport, 0)));
    if (strcmp(property, "tls_version") == 0 || strcmp(property, "peercert") == 0)
        return of_tls(transport, property);
    int fd = transport_descriptor(transport);
    if (strcmp(property, "is_closing") == 0)
        return yes_no(transport_is_closing(transport));
    if (strcmp(property, "can_write_eof") == 0)
        return yes_no(transport_can_write_eof(transport));
    if (strcmp(property, "size") == 0)
        return keep_text("%zu", transport_get_write_buffer_size(transport));
    if (strcmp(property, "buffered") == 0)
        return yes_no(transport_get_write_buffer_size(transport) > 0);
    if (strcmp(property, "unknown") == 0)
        return transport_get_extra_info(transport, "unknown") == NULL ? "None" : "known";
    if (strcmp(property, "fileno") == 0)
        return fd < 0 ? "closed" : "open";
    if (strcmp(property, "nodelay") == 0) {
        int value = 0;
        socklen_t size = sizeof value;
        getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size);
        return yes_no(value != 0);
    }
    if (strcmp(property, "peername") == 0 || strcmp(property, "sockname") == 0) {
        char text[256];
        const struct address *address = transport_get_extra_info(transport, property);
        if (address == NULL)
            return "None";
        address_format(address, text, sizeof text);
        return keep_text("%s", text);
    }
    if (strcmp(property, "is_reading") == 0)
        return yes_no(transport_is_reading(transport));
    if (strcmp(property, "limits") == 0) {
        size_t low, high;
        transport_get_write_buffer_limits(transport, &low, &high);
        return keep_text("%zu %zu", low, high);
    }
    not_in_this_tree(property);
}

static const char *of_party(struct party *party, const char *property)
{
    if (strncmp(property, "got_all:", 8) == 0)
        return yes_no(party->received == ((struct peer *)thing_get(PEER, property + 8))->sent);
    if (strcmp(property, "received") == 0)
        return keep_text("%zu bytes (checksum %08x)", party->received, party->checksum);
    if (strcmp(property, "count") == 0 || strcmp(property, "largest") == 0)
        return keep_text("%zu", property[0] == 'c' ? party->count : party->largest);
    if (strncmp(property, "peername_is:", 12) == 0 || strncmp(property, "sockname_is:", 12) == 0)
        return yes_no(has_name_of(transport_get_extra_info(party->transport, keep_text("%.8s", property)),
            thing_get(PEER, property + 12)));
    if (strcmp(property, "protocol") == 0) {
        struct protocol *protocol = transport_get_protocol(party->transport);
        if (protocol == NULL)
            return "None";
        return ((struct party *)((char *)protocol - offsetof(struct party, protocol)))->thing.name;
    }
    return of_transport(party->transport, property);
}

static const char *of_loop(const char *property)
{
    if (strcmp(property, "time") == 0)
        return keep_text("%.3f", loop_time(run.loop) - clock_start);
    return yes_no(strcmp(property, "is_running") == 0 ? loop_is_running(run.loop) : loop_is_closed(run.loop));
}

/* As Python prints a number: 0.02, not 0.020. */
static const char *number_shown(double number)
{
    return keep_text("%.12g", (double)(long long)(number * 1000 + (number < 0 ? -0.5 : 0.5)) / 1000);
}

static const char *of_call(const struct call *call, const char *property)
{
    if (strcmp(property, "when") == 0)
        return number_shown(timer_handle_when(&call->timer) - clock_start);
    return yes_no(handle_cancelled(&call->timer.handle));
}

static const char *observe(const char *name, const char *property)
{
    if (name[0] == '@')
        return yes_no(access(path_of(name), F_OK) == 0);
    if (strcmp(name, "fds") == 0)
        return keep_text("%+d", count_fds(NULL) - run.marked_fds);
    if (strcmp(name, "loop") == 0)
        return of_loop(property);
    if (strcmp(name, "self") == 0)
        return of_party(run.performing, property);
    struct named_future *future = thing_find(FUTURE, name);
    if (future != NULL)
        return of_future(&future->future, property);
    struct callback *callback = thing_find(CALLBACK, name);
    if (callback != NULL)
        return of_call(callback->latest, property);
    struct operation *operation = thing_find(OPERATION, name);
    if (operation != NULL)
        return of_operation(operation, property);
    struct peer *peer = thing_find(PEER, name);
    return peer != NULL ? yes_no(peer->open) : of_party(party_get(name), property);
}

static bool holds(double value, const char *comparison, double number)
{
    if (comparison[0] == '=')
        return value == number;
    if (comparison[1] == '=' && value == number)
        return true;
    return comparison[0] == '<' ? value < number : value > number;
}

void verb_show(const struct action *action)
{
    const char *text = action->words[0].text;
    const char *dot = text[0] == '@' ? strrchr(text, '.') : strchr(text, '.');
    const char *value = observe(keep_text("%.*s", (int)(dot - text), text), dot + 1);
    if (action->count < 3) {
        emit("%s = %s", text, value);
        return;
    }
    const char *comparison = action->words[1].text, *number = action->words[2].text;
    emit("%s %s %s: %s", text, comparison, number, yes_no(holds(atof(value), comparison, atof(number))));
}
