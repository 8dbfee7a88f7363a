/* The tests of chapter 4: framing, corks, buffered protocols. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &cutting_group,
        &limit_group,
        &keeping_group,
        &frame_protocol_group,
        &cork_group,
        &buffered_group,
    };
    return suite_main("ch04", groups, sizeof groups / sizeof *groups, argc, argv);
}
