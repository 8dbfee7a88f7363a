/* connecting.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "connecting.h"
#include "sockets.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct attempt {
    struct connecting *race;
    const struct addrinfo *from; /* only while the order is made up */
    struct address address;
    int fd; /* -1: not begun, or over */
    struct handle writable;
    struct error *error;
};

static void see_outcome(void *attempt);

static bool is_taken(const struct connecting *self, const struct addrinfo *info)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->attempts[i].from == info)
            return true;
    return false;
}

static void take_next(struct connecting *self, const struct addrinfo *remote, int family)
{
    while (remote != NULL && (remote->ai_family != family || is_taken(self, remote)))
        remote = remote->ai_next;
    if (remote == NULL)
        return;
    struct attempt *attempt = &self->attempts[self->count++];
    *attempt = (struct attempt){.race = self, .from = remote, .fd = -1};
    address_set(&attempt->address, remote->ai_addr, remote->ai_addrlen);
    handle_init(&attempt->writable, see_outcome, attempt);
}

static bool is_first_of_family(const struct addrinfo *remote, const struct addrinfo *info)
{
    while (remote->ai_family != info->ai_family)
        remote = remote->ai_next;
    return remote == info;
}

static void take_turns(struct connecting *self, const struct addrinfo *remote, size_t total)
{
    for (int n = 1; n < self->interleave; n++)
        take_next(self, remote, remote->ai_family);
    while (self->count < total)
        for (const struct addrinfo *one = remote; one != NULL; one = one->ai_next)
            if (is_first_of_family(remote, one))
                take_next(self, remote, one->ai_family);
}

int connecting_prepare(struct connecting *self, const struct addrinfo *remote)
{
    size_t total = 0;
    for (const struct addrinfo *one = remote; one != NULL; one = one->ai_next)
        total++;
    self->attempts = calloc(total, sizeof *self->attempts);
    if (self->attempts == NULL)
        return -ENOMEM;
    if (self->interleave > 0)
        take_turns(self, remote, total);
    else
        for (const struct addrinfo *one = remote; one != NULL; one = one->ai_next)
            take_next(self, one, one->ai_family);
    return 0;
}

static void attempt_close(struct attempt *self)
{
    if (self->fd < 0)
        return;
    loop_remove_writer(self->race->loop, self->fd);
    close(self->fd);
    self->fd = -1;
}

void connecting_stop(struct connecting *self)
{
    for (size_t i = 0; i < self->count; i++) {
        attempt_close(&self->attempts[i]);
        error_release(self->attempts[i].error);
    }
    timer_handle_cancel(&self->next_turn);
    free(self->attempts);
    self->attempts = NULL;
    self->count = self->begun = 0;
}

static void attempt_failed(struct attempt *self, struct error *error)
{
    attempt_close(self);
    self->error = error;
}

static struct error *bind_local(int fd, int family, const struct addrinfo *local)
{
    struct error *error = NULL;
    for (; local != NULL; local = local->ai_next) {
        struct address address;
        if (local->ai_family != family)
            continue;
        error_release(error);
        address_set(&address, local->ai_addr, local->ai_addrlen);
        error = socket_bind(fd, &address);
        if (error == NULL)
            return NULL;
    }
    if (error != NULL)
        return error;
    return error_new(&error_os, 0, "no matching local address with family=%s found",
        family == AF_INET6 ? "AF_INET6" : "AF_INET");
}

enum progress { FAILED, UNDER_WAY, CONNECTED };

static enum progress attempt_begin(struct attempt *self)
{
    struct connecting *race = self->race;
    int family = self->address.of.any.sa_family;
    self->fd = socket_open(family, SOCK_STREAM);
    struct error *error = self->fd < 0 ? error_from_errno(-self->fd) : NULL;
    if (error == NULL && race->local != NULL)
        error = bind_local(self->fd, family, race->local);
    if (error == NULL) {
        if (connect(self->fd, &self->address.of.any, self->address.size) == 0)
            return CONNECTED;
        int code = errno;
        if (code == EINPROGRESS || code == EINTR)
            code = -loop_add_writer(race->loop, self->fd, &self->writable);
        if (code == 0)
            return UNDER_WAY;
        error = error_from_errno(code);
    }
    attempt_failed(self, error);
    return FAILED;
}

static bool all_alike(const struct connecting *self)
{
    for (size_t i = 1; i < self->count; i++)
        if (strcmp(self->attempts[i].error->text, self->attempts[0].error->text) != 0)
            return false;
    return true;
}

static struct error *join_errors(const struct connecting *self)
{
    const char *first = self->attempts[0].error->text;
    if (all_alike(self))
        return error_retain(self->attempts[0].error);
    struct error *joined = error_new(&error_os, 0, "Multiple exceptions: %s", first);
    for (size_t i = 1; i < self->count; i++) {
        const char *next = self->attempts[i].error->text;
        struct error *longer = error_new(&error_os, 0, "%s, %s", joined->text, next);
        error_release(joined);
        joined = longer;
    }
    return joined;
}

static void win(struct attempt *self)
{
    struct connecting *race = self->race;
    int fd = self->fd;
    loop_remove_writer(race->loop, fd);
    self->fd = -1;
    connecting_stop(race);
    race->connected(race->context, fd);
}

static void next_turn(void *context)
{
    struct connecting *self = context;
    timer_handle_cancel(&self->next_turn);
    while (self->begun < self->count) {
        struct attempt *attempt = &self->attempts[self->begun++];
        enum progress progress = attempt_begin(attempt);
        if (progress == CONNECTED) {
            win(attempt);
            return;
        }
        if (progress == UNDER_WAY) {
            self->waiting++;
            if (self->delay > 0 && self->begun < self->count
                && loop_call_later(self->loop, self->delay, &self->next_turn) != 0)
                continue;
            return;
        }
    }
    if (self->waiting > 0)
        return;
    struct error *error = join_errors(self);
    connecting_stop(self);
    self->failed(self->context, error);
}

static int verdict(int fd)
{
    int code = 0;
    socklen_t size = sizeof code;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 ? errno : code;
}

static void see_outcome(void *context)
{
    struct attempt *self = context;
    struct connecting *race = self->race;
    int code = verdict(self->fd);
    if (code == 0) {
        win(self);
        return;
    }
    char name[ADDRESS_TEXT_ROOM];
    address_format(&self->address, name, sizeof name);
    attempt_failed(self, error_from_errno_with(code, "Connect call failed %s", name));
    race->waiting--;
    if (self == &race->attempts[race->begun - 1] || race->waiting == 0)
        next_turn(race);
}

void connecting_start(struct connecting *self)
{
    timer_handle_init(&self->next_turn, next_turn, self);
    next_turn(self);
}
