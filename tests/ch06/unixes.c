/* Unix datagrams: names, nameless senders, and a receiver whose queue is full. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ch06/posts.h"
#include "groups.h"

struct folder {
    char path[40], one[60], other[60];
};

static void folder_begin(struct folder *folder)
{
    strcpy(folder->path, "/tmp/weft-ch06-XXXXXX");
    REQUIRE(mkdtemp(folder->path) != NULL);
    snprintf(folder->one, sizeof folder->one, "%s/one", folder->path);
    snprintf(folder->other, sizeof folder->other, "%s/other", folder->path);
}

static void folder_end(struct folder *folder)
{
    unlink(folder->one);
    unlink(folder->other);
    CHECK_INT(rmdir(folder->path), 0);
}

static int unix_peer(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    return fd;
}

static void answer(struct post *post, const void *data, size_t size)
{
    CHECK_INT(transport_sendto(post->transport, data, size, &post->from), 0);
}

static void two_paths_talk(void)
{
    struct folder folder;
    struct office one, other;
    char name[ADDRESS_TEXT_ROOM], expected[80];
    folder_begin(&folder);
    office_open(&one, &(struct datagram_options){.local_path = folder.one});
    one.post.on_datagram = answer;
    office_open(&other, &(struct datagram_options){.local_path = folder.other, .remote_path = folder.one});
    post_send(other.transport, "knock", NULL);
    EXPECT(one.loop, "DG(knock)");
    EXPECT(other.loop, "DG(knock);DG(knock)");
    address_format(&one.post.from, name, sizeof name);
    snprintf(expected, sizeof expected, "'%s'", folder.other);
    CHECK_TEXT(name, expected);
    CHECK_INT(transport_sendto(other.transport, "x", 1, &other.post.from), 0);
    CHECK_INT(transport_sendto(other.transport, "x", 1, &one.post.from), -EINVAL);
    office_end(&one);
    office_end(&other);
    folder_end(&folder);
}

static void a_nameless_sender_has_no_address(void)
{
    struct folder folder;
    struct office one, other;
    folder_begin(&folder);
    office_open(&one, &(struct datagram_options){.local_path = folder.one});
    office_open(&other, &(struct datagram_options){.remote_path = folder.one});
    post_send(other.transport, "boo", NULL);
    EXPECT(one.loop, "DG(boo)");
    CHECK_INT(one.post.from.size, 0);
    office_end(&one);
    office_end(&other);
    folder_end(&folder);
}

static void an_abstract_name_leaves_no_file(void)
{
    struct office one, other;
    char name[40];
    snprintf(name, sizeof name, "weft-ch06-%ld", (long)getpid());
    office_open(&one, &(struct datagram_options){.local_path = name, .abstract = true});
    office_open(&other, &(struct datagram_options){.remote_path = name, .abstract = true});
    post_send(other.transport, "boo", NULL);
    EXPECT(one.loop, "DG(boo)");
    CHECK_INT(access(name, F_OK), -1);
    office_end(&one);
    office_end(&other);
}

static void a_socket_left_at_the_path_is_replaced(void)
{
    struct folder folder;
    struct office office;
    folder_begin(&folder);
    close(unix_peer(folder.one));
    office_open(&office, &(struct datagram_options){.local_path = folder.one});
    CHECK_INT(access(folder.one, F_OK), 0);
    office_end(&office);
    folder_end(&folder);
}

static void a_file_that_is_no_socket_is_left_alone(void)
{
    struct folder folder;
    struct office office;
    struct stat status;
    folder_begin(&folder);
    FILE *file = fopen(folder.one, "w");
    REQUIRE(file != NULL);
    fclose(file);
    office_begin(&office);
    CHECK_INT(office_request(&office, &(struct datagram_options){.local_path = folder.one}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -EADDRINUSE, "[Errno 98] Address already in use");
    CHECK(stat(folder.one, &status) == 0 && S_ISREG(status.st_mode));
    CHECK_INT(office.factory_calls, 0);
    office_end(&office);
    folder_end(&folder);
}

static void nobody_at_the_remote_path_is_an_error(void)
{
    struct folder folder;
    struct office office;
    folder_begin(&folder);
    office_begin(&office);
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_path = folder.one}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -ENOENT, "[Errno 2] No such file or directory");
    office_end(&office);
    folder_end(&folder);
}

static void a_path_that_is_too_long_is_an_error(void)
{
    struct office office;
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    office_begin(&office);
    CHECK_INT(office_request(&office, &(struct datagram_options){.local_path = path}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -ENAMETOOLONG, "AF_UNIX path too long");
    office_end(&office);
}

/* The receiver reads nothing until its queue is full; then datagrams of 1,000 bytes wait at the sender. */
static void fill(struct office *office)
{
    static char thousand[1000];
    while (transport_get_write_buffer_size(office->transport) == 0)
        CHECK_INT(transport_sendto(office->transport, thousand, sizeof thousand, NULL), 0);
}

