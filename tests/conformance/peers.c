/* The verbs of peers: raw sockets, pipes and files that the steps move, and the resolver's answers. */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65536,
    PIECE = 50000,
    MOST_MILLISECONDS = 10000 };

static int checked(int result, const char *what)
{
    if (result >= 0)
        return result;
    fprintf(stderr, "conformance: %s: %s\n", what, strerror(errno));
    _exit(2);
}

static struct peer *peer_of(const struct action *action, size_t index)
{
    return thing_get(PEER, word(action, index));
}

struct peer *add_peer(const char *name, int fd)
{
    struct peer *peer = thing_new(PEER, name, sizeof *peer);
    peer->fd = fd;
    peer->open = true;
    peer->given = false;
    know_port(fd, peer->thing.name);
    return peer;
}

const char *path_of(const char *path)
{
    return keep_text("%s/%s", run.directory, path + 1);
}

/* ---- names and numbers of sockets */

int listener_of(const char *name)
{
    const char *slash = strchr(name, '/');
    const char *stem = slash != NULL ? keep_text("%.*s", (int)(slash - name), name) : name;
    struct peer *peer = thing_find(PEER, stem);
    if (peer != NULL)
        return peer->fd;
    struct operation *operation = thing_get(OPERATION, stem);
    const int *fds = NULL;
    size_t index = slash != NULL ? (size_t)atoi(slash + 1) : 0;
    return server_sockets(operation->server, &fds) > index ? fds[index] : -1;
}

int port_of(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9')
        return atoi(name);
    struct address address;
    address_of_socket(listener_of(name), &address);
    return ntohs(address.of.any.sa_family == AF_INET6 ? address.of.in6.sin6_port : address.of.in.sin_port);
}

int descriptor_of(const char *name)
{
    if (strcmp(name, "-1") == 0)
        return -1;
    if (strcmp(name, "closed") == 0) {
        int fd = checked(dup(0), "dup");
        close(fd);
        return fd;
    }
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".fd") == 0)
        return *(const int *)transport_get_extra_info(party_get(keep_text("%.*s", (int)(length - 3), name))->transport,
            "socket");
    return ((struct peer *)thing_get(PEER, name))->fd;
}

/* ---- making them */

static void verb_socketpair(const struct action *action)
{
    int pair[2];
    quick_pair("unix", word(action, 2), pair);
    add_peer(word(action, 0), pair[0]);
    add_peer(word(action, 1), pair[1]);
}

static void verb_tcp_pair(const struct action *action)
{
    int pair[2];
    quick_pair("tcp", word(action, 2), pair);
    add_peer(word(action, 0), pair[0]);
    add_peer(word(action, 1), pair[1]);
}

static void verb_pipe(const struct action *action)
{
    int pair[2];
    checked(pipe2(pair, O_CLOEXEC), "pipe");
    add_peer(word(action, 0), pair[0]);
    add_peer(word(action, 1), pair[1]);
}

