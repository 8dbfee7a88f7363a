/* resolver.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "resolver.h"
#include "future.h"
#include "loop_private.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct error_domain error_resolver = {"resolver"};

struct lookup {
    struct lookup *next;
    struct future *done; /* NULL: nobody waits for it any more */
    bool started;
    pthread_t thread;
    struct handle arrived;
    struct loop *loop;
    /* Set before the thread starts, and the thread's alone until it ends: */
    struct name_service names;
    char *host;
    char service[8];
    struct addrinfo hints;
    struct addrinfo *found;
    int failure, code; /* an EAI_*, and the errno for EAI_SYSTEM */
};

enum { LOOKUP_THREADS = 8 };

struct found {
    struct addrinfo info;
    struct sockaddr_storage address;
};

static int copy_list(const struct addrinfo *list, struct addrinfo **copy)
{
    size_t count = 0;
    for (const struct addrinfo *one = list; one != NULL; one = one->ai_next)
        count++;
    if (count == 0)
        return 0;
    struct found *to = calloc(count, sizeof *to);
    if (to == NULL)
        return EAI_MEMORY;
    *copy = &to->info;
    for (; list != NULL; list = list->ai_next, to++) {
        to->info = *list;
        to->info.ai_canonname = NULL;
        to->info.ai_addr = memcpy(&to->address, list->ai_addr, list->ai_addrlen);
        to->info.ai_next = list->ai_next == NULL ? NULL : &to[1].info;
    }
    return 0;
}

static int resolve(const struct name_service *names, const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **found)
{
    struct addrinfo *list = NULL;
    int failure = names->getaddrinfo(names->context, host, service, hints, &list);
    if (failure != 0)
        return failure;
    failure = copy_list(list, found);
    if (list != NULL)
        names->freeaddrinfo(names->context, list);
    return failure;
}

static void *run(void *context)
{
    struct lookup *self = context;
    self->failure = resolve(&self->names, self->host, self->service, &self->hints, &self->found);
    self->code = errno;
    loop_call_soon_threadsafe(self->loop, &self->arrived);
    return NULL;
}

static struct error *lookup_error(int failure, int code)
{
    if (failure == EAI_SYSTEM)
        return error_from_errno(code);
    return error_new(&error_resolver, failure, "[Errno %d] %s", failure, gai_strerror(failure));
}

static void lookup_free(struct lookup *self)
{
    struct lookup **link = &self->loop->resolver.lookups;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    free(self->found);
    free(self->host);
    free(self);
}

static void lookup_end(struct lookup *self)
{
    struct future *done = self->done;
    struct addrinfo *found = self->found;
    struct error *error = self->failure == 0 ? NULL : lookup_error(self->failure, self->code);
    self->found = NULL;
    lookup_free(self);
    if (done == NULL)
        free(found);
    else if (error == NULL)
        future_set_result(done, found);
    else
        future_set_exception(done, error);
    error_release(error);
}

static void give_up(struct future *done, void *context)
{
    struct lookup *self = context;
    (void)done;
    self->done = NULL;
    if (!self->started)
        lookup_free(self);
}

static int start_thread(struct lookup *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&self->thread, NULL, run, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void start_threads(struct resolver *resolver)
{
    struct lookup *next;
    for (struct lookup *one = resolver->lookups; one != NULL; one = next) {
        next = one->next;
        if (one->started || resolver->running == LOOKUP_THREADS)
            continue;
        int failed = start_thread(one);
        one->started = failed == 0;
        resolver->running += failed == 0 ? 1 : 0;
        if (resolver->running == 0) {
            one->failure = EAI_SYSTEM;
            one->code = failed;
            lookup_end(one);
        }
    }
}

static void arrive(void *context)
{
    struct lookup *self = context;
    struct resolver *resolver = &self->loop->resolver;
    pthread_join(self->thread, NULL);
    resolver->running--;
    lookup_end(self);
    start_threads(resolver);
}

static int c_library_getaddrinfo(void *context, const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **result)
{
    (void)context;
    return getaddrinfo(host, service, hints, result);
}

static void c_library_freeaddrinfo(void *context, struct addrinfo *result)
{
    (void)context;
    freeaddrinfo(result);
}

static const struct name_service c_library = {
    .getaddrinfo = c_library_getaddrinfo,
    .freeaddrinfo = c_library_freeaddrinfo,
};

static bool resolve_numbers(
    struct future *done, const char *host, const char *service, struct addrinfo hints)
{
    struct addrinfo *found = NULL;
    hints.ai_flags |= AI_NUMERICSERV | (host == NULL ? 0 : AI_NUMERICHOST);
    if (resolve(&c_library, host, service, &hints, &found) != 0)
        return false;
    future_set_result(done, found);
    return true;
}

static struct lookup *lookup_create(struct loop *loop, const char *host)
{
    struct resolver *resolver = &loop->resolver;
    struct lookup *self = calloc(1, sizeof *self);
    if (self == NULL || (self->host = strdup(host)) == NULL) {
        free(self);
        return NULL;
    }
    self->loop = loop;
    self->names = resolver->names.getaddrinfo == NULL ? c_library : resolver->names;
    handle_init(&self->arrived, arrive, self);
    struct lookup **link = &resolver->lookups;
    while (*link != NULL)
        link = &(*link)->next;
    *link = self;
    return self;
}

int loop_getaddrinfo(struct loop *loop, struct future *done, const char *host, int port,
    const struct addrinfo *hints)
{
    struct addrinfo wanted = hints == NULL ? (struct addrinfo){0} : *hints;
    char service[8];
    if (port < 0 || port > 65535)
        return -EINVAL;
    if (loop_is_closed(loop))
        return -EBADF;
    snprintf(service, sizeof service, "%d", port);
    if (resolve_numbers(done, host, service, wanted))
        return 0;
    struct lookup *self = lookup_create(loop, host == NULL ? "" : host);
    if (self == NULL)
        return -ENOMEM;
    self->done = done;
    self->hints = wanted;
    memcpy(self->service, service, sizeof service);
    future_on_give_up(done, give_up, self);
    start_threads(&loop->resolver);
    return 0;
}

void resolver_end(struct loop *loop)
{
    struct lookup *self;
    while ((self = loop->resolver.lookups) != NULL) {
        if (self->started) {
            pthread_join(self->thread, NULL);
            loop_cancel_threadsafe(loop, &self->arrived);
        }
        if (self->done != NULL)
            future_on_give_up(self->done, NULL, NULL);
        lookup_free(self);
    }
    loop->resolver.running = 0;
}

void resolver_forget(struct future *lookup, struct handle *found)
{
    void *list = NULL;
    if (future_result(lookup, &list) == 0)
        free(list);
    handle_cancel(found);
    future_destroy(lookup);
}

void loop_set_getaddrinfo(struct loop *loop,
    int (*getaddrinfo)(void *context, const char *host, const char *service,
        const struct addrinfo *hints, struct addrinfo **result),
    void (*freeaddrinfo)(void *context, struct addrinfo *result), void *context)
{
    loop->resolver.names = (struct name_service){getaddrinfo, freeaddrinfo, context};
}
