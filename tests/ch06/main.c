/* The tests of chapter 6: datagrams. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &endpoint_group,
        &datagram_group,
        &error_group,
        &queue_group,
        &turn_group,
        &unix_datagram_group,
    };
    return suite_main("ch06", groups, sizeof groups / sizeof *groups, argc, argv);
}