static void verb_socket(const struct action *action)
{
    const char *sort = word(action, 1);
    int family = strcmp(sort, "unix") == 0 ? AF_UNIX : AF_INET;
    int type = strcmp(sort, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    add_peer(word(action, 0), checked(socket(family, type | SOCK_CLOEXEC, 0), "socket"));
}

static int bound(const struct action *action)
{
    const char *host = word(action, 1), *port = option(action, "port");
    struct address address = {0};
    if (host[0] == '@') {
        address.of.un.sun_family = AF_UNIX;
        snprintf(address.of.un.sun_path, sizeof address.of.un.sun_path, "%s", path_of(host));
        address.size = sizeof address.of.un;
    } else {
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
        if (getaddrinfo(host, NULL, &hints, &found) != 0)
            checked(-1, host);
        address_set(&address, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
        unsigned number = port != NULL ? (unsigned)port_of(port) : 0;
        if (address.of.any.sa_family == AF_INET6)
            address.of.in6.sin6_port = htons((uint16_t)number);
        else
            address.of.in.sin_port = htons((uint16_t)number);
    }
    int fd = checked(socket(address.of.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    checked(bind(fd, &address.of.any, address.size), "bind");
    return fd;
}

static void verb_bind(const struct action *action)
{
    add_peer(word(action, 0), bound(action));
}

static void verb_listen(const struct action *action)
{
    const char *backlog = option(action, "backlog");
    int fd = bound(action);
    checked(listen(fd, backlog != NULL ? atoi(backlog) : 100), "listen");
    add_peer(word(action, 0), fd);
}

static void verb_fill(const struct action *action)
{
    struct address address;
    address_of_socket(peer_of(action, 0)->fd, &address);
    for (int i = 0; i < 3; i++) {
        int fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        if (connect(fd, &address.of.any, address.size) < 0 && errno != EINPROGRESS)
            checked(-1, "connect");
        struct peer *peer = thing_new(PEER, keep_text("%s+%d", word(action, 0), i), sizeof *peer);
        peer->fd = fd;
        peer->open = true;
    }
    run.filled = true;
}

static void verb_accept(const struct action *action)
{
    int listener = peer_of(action, 1)->fd, on = 1;
    gauge_readable(listener, MOST_MILLISECONDS);
    int fd = checked(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    add_peer(word(action, 0), fd);
}

/* Where a listener was that may be gone by now. */
struct dialled {
    struct thing thing;
    struct address address;
};

/* Connects, and returns when the listener has the connection in its queue. */
static void verb_dial(const struct action *action)
{
    int listener = listener_of(word(action, 1)), on = 1;
    struct dialled *dialled = thing_new(DIALLED, word(action, 1), sizeof *dialled);
    if (listener >= 0) {
        struct address address;
        address_of_socket(listener, &address);
        address_copy(&dialled->address, &address);
    }
    struct peer *made = thing_find(PEER, word(action, 0));
    int fd = made != NULL && made->open
        ? made->fd
        : checked(socket(dialled->address.of.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    int waiting = listener >= 0 ? waiting_at(listener) : -1;
    if (connect(fd, &dialled->address.of.any, dialled->address.size) < 0) {
        emit("dial %s: %s", word(action, 0), errno_name(errno));
        close(fd);
        if (made != NULL)
            made->open = false;
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (int tries = 0; waiting >= 0 && waiting_at(listener) == waiting && tries < 1000; tries++)
        poll(NULL, 0, 1);
    add_peer(word(action, 0), fd);
}

/* ---- moving them */

static void send_pattern(struct peer *peer, size_t size)
{
    char bytes[PIECE];
    for (size_t sent = 0; sent < size;) {
        size_t piece = size - sent < PIECE ? size - sent : PIECE;
        for (size_t i = 0; i < piece; i++)
            bytes[i] = (char)(unsigned char)((sent + i) % 251);
        ssize_t taken = send(peer->fd, bytes, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken < 0)
            return;
        sent += (size_t)taken;
        peer->sent += (size_t)taken;
    }
}

static void verb_send(const struct action *action)
{
    struct peer *peer = peer_of(action, 0);
    const struct word *data = &action->words[1];
    if (!data->is_text) {
        send_pattern(peer, (size_t)atol(data->text));
    } else {
        ssize_t sent = send(peer->fd, data->text, data->size, MSG_NOSIGNAL);
        if (sent < 0 && errno == ENOTSOCK)
            sent = write(peer->fd, data->text, data->size);
        if (sent < 0)
            emit("send %s: %s", word(action, 0), errno_name(errno));
        else
            peer->sent += (size_t)sent;
    }
    carry();
}

/* What a read that does not wait finds: a size, 0 at the end, -1 and errno. */
static ssize_t receive(const struct peer *peer, void *data, size_t size)
{
    ssize_t got = recv(peer->fd, data, size, MSG_DONTWAIT);
    if (got < 0 && errno == ENOTSOCK) {
        fcntl(peer->fd, F_SETFL, O_NONBLOCK);
        got = read(peer->fd, data, size);
    }
    return got;
}

static void verb_read(const struct action *action)
{
    char data[CHUNK];
    const char *name = word(action, 0);
    carry();
    ssize_t got = receive(peer_of(action, 0), data, sizeof data);
    if (got > 0)
        emit("%s reads %s", name, shown(data, (size_t)got));
    else if (got == 0)
        emit("%s reads EOF", name);
    else
        emit("%s reads %s", name, errno == EAGAIN ? "nothing" : errno_name(errno));
}

struct gathered {
    size_t size;
    uint32_t checksum;
    char first[64 + 1], last[64]; /* the beginning and the end of what came */
    const char *how;
};

static void note(struct gathered *gathered, const char *data, size_t size)
{
    for (size_t i = 0; i < size && gathered->size + i < sizeof gathered->first; i++)
        gathered->first[gathered->size + i] = data[i];
    size_t most = sizeof gathered->last, new = size < most ? size : most;
    memmove(gathered->last, gathered->last + new, most - new);
    memcpy(gathered->last + most - new, data + size - new, new);
    gathered->checksum = adler32(gathered->checksum, data, size);
    gathered->size += size;
}

int transport_descriptor(const struct transport *transport)
{
    const int *fd = transport_get_extra_info(transport, "socket");
    return fd != NULL ? *fd : -1;
}

/* Whether some transport, or its socket, still holds bytes. */
static bool unsent(void)
{
    for (struct thing *thing = run.things; thing != NULL; thing = thing->next) {
        struct transport *transport = thing->kind == PARTY ? ((struct party *)thing)->transport : NULL;
        if (transport == NULL)
            continue;
        int fd = transport_descriptor(transport);
        if (fd >= 0 && (transport_get_write_buffer_size(transport) > 0 || holds_unsent(fd)))
            return true;
    }
    return false;
}

/* Reads until the end, an error, `most` bytes, or until nothing more can come. */
static struct gathered gather(struct peer *peer, size_t most)
{
    static char data[CHUNK];
    struct gathered gathered = {.checksum = 1, .how = ""};
    for (int waited = 0; gathered.size < most;) {
        size_t left = most - gathered.size;
        ssize_t got = receive(peer, data, left < sizeof data ? left : sizeof data);
        if (got > 0) {
            note(&gathered, data, (size_t)got);
            continue;
        }
        if (got == 0 || errno != EAGAIN) {
            gathered.how = got == 0 ? "EOF" : errno_name(errno);
            return gathered;
        }
        if (one_pass() || carry() || gauge_readable(peer->fd, 0))
            continue;
        if (!unsent() || waited++ > MOST_MILLISECONDS) {
            gathered.how = waited > MOST_MILLISECONDS ? "and never ends" : "and waits";
            return gathered;
        }
        gauge_readable(peer->fd, 1);
    }
    return gathered;
}

static void verb_drain(const struct action *action)
{
    const char *against = option(action, "against"), *tail = option(action, "tail");
    struct gathered got = gather(peer_of(action, 0), (size_t)1 << 30);
    char text[512];
    int used = 0;
    size_t wanted = against != NULL ? (size_t)atol(against) : 0;
    if (against != NULL)
        used = snprintf(text, sizeof text, "%s %zu bytes",
            got.size == wanted ? "exactly" : got.size < wanted ? "less than"
                                                               : "more than",
            wanted);
    else if (got.size < sizeof got.first)
        used = snprintf(text, sizeof text, "%s", shown(got.first, got.size));
    else
        used = snprintf(text, sizeof text, "%zu bytes", got.size);
    if (got.size >= sizeof got.first && (against == NULL || got.size >= wanted))
        used += snprintf(text + used, sizeof text - (size_t)used, " (checksum %08x)", got.checksum);
    size_t end = tail != NULL ? (size_t)atol(tail) : 0;
    if (tail != NULL)
        snprintf(text + used, sizeof text - (size_t)used, " ending %s", shown(got.last + sizeof got.last - end, end));
    emit("%s got %s, %s", word(action, 0), text, got.how);
}

static void verb_take(const struct action *action)
{
    struct gathered got = gather(peer_of(action, 0), (size_t)atol(word(action, 1)));
    emit("%s took %zu bytes (checksum %08x)%s%s", word(action, 0), got.size, got.checksum,
        got.how[0] ? ", " : "", got.how);
}

static void verb_shut(const struct action *action)
{
    struct peer *peer = peer_of(action, 0);
    struct far_end far = far_end_of(peer->fd);
    if (shutdown(peer->fd, SHUT_WR) < 0)
        emit("shut %s: %s", word(action, 0), errno_name(errno));
    far_end_wait(far);
}

static void verb_hangup(const struct action *action)
{
    struct peer *peer = peer_of(action, 0);
    struct far_end far = far_end_of(peer->fd);
    close(peer->fd);
    peer->open = false;
    far_end_wait(far);
}

static void verb_reset(const struct action *action)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(peer_of(action, 0)->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    verb_hangup(action);
}

/* ---- files and descriptors */

static void verb_file(const struct action *action)
{
    add_peer(word(action, 0),
        checked(open(path_of(word(action, 1)), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR), "open"));
}

static void verb_unlink(const struct action *action)
{
    checked(unlink(path_of(word(action, 0))), "unlink");
}

static void verb_mark_fds(const struct action *action)
{
    (void)action;
    run.marked_fds = count_fds(NULL);
}

/* No more descriptors than are open now and that many; without a number the limit is lifted again. */
static void verb_limit_fds(const struct action *action)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (operands(action) == 0) {
        limit.rlim_cur = run.soft_limit;
        setrlimit(RLIMIT_NOFILE, &limit);
        while (run.stuffed > 0)
            close(run.stuffing[--run.stuffed]);
        return;
    }
    int highest = 0, fd;
    count_fds(&highest);
    run.soft_limit = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)highest + 2;
    setrlimit(RLIMIT_NOFILE, &limit);
    while (run.stuffed < 1024 && (fd = dup(0)) >= 0)
        run.stuffing[run.stuffed++] = fd;
    for (int more = atoi(word(action, 0)); more > 0 && run.stuffed > 0; more--)
        close(run.stuffing[--run.stuffed]);
}

/* ---- the resolver: what it is to answer for a name */

struct answer {
    struct thing thing;
    const struct action *action;
};

static void free_answers(void *context, struct addrinfo *list)
{
    (void)context;
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list->ai_addr);
        free(list);
        list = next;
    }
}

static struct addrinfo *copy_address(const struct addrinfo *from, const char *service)
{
    struct addrinfo *copy = calloc(1, sizeof *copy);
    struct sockaddr_in6 *address = calloc(1, sizeof *address);
    *copy = (struct addrinfo){.ai_family = from->ai_family,
        .ai_socktype = SOCK_STREAM,
        .ai_protocol = IPPROTO_TCP,
        .ai_addrlen = from->ai_addrlen,
        .ai_addr = (struct sockaddr *)address};
    memcpy(address, from->ai_addr, from->ai_addrlen);
    if (service != NULL)
        address->sin6_port = htons((uint16_t)atoi(service)); /* where IPv4 has its port, too */
    return copy;
}

static int give_answers(void *context, const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **result)
{
    (void)context;
    struct addrinfo **end = result;
    *result = NULL;
    struct answer *answer = host != NULL ? thing_find(ANSWER, host) : NULL;
    if (answer == NULL) {
        struct addrinfo *found = NULL;
        int code = getaddrinfo(host, service, hints, &found);
        for (struct addrinfo *one = code == 0 ? found : NULL; one != NULL; one = one->ai_next, end = &(*end)->ai_next)
            *end = copy_address(one, service);
        if (code == 0)
            freeaddrinfo(found);
        return code;
    }
    for (size_t i = 1; i < operands(answer->action); i++) {
        const char *text = word(answer->action, i);
        if (strncmp(text, "EAI_", 4) == 0)
            return resolver_code(text);
        struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
        if (getaddrinfo(text, NULL, &numeric, &found) != 0)
            return EAI_FAIL;
        *end = copy_address(found, service);
        end = &(*end)->ai_next;
        freeaddrinfo(found);
    }
    return 0;
}

static void verb_answers(const struct action *action)
{
    struct answer *answer = thing_new(ANSWER, word(action, 0), sizeof *answer);
    answer->action = action;
    loop_set_getaddrinfo(run.loop, give_answers, free_answers, NULL);
}

const struct verb peer_verbs[] = {
    {"answers", verb_answers},
    {"socketpair", verb_socketpair},
    {"tcp_pair", verb_tcp_pair},
    {"pipe", verb_pipe},
    {"socket", verb_socket},
    {"bind", verb_bind},
    {"listen", verb_listen},
    {"fill", verb_fill},
    {"accept", verb_accept},
    {"dial", verb_dial},
    {"send", verb_send},
    {"read", verb_read},
    {"drain", verb_drain},
    {"take", verb_take},
    {"shut", verb_shut},
    {"hangup", verb_hangup},
    {"reset", verb_reset},
    {"file", verb_file},
    {"unlink", verb_unlink},
    {"mark_fds", verb_mark_fds},
    {"limit_fds", verb_limit_fds},
    {0},
};
