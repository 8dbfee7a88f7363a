/* unix_socket.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "address.h"
#include "connection_private.h"
#include "loop_private.h"
#include "server_private.h"
#include "sockets.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error *path_address(const char *path, bool abstract, struct address *address)
{
    size_t size = strlen(path);
    if (size >= sizeof address->of.un.sun_path)
        return error_new(&error_os, ENAMETOOLONG, "AF_UNIX path too long");
    memset(address, 0, sizeof *address);
    address->of.un.sun_family = AF_UNIX;
    memcpy(address->of.un.sun_path + (abstract ? 1 : 0), path, size);
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
    return NULL;
}

static bool is_unix(const int *sock)
{
    struct address name;
    return sock == NULL
        || (address_of_socket(*sock, &name) == 0 && name.of.any.sa_family == AF_UNIX);
}

static void remove_old_socket(struct loop *loop, const char *path)
{
    struct stat status;
    int failed = stat(path, &status);
    if (failed == 0 && !S_ISSOCK(status.st_mode))
        return;
    if (failed == 0)
        failed = unlink(path);
    if (failed < 0 && errno != ENOENT)
        loop_log(loop, LOG_LEVEL_ERROR,
            "Unable to check or remove stale UNIX socket '%s': %s", path, strerror(errno));
}

static struct error *bind_path(struct loop *loop, const char *path, bool abstract, int *fd)
{
    struct address address;
    struct error *error = path_address(path, abstract, &address);
    if (error != NULL)
        return error;
    *fd = socket_open(AF_UNIX, SOCK_STREAM);
    if (*fd < 0)
        return error_from_errno(-*fd);
    if (!abstract)
        remove_old_socket(loop, path);
    if (bind(*fd, &address.of.any, address.size) == 0)
        return NULL;
    int code = errno;
    close(*fd);
    if (code == EADDRINUSE)
        return error_from_errno_with(code, "Address '%s' is already in use", path);
    return error_from_errno(code);
}

int loop_create_unix_server(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const char *path, const struct server_options *options)
{
    struct server_options chosen = options == NULL ? (struct server_options){0} : *options;
    int failed = server_check_options(loop, options);
    if (failed != 0)
        return failed;
    if ((path == NULL) == (chosen.sock == NULL) || chosen.hosts != NULL || !is_unix(chosen.sock))
        return -EINVAL;
    if (chosen.sock != NULL)
        return server_from_socket(loop, done, factory, context, &chosen);
    if (path[0] == '\0')
        return -EINVAL;
    int fd;
    struct error *error = bind_path(loop, path, chosen.abstract, &fd);
    if (error != NULL) {
        future_fail(done, error);
        return 0;
    }
    chosen.sock = &fd;
    failed = server_from_socket(loop, done, factory, context, &chosen);
    if (failed != 0)
        close(fd);
    return failed;
}

static void start_race(void *context)
{
    struct opening *self = context;
    connecting_start(&self->connecting);
}

int loop_create_unix_connection(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const char *path, const struct connection_options *options)
{
    int failed = opening_check(loop, options);
    if (failed != 0)
        return failed;
    const int *sock = options == NULL ? NULL : options->sock;
    if ((path == NULL) == (sock == NULL) || !is_unix(sock) || (path != NULL && path[0] == '\0'))
        return -EINVAL;
    struct opening *self = sock != NULL
        ? opening_from_socket(loop, done, factory, context, *sock, options)
        : opening_create(loop, done, factory, context, options);
    if (self == NULL)
        return -ENOMEM;
    if (sock != NULL)
        return 0;
    struct address address;
    struct error *error = path_address(path, options != NULL && options->abstract, &address);
    struct addrinfo found = {
        .ai_family = AF_UNIX,
        .ai_addr = &address.of.any,
        .ai_addrlen = address.size,
    };
    if (error == NULL && connecting_prepare(&self->connecting, &found) != 0)
        error = error_from_errno(ENOMEM);
    if (error == NULL)
        opening_begin(self, start_race);
    else
        opening_fail(self, error);
    return 0;
}