static void more(struct office *office, int count)
{
    static char thousand[1000];
    while (count-- > 0)
        CHECK_INT(transport_sendto(office->transport, thousand, sizeof thousand, NULL), 0);
}

static void a_full_receiver_pushes_back(void)
{
    struct folder folder;
    struct office office;
    char data[2000];
    folder_begin(&folder);
    int peer = unix_peer(folder.one);
    office_open(&office, &(struct datagram_options){.remote_path = folder.one});
    CHECK_INT(transport_set_write_buffer_limits(office.transport, 5000, 1000), 0);
    fill(&office);
    more(&office, 4);
    CHECK_INT(transport_get_write_buffer_size(office.transport), 5000);
    CHECK_TRACE("");
    more(&office, 1);
    CHECK_TRACE("PW");
    transport_close(office.transport);
    settle(office.loop);
    CHECK_TRACE("PW");
    while (office.post.lost == 0) {
        while (recv(peer, data, sizeof data, MSG_DONTWAIT) >= 0)
            ;
        CHECK_INT(pass(office.loop), 0);
    }
    CHECK_TRACE("PW;RW;CL(None)");
    close(peer);
    office_end(&office);
    folder_end(&folder);
}

static void aborted_with_a_full_receiver_it_ends_at_once(void)
{
    struct folder folder;
    struct office office;
    folder_begin(&folder);
    int peer = unix_peer(folder.one);
    office_open(&office, &(struct datagram_options){.remote_path = folder.one});
    fill(&office);
    more(&office, 3);
    transport_abort(office.transport);
    EXPECT(office.loop, "CL(None)");
    close(peer);
    office_end(&office);
    folder_end(&folder);
}

static void a_receiver_that_goes_away_is_an_error_and_no_end(void)
{
    struct folder folder;
    struct office office;
    folder_begin(&folder);
    int peer = unix_peer(folder.one);
    office_open(&office, &(struct datagram_options){.remote_path = folder.one});
    close(peer);
    post_send(office.transport, "x", NULL);
    CHECK_TRACE("ER(ECONNREFUSED)");
    CHECK(!transport_is_closing(office.transport));
    office_end(&office);
    folder_end(&folder);
}

static const struct test tests[] = {
    TEST(two_paths_talk),
    TEST(a_nameless_sender_has_no_address),
    TEST(an_abstract_name_leaves_no_file),
    TEST(a_socket_left_at_the_path_is_replaced),
    TEST(a_file_that_is_no_socket_is_left_alone),
    TEST(nobody_at_the_remote_path_is_an_error),
    TEST(a_path_that_is_too_long_is_an_error),
    TEST(a_full_receiver_pushes_back),
    TEST(aborted_with_a_full_receiver_it_ends_at_once),
    TEST(a_receiver_that_goes_away_is_an_error_and_no_end),
};
const struct test_group unix_datagram_group = TEST_GROUP("Unix datagrams", tests);
