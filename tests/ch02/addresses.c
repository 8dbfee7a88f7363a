/* Addresses, as Python shows them. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"

static void check_shown(const struct address *address, const char *expected)
{
    char text[300], tight[8];
    memset(text, '?', sizeof text);
    CHECK_INT(address_format(address, text, sizeof text), strlen(expected));
    CHECK_TEXT(text, expected);
    memset(tight, '?', sizeof tight);
    CHECK_INT(address_format(address, tight, 4), strlen(expected));
    CHECK(strncmp(tight, expected, strlen(expected) < 3 ? strlen(expected) : 3) == 0);
    CHECK(memchr(tight, '\0', 4) != NULL);
    CHECK(tight[4] == '?');
}

static void an_internet_address_is_a_pair(void)
{
    struct address address = {.size = sizeof(struct sockaddr_in)};
    address.of.in.sin_family = AF_INET;
    address.of.in.sin_port = htons(8888);
    inet_pton(AF_INET, "127.0.0.1", &address.of.in.sin_addr);
    check_shown(&address, "('127.0.0.1', 8888)");
}

static void an_address_of_version_6_has_four_parts(void)
{
    struct address address = {.size = sizeof(struct sockaddr_in6)};
    address.of.in6.sin6_family = AF_INET6;
    address.of.in6.sin6_port = htons(8888);
    inet_pton(AF_INET6, "::1", &address.of.in6.sin6_addr);
    check_shown(&address, "('::1', 8888, 0, 0)");
}

static struct address unix_address(const char *path, size_t size)
{
    struct address address = {.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)};
    address.of.un.sun_family = AF_UNIX;
    memcpy(address.of.un.sun_path, path, size);
    return address;
}

static void a_unix_address_is_its_path(void)
{
    struct address address = unix_address("/tmp/a socket", sizeof "/tmp/a socket");
    check_shown(&address, "'/tmp/a socket'");
    address = unix_address("", 0);
    check_shown(&address, "''");
    address = unix_address("\0weft", 5);
    check_shown(&address, "b'\\x00weft'");
}

static void the_longest_path_is_shown_whole(void)
{
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path], expected[sizeof path + 3];
    memset(path, 'p', sizeof path);
    struct address address = unix_address(path, sizeof path);
    expected[0] = '\'';
    memcpy(expected + 1, path, sizeof path);
    memcpy(expected + 1 + sizeof path, "'", 2);
    check_shown(&address, expected);
}

static void an_address_that_cannot_be_had_is_empty_and_shown_as_none(void)
{
    struct address address = {.size = 7};
    int lonely = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(address_of_socket(-1, &address), -EBADF);
    CHECK_INT(address.size, 0);
    check_shown(&address, "None");
    address.size = 7;
    CHECK_INT(address_of_peer(lonely, &address), -ENOTCONN);
    CHECK_INT(address.size, 0);
    check_shown(NULL, "None");
    close(lonely);
}

static const struct test tests[] = {
    TEST(an_internet_address_is_a_pair),
    TEST(an_address_of_version_6_has_four_parts),
    TEST(a_unix_address_is_its_path),
    TEST(the_longest_path_is_shown_whole),
    TEST(an_address_that_cannot_be_had_is_empty_and_shown_as_none),
};
const struct test_group address_group = TEST_GROUP("addresses", tests);
