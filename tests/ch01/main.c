/* The tests of chapter 1: the loop. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &queue_group,
        &timer_group,
        &io_group,
        &signal_group,
        &thread_group,
        &life_group,
        &error_group,
        &argument_group,
    };
    return suite_main("ch01", groups, sizeof groups / sizeof *groups, argc, argv);
}
