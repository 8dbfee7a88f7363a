/* The tests of chapter 2: the socket transport. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &making_group,
        &life_group,
        &reading_group,
        &writing_group,
        &ending_group,
        &failing_group,
        &address_group,
    };
    return suite_main("ch02", groups, sizeof groups / sizeof *groups, argc, argv);
}
